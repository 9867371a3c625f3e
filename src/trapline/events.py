"""Events on their way from a log source to a store: columnar, grouped by shape, no dict per event.

A *shape* is the tuple of field names that an event carries. Sources hand over names and values; events of one shape
become Arrow columns in one go.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

META = ("_time", "_serial", "_raw", "host", "source")
"""Columns that every batch has, beside its sourcetype. `_serial`: place of the event in its file, from 0."""

RESERVED = frozenset({*META, "_indextime", "index", "sourcetype"})
"""Names that an extracted field cannot take."""

Cell = str | list[str] | None

_DIRTY = re.compile(r"[^A-Za-z0-9_]")


def field_name(name: str, *, clean: bool = False) -> str:
    """The name under which a value that a log calls `name` is stored.

    `clean`: every character but ASCII letters, digits and `_` becomes `_`, leading `_` and digits go, as Splunk does
    for extractions with CLEAN_KEYS (transforms.conf; `Product Name` -> `Product_Name`). A name of Splunk's own metadata
    gets the prefix `extracted_` (as with INDEXED_EXTRACTIONS, props.conf). Empty when nothing is left.
    """
    if clean:
        name = _DIRTY.sub("_", name).lstrip("_0123456789")
    return f"extracted_{name.lstrip('_')}" if name in RESERVED else name


@dataclass(frozen=True, slots=True)
class EventBatch:
    """Events of one sourcetype and one shape.

    `table` columns: `_time` timestamp[us, UTC] (null: not known), `_serial` int64, `_raw` string, `host` string (null:
    not known), `source` string, then one column per extracted field: string, or list<string> when the shape repeats it.
    Field names are case-sensitive and unique.
    """

    sourcetype: str
    table: pa.Table


SHAPE_SIZE = 8192
"""Memory that a shape costs beside its values, about, as a batch of few events. Where every event has a shape of its
own (random keys in JSON), that is most of it."""


class Layout(Protocol):
    """How texts captured from events of one shape become columns, many events at a time.

    For `EventBuilder.put`: at 100,000 events a second nothing can be done per value. Compared and hashed by identity.
    """

    @property
    def sourcetype(self) -> str: ...

    def columns(self, rows: Sequence[Sequence[str | None]]) -> Mapping[str, pa.Array]:
        """The columns `_time`, `host`, `source` (null where not known; see `EventBatch`) and those of the fields, of
        `len(rows)` values each."""
        ...


@dataclass(slots=True)
class _Captured:
    serial: list[int] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    rows: list[Sequence[str | None]] = field(default_factory=list)


@dataclass(slots=True)
class _Group:
    time: list[int | None] = field(default_factory=list)
    serial: list[int] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    host: list[str | None] = field(default_factory=list)
    source: list[str] = field(default_factory=list)
    values: list[Sequence[Cell]] = field(default_factory=list)
    empties: bool = False


class EventBuilder:
    """Collects events row by row, gives them back as `EventBatch`es.

    Empty texts and empty lists are null: Splunk makes no field of an empty value at extraction (transforms.conf.spec,
    KEEP_EMPTY_VALS), except of those of JSON: `add(.., empties=True)`.
    """

    def __init__(self) -> None:
        self._groups: dict[tuple[str, tuple[str, ...], bool], _Group] = {}
        self._captured: dict[Layout, _Captured] = {}
        self._rows = 0
        self._bytes = 0

    def __len__(self) -> int:
        return self._rows

    @property
    def size(self) -> int:
        """Characters of raw text held and `SHAPE_SIZE` for every shape, for bounding memory."""
        return self._bytes

    def add(
        self,
        names: tuple[str, ...],
        values: Sequence[Cell],
        *,
        time: int | None,
        serial: int,
        raw: str,
        host: str | None,
        source: str,
        sourcetype: str,
        empties: bool = False,
    ) -> None:
        """One event. `time` is in microseconds since 1970 UTC. `names` must be unique; the same tuple object for events
        of one shape keeps this fast. `empties`: an empty text is a value."""
        group = self._groups.get((sourcetype, names, empties))
        if group is None:
            group = self._groups[sourcetype, names, empties] = _Group(empties=empties)
            self._bytes += SHAPE_SIZE
        group.time.append(time)
        group.serial.append(serial)
        group.raw.append(raw)
        group.host.append(host)
        group.source.append(source)
        group.values.append(values)
        self._rows += 1
        self._bytes += len(raw)

    def put(self, layout: Layout, texts: Sequence[str | None], *, serial: int, raw: str) -> int:
        """One event by the texts captured from it, as `layout` understands them. Gives back `size`."""
        try:
            group = self._captured[layout]
        except KeyError:
            group = self._captured[layout] = _Captured()
            self._bytes += SHAPE_SIZE
        group.serial.append(serial)
        group.raw.append(raw)
        group.rows.append(texts)
        self._rows += 1
        self._bytes = size = self._bytes + len(raw)
        return size

    def flush(self) -> list[EventBatch]:
        """What was collected, and start anew. Events keep their order within a batch, not between batches."""
        batches = [_batch(sourcetype, names, group) for (sourcetype, names, _), group in self._groups.items()]
        batches += [_captured_batch(layout, group) for layout, group in self._captured.items()]
        self._groups = {}
        self._captured = {}
        self._rows = self._bytes = 0
        return batches


def _captured_batch(layout: Layout, group: _Captured) -> EventBatch:
    columns = dict(layout.columns(group.rows))
    ordered = {
        "_time": columns.pop("_time"),
        "_serial": pa.array(group.serial, pa.int64()),
        "_raw": texts(group.raw),
        "host": columns.pop("host"),
        "source": columns.pop("source"),
    }
    return EventBatch(layout.sourcetype, pa.table(ordered | columns))


def _batch(sourcetype: str, names: tuple[str, ...], group: _Group) -> EventBatch:
    columns: dict[str, pa.Array] = {
        "_time": pa.array(group.time, pa.int64()).cast(pa.timestamp("us", "UTC")),
        "_serial": pa.array(group.serial, pa.int64()),
        "_raw": texts(group.raw),
        "host": texts(group.host),
        "source": texts(group.source),
    }
    for name, column in zip(names, zip(*group.values, strict=True), strict=True):
        columns[_name(name, columns)] = cells(column, empties=group.empties)
    return EventBatch(sourcetype, pa.table(columns))


def cells(column: Sequence[Cell], *, empties: bool = False) -> pa.Array:
    """A column of cells as string, or list<string> if any cell is a list. Empty becomes null; with `empties` only an
    empty list does."""
    if not any(isinstance(cell, list) for cell in column):
        plain = [cell for cell in column if not isinstance(cell, list)]
        return texts(plain if empties else [cell or None for cell in plain])
    lists = [cell if isinstance(cell, list) or cell is None else [cell] for cell in column]
    kept = [None if cell is None else cell if empties else [value for value in cell if value] for cell in lists]
    try:
        return pa.array([cell or None for cell in kept], pa.list_(pa.string()))
    except UnicodeEncodeError:
        whole = [[_whole(value) for value in cell] if cell else None for cell in kept]
        return pa.array(whole, pa.list_(pa.string()))


def texts(column: Sequence[str | None]) -> pa.Array:
    """A column of texts. Lone surrogates, which UTF-8 cannot hold, become `?`."""
    try:
        return pa.array(column, pa.string())
    except UnicodeEncodeError:
        return pa.array([None if text is None else _whole(text) for text in column], pa.string())


def _name(name: str, taken: Container[str]) -> str:
    """The name of a column: as it is, but half of a surrogate pair is written out."""
    if name.isascii():
        return name
    whole = name.encode("utf-8", "backslashreplace").decode("utf-8")
    while whole != name and whole in taken:
        whole += "_"
    return whole


def _whole(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
