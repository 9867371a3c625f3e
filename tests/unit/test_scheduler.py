"""The scheduler over a real store: windows, throttles, catching up, and what a kill leaves behind."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.unit.outputkit import web
from trapline import app
from trapline.cli.runtext import left_out
from trapline.content.read import LIBRARY
from trapline.detect.actions import Exempted
from trapline.detect.jobs import Job, due
from trapline.detect.notablequeue import queue
from trapline.detect.scheduler import Scheduler
from trapline.detect.settings import read, write_switches
from trapline.errors import InputError, TraplineError
from trapline.ingest.intake import Evidence, ingest
from trapline.outputs.dispatch import dispatch
from trapline.search import Arrivals, Session
from trapline.search.context import SearchContext
from trapline.state.deliveries import Deliveries
from trapline.state.journal import Outgoing, Status
from trapline.state.notables import Edit, Notables, Suppression, Wanted
from trapline.store import Store
from trapline.values import Row

NAME = "Windows Service Create RemComSvc"
SAMPLE = next(
    line
    for line in next((LIBRARY / "tests").rglob("synthetic_windows-system.log")).read_text().splitlines()
    if "RemCom Service" in line
)
"""One event 7045 that installs RemCom's service."""


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def service(moment: str, host: str) -> str:
    """The sample at another time, on another host."""
    line = re.sub(r"SystemTime='[^']*'|SystemTime=\"[^\"]*\"", f"SystemTime='{moment}Z'", SAMPLE)
    return re.sub(r"<Computer>[^<]*</Computer>", f"<Computer>{host}</Computer>", line) + "\n"


def made(tmp_path: Path, *events: tuple[str, str], settings: str = "") -> Path:
    """A store with events of (time, host), and the detection enabled."""
    folder = tmp_path / "store"
    add(folder, tmp_path, *events)
    write_switches(folder / "enabled.yml", {NAME: True})
    if settings:
        (folder / "trapline.yml").write_text(settings)
    return folder


def add(folder: Path, tmp_path: Path, *events: tuple[str, str]) -> None:
    log = tmp_path / f"{len(list(tmp_path.iterdir()))}-system.log"
    log.write_text("".join(service(*one) for one in events))
    with Store.open(folder) as store:
        report = ingest([Evidence(str(log), "XmlWinEventLog", "XmlWinEventLog:System")], store)
        assert sum(one.events for one in report.files) == len(events)


@contextmanager
def scheduler(folder: Path, *, simulated: bool = True) -> Iterator[Scheduler]:
    with app.scheduler(
        app.content(), app.knowledge(), store=folder, settings=read(folder / "trapline.yml"), simulated=simulated
    ) as (one, warnings):
        assert [warn for warn in warnings if warn.code.startswith(("settings", "schedule"))] == []
        yield one


def simulate(folder: Path, start: str, end: str) -> None:
    with scheduler(folder) as one:
        one.begin(at(start))
        one.advance(at(end))


def rows(folder: Path, spl: str) -> list[Row]:
    with app.session(app.content(), app.knowledge(), store=folder) as (session, _):
        return session.run(spl).rows


def risk(folder: Path) -> list[tuple[str, str, str]]:
    """(time, host, score) of the risk events."""
    found = rows(folder, "index=risk | sort 0 _time risk_object | table _time risk_object risk_score")
    return [
        (
            datetime.fromtimestamp(float(str(one["_time"])), UTC).strftime("%dT%H:%M"),
            str(one["risk_object"]),
            str(one["risk_score"]),
        )
        for one in found
    ]


EVENTS = (
    ("2026-03-02T10:05:00", "ws1.corp.example"),
    ("2026-03-02T10:49:59", "ws2.corp.example"),
    ("2026-03-02T10:50:00", "ws3.corp.example"),  # the first moment of the next window
    ("2026-03-02T15:30:00", "ws1.corp.example"),
    ("2026-03-04T00:00:00", "ws1.corp.example"),
)
EXPECTED = [
    ("02T11:00", "ws1.corp.example", "32.0"),
    ("02T11:00", "ws2.corp.example", "32.0"),
    ("02T12:00", "ws3.corp.example", "32.0"),
    ("02T16:00", "ws1.corp.example", "32.0"),
    ("04T01:00", "ws1.corp.example", "32.0"),
]


