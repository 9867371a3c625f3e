"""The two incident rules of the library on the scheduler, over a week whose figures are worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.riskkit import DAY, REMCOM, WEEK, at, content, rows, scheduler, simulate, stamp, store
from trapline.detect.jobs import Job
from trapline.values import Row

WS1, WS2, WS3 = "ws1.corp.example", "ws2.corp.example", "ws3.corp.example"
EVENTS = (
    # ws1: 32 at 11:00, 82 at 13:00, 112 at 21:00; three detections
    ("2026-03-02T10:05:00", WS1, "remcom"),
    ("2026-03-02T12:30:00", WS1, "dump"),
    ("2026-03-02T20:10:00", WS1, "share"),
    # the fourth detection, three days later; the score of 24 hours is 10 then
    ("2026-03-05T09:00:00", WS1, "script"),
    # ws2: 64 in all, from one detection, twice
    ("2026-03-03T10:05:00", WS2, "remcom"),
    ("2026-03-04T10:05:00", WS2, "remcom"),
    # ws3: exactly 100 within 24 hours
    ("2026-03-06T10:05:00", WS3, "dump"),
    ("2026-03-06T14:05:00", WS3, "dump"),
)
NOTABLES = (
    "index=notable | sort 0 _time | table _time source normalized_risk_object risk_object_type risk_score "
    "risk_event_count source_count mitre_tactic_id_count severity rule_title rule_description"
)


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Row], list[Row]]:
    """The store after the week, its risk events and its notables."""
    folder = tmp_path_factory.mktemp("week")
    known = content(folder)
    place = store(folder, *EVENTS)
    simulate(place, known, "2026-03-01", "2026-03-08")
    risk = "index=risk | sort 0 _time risk_object | table _time risk_object risk_score"
    return place, rows(place, known, risk), rows(place, known, NOTABLES)


def test_the_risk_events(week: tuple[Path, list[Row], list[Row]]) -> None:
    _, risk, _ = week
    # RemCom has 32, as its page says. What happens until ten to is found at the full hour.
    assert [(stamp(one["_time"]), one["risk_object"], one["risk_score"]) for one in risk] == [
        ("02T11:00", WS1, "32.0"),
        ("02T13:00", WS1, "50.0"),
        ("02T21:00", WS1, "30.0"),
        ("03T11:00", WS2, "32.0"),
        ("04T11:00", WS2, "32.0"),
        ("05T10:00", WS1, "10.0"),
        ("06T11:00", WS3, "50.0"),
        ("06T15:00", WS3, "50.0"),
    ]


def test_one_notable_of_each_rule(week: tuple[Path, list[Row], list[Row]]) -> None:
    """At 21:15 the rule sees 32 + 50 + 30 = 112 > 100, and goes on to do so until 11:05 of the next day, when the 32
    leave its window: fourteen runs, one notable. ws3 stays at 100, which is not more than 100.

    The other rule has three detections on the 2nd, and the fourth on the 5th at 10:20. The tactics are persistence and
    privilege escalation (RemCom), credential access, lateral movement and execution; the score 112 + 10."""
    _, _, found = week
    assert [{key: value for key, value in one.items() if key != "_time"} for one in found] == [
        {
            "source": f"ESCU - {DAY} - Rule",
            "normalized_risk_object": WS1,
            "risk_object_type": "system",
            "risk_score": "112",
            "risk_event_count": "3",
            "source_count": "3",
            "mitre_tactic_id_count": "4",
            "severity": "medium",
            "rule_title": f"24 hour risk threshold exceeded for system={WS1}",
            "rule_description": f"system {WS1} has a risk score of 112 from 3 events of 3 detections within 24 hours.",
        },
        {
            "source": f"ESCU - {WEEK} - Rule",
            "normalized_risk_object": WS1,
            "risk_object_type": "system",
            "risk_score": "122",
            "risk_event_count": "4",
            "source_count": "4",
            "mitre_tactic_id_count": "5",
            "severity": "medium",
            "rule_title": f"ATT&CK tactic threshold exceeded over 7 days for system={WS1}",
            "rule_description": f"4 detections of 5 ATT&CK tactics have found system {WS1} within 7 days.",
        },
    ]
    assert [stamp(one["_time"]) for one in found] == ["02T21:15", "05T10:20"]


def test_the_runs_that_a_throttle_held_back(week: tuple[Path, list[Row], list[Row]], tmp_path: Path) -> None:
    place, _, _ = week
    with scheduler(place, content(tmp_path)) as one:
        runs = [run for run in one.journal.runs(f"ESCU - {DAY} - Rule") if run.rows]
    assert len(runs) == 14
    assert [stamp(runs[-1].scheduled), stamp(runs[0].scheduled)] == ["02T21:15", "03T10:15"]
    assert sum(run.findings for run in runs) == 1


def test_a_second_period_has_its_own_notable(tmp_path: Path) -> None:
    """150 from 21:00 on, and again 150 a day later at 21:00: the throttle of a day has ended just then."""
    known = content(tmp_path)
    settings = f"detections: {{{DAY}: {{cron: '15 21,22 * * *'}}}}\n"
    events = [(f"2026-03-0{day}T{hour}:05:00", WS1, "dump") for day in (2, 3) for hour in ("08", "14", "20")]
    place = store(tmp_path, *events, rules=[DAY], settings=settings)
    simulate(place, known, "2026-03-02T08:00", "2026-03-03T23:00")
    found = rows(place, known, NOTABLES)
    assert [(stamp(one["_time"]), one["risk_score"]) for one in found] == [("02T21:15", "150"), ("03T21:15", "150")]


def test_thresholds_and_comparisons_are_macros(tmp_path: Path) -> None:
    """Not less than 100, and two detections: ws3 has 100 from 15:00 on; ws2 has the tactics persistence, privilege
    escalation and credential access from two detections."""
    own = tmp_path / "macros.yml"
    own.write_text(
        "name: risk_threshold_24h_comparison\ndefinition: '>='\n---\nname: risk_sources_7d\ndefinition: '2'\n"
    )
    known = content(tmp_path, [own])
    more = [("2026-03-06T11:05:00", WS2, "remcom"), ("2026-03-06T12:05:00", WS2, "dump")]
    place = store(tmp_path, *EVENTS[-2:], *more)
    simulate(place, known, "2026-03-06T10:30", "2026-03-06T16:30")
    found = rows(place, known, NOTABLES)
    assert [(stamp(one["_time"]), str(one["source"])[7:11], one["normalized_risk_object"]) for one in found] == [
        ("06T13:20", "ATT&", WS2),
        ("06T15:15", "Risk", WS3),
    ]


@pytest.mark.parametrize(
    ("score", "severity"),
    [(99, "low"), (100, "medium"), (249, "medium"), (250, "high"), (499, "high"), (500, "critical")],
)
def test_severity_by_score(tmp_path: Path, score: int, severity: str) -> None:
    known = content(tmp_path)
    place = store(tmp_path, *EVENTS[:1])
    spl = f"| makeresults | eval risk_score={score} | eval severity=`risk_severity(risk_score)` | table severity"
    assert rows(place, known, spl) == [{"severity": severity}]


def test_when_they_run(tmp_path: Path) -> None:
    with scheduler(store(tmp_path, *EVENTS[:1]), content(tmp_path)) as one:
        jobs: dict[str, Job] = {job.detection.name: job for job in one.jobs}
    day, week = jobs[DAY], jobs[WEEK]
    now = at("2026-03-02T12:15")
    assert day.window(now) == (at("2026-03-01T12:05"), at("2026-03-02T12:05"))
    assert week.window(now) == (at("2026-02-23T12:05"), at("2026-03-02T12:05"))
    for job, period in ((day, 86_400), (week, 7 * 86_400)):
        assert job.throttle is not None
        assert (job.throttle.fields, job.throttle.seconds) == (("normalized_risk_object", "risk_object_type"), period)
        assert job.notable is not None
        assert not job.profile.scored
    assert jobs[REMCOM].notable is None
