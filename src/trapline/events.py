"""Events on their way from a log source to a store: columnar, grouped by shape, no dict per event.

A *shape* is the tuple of field names that an event carries. Sources hand over names and values; events of one shape
become Arrow columns in one go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

META = ("_time", "_serial", "_raw", "host", "source")
"""Columns that every batch has, beside its sourcetype. `_serial`: place of the event in its file, from 0."""

Cell = str | list[str] | None


@dataclass(frozen=True, slots=True)
class EventBatch:
    """Events of one sourcetype and one shape.

    `table` columns: `_time` timestamp[us, UTC] (null: not known), `_serial` int64, `_raw` string, `host` string (null: not
    known), `source` string, then one column per extracted field: string, or list<string> when the shape repeats it.
    Field names are case-sensitive and unique.
    """

    sourcetype: str
    table: pa.Table


@dataclass(slots=True)
class _Group:
    time: list[int | None] = field(default_factory=list)
    serial: list[int] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    host: list[str | None] = field(default_factory=list)
    source: list[str] = field(default_factory=list)
    values: list[Sequence[Cell]] = field(default_factory=list)


class EventBuilder:
    """Collects events row by row, gives them back as `EventBatch`es.

    Empty texts and empty lists are null: Splunk makes no field of an empty value at extraction.
    """

    def __init__(self) -> None:
        self._groups: dict[tuple[str, tuple[str, ...]], _Group] = {}
        self._rows = 0
        self._bytes = 0

    def __len__(self) -> int:
        return self._rows

    @property
    def size(self) -> int:
        """Characters of raw text held, for bounding memory."""
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
    ) -> None:
        """One event. `time` is in microseconds since 1970 UTC. `names` must be unique; the same tuple object for events
        of one shape keeps this fast."""
        group = self._groups.get((sourcetype, names))
        if group is None:
            group = self._groups[sourcetype, names] = _Group()
        group.time.append(time)
        group.serial.append(serial)
        group.raw.append(raw)
        group.host.append(host)
        group.source.append(source)
        group.values.append(values)
        self._rows += 1
        self._bytes += len(raw)

    def flush(self) -> list[EventBatch]:
        """What was collected, and start anew."""
        batches = [_batch(sourcetype, names, group) for (sourcetype, names), group in self._groups.items()]
        self._groups = {}
        self._rows = self._bytes = 0
        return batches


def _batch(sourcetype: str, names: tuple[str, ...], group: _Group) -> EventBatch:
    columns: dict[str, pa.Array] = {
        "_time": pa.array(group.time, pa.int64()).cast(pa.timestamp("us", "UTC")),
        "_serial": pa.array(group.serial, pa.int64()),
        "_raw": pa.array(group.raw, pa.string()),
        "host": pa.array(group.host, pa.string()),
        "source": pa.array(group.source, pa.string()),
    }
    for name, column in zip(names, zip(*group.values, strict=True), strict=True):
        columns[name] = cells(column)
    return EventBatch(sourcetype, pa.table(columns))


def cells(column: Sequence[Cell]) -> pa.Array:
    """A column of cells as string, or list<string> if any cell is a list. Empty becomes null."""
    if any(isinstance(cell, list) for cell in column):
        lists = [cell if isinstance(cell, list) else [cell] if cell else None for cell in column]
        return pa.array([[v for v in cell if v] or None if cell else None for cell in lists], pa.list_(pa.string()))
    return pa.array([cell or None for cell in column], pa.string())
