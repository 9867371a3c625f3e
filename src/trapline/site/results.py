"""What came of the tests of detections, from the file that `trapline test --json` writes, put into their pages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trapline.content.page import Page, TestingRow
from trapline.errors import InputError

MAX_BYTES = 200_000_000
_WORDS = {"pass": "Passing", "fail": "Failing", "error": "Error", "skip": "Skipped"}


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """One test: its kind (validation, unit, ...) and the status as the page words it."""

    __test__ = False  # pytest takes classes that are called Test... for tests

    kind: str
    name: str
    status: str


Results = Mapping[str, tuple[TestOutcome, ...]]
"""By the id of the detection, and by its name in small letters."""


def read_results(path: Path) -> Results:
    """Raises InputError for a file that is none of results."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"larger than {MAX_BYTES // 1_000_000} MB", file=str(path), code="site.results")
        body = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", file=str(path), code="site.results") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"not JSON: {error}", file=str(path), hint=_HINT, code="site.results") from None
    rows = body.get("detections") if isinstance(body, dict) else None
    if not isinstance(rows, list):
        raise InputError("there is no list 'detections'", file=str(path), hint=_HINT, code="site.results")
    found: dict[str, tuple[TestOutcome, ...]] = {}
    for place, row in enumerate(rows):
        outcomes = _outcomes(row, f"detections[{place}]", path)
        for key in ("id", "name"):
            if isinstance(row.get(key), str) and row[key]:
                found[row[key].lower()] = outcomes
    return found


_HINT = "write it with: trapline test --json > test-results.json"


def _outcomes(row: Any, place: str, path: Path) -> tuple[TestOutcome, ...]:
    if not isinstance(row, dict) or not isinstance(row.get("tests"), list):
        raise InputError("a detection has a list 'tests'", file=str(path), field=place, hint=_HINT, code="site.results")
    found = []
    for at, one in enumerate(row["tests"]):
        status = one.get("status") if isinstance(one, dict) else None
        if not isinstance(status, str) or status not in _WORDS:
            raise InputError(
                "a test has a status: pass, fail, error or skip",
                file=str(path),
                field=f"{place}.tests[{at}].status",
                hint=_HINT,
                code="site.results",
            )
        reason = one.get("reason")
        shown = f"Skipped: {reason}" if status == "skip" and isinstance(reason, str) and reason else _WORDS[status]
        found.append(TestOutcome(str(one.get("kind", "")).lower(), str(one.get("name", "")), shown))
    return tuple(found)


def with_results(page: Page, results: Results) -> Page:
    """The page with the status of each test that was run; the others stay as they are."""
    outcomes = results.get(page.detection.id.lower()) or results.get(page.detection.name.lower())
    if not outcomes:
        return page
    rows = [_filled(row, outcomes) for row in page.tests]
    known = {"validation", "unit", "integration"}
    rows += [
        TestingRow(one.kind.capitalize(), one.status, one.name or "N/A", "N/A", "N/A", one.name)
        for one in outcomes
        if one.kind not in known
    ]
    return replace(page, tests=tuple(rows))


def _filled(row: TestingRow, outcomes: tuple[TestOutcome, ...]) -> TestingRow:
    """A unit test is found by its name; where only one was run, it is that one."""
    of_kind = [one for one in outcomes if one.kind == row.kind.lower()]
    named = [one for one in of_kind if one.name == row.test] if row.test else of_kind
    found = named or (of_kind if len(of_kind) == 1 else [])
    return replace(row, status=found[0].status) if found else row
