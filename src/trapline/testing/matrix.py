"""Every detection over every data set: which fire, which never do, which fire where nothing is wrong.

A data set is a file below a folder. What its events are called comes from the tests that name it, as far as there are
any; else from its content. All detections run over it at once, by the hunt's own machinery: what they read of data
models is read once. "Now" is the moment after the newest event, so that the answer does not depend on the day.
"""

from __future__ import annotations

import glob
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from trapline.content import yamlfile
from trapline.content.catalog import Content
from trapline.content.model import Detection
from trapline.detect import run
from trapline.detect.run import Progress
from trapline.errors import InputError, TraplineError, Warn
from trapline.ingest.intake import Evidence, ingest
from trapline.store import Store
from trapline.testing.datasets import PACKED, location
from trapline.testing.mapping import Entry
from trapline.testing.matrixcache import Cache, Keys
from trapline.testing.place import Surroundings
from trapline.testing.pool import context

BENIGN = "benign"
"""A folder of this name holds data sets in which nothing is wrong."""
LIST = "benign.yml"
"""The file in the folder of the data that lists such data sets, as patterns."""
MOST = 10_000
"""Data sets."""
_Kind = tuple[str | None, str | None, str | None, str | None]
_NOTHING: _Kind = (None, None, None, None)
_NO_DATA = (".yml", ".yaml", ".md", ".rst", ".py", ".ps1", ".sh", ".html", ".png", ".jpg", ".svg", ".pdf")


@dataclass(frozen=True, slots=True)
class DataSet:
    """A file of events. `name`: its path below the folder, with what it is taken for where that is not alone."""

    name: str
    path: str
    sourcetype: str | None = None
    source: str | None = None
    host: str | None = None
    index: str | None = None
    benign: bool = False
    tests: tuple[str, ...] = ()
    """The detections that have it for a test."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One detection over one data set. `reason`: why it could not run."""

    rows: int = 0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Ran:
    """All detections over one data set. `cells` by name. `cached`: how many were known from before."""

    events: int
    sourcetypes: tuple[str, ...]
    note: str
    cells: Mapping[str, Cell]
    seconds: float = 0.0
    cached: int = 0


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


def find(content: Content, folder: Path, mapping: Sequence[Entry] = (), benign: Sequence[str] = ()) -> list[DataSet]:
    """The data sets below a folder. `benign`: patterns of paths below it, beside those of its `benign.yml`. A file that
    tests take for different things is several data sets. Raises InputError for a list that is none, and where there is
    no file or there are too many."""
    root = folder.resolve()
    patterns = [*benign, *_listed(root / LIST)]
    named = _named(content)
    found: list[DataSet] = []
    for path in _files(root):
        relative = path.relative_to(root).as_posix()
        harmless = BENIGN in PurePosixPath(relative).parts[:-1] or any(fnmatchcase(relative, one) for one in patterns)
        kinds: dict[_Kind, list[str]] = {}
        for detection, data in _tests_of(content, path, relative, named, mapping):
            kind = (data.sourcetype or None, data.source or None, data.host or None, data.index or None)
            kinds.setdefault(kind, []).append(detection.name)
        for kind, tests in (kinds or {_NOTHING: []}).items():
            name = relative if len(kinds) < 2 else f"{relative} as {kind[0]}, {kind[1]}"
            found.append(DataSet(name, str(path), *kind, harmless, tuple(dict.fromkeys(tests))))
    if not found:
        raise InputError("there is no data set below this folder", file=str(folder), code="matrix.data")
    return found


