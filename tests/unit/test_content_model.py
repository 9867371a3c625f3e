"""The content model: scores, bands, observables, names (facts/CONTENT.md §1.3)."""

from __future__ import annotations

import pytest

from trapline.content.model import (
    DataSource,
    Detection,
    DetectionType,
    Level,
    Macro,
    Problem,
    Rba,
    RiskObject,
    Severity,
    Status,
    Throttle,
    attacker_type,
    file_stem,
    risk_score,
    victim_type,
)


@pytest.mark.parametrize(
    ("confidence", "impact", "score"),
    [(80, 40, 32), (100, 100, 100), (0, 90, 0), (50, 50, 25), (50, 1, 0), (50, 3, 2), (50, 5, 2), (75, 75, 56)],
)
def test_score_rounds_as_python_does(confidence: int, impact: int, score: int) -> None:
    assert risk_score(confidence, impact) == score


@pytest.mark.parametrize(
    ("score", "band"),
    [
        (0, "informational"),
        (20, "informational"),
        (21, "low"),
        (32, "low"),
        (40, "low"),
        (41, "medium"),
        (60, "medium"),
        (61, "high"),
        (80, "high"),
        (81, "critical"),
        (100, "critical"),
    ],
)
def test_severity_bands(score: int, band: str) -> None:
    assert Severity.of(score).value == band


@pytest.mark.parametrize(
    ("observable", "kind"),
    [
        ("user", "user"),
        ("Email Address", "user"),
        ("User Name", "other"),  # with the blank: not among the users
        ("Username", "user"),
        ("Endpoint", "system"),
        ("Hostname", "system"),
        ("IP Address", "system"),
        ("Device", "system"),
        ("Process Name", "other"),
        ("Geo Location", "other"),
        ("", "other"),
    ],
)
def test_victims(observable: str, kind: str) -> None:
    assert victim_type(observable) == kind


@pytest.mark.parametrize(
    ("observable", "kind"),
    [
        ("Process", "process"),
        ("Process Name", "process"),
        ("File", "file_name"),
        ("File Hash", "file_name"),
        ("IP Address", "ip_address"),
        ("URL String", "url"),
        ("url", "url"),
        ("Email Address", "email address"),  # no rule: as written, in lower case
        ("User Name", "user name"),
        ("Other", "other"),
    ],
)
def test_attackers(observable: str, kind: str) -> None:
    assert attacker_type(observable) == kind


def test_score_of_the_generations() -> None:
    low, high = RiskObject("a", "user", 20, ""), RiskObject("b", "user", 70, "")
    assert Rba("", (low, high)).score == 70
    assert Rba("", (low, high), impact=40, confidence=80, stored_score=99).score == 32
    assert Rba("", (RiskObject("c", "user", 50, "", finding=True), high)).score == 50
    assert Rba("").score == 0


def _detection(**more: object) -> Detection:
    base: dict[str, object] = {
        "name": "A - b.c/D",
        "type": DetectionType.TTP,
        "status": Status.PRODUCTION,
        "search": "x",
    }
    return Detection(**(base | more))  # type: ignore[arg-type]


def test_severity_without_risk_is_high() -> None:
    assert _detection().severity is Severity.HIGH
    assert _detection(rba=Rba("", (RiskObject("a", "user", 30, ""),))).severity is Severity.LOW


def test_names() -> None:
    assert file_stem("A - b.c/D") == "a___b_c_d"
    assert _detection().filter_macro == "a___b_c_d_filter"
    assert _detection(file="x/detections/cloud/other_name.yml").filter_macro == "other_name_filter"
    assert _detection(file="C:\\rules\\win.name.yml").stem == "win.name"
    assert _detection().rule_name == "ESCU - A - b.c/D - Rule"


def test_data_sources_are_taken_apart() -> None:
    one = _detection(
        data_source=("Sysmon EventID 1 AND Windows Event Log Security 4688", "Sysmon EventID 1", "BRAND X")
    )
    assert one.data_source_names == ("Sysmon EventID 1", "Windows Event Log Security 4688", "BRAND X")


@pytest.mark.parametrize(("period", "seconds"), [("90", 90), ("90s", 90), ("5m", 300), ("1h", 3600), ("2d", 172800)])
def test_throttle_period(period: str, seconds: int) -> None:
    assert Throttle(("dest",), period).seconds == seconds


def test_macro_key() -> None:
    assert Macro(name="a", definition="x").key == "a"
    macro = Macro(name="a", definition="$x$=$y$", args=("x", "y"))
    assert macro.key == "a(2)"
    assert macro.to_search().args == ("x", "y")


def test_published_is_midnight_utc() -> None:
    from datetime import date

    assert DataSource(name="x", modified=date(2024, 9, 30)).published == 1727654400.0
    assert DataSource(name="x").published is None


def test_problem_names_its_place() -> None:
    problem = Problem(Level.WARNING, "range", "5 is outside 0 to 1", "a.yml", 3, "tags.impact", "lower it")
    assert problem.place == "a.yml:3: tags.impact"
    assert problem.to_error().render() == "error: a.yml:3: tags.impact: 5 is outside 0 to 1\n  hint: lower it"
    assert problem.to_json() == {
        "level": "warning",
        "code": "content.range",
        "reason": "5 is outside 0 to 1",
        "file": "a.yml",
        "line": 3,
        "field": "tags.impact",
        "hint": "lower it",
    }
