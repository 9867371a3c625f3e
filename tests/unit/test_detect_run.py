"""The run over many detections: findings, ranking, caps, and what cannot run."""

from __future__ import annotations

import pytest

from tests.unit.hunting import detected, detection, result, unsupported
from trapline.content.model import DetectionType, Drilldown
from trapline.detect.finding import iso, moment, times
from trapline.detect.hunt import common_folder
from trapline.values import Row, Value

ROW: Row = {"dest": "FS02", "user": "ann", "firstTime": "2026-03-04T14:32:11", "lastTime": "2026-03-04T15:00:00"}


def test_a_row_becomes_a_finding_and_a_risk_event_per_object() -> None:
    found = detected({"D": [ROW]}, [detection("D", ("dest", "system", 32), ("user", "user", 50))])
    (finding,) = found.findings
    assert (finding.detection, finding.message, finding.score, finding.severity) == (
        "D", "Something about FS02 by ann.", 50.0, "medium",
    )  # fmt: skip
    assert (iso(finding.time), iso(finding.last)) == ("2026-03-04T14:32:11Z", "2026-03-04T15:00:00Z")
    assert finding.tactics == ("Persistence", "Privilege Escalation")
    assert [(one["risk_object"], one["risk_score"]) for one in found.risk_events] == [("FS02", "32.0"), ("ann", "50.0")]
    assert {one["orig_sid"] for one in found.risk_events} == {finding.sid}
    assert [(one.risk_object, one.score) for one in found.hosts] == [("ann", 50.0), ("FS02", 32.0)]
    assert found.warnings == []


def test_hunting_finds_without_raising_risk() -> None:
    hunting = detection("H", kind=DetectionType.HUNTING)
    found = detected({"H": [{"user": "ann"}]}, [hunting])
    assert [(one.message, one.score, one.severity) for one in found.findings] == [("H", 0.0, "informational")]
    assert found.risk_events == []
    assert found.hosts == []


def test_a_row_without_the_risk_object_is_still_a_finding() -> None:
    found = detected({"D": [{"user": "ann"}]}, [detection("D", ("dest", "system", 32))])
    assert [(one.score, one.risk_objects) for one in found.findings] == [(0.0, ())]
    assert [one.code for one in found.warnings] == ["detect.token"]


def test_scores_are_summed_over_detections_and_findings() -> None:
    rows: list[Row] = [{"dest": "A", "_time": 30.0}, {"dest": "B", "_time": 5.0}, {"dest": "A", "_time": 10.0}]
    two = [detection("D", ("dest", "system", 10)), detection("E", ("dest", "system", 7), mitre=("T1059.001",))]
    first, second = detected({"D": rows, "E": rows[:1]}, two).hosts
    assert (first.risk_object, first.score, first.findings, first.detections) == ("A", 27.0, 3, ("D", "E"))
    assert (first.first, first.last) == (10.0, 30.0)
    assert first.mitre == ("T1059.001", "T1543.003")
    assert first.tactics == ("Persistence", "Privilege Escalation", "Execution")
    assert (second.risk_object, second.score) == ("B", 10.0)


def test_what_is_beyond_the_cap_is_counted_ranked_and_told() -> None:
    found = detected(
        {"D": [{"dest": f"h{n}", "user": "u"} for n in range(7)]}, [detection("D", ("dest", "system", 1))], keep=3
    )
    assert len(found.findings) == len(found.risk_events) == 3
    assert len(found.hosts) == 7
    assert found.outcomes[0].rows == 7
    assert [one.code for one in found.warnings] == ["detect.capped"]
    assert "7 findings" in found.warnings[0].reason


def test_what_cannot_run_is_named_and_stops_nothing() -> None:
    answers: dict[str, list[Row] | Exception] = {
        "A": unsupported("the command 'x' is not known"),
        "B": [ROW],
        "C": unsupported("the command 'x' is not known"),
        "D": KeyError("oops"),
        "E": ValueError("x" * 1000 + "\nStack trace:\n..."),
    }
    found = result(answers, [detection(name, ("dest", "system", 1)) for name in "ABCDE"])
    assert [one.detection for one in found.findings] == ["B"]
    assert [(one.where, one.code, one.hint) for one in found.warnings[:2]] == [
        ("A", "detect.not-runnable.unsupported", "wait for it"),
        ("C", "detect.not-runnable.unsupported", "wait for it"),
    ]
    assert "KeyError" in found.warnings[2].reason
    assert len(found.warnings[3].reason) < 250
    assert "Stack" not in found.warnings[3].reason
    assert found.coverage().startswith(
        "ran 1 of 5 detections; 4 not runnable: 2 (the command 'x' is not known), 1 (internal error, KeyError: 'oops')"
    )
    assert found.summary()["not_runnable"] == 4


