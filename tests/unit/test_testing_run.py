"""trapline test on the library's own detection and data."""

from __future__ import annotations

from dataclasses import replace

from trapline import app
from trapline.testing.model import DetectionResult, Kind, Status

SEED = "Windows Service Create RemComSvc"


def seed_result(old: str, new: str) -> DetectionResult:
    """The result of the seed detection, with a text of its search replaced."""
    content = app.content()
    detection = content.find(SEED)
    assert old in detection.search
    content.put(replace(detection, search=detection.search.replace(old, new, 1)))
    return app.run_tests(content, [content.find(SEED)], jobs=1).results[0]


def test_the_seed_passes_validation_unit_and_integration() -> None:
    found = seed_result("", "")
    assert {one.kind for one in found.tests if one.status is Status.PASS} == {
        Kind.VALIDATION,
        Kind.UNIT,
        Kind.INTEGRATION,
    }
    assert found.status is Status.PASS


def test_a_wrong_literal_is_named() -> None:
    failed = [one for one in seed_result('"RemCom Service"', '"RemCom Servce"').tests if one.failures]
    assert 'ServiceName="RemCom Servce"' in failed[0].message
    assert any("RemCom Service" in line for line in failed[0].failures[0].details)


def test_a_dropped_by_field_is_named() -> None:
    first, *failed = [one for one in seed_result("by dest ", "by ").tests if one.failures]
    assert first.kind is Kind.VALIDATION
    assert any("dest" in one.reason and "no risk event is made of it" in one.reason for one in first.failures)
    assert "risk object field dest" in failed[0].message
    assert any("leaves it out: stats" in line for line in failed[0].failures[0].details)
