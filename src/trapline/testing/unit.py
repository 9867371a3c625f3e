"""One test of a detection's search over data, in a store of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from trapline.content.model import AttackData, Detection, DetectionTest
from trapline.detect.run import says_nothing
from trapline.errors import TraplineError
from trapline.search import Session
from trapline.store import Store
from trapline.testing import judge, why
from trapline.testing.datasets import Located
from trapline.testing.model import Failure, Kind, Status, TestResult
from trapline.testing.place import Surroundings, described, fill
from trapline.values import Row

SAMPLE = 3
"""Rows that a failed test shows."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A unit test that was run: its result and its rows."""

    result: TestResult
    rows: tuple[Row, ...] = ()


def unit(detection: Detection, test: DetectionTest, data: Sequence[Located], around: Surroundings, store: Store) -> Ran:
    """Run the search over all time of the data and judge by contentctl's rule (facts/CONTENT.md §5). `store`: an empty
    one, which holds the data afterwards."""
    begun = time.perf_counter()
    now = time.time()
    failures: list[Failure] = []
    notes: list[str] = []
    status = Status.PASS
    rows: list[Row] = []
    session: Session | None = None
    try:
        notes += fill(store, data, around.knowledge, now)
        session = around.session(store)
        found = session.run(detection.search, now=now)
        notes += [str(one) for one in found.warnings]
        rows = found.rows
    except TraplineError as error:
        failures.append(why.of_error(error, "the search cannot run" if session is not None else "the data"))
        status = Status.ERROR
        explanation = None
    else:
        failures, explanation = _judged(detection, test, rows, session, now)
        if rows and all(map(says_nothing, rows)):
            notes.append("the only row counts nothing: contentctl takes it for a result, Trapline for no finding")
        status = Status.FAIL if failures else Status.PASS
    return Ran(
        TestResult(
            name=test.name,
            kind=Kind.UNIT,
            status=status,
            failures=tuple(failures),
            rows=None if status is Status.ERROR else len(rows),
            seconds=time.perf_counter() - begun,
            sample=tuple(rows[:SAMPLE]) if failures else (),
            explanation=explanation,
            notes=tuple(dict.fromkeys(notes)),
        ),
        tuple(rows),
    )


def _judged(
    detection: Detection, test: DetectionTest, rows: Sequence[Row], session: Session, now: float
) -> tuple[list[Failure], dict[str, object] | None]:
    if test.expected_results == 0:
        if rows:
            return [Failure(f"the search gives {len(rows):,} rows, none are expected", code="rows")], None
        return [], None
    if not rows:
        failure, explanation = no_rows(session, detection.search, now, test.attack_data)
        return [failure], explanation
    if len(rows) < test.expected_results:
        reason = f"the search gives {len(rows):,} rows, at least {test.expected_results:,} are expected"
        return [Failure(reason, code="rows")], None
    lacking = judge.broken(detection, rows)
    return [lacks(one, detection.search, session, rows) for one in lacking], None


def no_rows(
    session: Session, spl: str, now: float, data: Sequence[AttackData]
) -> tuple[Failure, dict[str, object] | None]:
    """Why a search gives no row, with its explanation. `data`: as the test declares it."""
    try:
        found = session.explain(spl, now=now)
    except TraplineError as error:
        return Failure("no rows", f"it cannot be explained: {error.reason}", code="no-rows"), None
    reason, lines = why.nothing(found, spl)
    hint = None
    if any(fact.field in ("source", "sourcetype") for one in found.breakdowns for fact in one.fields):
        given = "; ".join(dict.fromkeys(described(one) for one in data))
        hint = f"the test gives its data {given}: correct the test, or the search" if given else None
    return Failure(reason, hint, lines, "no-rows"), found.to_json()


def lacks(one: judge.Broken, spl: str, session: Session, rows: Sequence[Row]) -> Failure:
    """The failure for a field without a value."""
    if not one.absent:
        return Failure(one.reason, "is it spelt as in the data, and do all events have it?", code="field")
    hint, lines = why.lost(one.field, session.parse(spl), rows)
    return Failure(one.reason, hint, lines, "field")