def test_a_simulated_week(tmp_path: Path) -> None:
    folder = made(tmp_path, *EVENTS)
    simulate(folder, "2026-03-01", "2026-03-08")
    assert risk(folder) == EXPECTED
    runs = rows(folder, "index=_scheduler | stats count sum(findings) as findings by status")
    assert runs == [{"status": "success", "count": 168.0, "findings": 5.0}]
    simulate(folder, "2026-03-01", "2026-03-08")  # nothing is due any more
    assert risk(folder) == EXPECTED


def test_the_windows_of_the_runs(tmp_path: Path) -> None:
    folder = made(tmp_path, *EVENTS)
    with scheduler(folder) as one:
        one.begin(at("2026-03-02T10:00:00"))
        assert one.advance(at("2026-03-02T12:30:00")) == 2
        runs = one.journal.runs()
    assert [(run.scheduled, run.earliest, run.latest, run.findings, run.status) for run in reversed(runs)] == [
        (at("2026-03-02T11:00"), at("2026-03-02T09:50"), at("2026-03-02T10:50"), 2, Status.DONE),
        (at("2026-03-02T12:00"), at("2026-03-02T10:50"), at("2026-03-02T11:50"), 1, Status.DONE),
    ]


def test_a_throttle_holds_back_the_same_values(tmp_path: Path) -> None:
    throttle = f'detections:\n  "{NAME}":\n    throttle: {{fields: [dest], period: 1d}}\n'
    folder = made(tmp_path, *EVENTS, settings=throttle)
    simulate(folder, "2026-03-01", "2026-03-08")
    # the second one of ws1 comes within the day, the third does not
    assert risk(folder) == [one for one in EXPECTED if one[0] != "02T16:00"]


def test_a_schedule_of_the_users_own(tmp_path: Path) -> None:
    own = f'detections:\n  {NAME}: {{cron: "*/30 * * * *", earliest: -30m@m, latest: now}}\n'
    folder = made(tmp_path, *EVENTS, settings=own)
    simulate(folder, "2026-03-02", "2026-03-03")
    assert [one[0] for one in risk(folder)] == ["02T10:30", "02T11:00", "02T11:00", "02T16:00"]


def test_catching_up(tmp_path: Path) -> None:
    folder = made(tmp_path, *EVENTS)
    with scheduler(folder, simulated=False) as one:
        one.begin(at("2026-03-01"))
        assert one.advance(at("2026-03-03T00:00:30")) == 24
        left_out = one.journal.runs(statuses=[Status.SKIPPED])
        assert [(run.earliest, run.latest) for run in left_out] == [(at("2026-02-28T23:50"), at("2026-03-01T23:50"))]
        assert left_out[0].reason is not None
        assert left_out[0].reason.startswith("24 runs are left out: longer ago than the 24 hours")
    told = rows(folder, "index=_scheduler status=skipped | table window_earliest window_latest reason")
    assert [(float(str(one["window_earliest"])), one["reason"]) for one in told] == [
        (at("2026-02-28T23:50"), left_out[0].reason)
    ]
    assert len(risk(folder)) == 4


def test_a_search_in_real_time_does_not_catch_up(tmp_path: Path) -> None:
    folder = made(tmp_path, *EVENTS, settings=f"detections: {{{NAME}: {{realtime_schedule: 1}}}}\n")
    with scheduler(folder, simulated=False) as one:
        one.begin(at("2026-03-02T09:00:00"))
        assert one.advance(at("2026-03-02T12:00:30")) == 1
        job = one.jobs[0]
        assert due(job, at("2026-03-02T09:00"), at("2026-03-02T12:00:30")).times == (at("2026-03-02T12:00"),)
    assert [host for _, host, _ in risk(folder)] == ["ws3.corp.example"]


def test_a_simulated_search_in_real_time_has_all_its_runs(tmp_path: Path) -> None:
    """Simulated time passes minute by minute: no time of a schedule is missed, as in a scheduler that is there."""
    folder = made(tmp_path, *EVENTS, settings=f"detections: {{{NAME}: {{realtime_schedule: 1}}}}\n")
    with scheduler(folder) as one:
        one.begin(at("2026-03-01"))
        assert one.advance(at("2026-03-04T02:00")) == 74
        runs = one.journal.runs()
    assert [run.status for run in runs] == [Status.DONE] * 74
    assert risk(folder) == EXPECTED


