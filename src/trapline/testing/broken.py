"""Files of the content that cannot be used: failed entries among the results, for what is not read is not tested."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from trapline.content.model import Detection, Level, Problem
from trapline.testing.extra import SUFFIX
from trapline.testing.model import DetectionResult, Failure, Kind, Status, TestResult


def add(
    results: Sequence[DetectionResult],
    problems: Iterable[Problem],
    roots: Sequence[Path],
    detections: Sequence[Detection] | None = None,
    only: Callable[[Path], bool] = lambda path: True,
) -> tuple[DetectionResult, ...]:
    """The results, and the files below the roots that have an error. `detections`: where these were named, nothing
    but their own files counts. `only`: the files that count."""
    found: dict[str, list[Problem]] = {}
    tops = [one.resolve() for one in roots]
    named = None if detections is None else {one.stem.lower() for one in detections}
    for one in problems:
        path = Path(one.file).resolve()
        stem = path.name.removesuffix(SUFFIX).rpartition(".yml")[0] or path.name.removesuffix(SUFFIX)
        counts = named is None and any(path.is_relative_to(top) for top in tops)
        if one.level is Level.ERROR and (counts or (named is not None and stem.lower() in named)) and only(path):
            found.setdefault(one.file, []).append(one)
    made = list(results)
    for file, wrong in found.items():
        path = Path(file)
        kind = Kind.EXPECTATION if path.name.endswith(SUFFIX) else Kind.VALIDATION
        failures = tuple(Failure(one.reason, one.hint, (one.place,), f"content.{one.code}") for one in wrong)
        test = TestResult(path.name if kind is Kind.EXPECTATION else "validation", kind, Status.ERROR, failures)
        owner = _owner(made, path) if kind is Kind.EXPECTATION else None
        if owner is None:
            made.append(_entry(file, test))
        else:
            made[owner] = replace(made[owner], tests=(*made[owner].tests, test))
    return tuple(made)


def _owner(results: Sequence[DetectionResult], path: Path) -> int | None:
    """The detection whose further tests these are by the name of the file."""
    stem = path.name.removesuffix(SUFFIX)
    return next((at for at, one in enumerate(results) if Path(one.file).stem == stem), None)


def _entry(file: str, test: TestResult) -> DetectionResult:
    """A file without a name of its own: that of the file stands in."""
    path = Path(file)
    return DetectionResult(path.stem, "", "", "", file, "", category=path.parent.name, tests=(test,))
