"""Rows in and out of the engine: JSON-like rows as a plan, and a result as rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from trapline.plan import Rows, widen
from trapline.values import Kind, Row, Scalar, Value, number_text

if TYPE_CHECKING:
    from trapline.engines.duckdb import Output


def rows_from(rows: Iterable[Mapping[str, Any]]) -> Rows:
    """JSON-like rows as a plan: text, numbers, booleans (as true/false), lists of these; None and empty lists are
    null."""
    found = [dict(row) for row in rows]
    try:
        return _rows(found)
    except UnicodeEncodeError:
        return _rows(_whole(found))


def _whole(value: Any) -> Any:
    """A JSON value without halves of surrogate pairs, which JSON can hold and UTF-8 cannot: they become `?`."""
    match value:
        case str():
            return value.encode("utf-8", "replace").decode("utf-8")
        case list() | tuple():
            return [_whole(one) for one in value]
        case dict():
            return {_whole(name): _whole(one) for name, one in value.items()}
    return value


def _rows(found: Sequence[Mapping[str, Any]]) -> Rows:
    names = list(dict.fromkeys(name for row in found for name in row))
    schema: dict[str, Kind] = {}
    columns: list[pa.Array] = []
    for name in names:
        cells = [_cell(row.get(name)) for row in found]
        kind = _kind(cells)
        schema[name] = kind
        columns.append(_column(cells, kind))
    if not columns:
        # A table without columns still has as many rows as were given.
        return Rows({"_none": Kind.TEXT}, pa.table({"_none": pa.nulls(len(found), pa.string())}))
    return Rows(schema, pa.Table.from_arrays(columns, names=names))


def _cell(value: Any) -> Value | None:
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case int() | float():
            return _number(value)
        case list() | tuple():
            parts = [cell for cell in map(_cell, value) if cell is not None and not isinstance(cell, list)]
            return parts or None
        case dict():
            import json

            return json.dumps(value, ensure_ascii=False)
    return str(value)


def _number(value: float) -> Scalar:
    """A number as doubles hold it; what they do not hold is text."""
    try:
        number = float(value)
    except OverflowError:
        return "inf" if value > 0 else "-inf"
    return number if math.isfinite(number) else str(number)


def _kind(cells: Sequence[Value | None]) -> Kind:
    kind: Kind | None = None
    for cell in cells:
        if cell is None:
            continue
        own = Kind.MULTI if isinstance(cell, list) else Kind.TEXT if isinstance(cell, str) else Kind.NUMBER
        kind = own if kind is None else widen(kind, own)
    return kind or Kind.TEXT


def _column(cells: Sequence[Value | None], kind: Kind) -> pa.Array:
    match kind:
        case Kind.NUMBER:
            return pa.array(cells, pa.float64())
        case Kind.MULTI:
            lists = [None if c is None else [_text(v) for v in c] if isinstance(c, list) else [_text(c)] for c in cells]
            return pa.array(lists, pa.list_(pa.string()))
        case _:
            assert kind is Kind.TEXT
            return pa.array([None if c is None or isinstance(c, list) else _text(c) for c in cells], pa.string())


def _text(value: Scalar) -> str:
    return value if isinstance(value, str) else number_text(float(value))


def kept_rows(output: Output, *, keep: bool) -> Rows:
    """A result as a plan. Without `keep`, fields that hold nothing are left out."""
    schema: dict[str, Kind] = {}
    arrays: list[Any] = []
    for name, kind, data in zip(output.fields, output.kinds, output.data.columns, strict=False):
        if keep or data.null_count < len(data):
            schema[name] = kind
            arrays.append(data)
    if not arrays:
        return Rows({"_none": Kind.TEXT}, pa.table({"_none": pa.nulls(output.data.num_rows, pa.string())}))
    return Rows(schema, pa.Table.from_arrays(arrays, names=[str(place) for place in range(len(arrays))]))


def rows_of(output: Output) -> tuple[tuple[str, ...], list[Row]]:
    """A result as rows; whole numbers are ints, a multivalue of one value is that value. A number beyond what a double
    holds is null, as in the results of functions."""
    rows: list[Row] = [{} for _ in range(output.data.num_rows)]
    for name, kind, data in zip(output.fields, output.kinds, output.data.columns, strict=False):
        if data.null_count == len(data):
            continue  # of whole events most fields hold nothing
        for row, cell in zip(rows, data.to_pylist(), strict=True):
            if cell is None:
                continue
            match kind:
                case Kind.NUMBER:
                    if math.isfinite(cell):
                        row[name] = int(cell) if abs(cell) < 1e16 and cell == int(cell) else cell
                case Kind.MULTI:
                    values = [value for value in cell if value is not None]
                    if values:
                        row[name] = values[0] if len(values) == 1 else values
                case _:
                    row[name] = cell
    fields = tuple(name for name in output.fields if name != "_none")
    for row in rows:
        row.pop("_none", None)
    return fields, rows
