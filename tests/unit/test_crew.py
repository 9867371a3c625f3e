"""Searches of the scheduler over several processes: what comes of them is what one process makes of them."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.test_scheduler import NAME, add, at, made, rows
from trapline import app
from trapline.detect import crew, cron, workers
from trapline.detect.crew import Answer, Crew, Task
from trapline.detect.jobs import Job
from trapline.detect.scheduler import Scheduler
from trapline.detect.settings import read, write_switches
from trapline.state.journal import Status

HOSTS = [f"ws{number}.corp.example" for number in range(4)]
EVENTS = [(f"2026-03-02T{hour:02}:{5 + 10 * at:02}:00", HOSTS[at]) for hour in range(0, 10, 2) for at in range(4)]
LATE = [("2026-03-02T03:20:00", HOSTS[1]), ("2026-03-02T04:20:00", "ws9.corp.example")]
SETTINGS = """
detections:
  Windows Service Create RemComSvc: {notable: true, throttle: {fields: [dest], period: 5h}}
risk:
  deduplicate: 3h
"""
SERVICES = "index=main EventCode=7045 | stats count by host"
RULES = (
    "ATT&CK Tactic Threshold Exceeded For Object Over Previous 7 Days",
    "Risk Threshold Exceeded For Object Over 24 Hour Period",
)
OTHERS = {
    "Counted": f"{SERVICES} | where count>0",
    "Modelled": "| tstats count from datamodel=Endpoint.Services by Services.dest | rename Services.* as *",
    "Broken": "index=main | nosuchcommand",
    # What it has seen grows; the next one reads that, in the same tick, though its name comes before in the alphabet.
    "Seen": f"{SERVICES} | inputlookup append=true seen.csv | dedup host | outputlookup seen.csv",
    "So Many Seen": "| inputlookup seen.csv | stats count | where count>0",
    "Risk Seen": "index=risk | stats count sum(risk_score) as risk by risk_object | where count>2",
    "Notables Seen": "`notable` | stats count values(status_label) as state by risk_object | where count>0",
}


@contextmanager
def scheduler(folder: Path, jobs: int) -> Iterator[Scheduler]:
    kept = app.kept(folder, create=True)
    with app.scheduler(
        app.content(),
        app.with_lookups(app.knowledge(), kept),
        store=folder,
        kept=kept,
        settings=read(folder / "trapline.yml"),
        simulated=True,
        jobs=jobs,
    ) as (one, _):
        first = next(job for job in one.jobs if job.detection.name == NAME)
        more = [
            replace(
                first,
                name=f"ESCU - {name} - Rule",
                detection=replace(first.detection, name=name, search=spl),
                cron=cron.parse("*/30 * * * *" if name == "Counted" else "10 */2 * * *"),
                notable=None,
                throttle=None,
                continuous=name != "Counted",
            )
            for name, spl in OTHERS.items()
        ]
        one.jobs = sorted([*one.jobs, *more], key=lambda job: job.name)
        yield one


def day(folder: Path, tmp_path: Path, jobs: int) -> str:
    """A day with an outage, late events and a backfill; all that came of it, but for what the clock says."""
    tmp_path.mkdir()
    made(tmp_path, *EVENTS, settings=SETTINGS)
    write_switches(folder / "enabled.yml", dict.fromkeys((NAME, *RULES), True))
    with scheduler(folder, jobs) as one:
        assert len(one.jobs) == 3 + len(OTHERS)
        one.begin(at("2026-03-02"))
        one.advance(at("2026-03-02T05:30"))
        add(folder, tmp_path, *LATE)
        assert one.late() > 0
        one.advance(at("2026-03-02T06:00"))
        one.simulated = False  # an outage: what is real-time is skipped, what is too long ago is left out
        one.lookback = 4 * 3600.0
        one.begin(at("2026-03-02T06:00"))
        one.advance(at("2026-03-02T11:30"))
        one.simulated = True
        one.backfill(one.missing(at("2026-03-02"), at("2026-03-02T11:30")))
        runs = [
            {name: value for name, value in run.to_json().items() if name not in ("started", "seconds", "sid")}
            for run in reversed(one.journal.runs())
        ]
        guid = one.journal.id
    told = {
        index: rows(folder, f"index={index} {more} | sort 0 _time search_name risk_object orig_rid")
        for index, more in (("risk", ""), ("notable", ""), ("_scheduler", "sourcetype=late"))
    }
    for row in (row for found in told.values() for row in found):
        for name in ("_indextime", "_time", "_raw", "info_search_time", "arrived", "run_time"):
            row.pop(name, None)
    assert {run["status"] for run in runs} == {Status.DONE, Status.FAILED, Status.SKIPPED}
    assert all(told.values())
    text = json.dumps({"runs": runs, **told}, sort_keys=True, indent=1, default=str).replace(guid, "GUID")
    # What is found by a second look has the moment of that in its id.
    now = time.time()
    text = re.sub(r"\d{10}\.\d+", lambda one: "NOW" if abs(float(one[0]) - now) < 3600 else one[0], text)
    return re.sub(r"@@notable@@[0-9a-f]{32}|(?<=_at_)\d+_NOW", "ID", text)


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Processes are used from the first; the threads through which answers came."""
    monkeypatch.setattr(crew, "MANY", 2)
    threads: list[str] = []
    put = crew._Work.put

    def noted(self: crew._Work, number: int, answer: Answer) -> None:
        threads.append(threading.current_thread().name)
        put(self, number, answer)

    start = Crew._start

    def started(self: Crew) -> None:
        """On a slow machine all would be done before the first process is there."""
        start(self)
        while any(not child._ready and not child.gone for child in self._children.values()):
            time.sleep(0.05)

    monkeypatch.setattr(crew._Work, "put", noted)
    monkeypatch.setattr(Crew, "_start", started)
    return threads


