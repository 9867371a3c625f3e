"""Events for store tests, and a reader that follows the docstring of `plan.Table` to the letter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb

from trapline.events import Cell, EventBuilder
from trapline.plan import Table
from trapline.store import Portion, Snapshot, Store

T0 = 1_700_000_000_000_000

Event = Mapping[str, Cell]


def portion(
    file_id: str,
    number: int,
    events: Iterable[Event],
    *,
    sourcetype: str = "test",
    time: int | None = T0,
    step: int = 1_000_000,
) -> Portion:
    """A portion of events given by their fields, a second apart. A key `sourcetype` is not a field."""
    builder = EventBuilder()
    for place, event in enumerate(events):
        fields = {name: cell for name, cell in event.items() if name != "sourcetype"}
        builder.add(
            tuple(fields),
            tuple(fields.values()),
            time=None if time is None else time + place * step,
            serial=number * 1000 + place,
            raw=f"{file_id}/{number}/{place}",
            host="h",
            source=file_id,
            sourcetype=str(event.get("sourcetype", sourcetype)),
        )
    return Portion(file_id, number, builder.flush())


def read(table: Table, fields: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of a table by `_raw`: these fields where not null, and `_time` as microseconds."""

    def quoted(name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def text(name: str) -> str:
        return "'" + name.replace("'", "''") + "'"

    picks = ["epoch_us(_time) AS _time", "_raw"]
    for place, name in enumerate(fields):
        single = "NULL"
        if name in table.columns:
            single = quoted(table.columns[name])
        elif name in table.tail:
            single = f"_fields[{text(name)}]"
        several = f"_mv[{text(name)}]" if name in table.multi else "NULL"
        picks += [f"{single} AS s{place}", f"{several} AS m{place}"]
    with duckdb.connect() as engine:
        reader = engine.execute(
            f"SELECT {', '.join(picks)} FROM read_parquet(?, union_by_name = true) ORDER BY _raw", [list(table.files)]
        )
        rows = []
        for time, raw, *found in reader.fetchall():
            row: dict[str, Any] = {"_time": time, "_raw": raw}
            for place, name in enumerate(fields):
                one, several = found[2 * place : 2 * place + 2]
                assert one is None or several is None
                if one is not None or several is not None:
                    row[name] = one if one is not None else several
            rows.append(row)
        return rows


def only(view: Snapshot) -> Table:
    """The one table of a snapshot."""
    (table,) = view.tables
    return table


def raws(store: Store, index: str = "main") -> list[str]:
    """`_raw` of every event of an index, sorted."""
    found: list[str] = []
    for table in store.snapshot([index]).tables:
        found += [row["_raw"] for row in read(table, ())]
    return sorted(found)
