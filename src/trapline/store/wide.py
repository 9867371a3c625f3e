"""Many small event batches, one per shape, into one wide table. All steps work on whole columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import pyarrow as pa
import pyarrow.compute as pc

from trapline.events import META
from trapline.store.layout import HOST, INDEXTIME, MULTI, RAW, SERIAL, SOURCE, TAIL, TIME, Layout

TEXT = pa.string()
STAMP = pa.timestamp("us", "UTC")
TEXTS = pa.list_(pa.string())
TAIL_TYPE = pa.map_(TEXT, TEXT)
MULTI_TYPE = pa.map_(TEXT, TEXTS)

ROW_GROUP = 122_880
"""Rows of a Parquet row group: DuckDB's own size."""

_ROWS = pa.int64()
_OFFSETS = 2**31 - 1


@dataclass(slots=True)
class Gathered:
    """The columns of several batches, taken apart. A piece of a plain column covers consecutive rows and comes with the
    first; a piece of multivalue cells comes with the row of each."""

    rows: int = 0
    meta: dict[str, list[pa.Array]] = field(default_factory=lambda: defaultdict(list))
    plain: dict[str, list[tuple[int, pa.Array]]] = field(default_factory=lambda: defaultdict(list))
    multi: dict[str, list[tuple[pa.Array, pa.Array]]] = field(default_factory=lambda: defaultdict(list))

    @property
    def counts(self) -> dict[str, int]:
        """Name -> rows of the batches that carry it (an upper bound for the events that have a value)."""
        return {name: sum(len(piece) for _, piece in pieces) for name, pieces in self.plain.items()}


def gather(tables: Sequence[pa.Table]) -> Gathered:
    """Take the tables of `EventBatch`es apart."""
    found = Gathered()
    for table in tables:
        start = found.rows
        for name, column in zip(table.column_names, table.columns, strict=True):
            array = _whole(column)
            if name in META:
                found.meta[name].append(array)
            elif pa.types.is_list(array.type):
                plain, rows, lists = split_lists(array)
                found.plain[name].append((start, plain))
                if len(rows):
                    found.multi[name].append((pc.add(rows, start), lists))
            else:
                found.plain[name].append((start, array if array.type == TEXT else array.cast(TEXT)))
        found.rows += table.num_rows
    return found


def widen(found: Gathered, layout: Layout, indextime: int) -> pa.Table:
    """One table in the physical form of `store.layout`. Every name must have a place in the layout. `indextime`:
    microseconds since 1970.

    Rows are sorted by `_time` (unknown last) and `_serial` only where that lets a reader skip row groups. Within one
    row group they stay as they came, shape after shape: that packs better and saves the gather of every column.
    """
    size = found.rows
    time, serial = _joined(found.meta[TIME], STAMP), _joined(found.meta[SERIAL], pa.int64())
    order = time_order(time, serial) if size > ROW_GROUP else None
    place = pa.arange(0, size) if order is None else pc.inverse_permutation(order, output_type=_ROWS)
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        TIME: time if order is None else time.take(order),
        INDEXTIME: pa.repeat(pa.scalar(indextime, pa.int64()), size).cast(STAMP),
        SERIAL: serial if order is None else serial.take(order),
    }
    for name in (RAW, HOST, SOURCE):
        columns[name] = _spread(_in_line(found.meta[name]), size, order)
    columns[TAIL] = _tail(found, layout, place)
    columns[MULTI] = _multi(found, place)
    for name in layout.columns:
        columns[name] = _spread(found.plain.get(name, ()), size, order)
    return pa.table(columns)


def time_order(time: pa.Array, serial: pa.Array) -> pa.Array:
    """Row numbers sorted by `_time`, then `_serial`; unknown times last."""
    keys = [(TIME, "ascending", "at_end"), (SERIAL, "ascending", "at_end")]
    return pc.sort_indices(pa.table({TIME: time, SERIAL: serial}), keys).cast(_ROWS)


