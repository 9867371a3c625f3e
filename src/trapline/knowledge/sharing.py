"""What a batch of searches shares: each dataset of a data model once, with the fields that the batch reads of it.

A hunt runs hundreds of detections that read the same few datasets. All are known beforehand, and so are the fields that
each reads (`TStats.read`) and its time range. Uses of a dataset whose time ranges are alike share one materialisation
over the range that holds them all; a search then takes its own part of it. A search reads a shared dataset only if
everything that it asks for is there; else it reads the events, as it would alone. Rows and their order are the same.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Protocol, runtime_checkable

from trapline.errors import Warn
from trapline.plan import Col, Expr, Filter, Node, Project, Rows, both, call, number
from trapline.spl.datasets import Dataset
from trapline.spl.filter import Filter as Tree
from trapline.values import Kind

ALIKE = 4.0
"""Time ranges share a materialisation that is at most so many times as long as the longest of them."""

Name = tuple[str, str]
"""A data model and a dataset of it."""


@runtime_checkable
class Reader(Protocol):
    """A command that reads a dataset and knows what of it: tstats."""

    tree: Tree

    def source(self) -> tuple[str, str | None] | None:
        """The data model and the dataset, None for all its roots; None where it reads events."""
        ...

    def read(self) -> frozenset[str] | None:
        """The fields that it reads, with prefix; None where that is not known beforehand."""
        ...


def readers(value: object) -> Iterator[Reader]:
    """The commands of a search, and of the searches in it, that read datasets. `value`: a Pipeline, or a part of it."""
    if isinstance(value, tuple | list):
        for one in value:
            yield from readers(one)
    elif is_dataclass(value) and not isinstance(value, type):
        reads, names = _parts(value)
        if reads:
            assert isinstance(value, Reader)
            yield value
        for name in names:
            yield from readers(getattr(value, name))


_KINDS: dict[type, tuple[bool, tuple[str, ...]]] = {}
"""By class: whether it is a reader, and its fields. To ask a protocol each time takes longer than all the rest."""


def _parts(value: Any) -> tuple[bool, tuple[str, ...]]:
    kind = type(value)
    known = _KINDS.get(kind)
    if known is None:
        known = _KINDS[kind] = (isinstance(value, Reader), tuple(one.name for one in fields(value)))
    return known


@dataclass(frozen=True, slots=True)
class Use:
    """A command that reads a dataset. `read`: the fields, with prefix. Times: epoch seconds, None = open."""

    model: str
    dataset: str
    read: frozenset[str]
    earliest: float | None
    latest: float | None


@dataclass(slots=True)
class Shared:
    """A dataset that several uses share. `seconds`: what it took to make."""

    model: str
    dataset: str
    read: set[str]
    earliest: float | None
    latest: float | None
    uses: int = 1
    rows: int = 0
    seconds: float = 0.0
    kept: Dataset | None = None
    warnings: tuple[Warn, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.model}.{self.dataset}"

    def covers(self, read: frozenset[str], earliest: float | None, latest: float | None) -> bool:
        return (
            self.kept is not None
            and read <= self.read
            and (self.earliest is None or (earliest is not None and earliest >= self.earliest))
            and (self.latest is None or (latest is not None and latest <= self.latest))
        )

    def between(self, earliest: float | None, latest: float | None) -> Dataset:
        """The dataset in a time range within its own."""
        assert self.kept is not None
        node = self.kept.node
        when = Col("_time", Kind.NUMBER)
        bounds = []
        if earliest is not None and earliest != self.earliest:
            bounds.append(call("ge", Kind.BOOL, when, number(earliest)))
        if latest is not None and latest != self.latest:
            bounds.append(call("lt", Kind.BOOL, when, number(latest)))
        return Dataset(self.model, self.dataset, Filter(node, both(bounds)) if bounds else node, self.kept.owned)

    def takes(self, use: Use) -> bool:
        """Would one materialisation for both be no waste? Those that are open on the same side share."""
        if (self.earliest is None) != (use.earliest is None) or (self.latest is None) != (use.latest is None):
            return False
        if self.earliest is None or self.latest is None or use.earliest is None or use.latest is None:
            return True
        hull = max(self.latest, use.latest) - min(self.earliest, use.earliest)
        shortest = min(self.latest - self.earliest, use.latest - use.earliest)
        return hull <= ALIKE * shortest

    def add(self, use: Use) -> None:
        self.read |= use.read
        self.uses += 1
        if self.earliest is not None and use.earliest is not None:
            self.earliest = min(self.earliest, use.earliest)
        if self.latest is not None and use.latest is not None:
            self.latest = max(self.latest, use.latest)


class Keeper(Protocol):
    """An engine that can hold rows."""

    def keep(self, node: Node, *, tz: str = "UTC") -> Rows: ...
    def drop(self, rows: Rows) -> None: ...


@dataclass(slots=True)
class Sharing:
    """The shared datasets of a batch."""

    found: list[Shared] = field(default_factory=list)
    _by_name: dict[Name, list[Shared]] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return sum(one.seconds for one in self.found)

    def find(
        self, model: str, dataset: str, read: frozenset[str], earliest: float | None, latest: float | None
    ) -> Shared | None:
        """What a use can read, the smallest first."""
        fit = [one for one in self._by_name.get((model, dataset), ()) if one.covers(read, earliest, latest)]
        return min(fit, key=lambda one: one.rows) if fit else None

    def put(self, one: Shared) -> None:
        self.found.append(one)
        self._by_name.setdefault((one.model, one.dataset), []).append(one)

    def clear(self, engine: Keeper) -> None:
        """Let go of the rows."""
        for one in self.found:
            if one.kept is not None and isinstance(one.kept.node, Rows):
                engine.drop(one.kept.node)
            one.kept = None
        self._by_name.clear()


def planned(uses: Iterable[Use]) -> list[Shared]:
    """What is worth materialising: the datasets that are used more than once in time ranges that are alike."""
    groups: dict[Name, list[Shared]] = {}
    for use in sorted(uses, key=_order):
        known = groups.setdefault((use.model, use.dataset), [])
        for one in known:
            if one.takes(use):
                one.add(use)
                break
        else:
            known.append(Shared(use.model, use.dataset, set(use.read), use.earliest, use.latest))
    return [one for known in groups.values() for one in known if one.uses > 1]


def _order(use: Use) -> tuple[float, float]:
    """Longest time ranges first: shorter ones then join those that hold them, where they are alike."""
    earliest = float("-inf") if use.earliest is None else use.earliest
    latest = float("inf") if use.latest is None else use.latest
    return (earliest - latest, -latest)


def make(shared: Shared, dataset: Dataset, engine: Keeper, tz: str, more: Collection[str] = ()) -> None:
    """Materialise, with `more` fields of its events than are read. Raises as the engine does."""
    begun = time.perf_counter()
    rows = engine.keep(Project(dataset.node, fields_read(dataset, {*shared.read, *more})), tz=tz)
    shared.kept = Dataset(dataset.model, dataset.name, rows, dataset.owned)
    shared.rows = int(rows.data.num_rows)
    shared.seconds = time.perf_counter() - begun


def fields_read(dataset: Dataset, read: Collection[str]) -> tuple[tuple[str, Expr], ...]:
    """The fields of a dataset's node that stand for names with prefix, and the time."""
    wanted = {plain for plain, whole in dataset.owned.items() if whole in read} | set(read) | {"_time"}
    return tuple((name, Col(name, kind)) for name, kind in dataset.node.schema.items() if name in wanted)
