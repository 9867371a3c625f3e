"""The tests of one detection: validation, unit, integration, each in a throwaway store."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trapline.content.model import Detection
from trapline.errors import TraplineError
from trapline.search import Session
from trapline.store import Store
from trapline.testing import expectation, integration, why
from trapline.testing.datasets import Missing
from trapline.testing.model import OUTSIDE, DetectionResult, Failure, Kind, Status, TestResult
from trapline.testing.place import Surroundings
from trapline.testing.plan import Planned, PlannedExtra, Work
from trapline.testing.unit import unit
from trapline.validate.check import errors

UNCOMPILED = "the search does not compile"


@dataclass(frozen=True, slots=True)
class Options:
    """`strict`: data that is not there is an error, not a reason to skip."""

    integration: bool = True
    strict: bool = False


def test_detection(work: Work, around: Surroundings, options: Options) -> DetectionResult:
    """All tests of one detection. It raises nothing: a defect of ours is an error of that test."""
    begun = time.perf_counter()
    done = [_guarded("validation", Kind.VALIDATION, lambda: validation(work.detection, around))]
    if done[0].status is not Status.ERROR and not any(one.reason.startswith(UNCOMPILED) for one in done[0].failures):
        # What else is wrong with a detection shows best over its data.
        for one in work.tests:
            done += _test(work.detection, one, around, options)
        for extra in work.extras:
            done.append(_extra(work.detection, extra, around, options))
    else:
        reason = UNCOMPILED
        done += [TestResult(one.test.name, Kind.UNIT, Status.SKIP, reason=reason) for one in work.tests]
        done += [TestResult(one.test.name, Kind.EXPECTATION, Status.SKIP, reason=reason) for one in work.extras]
    return described(work.detection, done, time.perf_counter() - begun)


def described(detection: Detection, tests: Sequence[TestResult], seconds: float) -> DetectionResult:
    """The results of a detection with what reports say of it."""
    manual = next((one.note for one in detection.tests if one.kind == "manual"), None)
    return DetectionResult(
        name=detection.name,
        id=detection.id,
        type=detection.type.value,
        production_status=detection.status.value,
        file=detection.file,
        search=detection.search,
        data_source=detection.data_source,
        category=detection.category,
        manual_test=manual,
        tests=tuple(tests),
        seconds=seconds,
    )


def validation(detection: Detection, around: Surroundings) -> TestResult:
    """Does the search compile, with all macros and lookups that it names, and is the rest of the detection as
    `trapline content validate` wants it?"""
    begun = time.perf_counter()
    failures: list[Failure] = []
    try:
        Session(macros=around.macros, lookups=around.lookups or {}, knowledge=around.knowledge).parse(detection.search)
    except TraplineError as error:
        failures.append(why.of_error(error, UNCOMPILED))
    else:
        for one in errors(around.tree, detection, around.ignores):
            where = f"{one.field}: " if one.field else ""
            failures.append(Failure(f"{where}{one.reason}", one.hint, (one.place,), one.rule))
    status = Status.FAIL if failures else Status.PASS
    return TestResult("validation", Kind.VALIDATION, status, tuple(failures), seconds=time.perf_counter() - begun)


def _test(detection: Detection, one: Planned, around: Surroundings, options: Options) -> list[TestResult]:
    """The unit test and, where it is passed, the integration test of the same data."""
    if one.skip:
        return [TestResult(one.test.name, Kind.UNIT, Status.SKIP, reason=one.skip)]
    if one.missing:
        return [_without(one.test.name, Kind.UNIT, one.missing, options)]
    with Store.throwaway() as store:
        done = [_guarded(one.test.name, Kind.UNIT, lambda: unit(detection, one.test, one.data, around, store).result)]
        if options.integration and done[0].status is Status.PASS:
            done.append(
                _guarded(one.test.name, Kind.INTEGRATION, lambda: integrated(detection, one.test.name, around, store))
            )
    return done


def _extra(detection: Detection, one: PlannedExtra, around: Surroundings, options: Options) -> TestResult:
    name = one.test.name
    if one.missing:
        return _without(name, Kind.EXPECTATION, one.missing, options)
    with Store.throwaway() as store:
        return _guarded(
            name,
            Kind.EXPECTATION,
            lambda: expectation.run(detection, one.test, one.data, one.history, around, store),
        )


def _without(name: str, kind: Kind, missing: Sequence[Missing], options: Options) -> TestResult:
    """A test whose data is not there."""
    if options.strict or any(one.wrong for one in missing):
        failures = (Failure(one.reason, one.hint, code=OUTSIDE if one.outside else "data") for one in missing)
        return TestResult(name, kind, Status.ERROR, tuple(failures))
    return TestResult(name, kind, Status.SKIP, reason="; ".join(f"{one.reason} ({one.hint})" for one in missing))


def integrated(detection: Detection, name: str, around: Surroundings, store: Store) -> TestResult:
    """The integration test over a store that holds the data (`integration.check`)."""
    begun = time.perf_counter()
    make = around.over(store)
    found = integration.check(around.content, detection, store, around.knowledge, profile=around.profile, make=make)
    status = Status.SKIP if found.skipped else Status.FAIL if found.failures else Status.PASS
    return TestResult(
        name,
        Kind.INTEGRATION,
        status,
        tuple(found.failures),
        reason=found.skipped,
        seconds=time.perf_counter() - begun,
        notes=tuple(dict.fromkeys(map(str, found.warnings))),
    )


def _guarded(name: str, kind: Kind, run: Callable[[], TestResult]) -> TestResult:
    begun = time.perf_counter()
    try:
        return run()
    except TraplineError as error:
        failure = Failure(error.reason, error.hint, code=error.code)
    except Exception as error:  # a defect of ours in one of 1,700 detections must not cost the other 1,699
        text = str(error).strip().partition("\n")[0][:200]
        failure = Failure(
            f"internal error, {type(error).__name__}: {text}",
            "please report it with the detection's file",
            code="defect",
        )
    return TestResult(name, kind, Status.ERROR, (failure,), seconds=time.perf_counter() - begun)
