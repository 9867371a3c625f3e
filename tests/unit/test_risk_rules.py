"""The two incident rules of the library: their settings and their periods.

The week with both is a case file, tests/cases/detect/risk_rules.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.riskkit import DAY, REMCOM, WEEK, at, content, rows, scheduler, simulate, stamp, store
from trapline.detect.jobs import Job

WS1, WS2, WS3 = "ws1.corp.example", "ws2.corp.example", "ws3.corp.example"
EXACTLY = (("2026-03-06T10:05:00", WS3, "dump"), ("2026-03-06T14:05:00", WS3, "dump"))
"""100 within 24 hours."""
NOTABLES = "index=notable | sort 0 _time | table _time source normalized_risk_object risk_score"


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
    place = store(tmp_path, *EXACTLY, *more)
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
    place = store(tmp_path, EXACTLY[0])
    spl = f"| makeresults | eval risk_score={score} | eval severity=`risk_severity(risk_score)` | table severity"
    assert rows(place, known, spl) == [{"severity": severity}]


def test_when_they_run(tmp_path: Path) -> None:
    with scheduler(store(tmp_path, EXACTLY[0]), content(tmp_path)) as one:
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