def _files(root: Path) -> Iterator[Path]:
    count = 0
    for path in sorted(root.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if hidden or not path.is_file() or path.suffix.lower() in _NO_DATA or path.name.upper().startswith("LICENSE"):
            continue
        count += 1
        if count > MOST:
            raise InputError(f"more than {MOST:,} files", file=str(root), hint="name a part of it", code="matrix.data")
        yield path


def _listed(path: Path) -> list[str]:
    if not path.is_file():
        return []
    documents = yamlfile.parse(path.read_text(encoding="utf-8", errors="replace"), str(path))
    found = [] if not documents else documents[0].value or []
    if not isinstance(found, list) or not all(isinstance(one.value, str) for one in found):
        raise InputError(
            "a list of patterns is wanted here", file=str(path), hint="write - normal/*", code="matrix.benign"
        )
    return [str(one.value) for one in found]


def _named(content: Content) -> dict[str, list[tuple[str, Detection, Any]]]:
    """The data sets of all tests by file name: where they are, whose they are."""
    found: dict[str, list[tuple[str, Detection, Any]]] = {}
    for detection in content.detections:
        for test in detection.tests:
            for data in test.attack_data:
                place = location(data.data)
                found.setdefault(PurePosixPath(place).name, []).append((place, detection, data))
    return found


def _tests_of(
    content: Content,
    path: Path,
    relative: str,
    named: Mapping[str, list[tuple[str, Detection, Any]]],
    mapping: Sequence[Entry],
) -> Iterator[tuple[Detection, Any]]:
    """The tests that name a file: by the user's mapping, else by the end of its path."""
    entries = [one for one in mapping if one.path.resolve() == path]
    for entry in entries:
        for detection in content.detections:
            for test in detection.tests:
                for data in test.attack_data:
                    same = entry.data and location(data.data).endswith(location(entry.data))
                    if same or (entry.detection and entry.fits(detection, data)):
                        yield detection, data
    if entries:
        return
    name = relative
    for ending in ("", *PACKED):
        plain = name.removesuffix(ending)
        for place, detection, data in named.get(PurePosixPath(plain).name, ()):
            # One folder at least has to agree: many data sets are called windows-sysmon.log.
            if f"/{path.as_posix().removesuffix(ending)}".endswith(f"/{place}") or (
                "/" in plain and f"/{place}".endswith(f"/{plain}")
            ):
                yield detection, data


def run_matrix(
    sets: Sequence[DataSet],
    detections: Sequence[Detection],
    make: Callable[[], Surroundings],
    *,
    keys: Keys,
    cache: Cache | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Matrix:
    """Run detections over data sets. `make`: what all share, made once per process; it has to be a function that can be
    sent to one. `keys`: what tells a result from another. Only what the cache does not have is run. A data set that
    cannot be read is told in its `note`."""
    begun = time.perf_counter()
    found: dict[int, Ran] = {}
    left: dict[int, list[Detection]] = {}
    marks: dict[int, str] = {}
    for at, one in enumerate(sets):
        marks[at] = keys.data(one.path, (one.sourcetype, one.source, one.host, one.index, one.name))
        held = cache.read(marks[at]) if cache is not None else None
        known = {} if held is None else {name: held.cells[key] for name, key in keys.detections if key in held.cells}
        missing = [detection for detection in detections if detection.name not in known]
        if held is not None and (not missing or not held.events):
            cells = {name: Cell(*cell) for name, cell in known.items()}
            found[at] = Ran(held.events, held.sourcetypes, held.note, cells, cached=len(cells))
        else:
            left[at] = missing
    done = len(found)
    for at, ran in _ran(sets, left, make, jobs):
        by_name = dict(keys.detections)
        if cache is not None:
            fresh = {by_name[name]: (cell.rows, cell.reason) for name, cell in ran.cells.items()}
            held = cache.add(marks[at], ran.events, ran.sourcetypes, ran.note, fresh)
            before = {name: Cell(*held.cells[key]) for name, key in keys.detections if key in held.cells}
            found[at] = Ran(ran.events, ran.sourcetypes, ran.note, before, ran.seconds, len(before) - len(ran.cells))
        else:
            found[at] = ran
        done += 1
        if progress is not None:
            progress("data sets", done, len(sets), sets[at].name)
    return Matrix(detections, sets, [found[at] for at in range(len(sets))], time.perf_counter() - begun)


def _ran(
    sets: Sequence[DataSet], left: Mapping[int, list[Detection]], make: Callable[[], Surroundings], jobs: int
) -> Iterator[tuple[int, Ran]]:
    if not left:
        return
    if jobs <= 1 or len(left) == 1:
        around = make()
        for at, detections in left.items():
            yield at, over(around, sets[at], detections)
        return
    with ProcessPoolExecutor(
        min(jobs, len(left)), mp_context=context(), initializer=_prepare, initargs=(make,)
    ) as pool:
        waiting = {pool.submit(_work, sets[at], detections): at for at, detections in left.items()}
        try:
            for one in as_completed(waiting):
                yield waiting[one], one.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


_AROUND: list[Surroundings] = []
"""Of a process that works for another one."""


def _prepare(make: Callable[[], Surroundings]) -> None:
    _AROUND[:] = [make()]


def _work(one: DataSet, detections: Sequence[Detection]) -> Ran:
    return over(_AROUND[0], one, detections)


def over(around: Surroundings, one: DataSet, detections: Sequence[Detection]) -> Ran:
    """All detections over one data set, in a throwaway store."""
    begun = time.perf_counter()
    evidence = Evidence(glob.escape(one.path), one.sourcetype, one.source, one.host, one.index)
    with Store.throwaway() as store:
        try:
            report = ingest([evidence], store, rules=around.knowledge.index_time)
        except TraplineError as error:
            return Ran(0, (), error.reason, {}, time.perf_counter() - begun)
        tables = store.snapshot().tables
        events = sum(table.rows for table in tables)
        notes = [note for file in report.files for note in (file.skipped, file.error) if note]
        if not events:
            return Ran(0, (), "; ".join(notes) or "it holds no events", {}, time.perf_counter() - begun)
        newest = max((table.latest for table in tables if table.latest is not None), default=0)
        order = run.Order(now=newest // 1_000_000 + 1.0, sid="matrix", keep=0)
        found = run.run(around.session(store), detections, around.profile, order)
    cells = {was.detection: Cell(was.rows, None if was.error is None else was.error.reason) for was in found.outcomes}
    kinds = tuple(sorted({table.sourcetype for table in tables}))
    return Ran(events, kinds, "; ".join(notes), cells, time.perf_counter() - begun)