def split_lists(array: pa.ListArray) -> tuple[pa.Array, pa.Array, pa.Array]:
    """A list column as the cells of one value, and the rows and lists of the cells of several. Null values inside a
    list count as absent."""
    if array.type != TEXTS:
        array = array.cast(TEXTS)
    values = array.flatten()
    if values.null_count:
        array = pa.array([cell and [one for one in cell if one is not None] for cell in array.to_pylist()], TEXTS)
        values = array.flatten()
    sizes = pc.list_value_length(array).fill_null(0).cast(_ROWS)
    first = pc.subtract(pc.cumulative_sum(sizes), sizes)
    several = pc.greater(sizes, 1)
    plain = values.take(pc.if_else(pc.equal(sizes, 1), first, pa.scalar(None, _ROWS)))
    return plain, pc.indices_nonzero(several).cast(_ROWS), array.filter(several)


def _tail(found: Gathered, layout: Layout, place: pa.Array) -> pa.Array:
    names = sorted(layout.tail & found.plain.keys())
    rows, keys, values = [], [], []
    for code, name in enumerate(names):
        for start, piece in found.plain[name]:
            at = place.slice(start, len(piece))
            if piece.null_count:
                valid = piece.is_valid()
                at, piece = at.filter(valid), piece.filter(valid)
            rows.append(at)
            keys.append(pa.repeat(pa.scalar(code, pa.int32()), len(piece)))
            values.append(piece)
    return _map(TAIL_TYPE, names, rows, keys, values, len(place))


def _multi(found: Gathered, place: pa.Array) -> pa.Array:
    names = sorted(found.multi)
    rows, keys, values = [], [], []
    for code, name in enumerate(names):
        for at, lists in found.multi[name]:
            rows.append(place.take(at))
            keys.append(pa.repeat(pa.scalar(code, pa.int32()), len(lists)))
            values.append(lists)
    return _map(MULTI_TYPE, names, rows, keys, values, len(place))


def _map(
    kind: pa.MapType,
    names: list[str],
    rows: list[pa.Array],
    codes: list[pa.Array],
    values: list[pa.Array],
    size: int,
) -> pa.Array:
    """A map column from entries given by row, key (a place in `names`) and value. A row without entries is null."""
    if not any(len(piece) for piece in rows):
        return pa.nulls(size, kind)
    row = _joined(rows, _ROWS)
    order = pc.array_sort_indices(row)
    keys = pa.array(names, TEXT).take(_joined(codes, pa.int32()).take(order))
    items = _joined(values, kind.item_type).take(order)
    entries = row.value_counts()
    sizes = entries.field("counts").take(pc.index_in(pa.arange(0, size), entries.field("values")))
    ends = pc.cumulative_sum(sizes.fill_null(0)).cast(pa.int32())
    # Row i is items offsets[i] to offsets[i + 1]; a null offset makes the row null, the last one only closes the array.
    starts = pc.if_else(sizes.is_valid(), pc.subtract(ends, sizes.cast(pa.int32())), pa.scalar(None, pa.int32()))
    return pa.MapArray.from_arrays(pa.concat_arrays([starts, ends.slice(size - 1)]), keys, items)


def _spread(pieces: Sequence[tuple[int, pa.Array]], size: int, order: pa.Array | None) -> pa.Array | pa.ChunkedArray:
    """Text pieces laid at their rows, null between, the whole in `order`. Kept in chunks where possible: no copy, and
    no limit of 32-bit offsets."""
    laid, row = [], 0
    for start, piece in pieces:
        if start > row:
            laid.append(pa.nulls(start - row, TEXT))
        laid.append(piece)
        row = start + len(piece)
    if row < size:
        laid.append(pa.nulls(size - row, TEXT))
    chunked = pa.chunked_array(laid, TEXT)
    if order is None:
        return chunked
    return chunked.combine_chunks().take(order) if chunked.nbytes < _OFFSETS else chunked.take(order)


def _in_line(pieces: Sequence[pa.Array]) -> list[tuple[int, pa.Array]]:
    starts = accumulate((len(piece) for piece in pieces), initial=0)
    return list(zip(starts, pieces, strict=False))


def _joined(pieces: list[pa.Array], kind: pa.DataType) -> pa.Array:
    same = [piece if piece.type == kind else piece.cast(kind) for piece in pieces]
    return same[0] if len(same) == 1 else pa.concat_arrays(same)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks or [pa.nulls(0, column.type)])
