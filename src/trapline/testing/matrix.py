"""Every detection over every data set: which fire, which never do, which fire where nothing is wrong.

A data set is a file below a folder (`matrixsets`). What its events are called comes from the tests that name it, as far
as there are any; else from its content. "Now" is the moment after the newest event, so that the answer does not depend
on the day. What a process does is in `matrixwork`, how several do it in `matrixpool`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from trapline.content.model import Detection
from trapline.detect.run import Progress
from trapline.detect.workers import cores
from trapline.errors import Warn
from trapline.testing.matrixcache import Cache, Keys
from trapline.testing.matrixpool import Pool
from trapline.testing.matrixsets import DataSet as DataSet
from trapline.testing.matrixsets import find as find
from trapline.testing.matrixwork import At, Cell, Part, Phase, Ran, work
from trapline.testing.place import Surroundings

AGAIN = "run it again: what is done is in the cache"


@dataclass(slots=True)
class Matrix:
    """Detections and data sets, and what came of each pair. Data sets that could not be read have no events."""

    detections: Sequence[Detection]
    sets: Sequence[DataSet]
    ran: Sequence[Ran]
    seconds: float = 0.0
    warnings: Sequence[Warn] = field(default_factory=tuple)

    def fired(self, at: int) -> dict[str, int]:
        """Rows by detection, of those that found something in a data set."""
        return {name: cell.rows for name, cell in self.ran[at].cells.items() if cell.rows}

    def by_detection(self) -> dict[str, list[int]]:
        """The data sets in which each detection found something, by their places; all detections."""
        found: dict[str, list[int]] = {one.name: [] for one in self.detections}
        for at in range(len(self.sets)):
            for name in self.fired(at):
                found[name].append(at)
        return found

    def never(self) -> list[str]:
        """Detections that found nothing anywhere, although they could run."""
        broken = self.broken()
        return [name for name, where in self.by_detection().items() if not where and name not in broken]

    def broken(self) -> dict[str, str]:
        """Detections that could run nowhere, and why."""
        found: dict[str, str] = {}
        for one in self.detections:
            cells = [ran.cells[one.name] for ran in self.ran if one.name in ran.cells]
            if cells and all(cell.reason is not None for cell in cells):
                found[one.name] = cells[0].reason or ""
        return found

    def false(self) -> dict[str, list[int]]:
        """Detections that found something in a benign data set, and in which."""
        benign = {at for at, one in enumerate(self.sets) if one.benign}
        found = {name: [at for at in where if at in benign] for name, where in self.by_detection().items()}
        return {name: where for name, where in found.items() if where}

    def missed(self) -> list[tuple[str, int]]:
        """(detection, data set) of tests in which the detection found nothing."""
        known = {one.name for one in self.detections}
        return [
            (name, at)
            for at, one in enumerate(self.sets)
            for name in one.tests
            if name in known and self.ran[at].events and name not in self.fired(at)
        ]

    def lost(self) -> list[Warn]:
        """What a process was at when it ended: those cells are not known."""
        found = []
        for one, ran in zip(self.sets, self.ran, strict=True):
            if ran.lost:
                found.append(Warn("matrix.lost", f"the data set is not read: {ran.note}", AGAIN, one.name))
            for name, cell in ran.cells.items():
                if cell.lost:
                    found.append(Warn("matrix.lost", f"{name}: {cell.reason}", AGAIN, one.name))
        return found

    @property
    def cached(self) -> int:
        return sum(one.cached for one in self.ran)

    @property
    def pairs(self) -> int:
        return sum(len(one.cells) for one in self.ran)

    def to_json(self) -> dict[str, Any]:
        sets = [
            {
                "name": one.name,
                "benign": one.benign,
                "events": ran.events,
                "sourcetypes": list(ran.sourcetypes),
                "note": ran.note,
                "tests": list(one.tests),
                "seconds": round(ran.seconds, 3),
                "asked": ran.asked,
                "fired": self.fired(at),
            }
            for at, (one, ran) in enumerate(zip(self.sets, self.ran, strict=True))
        ]
        return {
            "detections": len(self.detections),
            "sets": sets,
            "fired_on_benign": {name: [self.sets[at].name for at in where] for name, where in self.false().items()},
            "missed": [{"detection": name, "set": self.sets[at].name} for name, at in self.missed()],
            "never": self.never(),
            "not_runnable": self.broken(),
            "pairs": self.pairs,
            "cached": self.cached,
            "seconds": round(self.seconds, 3),
            "warnings": [one.to_json() for one in self.warnings],
        }


def run_matrix(
    sets: Sequence[DataSet],
    detections: Sequence[Detection],
    make: Callable[[], Surroundings],
    *,
    keys: Keys,
    cache: Cache | None = None,
    jobs: int = 1,
    ask: bool = True,
    progress: Progress | None = None,
) -> Matrix:
    """Run detections over data sets. `make`: what all share, made once per process; it has to be a function that can be
    sent to one. `keys`: what tells a result from another. Only what the cache does not have is run. `ask`: find out
    first which detections may find something; without it all are run, for the same result. A data set that cannot be
    read is told in its `note`; what a process was at when it ended is told, and is not kept in the cache."""
    begun = time.perf_counter()
    found: dict[int, Ran] = {}
    left: list[Part] = []
    marks: dict[int, str] = {}
    numbers = {one.name: number for number, one in enumerate(detections)}
    for at, one in enumerate(sets):
        marks[at] = keys.data(one.path, (one.sourcetype, one.source, one.host, one.index, one.name))
        held = cache.read(marks[at]) if cache is not None else None
        known = {} if held is None else {name: held.cells[key] for name, key in keys.detections if key in held.cells}
        missing = tuple(number for name, number in numbers.items() if name not in known)
        if held is not None and (not missing or not held.events):
            cells = {name: Cell(*cell) for name, cell in known.items()}
            found[at] = Ran(held.events, held.sourcetypes, held.note, cells, cached=len(cells))
        else:
            left.append(Part(at, missing))
    by_name = dict(keys.detections)
    told = _Told(progress, sets, detections, len(found))
    for at, ran in _ran(sets, detections, left, make, jobs, ask, told.tell):
        found[at] = ran
        if cache is not None and not ran.lost:
            fresh = {by_name[name]: (cell.rows, cell.reason) for name, cell in ran.cells.items() if not cell.lost}
            held = cache.add(marks[at], ran.events, ran.sourcetypes, ran.note, fresh)
            before = {name: Cell(*held.cells[key]) for name, key in keys.detections if key in held.cells}
            cells = {**before, **ran.cells}
            new = len(ran.cells)
            found[at] = Ran(
                ran.events, ran.sourcetypes, ran.note, cells, ran.seconds, len(cells) - new, ran.asked, ran.lost
            )
        told.done(at)
    matrix = Matrix(detections, sets, [found[at] for at in range(len(sets))], time.perf_counter() - begun)
    matrix.warnings = matrix.lost()
    return matrix


@dataclass(slots=True)
class _Told:
    """Progress in words."""

    progress: Progress | None
    sets: Sequence[DataSet]
    detections: Sequence[Detection]
    count: int

    def tell(self, at: At) -> None:
        if self.progress is None:
            return
        match at:
            case (Phase.ASK, _, number) if number >= 0:
                self.progress("asking", number, len(self.detections), self.detections[number].name)
            case (Phase.RUN, place, _):
                self.progress("data sets", self.count, len(self.sets), self.sets[place].name)

    def done(self, at: int) -> None:
        self.count += 1
        if self.progress is not None:
            self.progress("data sets", self.count, len(self.sets), self.sets[at].name)


def _ran(
    sets: Sequence[DataSet],
    detections: Sequence[Detection],
    left: Sequence[Part],
    make: Callable[[], Surroundings],
    jobs: int,
    ask: bool,
    tell: Callable[[At], None],
) -> Iterator[tuple[int, Ran]]:
    if not left:
        return
    if jobs <= 1 or len(left) == 1:
        yield from work(make(), sets, detections, left, tell, ask=ask)
        return
    yield from Pool(sets, detections, make, min(jobs, len(left)), cores(), tell).run(left, ask=ask)