def test_backfill_finds_late_events_once(tmp_path: Path) -> None:
    folder = made(tmp_path, *EVENTS[:1])
    simulate(folder, "2026-03-02", "2026-03-03")
    assert risk(folder) == EXPECTED[:1]
    add(folder, tmp_path, *EVENTS[1:2], ("2026-03-02T10:06:00", "ws1.corp.example"))
    found = []
    for _ in range(2):
        with scheduler(folder) as one:
            # every time from the start to the end, the end left out
            assert one.backfill(one.missing(at("2026-03-02"), at("2026-03-03"), again=True)) == 24
            found.append(one.journal.runs(earliest=at("2026-03-02T11:00"), latest=at("2026-03-02T11:01"))[0])
        assert risk(folder)[0] == EXPECTED[0]
        assert sorted(host for _, host, _ in risk(folder)) == ["ws1.corp.example", "ws2.corp.example"]
    # another event of a host that was found is no other finding
    assert [(run.rows, run.findings) for run in found] == [(2, 1), (2, 0)]


EVERY_HOUR = tuple((f"2026-03-0{2 + hour // 24}T{hour % 24:02}:05:00", "ws1.corp.example") for hour in range(96))
THROTTLED = f'detections:\n  "{NAME}":\n    throttle: {{fields: [dest], period: 1d}}\n'


def test_a_throttle_holds_for_the_past_what_it_would_have_held(tmp_path: Path) -> None:
    """A look at the past, with a newer throttle of the same values there, raises what its turn would have raised."""
    folder = made(tmp_path, *EVERY_HOUR, settings=THROTTLED)
    simulate(folder, "2026-03-04T23:30", "2026-03-05T12:00")
    assert [time for time, _, _ in risk(folder)] == ["05T00:00"]
    for again in (False, True):
        with scheduler(folder) as one:
            one.backfill(one.missing(at("2026-03-02"), at("2026-03-06"), again=again))
        assert [time for time, _, _ in risk(folder)] == ["02T01:00", "03T01:00", "04T01:00", "05T00:00"]


@pytest.mark.parametrize(
    ("throttle", "expected"),
    [
        # one run: its rows of the same values hold each other back, also when they come one look after the other
        ("{fields: [dest], period: 1d}", [["ws1"], ["ws1", "ws2"]]),
        # the whole search: the run that alerted alerts for all its rows
        ("{fields: [], period: 1d}", [["ws1", "ws1"], ["ws1", "ws1", "ws1", "ws2"]]),
    ],
)
def test_a_throttle_and_late_rows_of_the_run_that_alerted(
    tmp_path: Path, throttle: str, expected: list[list[str]]
) -> None:
    first = ("2026-03-02T10:05:00", "ws1.corp.example"), ("2026-03-02T10:06:00", "ws1.corp.example")
    folder = made(tmp_path, *first, settings=f'detections:\n  "{NAME}":\n    throttle: {throttle}\n')

    def look(kind: str) -> list[str]:
        with scheduler(folder) as one:
            by_row = replace(one.jobs[0].detection, search="EventCode=7045 | eval dest=Computer | table _time dest")
            one.jobs = [replace(one.jobs[0], detection=by_row)]
            if kind == "live":
                one.begin(at("2026-03-02T10:30"))
                one.advance(at("2026-03-02T11:00"))
            else:
                one.late()
                one.backfill(one.missing(at("2026-03-02T10:30"), at("2026-03-02T11:01")))
        return sorted(host.split(".")[0] for _, host, _ in risk(folder))

    assert look("live") == expected[0]
    add(folder, tmp_path, ("2026-03-02T10:07:00", "ws1.corp.example"), ("2026-03-02T10:08:00", "ws2.corp.example"))
    assert look("backfill") == expected[1]


