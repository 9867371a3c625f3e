"""A sink that keeps what a source finds, and an input made of bytes: to test sources without the intake."""

from __future__ import annotations

import importlib
import io
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import BinaryIO, cast

from trapline.events import RESERVED, Cell, Layout
from trapline.ingest import sources
from trapline.ingest.source import HEAD, SourceModule


@dataclass(frozen=True, slots=True)
class Event:
    """An event as a source gave it; `fields` without those that are empty."""

    fields: Mapping[str, str | list[str]]
    time: int | None
    raw: str
    host: str | None
    source: str | None
    sourcetype: str


@dataclass(slots=True)
class Collector:
    """A `Sink` that checks the contract while it collects."""

    events: list[Event] = field(default_factory=list)
    lost: list[tuple[str, str]] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)
    escaped: bool = False
    named: bool = False
    kept: list[tuple[str, str, str]] = field(default_factory=list)
    """Records kept as text: text, reason, place."""

    def add(
        self,
        names: tuple[str, ...],
        values: Sequence[Cell],
        *,
        time: int | None,
        raw: str,
        host: str | None,
        source: str | None,
        sourcetype: str,
        empties: bool = False,
    ) -> None:
        assert isinstance(names, tuple)
        assert len(set(names)) == len(names) == len(values)
        assert not RESERVED & set(names)
        assert all(isinstance(name, str) and name for name in names)
        for value in values:
            assert value is None or isinstance(value, str) or all(isinstance(one, str) for one in value)
        assert time is None or isinstance(time, int)
        fields = {name: value for name, value in zip(names, values, strict=True) if value or (empties and value == "")}
        self.events.append(Event(fields, time, raw, host, source, sourcetype))

    def put(self, layout: Layout, texts: Sequence[str | None], raw: str) -> None:
        columns = {name: column.to_pylist()[0] for name, column in layout.columns([texts]).items()}
        time, host, source = columns.pop("_time"), columns.pop("host"), columns.pop("source")
        micros = None if time is None else layout.columns([texts])["_time"].cast("int64").to_pylist()[0]
        fields = {name: value for name, value in columns.items() if value}
        self.events.append(Event(fields, micros, raw, host, source, layout.sourcetype))

    def bad(self, reason: str, where: str, count: int = 1) -> None:
        assert len(reason) < 100
        self.lost += [(reason, where)] * count

    def keep(self, raw: str, reason: str, where: str, sourcetype: str) -> None:
        assert len(reason) < 100
        self.kept.append((raw, reason, where))

    @property
    def places(self) -> list[tuple[str, str]]:
        """Of the records kept as text: reason and place."""
        return [(reason, where) for _, reason, where in self.kept]

    def warn(self, reason: str) -> None:
        self.warned.append(reason)


class Bytes:
    """An `Input` that holds its bytes."""

    def __init__(self, data: bytes, name: str = "test.log", mtime: float = 1_700_000_000.0) -> None:
        self.data = data
        self.name = name
        self.mtime = mtime
        self.head = data[:HEAD]

    def open(self) -> BinaryIO:
        return io.BytesIO(self.data)

    def path(self) -> Path:
        raise NotImplementedError("these sources read forward only")


def collect(source: ModuleType, data: bytes | str, *, mtime: float = 1_700_000_000.0) -> Collector:
    """What a source module reads from a file of these bytes."""
    sink = Collector()
    content = data.encode() if isinstance(data, str) else data
    cast("SourceModule", source).read(Bytes(content, mtime=mtime), sink)
    return sink


def chosen(head: bytes, name: str = "test.log") -> str | None:
    """The name of the source that recognises a file, as the intake chooses it."""
    scores: list[tuple[int, str]] = []
    for module in pkgutil.iter_modules(sources.__path__):
        source = cast("SourceModule", importlib.import_module(f"{sources.__name__}.{module.name}"))
        score = source.sniff(head[:HEAD], name)
        assert 0 <= score <= 100
        if score:
            scores.append((-score, module.name))
    return min(scores)[1] if scores else None
