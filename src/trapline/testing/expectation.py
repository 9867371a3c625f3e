"""One test of a file of further tests (`extra`), in a store of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence

from trapline.content.model import AttackData, Detection
from trapline.errors import TraplineError
from trapline.search import Session
from trapline.store import Store
from trapline.testing import expected, judge, why
from trapline.testing.datasets import Located
from trapline.testing.extra import Extra
from trapline.testing.model import Failure, Kind, Status, TestResult
from trapline.testing.place import Surroundings, fill
from trapline.testing.throttled import throttled
from trapline.testing.unit import SAMPLE, lacks, no_rows
from trapline.values import Row


def run(
    detection: Detection,
    test: Extra,
    data: Sequence[Located],
    history: Sequence[Located],
    around: Surroundings,
    store: Store,
) -> TestResult:
    """Baselines over their history first, in the order they are named, then the detection over all there is."""
    begun = time.perf_counter()
    now = time.time()
    failures: list[Failure] = []
    notes: list[str] = []
    rows: list[Row] = []
    explanation: dict[str, object] | None = None
    status = Status.ERROR
    doing = "the data"
    try:
        if test.baselines:
            notes += fill(store, history or data, around.knowledge, now)
            for one in test.baselines:
                doing = f"the baseline '{one.name}' cannot run"
                found = around.session(store).run(one.search, now=now)
                if not found.rows:
                    failures.append(_empty(around.session(store), one.name, one.search, now, test.history or test.data))
        doing = "the data"
        if history or not test.baselines:
            notes += fill(store, data, around.knowledge, now)
        session = around.session(store)
        doing = "the search cannot run"
        found = session.run(detection.search, now=now)
        notes += [str(one) for one in found.warnings]
        rows = found.rows
        scored = around.profile(detection).scored
        if not rows and _wants_rows(test):
            failure, explanation = no_rows(session, detection.search, now, test.data)
            failures.append(failure)
        else:
            failures += expected.check(detection, test.expect, rows, scored, now)
            if not test.expect.about_rows:
                failures += [lacks(one, detection.search, session, rows) for one in judge.broken(detection, rows)]
        if test.expect.throttled and not failures:
            doing = "the detection cannot be scheduled"
            failures += throttled(detection, around, store, now)
        status = Status.FAIL if failures else Status.PASS
    except TraplineError as error:
        failures = [why.of_error(error, doing)]
    return TestResult(
        name=test.name,
        kind=Kind.EXPECTATION,
        status=status,
        failures=tuple(failures),
        rows=None if status is Status.ERROR else len(rows),
        seconds=time.perf_counter() - begun,
        sample=tuple(rows[:SAMPLE]) if failures else (),
        explanation=explanation,
        notes=tuple(dict.fromkeys(notes)),
    )


def _wants_rows(test: Extra) -> bool:
    expect = test.expect
    if expect.throttled or (expect.risk or expect.includes or expect.rows):
        return True
    if expect.least is not None:
        return expect.least > 0
    return not expect.about_rows and expect.risk is None


def _empty(session: Session, name: str, spl: str, now: float, data: Sequence[AttackData]) -> Failure:
    failure, _ = no_rows(session, spl, now, data)
    return Failure(f"the baseline '{name}' gives {failure.reason}", failure.hint, failure.details, "baseline")