def test_coverage_adds_up_when_reasons_are_many() -> None:
    answers = {f"D{n}": unsupported(f"reason {n % 5}") for n in range(12)}
    found = result(answers, [detection(f"D{n}") for n in range(12)])
    assert found.coverage(2) == (
        "ran 0 of 12 detections; 12 not runnable: 3 (reason 0), 3 (reason 1), 6 for other reasons"
    )


def test_techniques_stand_below_their_own_tactics() -> None:
    found = result({"D": [ROW]}, [detection("D", ("dest", "system", 1), mitre=("T1027", "T1059.001", "T9999"))])
    assert found.tactics() == [("Execution", 1, ("T1059.001",)), ("Defense Evasion", 1, ("T1027",))]


def test_a_row_that_counts_nothing_is_no_finding() -> None:
    rows: list[Row] = [{"count": 0.0}, {"count": "0", "dc": 0.0}, {}]
    found = detected({"D": rows, "E": [{"count": 0.0, "dest": "a", "user": "b"}]}, [detection("D"), detection("E")])
    assert [one.detection for one in found.findings] == ["E"]
    assert [one.rows for one in found.outcomes] == [0, 1]
    assert [(one.code, one.where) for one in found.warnings if one.code != "detect.token"] == [
        ("detect.empty-row", "D")
    ]


def test_drilldowns_are_filled_and_quoted() -> None:
    drilldown = Drilldown(
        "View the detection results for $dest$",
        "%original_detection_search% | search  dest = $dest$ path = $path$",
        "$info_min_time$",
        "$info_max_time$",
    )
    one = detection("D", ("dest", "system", 1), drilldowns=(drilldown,), search="index=a $dest$ | stats count")
    (finding,) = detected({one.search: [{"dest": "F S", "path": 'C:\\"x', "user": "u"}]}, [one]).findings
    (filled,) = finding.drilldowns
    assert filled.name == "View the detection results for F S"
    assert filled.search == 'index=a $dest$ | stats count | search  dest = "F S" path = "C:\\\\\\"x"'
    assert (filled.earliest, filled.latest) == ("0", "now")


def test_progress_is_told() -> None:
    from tests.unit.hunting import NOW, Given, profile
    from trapline.detect import run

    calls: list[tuple[str, int, int, str]] = []
    run.run(
        Given({"A": [], "B": []}),
        [detection("A"), detection("B")],
        profile,
        run.Order(NOW),
        progress=lambda *a: calls.append(a),
    )
    assert calls == [("detections", 0, 2, "A"), ("detections", 1, 2, "B"), ("detections", 2, 2, "")]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2026-03-04T14:32:11", 1772634731.0),
        ("2026-03-04T14:32:11Z", 1772634731.0),
        ("2026-03-04T15:32:11.500+0100", 1772634731.5),
        ("03/04/2026 14:32:11", 1772634731.0),
        ("1772634731.25", 1772634731.25),
        (1772634731.25, 1772634731.25),
        (["2026-03-04T14:32:11", "5"], 5.0),
        ("1e300", None),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_moment(value: Value | None, seconds: float | None) -> None:
    assert moment(value) == seconds


def test_times_of_a_row() -> None:
    assert times({"firstTime": "10", "_time": "20", "lastTime": "30"}) == (10.0, 30.0)
    assert times({"_time": "20"}) == (20.0, 20.0)
    assert times({"lastTime": "30"}) == (30.0, 30.0)
    assert times({}) == (None, None)


def test_iso_of_a_time_that_is_none() -> None:
    assert iso(None) is None
    assert iso(1e15) is None
    assert iso(-11644473600.0) == "1601-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("names", "folder"),
    [
        ((), ""),
        (("/a/b/c.evtx",), ""),
        (("/a/b/c.evtx", "/a/b/d.evtx"), "/a/b/"),
        (("/a/bc.evtx", "/a/bd/x.evtx"), "/a/"),
        (("C:\\x\\a", "C:\\x\\b"), "C:\\x\\"),
        (("a.zip!x", "a.zip!y"), "a.zip!"),
        (("x", "y"), ""),
    ],
)
def test_common_folder(names: tuple[str, ...], folder: str) -> None:
    assert common_folder(names) == folder