def test_what_was_found_is_remembered_from_when_it_was_found(tmp_path: Path) -> None:
    """A week of long ago that was simulated a moment ago is not forgotten; what is forgotten is not told again."""
    folder = made(tmp_path, *EVENTS, settings=THROTTLED)
    simulate(folder, "2026-03-02", "2026-03-05")
    before = risk(folder)
    with scheduler(folder, simulated=False) as one:
        assert one.journal.forget(time.time() - 90 * 86_400) == 0
        one.backfill(one.missing(at("2026-03-02"), at("2026-03-05"), again=True))
        assert risk(folder) == before
        runs = len(one.journal.runs())
        assert one.journal.forget(time.time() + 1) == runs
        wanted = one.missing(at("2026-03-02"), at("2026-03-08"))
        # the last throttle ends on the 5th at 1 o'clock
        assert [(len(due.times), len(due.skipped)) for _, due in wanted] == [(70, 74)]
        assert [(warn.code, warn.reason.split(":")[0]) for warn in left_out(wanted)] == [
            ("schedule.forgotten", "74 runs of 1 search until 2026-03-05T01")
        ]
        one.backfill(wanted)
    assert risk(folder) == before


def test_an_outage_of_the_simulated_scheduler(tmp_path: Path) -> None:
    """It catches up as far as one that was away would; for the time it is there, nothing is left out."""
    folder = made(tmp_path, *EVENTS)
    simulate(folder, "2026-03-02", "2026-03-03")
    simulate(folder, "2026-03-05", "2026-03-08")
    with scheduler(folder) as one:
        runs = one.journal.runs()
    assert len([run for run in runs if run.status is Status.DONE]) == 24 + 25 + 72
    (left,) = [run for run in runs if run.status is Status.SKIPPED]
    assert left.latest == at("2026-03-03T22:50")


def late(one: Scheduler) -> list[tuple[float, int]]:
    return [(run.scheduled, run.late) for run in reversed(one.journal.runs(late=True))]


def test_late_events_are_reported(tmp_path: Path) -> None:
    folder = made(tmp_path, *EVENTS[:1])
    with scheduler(folder) as one:
        one.begin(at("2026-03-02"))
        one.advance(at("2026-03-03"))
        assert one.late() == 0
        add(folder, tmp_path, EVENTS[1], EVENTS[4])
        assert one.late() == 1
        assert late(one) == [(at("2026-03-02T11:00"), 1)]
        assert one.late() == 0
        wanted = one.missing(at("2026-03-02"), at("2026-03-03T00:01"))
        assert [due.times for _, due in wanted] == [(at("2026-03-02"), at("2026-03-02T11:00"))]
        one.backfill(wanted)
        assert one.late() == 0
        assert late(one) == []
        add(folder, tmp_path, EVENTS[3])
        assert one.late() == 1
        # of the two looks at 11:00 none is late again
        assert late(one) == [(at("2026-03-02T16:00"), 1)]
    assert risk(folder)[1][1] == "ws2.corp.example"
    assert len(risk(folder)) == 2
    told = rows(folder, "index=_scheduler sourcetype=late | sort 0 scheduled_time | table scheduled_time late")
    assert told == [
        {"scheduled_time": f"{at('2026-03-02T11:00'):.0f}", "late": "1"},
        {"scheduled_time": f"{at('2026-03-02T16:00'):.0f}", "late": "1"},
    ]


def test_late_events_count_once(tmp_path: Path) -> None:
    """Over restarts, however close together, and for searches that do not run this time."""
    folder = made(tmp_path, *EVENTS[:1])
    simulate(folder, "2026-03-02", "2026-03-03")
    add(folder, tmp_path, EVENTS[1])
    add(folder, tmp_path, ("2026-03-02T10:20:00", "ws4.corp.example"), ("2026-03-02T10:21:00", "ws4.corp.example"))
    for _ in range(3):
        with scheduler(folder) as one:
            one.late()
            assert late(one) == [(at("2026-03-02T11:00"), 3)]
    other = next(job for job in app.content().detections if job.name != NAME and job.type.value == "Correlation")
    with app.scheduler(
        app.content(), app.knowledge(), store=folder, settings=read(folder / "trapline.yml"), detections=[other]
    ) as (one, _):
        add(folder, tmp_path, ("2026-03-02T10:22:00", "ws4.corp.example"))
        one.late()
        assert late(one) == [(at("2026-03-02T11:00"), 4)]
    # what is merged into other files is not new
    with Store.open(folder) as store:
        assert any(one.files_after < one.files_before for one in store.compact())
    with scheduler(folder) as one:
        one.late()
        assert late(one) == [(at("2026-03-02T11:00"), 4)]


