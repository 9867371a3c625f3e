"""What one process does for the matrix: data sets, one after the other, with the detections that may find something.

Most detections look at no event of most data sets. Which data sets have an event that a search looks at is asked once
for many of them (`reach`): their events stand in one store, and each came to it at a moment of its own. The question
reads the conditions on single events only (`Session.origins`), and where it cannot be asked, the detection runs over
all. A detection that is left out has run over another data set before, so that what keeps it from running is known.
"""

from __future__ import annotations

import glob
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

from trapline.content.model import Detection
from trapline.detect import run
from trapline.errors import TraplineError
from trapline.ingest.intake import Evidence, ingest
from trapline.search import Query
from trapline.store import Store
from trapline.testing.matrixsets import DataSet
from trapline.testing.place import Surroundings

WORTH = 8
"""Data sets from which it pays to ask first: to ask of a search costs as much as to run it over a few of them."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One detection over one data set. `reason`: why it could not run. `lost`: the process that ran it ended, which may
    be different the next time."""

    rows: int = 0
    reason: str | None = None
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Ran:
    """All detections over one data set. `cells` by name. `cached`: how many were known from before. `asked`: how many
    surely find nothing, and were not run."""

    events: int
    sourcetypes: tuple[str, ...]
    note: str
    cells: Mapping[str, Cell]
    seconds: float = 0.0
    cached: int = 0
    asked: int = 0
    lost: bool = False
    """The process that read it ended, which may be different the next time."""


@dataclass(frozen=True, slots=True)
class Part:
    """A data set with the detections that are to be run over it, by their places. `lost`: what is known to end the
    process, and how it did. `alone`: each detection reads for itself."""

    at: int
    detections: tuple[int, ...]
    lost: Mapping[int, str] = field(default_factory=dict)
    alone: bool = False


class Phase(StrEnum):
    """What a process is at, for when it ends there."""

    ASK = "ask"
    """Finding out which detections may find something."""
    READ = "read"
    """Reading a data set."""
    SHARE = "share"
    """Making what detections share."""
    RUN = "run"
    """Running a detection."""


At = tuple[Phase, int, int]
"""(phase, data set, detection); -1 for none."""
Tell = Callable[[At], None]


def work(
    around: Surroundings,
    sets: Sequence[DataSet],
    detections: Sequence[Detection],
    parts: Sequence[Part],
    tell: Tell,
    *,
    ask: bool = True,
) -> Iterator[tuple[int, Ran]]:
    """(place, what came of it) of each part. `ask`: find out first which detections may find something."""
    wanted = sorted({number for part in parts for number in part.detections})
    reached: Mapping[int, frozenset[int]] = {}
    if ask and len(parts) >= WORTH:
        reached = reach(around, [(part.at, sets[part.at]) for part in parts], detections, wanted, tell)
    proven: set[int] = set()
    for part in parts:
        tell((Phase.READ, part.at, -1))
        skipped = {
            number
            for number in part.detections
            if number in proven and number in reached and part.at not in reached[number]
        }
        ran = over(around, sets[part.at], detections, part, tell, skipped)
        proven.update(
            number
            for number in part.detections
            if number not in skipped and (cell := ran.cells.get(detections[number].name)) and cell.reason is None
        )
        yield part.at, ran


class _Stamped(Store):
    """A store whose events came at the second that has the number of their data set."""

    stamp = 0

    def moment(self) -> int:
        return self.stamp * 1_000_000


def reach(
    around: Surroundings,
    sets: Sequence[tuple[int, DataSet]],
    detections: Sequence[Detection],
    wanted: Iterable[int],
    tell: Tell,
) -> dict[int, frozenset[int]]:
    """The places of the data sets of which a detection looks at an event, by the number of the detection. One for which
    that cannot be said is not in it."""
    found: dict[int, frozenset[int]] = {}
    numbers = list(wanted)
    with _Stamped.throwaway() as store:
        assert isinstance(store, _Stamped)
        for at, one in sets:
            tell((Phase.READ, at, -1))
            store.stamp = at
            with suppress(TraplineError):  # it says so when its own turn comes
                ingest([_evidence(one)], store, again=True, rules=around.knowledge.index_time)
        tell((Phase.ASK, -1, -1))
        store.compact()
        session = around.session(store)
        if not session.tables:
            return {}
        queries = [Query(detections[number].search) for number in numbers]
        with session.share(queries, more=("_indextime",)):
            for number in numbers:
                tell((Phase.ASK, -1, number))
                with suppress(Exception):  # whatever it is, the detection runs over all data sets, and says so there
                    moments = session.origins(detections[number].search)
                    if moments is not None:
                        found[number] = frozenset(round(one) for one in moments)
    return found


def _evidence(one: DataSet) -> Evidence:
    return Evidence(glob.escape(one.path), one.sourcetype, one.source, one.host, one.index)


def over(
    around: Surroundings,
    one: DataSet,
    detections: Sequence[Detection],
    part: Part,
    tell: Tell,
    skipped: Iterable[int] = (),
) -> Ran:
    """Detections over one data set, in a throwaway store. Those `skipped` find nothing, as is known."""
    begun = time.perf_counter()
    cells = {detections[number].name: Cell() for number in skipped}
    cells |= {detections[number].name: Cell(reason=why, lost=True) for number, why in part.lost.items()}
    numbers = [number for number in part.detections if detections[number].name not in cells]
    with Store.throwaway() as store:
        try:
            report = ingest([_evidence(one)], store, rules=around.knowledge.index_time)
        except TraplineError as error:
            return Ran(0, (), error.reason, {}, time.perf_counter() - begun)
        tables = store.snapshot().tables
        events = sum(table.rows for table in tables)
        notes = [note for file in report.files for note in (file.skipped, file.error) if note]
        if not events:
            return Ran(0, (), "; ".join(notes) or "it holds no events", {}, time.perf_counter() - begun)
        newest = max((table.latest for table in tables if table.latest is not None), default=0)
        order = run.Order(now=newest // 1_000_000 + 1.0, sid="matrix", keep=0)
        session = around.session(store)
        queries = [] if part.alone else [Query(detections[number].search, now=order.now) for number in numbers]
        tell((Phase.SHARE, part.at, -1))
        with session.share(queries):
            for place, number in enumerate(numbers):
                tell((Phase.RUN, part.at, number))
                was = run.one(session, detections[number], around.profile, order, place).outcome
                cells[was.detection] = Cell(was.rows, None if was.error is None else was.error.reason)
    kinds = tuple(sorted({table.sourcetype for table in tables}))
    ordered = {name: cells[name] for number in part.detections if (name := detections[number].name) in cells}
    seconds = time.perf_counter() - begun
    return Ran(events, kinds, "; ".join(notes), ordered, seconds, asked=len(part.detections) - len(numbers))
