"""contentctl's test_results/summary.yml: the same keys in the same order, so that what reads that file goes on working.

What we cannot say is not made up: `wait_duration` is 0, for nothing is waited for.
"""

from __future__ import annotations

from typing import Any

import yaml

from trapline.testing.model import DetectionResult, Kind, Status, Tested, TestResult


def text(tested: Tested) -> str:
    """The YAML text."""
    return yaml.safe_dump(summary(tested), sort_keys=False, allow_unicode=True, width=120)


def summary(tested: Tested) -> dict[str, Any]:
    """The mapping that it is."""
    passed, failed, skipped = (tested.of(one) for one in (Status.PASS, Status.FAIL, Status.SKIP))
    of_status = [one.production_status for one in tested.results]
    ran = sorted([*passed, *failed], key=lambda one: (one.success, one.name))
    left = sorted(skipped, key=lambda one: (not one.tests, one.name))
    return {
        "summary": {
            "mode": tested.mode,
            "enable_integration_testing": tested.integration,
            "success": tested.success,
            "total_detections": len(tested.results),
            "total_tested_detections": len(ran),
            "total_pass": len(passed),
            "total_fail": len(failed),
            "total_skipped": len(skipped),
            "total_untested": 0,
            "total_production": of_status.count("production"),
            "total_experimental": of_status.count("experimental"),
            "total_deprecated": of_status.count("deprecated"),
            "total_manual": sum(one.manual_test is not None for one in tested.results),
            "success_rate": _percent(len(passed), len(ran)),
        },
        "tested_detections": [_detection(one) for one in ran],
        "skipped_detections": [_detection(one) for one in left],
        "untested_detections": [],
        "percent_complete": "100.0%" if tested.results else "UKNOWN",
    }


def _percent(part: int, of: int) -> str:
    return f"{100 * part / of:.1f}%" if of else "UKNOWN"  # contentctl's own spelling


def _detection(one: DetectionResult) -> dict[str, Any]:
    return {
        "name": one.name,
        "type": one.type,
        "production_status": one.production_status,
        "status": one.status.value,
        "source_category": one.category,
        "data_source": list(one.data_source),
        "search": one.search,
        "file_path": one.file,
        "manual_test": one.manual_test,
        "success": one.success,
        "tests": [_test(test) for test in one.tests if test.kind is not Kind.VALIDATION or test.failures],
    }


def _test(one: TestResult) -> dict[str, Any]:
    lines = [line for failure in one.failures for line in (failure.reason, *failure.details) if line]
    error = one.status is Status.ERROR
    return {
        "name": one.name,
        "test_type": one.kind.value,
        "success": one.status in (Status.PASS, Status.SKIP),
        "message": one.reason if one.status is Status.SKIP else "TEST PASSED" if not one.failures else "; ".join(lines),
        "exception": "; ".join(failure.reason for failure in one.failures) if error else None,
        "status": one.status.value,
        "duration": round(one.seconds, 3),
        "wait_duration": 0,
        "resultCount": None if one.rows is None else str(one.rows),
        "runDuration": f"{one.seconds:.3f}",
    }