def test_backfill_runs_what_was_left_out(tmp_path: Path) -> None:
    folder = made(tmp_path, *EVENTS)
    with scheduler(folder, simulated=False) as one:
        one.begin(at("2026-03-01"))
        one.advance(at("2026-03-04T00:00:30"))
        found = len(risk(folder))
        assert found == 0
        wanted = one.missing(at("2026-03-01T00:01"), at("2026-03-04"))
        assert sum(len(due.times) for _, due in wanted) == 48
        one.backfill(wanted)
        assert [due.times for _, due in one.missing(at("2026-03-01T00:01"), at("2026-03-04"))] == [()]
    assert sorted(host for _, host, _ in risk(folder)) == [f"ws{at}.corp.example" for at in (1, 1, 2, 3)]


@pytest.mark.parametrize("host", ["ws1.corp.example", 'ws*."corp|example'])
def test_a_notable_reaches_an_output_once(tmp_path: Path, host: str) -> None:
    out = tmp_path / "notables.jsonl"
    own = f"detections: {{{NAME}: {{notable: true}}}}\noutputs: {{archive: {{kind: jsonl, path: {out}}}}}\n"
    folder = made(tmp_path, ("2026-03-02T10:05:00", host), settings=own)
    for _ in range(2):
        with scheduler(folder, simulated=False) as one:
            one.begin(at("2026-03-02T10:30"))
            one.advance(at("2026-03-02T12:00"))
            dispatch(Deliveries(one.journal.database), one.outputs, time.time())
    sent = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(one["title"], one["entity"], one["urgency"]) for one in sent] == [(NAME, host, "low")]
    assert {frozenset(one) for one in sent[0]["drilldowns"]} == {frozenset(("name", "search", "earliest", "latest"))}
    assert rows(folder, "index=notable | table event_id") == [{"event_id": sent[0]["key"]}]


def test_suppressed_notables_are_not_sent(tmp_path: Path) -> None:
    """Unless an output asks for them. A suppression that has expired, or is about another host, holds back nothing."""
    out = {name: tmp_path / f"{name}.jsonl" for name in ("soc", "archive")}
    own = f"detections: {{{NAME}: {{notable: true}}}}\noutputs:\n  soc: {{kind: jsonl, path: {out['soc']}}}\n"
    own += f"  archive: {{kind: jsonl, path: {out['archive']}, suppressed: true}}\n"
    folder = made(tmp_path, *EVENTS, settings=own)
    now = time.time()

    def rule(dest: str, expires: float | None) -> Suppression:
        return Suppression("", "*", {"dest": dest}, None, None, "alice", "because", now, expires)

    with scheduler(folder, simulated=False) as one:
        notables = Notables(one.journal.database)
        for suppression in (rule("ws1*", now + 3600), rule("ws2*", now - 1), rule("ws9*", None)):
            notables.suppress(suppression)
        one.begin(at("2026-03-02T10:30"))
        one.advance(at("2026-03-02T12:00"))
        dispatch(Deliveries(one.journal.database), one.outputs, time.time())
        shown = queue(notables, Wanted(), now=now)
        assert (sorted(str(each.notable.entity)[:3] for each in shown.entries), shown.hidden) == (["ws2", "ws3"], 1)
        again = queue(notables, Wanted(), now=now + 3601)
        assert (len(again.entries), again.hidden) == (3, 0)
    sent = {
        name: [json.loads(line)["entity"][:3] for line in path.read_text().splitlines()] for name, path in out.items()
    }
    assert {name: sorted(hosts) for name, hosts in sent.items()} == {
        "soc": ["ws2", "ws3"],
        "archive": ["ws1", "ws2", "ws3"],
    }


