"""Fields whose names are in the data: pairs of name and value, computed per row, become columns.

Shared by spath, extract, xmlkv and fromjson. The engine gives each row's pairs as one list (name, value, name, value
...); the plan so far runs once, and its rows go on with the columns that the pairs name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import pyarrow as pa

from trapline.plan import Aggregate, Col, Expand, Expr, Extend, Node, Rows, call, only
from trapline.spl.command import Context
from trapline.values import Kind, number_text

MAX_COLUMNS = 512
"""limits.conf [kv] maxcols: how many new fields one extraction makes"""

PAIRS = "_pairs"


class Existing(StrEnum):
    """What becomes of a field that a row has already."""

    REPLACE = "replace"
    KEEP = "keep"
    APPEND = "append"


def spread(
    context: Context,
    source: Node,
    pairs: Expr,
    *,
    what: str,
    existing: Existing = Existing.REPLACE,
    repeats: bool = True,
    prefix: str = "",
) -> Node:
    """The rows of `source` with a field per name in `pairs`. A name that repeats within a row makes a multivalue, or
    with `repeats` off its first value counts. Adds a warning where there are more than `MAX_COLUMNS` names."""
    rows = context.held(_read(context, source, Extend(source, ((PAIRS, pairs),)), prefix))
    if PAIRS not in rows.schema:
        return rows
    names = [name for name in rows.schema if name != PAIRS]
    columns = dict(zip(rows.schema, rows.data.columns, strict=True))
    found, left_out = _collect(columns[PAIRS].to_pylist(), prefix)
    if left_out:
        context.warnings.add(
            "fields-cut",
            f"{what} found more than {MAX_COLUMNS} field names and left {left_out:,} out, as Splunk does",
            hint="name the ones to extract",
        )
    schema: dict[str, Kind] = {name: rows.schema[name] for name in names}
    arrays: dict[str, Any] = {name: columns[name] for name in names}
    for name, cells in found.items():
        if not repeats:
            cells = {row: values[:1] for row, values in cells.items()}
        old = _old_cells(columns[name], rows.schema[name]) if name in schema else None
        schema[name], arrays[name] = _column(cells, old, rows.data.num_rows, existing)
    data = pa.Table.from_arrays([arrays[name] for name in schema], names=[str(place) for place in range(len(schema))])
    return Rows(schema, data)


def _read(context: Context, source: Node, node: Node, prefix: str) -> Node:
    """Of many fields those that the stages after this one read, whatever names there are in the pairs."""
    if context.read_later(source.schema) is None:
        return node
    names = call("pairs_names", Kind.MULTI, Col(PAIRS, Kind.MULTI))
    each = Expand(Extend(node, ((PAIRS, names),)), PAIRS)
    found = context.rows(Aggregate(each, ((PAIRS, Col(PAIRS, Kind.TEXT)),), ()))
    schema = {**source.schema, **{f"{prefix}{row[PAIRS]}": Kind.MULTI for row in found}}
    read = context.read_later(schema)
    if read is None:
        return node
    return only(node, read | {PAIRS})


def _collect(lists: Sequence[Sequence[str] | None], prefix: str) -> tuple[dict[str, dict[int, list[str]]], int]:
    """Values by name and row, and how many names were beyond the limit."""
    found: dict[str, dict[int, list[str]]] = {}
    beyond: set[str] = set()
    for row, pairs in enumerate(lists):
        if pairs is None:
            continue
        for name, value in zip(pairs[::2], pairs[1::2], strict=True):
            full = prefix + name
            cells = found.get(full)
            if cells is None:
                if len(found) >= MAX_COLUMNS:
                    beyond.add(full)
                    continue
                cells = found[full] = {}
            cells.setdefault(row, []).append(value)
    return found, len(beyond)


def _old_cells(column: Any, kind: Kind) -> list[list[str] | None]:
    cells = column.to_pylist()
    match kind:
        case Kind.MULTI:
            return list(cells)
        case Kind.NUMBER:
            return [None if cell is None else [number_text(cell)] for cell in cells]
    return [None if cell is None else [cell] for cell in cells]


def _column(
    cells: Mapping[int, list[str]], old: Sequence[list[str] | None] | None, count: int, existing: Existing
) -> tuple[Kind, Any]:
    values: list[list[str] | None] = [None] * count if old is None else list(old)
    for row, new in cells.items():
        before = values[row]
        if before is None or existing is Existing.REPLACE:
            values[row] = new
        elif existing is Existing.APPEND:
            values[row] = [*before, *new]
    if any(value is not None and len(value) != 1 for value in values):
        return Kind.MULTI, pa.array(values, pa.list_(pa.string()))
    return Kind.TEXT, pa.array([None if value is None else value[0] for value in values], pa.string())
