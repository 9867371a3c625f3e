"""Rows that a search made, as events of an index: what `collect` writes."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from trapline.events import Cell, EventBuilder, field_name
from trapline.store.portion import Portion
from trapline.store.store import Store
from trapline.values import Value, value_text

_META = frozenset({"_time", "_raw", "host", "source", "sourcetype", "index"})


def write(store: Store, index: str, rows: Sequence[Mapping[str, Value]]) -> None:
    """Append rows with `_time` (epoch seconds), `_raw`, `source`, `sourcetype`, maybe `host`, and fields. Nothing tells
    these events from others: to write the same rows again doubles them. Raises TraplineError for a name that cannot be
    an index or a sourcetype, EngineError."""
    store.append(index, [portion(f"collect-{uuid.uuid4()}", 0, rows)])


def portion(name: str, number: int, rows: Sequence[Mapping[str, Value]]) -> Portion:
    """Such rows as a part of something that is appended once only: see `Portion`."""
    builder = EventBuilder()
    for serial, row in enumerate(rows):
        fields = {field_name(name): _cell(value) for name, value in row.items() if name not in _META}
        fields = {name: cell for name, cell in fields.items() if cell}
        time = row["_time"]
        assert isinstance(time, int | float)
        builder.add(
            tuple(fields),
            tuple(fields.values()),
            time=round(time * 1e6),
            serial=serial,
            raw=value_text(row["_raw"]),
            host=value_text(row["host"]) if "host" in row else None,
            source=value_text(row["source"]),
            sourcetype=value_text(row["sourcetype"]),
        )
    return Portion(name, number, builder.flush())


def _cell(value: Value) -> Cell:
    return [value_text(one) for one in value] if isinstance(value, list) else value_text(value)