def test_searches_see_what_has_become_of_a_notable(tmp_path: Path) -> None:
    folder = made(tmp_path, *EVENTS[:3], settings=f"detections: {{{NAME}: {{notable: true}}}}\n")
    simulate(folder, "2026-03-02T10:30", "2026-03-02T12:00")
    kept = app.kept(folder)
    knowledge = app.with_lookups(app.knowledge(), kept)

    def seen() -> list[Row]:
        with app.session(app.content(), knowledge, store=folder, kept=kept) as (session, _):
            spl = "`notable` | sort 0 risk_object | table risk_object status status_label owner urgency disposition"
            return session.run(f"{spl} reviewer comment suppression").rows

    new = {
        "status": "1",
        "status_label": "New",
        "owner": "unassigned",
        "urgency": "low",
        "disposition": "disposition:6",
    }
    hosts = [f"ws{number}.corp.example" for number in (1, 2, 3)]
    assert seen() == [{"risk_object": host} | new for host in hosts]
    notables = Notables(app.database(folder))
    ids = {str(one.entity): one.event_id for one in notables.find()}
    for edit, comment in ((Edit(owner="bob"), "mine"), (Edit(status=5, urgency="high", disposition=2), "a drill")):
        notables.change(ids[hosts[0]], edit, who="ann", now=1.0, comment=comment)
    notables.suppress(Suppression("noise", "*", {"dest": "ws2*"}, None, None, "ann", "because", 1.0))
    time.sleep(1.1)  # what was read serves a search for a second
    closed = {
        "status": "5",
        "status_label": "Closed",
        "owner": "bob",
        "urgency": "high",
        "disposition": "disposition:2",
    }
    assert seen() == [
        {"risk_object": hosts[0], "reviewer": "ann", "comment": "a drill"} | closed,
        {"risk_object": hosts[1], "suppression": "noise"} | new,
        {"risk_object": hosts[2]} | new,
    ]


def test_names_that_differ_in_punctuation_only(tmp_path: Path) -> None:
    """Each run has an id of its own: the journal takes none twice."""
    folder = made(tmp_path, *EVENTS[:1])
    with scheduler(folder) as one:
        job = one.jobs[0]
        other = replace(
            job, name=job.name.replace(" ", "-"), detection=replace(job.detection, name=NAME.replace(" ", "-"))
        )
        one.jobs = [job, other]
        one.begin(at("2026-03-02T10:30"))
        assert one.advance(at("2026-03-02T12:00")) == 4
        assert len({run.sid for run in one.journal.runs()}) == 4
    assert len(risk(folder)) == 2


def test_a_defect_costs_its_own_run(tmp_path: Path) -> None:
    folder = made(tmp_path, *EVENTS[:1])
    with scheduler(folder) as one:
        job = one.jobs[0]
        one.jobs = [job, replace(job, name="ESCU - Broken - Rule")]

        def broken(job: Job, rows: Sequence[Row], _: float) -> Exempted:
            if "Broken" in job.name:
                raise ZeroDivisionError
            return Exempted(list(rows))

        one.exempt = broken
        one.begin(at("2026-03-02T10:30"))
        one.advance(at("2026-03-02T11:00"))
        assert {run.search: run.status for run in one.journal.runs()} == {
            job.name: Status.DONE,
            "ESCU - Broken - Rule": Status.FAILED,
        }
    assert risk(folder) == EXPECTED[:1]


def test_one_scheduler_at_a_time(tmp_path: Path) -> None:
    folder = made(tmp_path, *EVENTS[:1])
    with scheduler(folder), pytest.raises(TraplineError, match="already running"), scheduler(folder):
        pass


@pytest.mark.parametrize("after", [False, True])
def test_what_was_decided_reaches_the_store_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool) -> None:
    """The process ends between the decision and the store, or between the store and the note that it is there."""
    # The first thing that is written is what was found, however slow the machine is.
    monkeypatch.setattr("trapline.detect.scheduler.TOGETHER", 3600.0)
    folder = made(tmp_path, *EVENTS[:1])
    with scheduler(folder) as one:
        write = one.place.write

        def cut(ready: Sequence[Outgoing]) -> None:
            if after:
                write(ready)
            raise KeyboardInterrupt

        monkeypatch.setattr(one.place, "write", cut)
        one.begin(at("2026-03-02"))
        with pytest.raises(KeyboardInterrupt):
            one.advance(at("2026-03-03"))
    assert len(risk(folder)) == after
    simulate(folder, "2026-03-02", "2026-03-03")
    assert risk(folder) == EXPECTED[:1]