def test_a_day_is_the_same_whoever_runs_the_searches(tmp_path: Path, eager: list[str]) -> None:
    one = day(tmp_path / "one" / "store", tmp_path / "one", 1)
    assert not eager
    several = day(tmp_path / "several" / "store", tmp_path / "several", 2)
    assert several == one
    assert eager.count("crew-1") >= 5


def tasks(count: int) -> list[Task]:
    start, end = at("2026-03-02"), at("2026-03-03")
    return [
        Task(f"index=main EventCode=7045 | stats count by host | where count>{one}", start, end, end)
        for one in range(count)
    ]


def counts(answers: Sequence[Answer]) -> list[int]:
    return [-1 if one.result is None else len(one.result.rows) for one in answers]


def test_a_process_that_dies_costs_nothing(tmp_path: Path, eager: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is killed with a search in hand, again and again; at last none is started any more."""
    folder = made(tmp_path, *EVENTS)
    monkeypatch.setattr(crew, "DEATHS", 2)
    handed: list[int] = []
    send = workers.send

    def kill(stream: object, value: object) -> None:
        send(stream, value)  # type: ignore[arg-type]
        if isinstance(value, Task) and threading.current_thread().name == "crew-1" and len(handed) < 2:
            child = hands._children[1]
            handed.append(child.process.pid)
            os.kill(child.process.pid, signal.SIGKILL)

    monkeypatch.setattr(crew, "send", kill)
    warned = []
    with app.session(app.content(), app.knowledge(), store=folder) as (over, _), Crew(2) as hands:
        want = counts(list(crew.answers(over, tasks(12))))
        while len(handed) < 2:
            assert counts(list(hands.answers(over, tasks(12)))) == want
            warned += hands.warnings()
        assert not hands._children
        assert counts(list(hands.answers(over, tasks(12)))) == want
        assert not hands._children
    assert want[:2] == [4, 4]
    assert [one.hint for one in warned] == ["another one takes its place", "no other one takes its place"]
    assert all("ended (exit -9)" in one.reason for one in warned)


def test_what_a_process_has_no_memory_for_is_run_here(
    tmp_path: Path, eager: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made(tmp_path, *EVENTS)
    put = crew._Work.put

    def too_little(self: crew._Work, number: int, answer: Answer) -> None:
        elsewhere = threading.current_thread().name == "crew-1"
        put(self, number, Answer(failure="out of memory", code="memory") if elsewhere else answer)

    monkeypatch.setattr(crew._Work, "put", too_little)
    with app.session(app.content(), app.knowledge(), store=folder) as (over, _), Crew(2) as hands:
        want = counts(list(crew.answers(over, tasks(8))))
        for _ in range(100):
            assert counts(list(hands.answers(over, tasks(8)))) == want
            if "crew-1" in eager:
                break
    assert "crew-1" in eager


def test_when_processes_are_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    hands = Crew(2)
    assert [hands.worth(count) for count in (1, 2, crew.MANY - 1, crew.MANY)] == [False, False, False, True]
    hands._spent = crew.PAYS
    assert [hands.worth(count) for count in (1, 2)] == [False, True]
    assert not Crew(1).worth(1000)


def test_searches_that_write_run_alone() -> None:
    from trapline.detect.scheduler import _parts

    jobs = [Job(name, None, cron.parse("0 * * * *"), "", "") for name in "abWcWWd"]  # type: ignore[arg-type]
    assert ["".join(job.name for job in part) for part in _parts(jobs, {"W"})] == ["ab", "W", "c", "W", "W", "d"]
    assert ["".join(job.name for job in part) for part in _parts(jobs, ())] == ["abWcWWd"]