KILLS = int(os.environ.get("TRAPLINE_KILLS", "3"))
"""How often a process is killed. The full number of 200 takes some minutes."""


def written(folder: Path) -> list[tuple[str, int]]:
    """Another value when something was written to a store."""
    found = []
    for one in folder.rglob("*"):
        if one.suffix in (".db-wal", ".json"):
            with suppress(FileNotFoundError):  # it has gone meanwhile
                found.append((str(one), one.stat().st_mtime_ns))
    return sorted(found)


def test_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """Ingest and schedule, each killed at random moments, end as if nobody had touched them. Every process has half a
    day more to run than the one before, so that there is work to be killed in."""
    days = 2 + KILLS // 2
    start = at("2026-03-01")
    times = [start + one * 4 * 3600 + 420 for one in range(days * 6)]
    log = tmp_path / "system.log"
    with log.open("w") as file:
        for one, moment in enumerate(times):
            stamp = datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            file.write(service(stamp, f"ws{one % 5}.corp.example"))
            file.writelines(
                service(stamp, "other.example").replace("RemCom Service", f"Service {at}") for at in range(200)
            )
    chance = random.Random(int(os.environ.get("TRAPLINE_SEED", "7")))

    def trapline(folder: Path, *words: str, kill: bool) -> None:
        command = [sys.executable, "-m", "trapline", *words, "--store", str(folder), "--json"]
        before = written(folder)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if kill:
            while process.poll() is None and written(folder) == before:
                time.sleep(0.005)
            time.sleep(chance.uniform(0, 0.6))
            process.send_signal(signal.SIGKILL)
        shown, said = process.communicate()
        assert kill or process.returncode == 0, said + shown

    ingesting = ("ingest", str(log), "--sourcetype", "XmlWinEventLog", "--source", "XmlWinEventLog:System")
    stores = {kill: tmp_path / ("torn" if kill else "whole") for kill in (False, True)}
    for kill, folder in stores.items():
        trapline(folder, "content", "enable", NAME, kill=False)
        (folder / "trapline.yml").write_text(f"detections: {{{NAME}: {{notable: true}}}}\n")
        for _ in range(KILLS // 3 if kill else 0):
            trapline(folder, *ingesting, kill=True)
        trapline(folder, *ingesting, kill=False)
        for one in range(KILLS - KILLS // 3 if kill else 0):
            until = datetime.fromtimestamp(start + (one + 1) * 43_200, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            trapline(folder, "run", "--clock", f"2026-03-01..{until}", kill=True)
        end = datetime.fromtimestamp(start + days * 86_400, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        trapline(folder, "run", "--clock", f"2026-03-01..{end}", kill=False)
    whole, torn = stores[False], stores[True]
    assert rows(torn, "index=main | stats count by host") == rows(whole, "index=main | stats count by host")
    assert risk(torn) == risk(whole)
    assert len(risk(whole)) == len(times)
    runs = "index=_scheduler | stats count by scheduled_time savedsearch_name findings"
    assert rows(torn, runs) == rows(whole, runs)
    assert len(rows(whole, runs)) == days * 24
    notables = "index=notable | sort 0 _time risk_object | table _time risk_object rule_title severity urgency"
    assert rows(torn, notables) == rows(whole, notables)
    assert len(rows(whole, notables)) == len(times)


SENDING = """
import sys, time
from pathlib import Path
from trapline import app
from trapline.detect.settings import read
from trapline.outputs.dispatch import dispatch
from trapline.state.deliveries import Deliveries
folder, start, until = Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
settings = read(folder / "trapline.yml")
with app.scheduler(app.content(), app.knowledge(), store=folder, settings=settings) as (one, _):
    print("ready", flush=True)
    one.begin(start)
    one.advance(until)
    dispatch(Deliveries(one.journal.database), one.outputs, time.time())
"""
"""Runs what is due until a moment, and sends."""


def test_kills_lose_no_message(tmp_path: Path) -> None:
    """Each notable reaches an endpoint at least once, whatever is killed; again only under the same key."""
    start, hosts = at("2026-03-02T10:30"), 6 + KILLS
    moments = [datetime.fromtimestamp(start + one * 3600 + 60, UTC).isoformat()[:19] for one in range(hosts)]
    with web((200, {}, b"")) as endpoint:
        own = "schedule: {lookback: 90d}\n"  # what a kill left undone may be longer ago than a day
        own += (
            f"detections: {{{NAME}: {{notable: true}}}}\noutputs: {{soc: {{kind: webhook, url: '{endpoint.url}'}}}}\n"
        )
        folder = made(tmp_path, *((one, f"ws{number}") for number, one in enumerate(moments)), settings=own)
        chance = random.Random(int(os.environ.get("TRAPLINE_SEED", "7")))
        for one in range(KILLS + 1):
            until = start + 7200 + 3600 * (one if one < KILLS else hosts)
            process = subprocess.Popen(
                [sys.executable, "-c", SENDING, str(folder), str(start), str(until)], stdout=subprocess.PIPE, text=True
            )
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            if one < KILLS:
                time.sleep(chance.uniform(0, 0.5))
                process.send_signal(signal.SIGKILL)
            process.communicate()
        assert process.returncode == 0
        keys = [json.loads(body)["key"] for _, _, body in endpoint.got]
    known = [str(one["event_id"]) for one in rows(folder, "index=notable | sort 0 risk_object | table event_id")]
    assert (len(known), len(set(known))) == (hosts, hosts)
    assert set(keys) == set(known)
    assert len(keys) <= len(known) + KILLS  # a kill costs a message sent again at most


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("risk: {cap: 100}\n", "trapline.yml:1", "a mapping is wanted"),
        ("risk: {cap: {score: many}}\n", "trapline.yml:1", "'many' is no score"),
        ("risk: {cap: {period: 1d}}\n", "trapline.yml:1", "the score is missing"),
        ("risk: {deduplicate: 0h}\n", "trapline.yml:1", "'0h' is no duration"),
        ("riks: {}\n", "trapline.yml:1", "there is no setting 'riks'"),
        ("schedule:\n  lokback: 1h\n", "trapline.yml:2", "there is no setting 'lokback'"),
        ("detections:\n  A: {cron: '61 * * * *'}\n", "trapline.yml:2", "not within 0-59"),
        ("detections:\n  A:\n    throttle: {fields: [dest]}\n", "trapline.yml:3", "the period is missing"),
        ("schedule: {time_zone: Mars}\n", "trapline.yml:1", "Mars"),
    ],
)
def test_a_setting_that_is_none_is_an_error(tmp_path: Path, text: str, place: str, reason: str) -> None:
    (tmp_path / "trapline.yml").write_text(text)
    with pytest.raises(InputError, match=reason) as caught:
        read(tmp_path / "trapline.yml")
    assert place in caught.value.place


def test_a_defect_in_a_look_ahead_costs_nobody_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does one in what is asked about late events, or in what is read for several searches together: what cannot be
    said is as if it had not been asked, and a search that cannot run has a failed run."""
    folder = made(tmp_path, *EVENTS[:1])

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Session, "minutes", broken)
    monkeypatch.setattr(SearchContext, "uses", broken)
    with scheduler(folder) as one:
        job = one.jobs[0]
        bad = replace(job, name="ESCU - Broken - Rule", detection=replace(job.detection, search="search ("))
        one.jobs = [bad, *(replace(job, name=f"ESCU - {number} - Rule") for number in range(8)), job]
        one.begin(at("2026-03-02T06:30"))
        one.advance(at("2026-03-02T11:00"))
        assert len(one.journal.runs(statuses=[Status.DONE])) == 9 * 5
        assert {run.search for run in one.journal.runs(statuses=[Status.FAILED])} == {bad.name}
    assert len(risk(folder)) == 9
    own = Session.arrivals

    def arrivals(self: Session, search: str, *more: float) -> list[Arrivals] | None:
        if "7045" in search:
            raise ZeroDivisionError
        return own(self, search, *more)

    monkeypatch.setattr(Session, "arrivals", arrivals)
    with scheduler(folder) as one:
        add(folder, tmp_path, EVENTS[1])
        one.advance(at("2026-03-02T12:00"))
        assert late(one) == [(at("2026-03-02T11:00"), 1)]
