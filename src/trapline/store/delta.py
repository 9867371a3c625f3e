"""One Delta table: its log and its files. Everything the store asks of `deltalake` is here.

Files are written by pyarrow and then committed, which lets us choose row groups and statistics and is faster than a
second writer. The names of a table (columns, tail, multivalue) are declared in commits of their own *before* the data
that uses them: columns in the schema, the others as table properties, so they survive checkpoints, compaction and
vacuum, and opening a table yields them without reading a row or an old commit. A process killed in between leaves a
declared name without events, which is harmless.

No partitions. A folder of evidence spreads one append over months, and a file per day turns one commit into hundreds of
files of a few events. Instead every file carries the range of its `_time` in the log, live data arrives in time order
anyway, and compaction sorts by time.
"""

from __future__ import annotations

import json
import math
import os
import re
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Field, Schema, Transaction
from deltalake._internal import RemoveAction  # exported nowhere else in deltalake 1.6
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.schema import ArrayType, MapType, PrimitiveType
from deltalake.transaction import AddAction

from trapline.errors import EngineError
from trapline.store.layout import FIXED, HOST, INDEXTIME, MULTI, SERIAL, SOURCE, TAIL, TIME, Layout
from trapline.store.ledger import NAME as LEDGER
from trapline.store.snapshot import DataFile
from trapline.store.wide import MULTI_TYPE, ROW_GROUP, STAMP, TAIL_TYPE, TEXT, time_order

Conflict = CommitFailedError
"""Somebody else committed something that ours depends on. Reload and try again."""

_TAIL_NAMES, _MULTI_NAMES = "trapline.tail", "trapline.multi"
_CHECKPOINT = "20"
_ENTRY = re.compile(r"(\d{20})\.json")
_COMPACTION = "trapline:compaction"
_STATS = (HOST, SOURCE, "EventCode")
_STATS_CHARS = 128
_FILE = re.compile(r"part-(\d{5})-[0-9a-f]{32}\.parquet")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_TEXT = PrimitiveType("string")
_FIXED_TYPES: Mapping[str, Any] = {
    TIME: PrimitiveType("timestamp"),
    INDEXTIME: PrimitiveType("timestamp"),
    SERIAL: PrimitiveType("long"),
    TAIL: MapType(_TEXT, _TEXT, value_contains_null=True),
    MULTI: MapType(_TEXT, ArrayType(_TEXT, contains_null=True), value_contains_null=True),
}
_ARROW_TYPES: Mapping[str, pa.DataType] = {
    TIME: STAMP,
    INDEXTIME: STAMP,
    SERIAL: pa.int64(),
    TAIL: TAIL_TYPE,
    MULTI: MULTI_TYPE,
}
_DICTIONARY_NOT = frozenset({TIME, SERIAL, "_raw"})
_LEAVES: Mapping[str, tuple[str, ...]] = {
    TAIL: (f"{TAIL}.key_value.key", f"{TAIL}.key_value.value"),
    MULTI: (f"{MULTI}.key_value.key", f"{MULTI}.key_value.value.list.element"),
}


@dataclass(frozen=True, slots=True)
class Log:
    """A table at one version."""

    folder: Path
    table: DeltaTable

    @property
    def layout(self) -> Layout:
        properties = self.table.metadata().configuration
        return Layout(
            tuple(field.name for field in self.table.schema().fields if field.name not in FIXED),
            frozenset(json.loads(properties.get(_TAIL_NAMES, "[]"))),
            frozenset(json.loads(properties.get(_MULTI_NAMES, "[]"))),
        )

    @property
    def sourcetype(self) -> str | None:
        return self.table.metadata().name

    def held(self, file_id: str) -> int:
        """The number of the last portion of a file in this table, -1 if none."""
        if self.table.version() == 0:
            return -1  # only created yet; spares a folder of thousands of files the look-ups
        with _deltalake(self.folder):
            version = self.table.transaction_version(_app_id(file_id))
        return -1 if version is None else version

    def files(self) -> tuple[DataFile, ...]:
        """The data files, widest first."""
        with _deltalake(self.folder):
            actions = pa.table(self.table.get_add_actions(flatten=True))
        size = actions.num_rows
        none = [None] * size
        stamps = {
            (end, name): actions[f"{end}.{name}"].cast(pa.int64()).to_pylist()
            if f"{end}.{name}" in actions.column_names
            else none
            for end in ("min", "max")
            for name in (TIME, INDEXTIME)
        }
        nulls = actions[f"null_count.{TIME}"].to_pylist() if f"null_count.{TIME}" in actions.column_names else none
        found = [
            DataFile(
                path=str(self.folder / path),
                bytes=length,
                rows=rows or 0,
                width=self._width(path),
                timed=rows is None or null is None or null < rows,
                earliest=first,
                latest=last,
                indexed=indexed,
            )
            for path, length, rows, null, first, last, indexed in zip(
                actions["path"].to_pylist(),
                actions["size_bytes"].to_pylist(),
                actions["num_records"].to_pylist(),
                nulls,
                stamps["min", TIME],
                stamps["max", TIME],
                zip(stamps["min", INDEXTIME], stamps["max", INDEXTIME], strict=True),
                strict=True,
            )
        ]
        found.sort(key=lambda file: (-file.width, file.earliest or 0, file.path))
        return tuple(found)

    def declare(self, layout: Layout) -> bool:
        """Make the names of a grown layout known. True if the log has passed over commits of others on the way: what
        was asked of it before may be out of date. Raises Conflict."""
        current = self.layout
        expected = self.table.version()
        with _deltalake(self.folder):
            if new := layout.columns[len(current.columns) :]:
                self.table.alter.add_columns([Field(name, _TEXT) for name in new])
                expected += 1
            if layout.tail != current.tail or layout.multi != current.multi:
                self.table.alter.set_table_properties(_names(layout), raise_if_not_exists=False)
                expected += 1
        return self.table.version() != expected

    def commit(self, added: AddAction, portions: Mapping[str, int]) -> None:
        """Add a file that holds portions (file_id -> last number). Raises Conflict."""
        marks = [Transaction(_app_id(file_id), number) for file_id, number in portions.items()]
        with _deltalake(self.folder):
            self.table.create_write_transaction(
                [added], "append", self.table.schema(), commit_properties=CommitProperties(app_transactions=marks)
            )

    def replace(self, files: Sequence[DataFile], added: AddAction) -> None:
        """Put one file in the place of several with the same events. Raises Conflict.

        deltalake sees no conflict between two removals of one file; the mark makes two compactions conflict. A rewrite
        by another engine at the same moment would not be seen, so the files are looked for once more right before.
        """
        with _deltalake(self.folder):
            latest = _open(self.folder)
            here = set(pa.table(latest.get_add_actions()).column("path").to_pylist())
            if not here.issuperset(Path(file.path).name for file in files):
                raise Conflict("a file was replaced by somebody else")
            mark = Transaction(_COMPACTION, (self.table.transaction_version(_COMPACTION) or 0) + 1)
            now = time.time_ns() // 1_000_000
            removed = [RemoveAction(Path(file.path).name, False, now, file.bytes, {}) for file in files]
            self.table.create_write_transaction(
                [*removed, added],
                "append",
                self.table.schema(),
                commit_properties=CommitProperties(app_transactions=[mark]),
            )

    def vacuum(self, hours: float) -> tuple[int, int]:
        """Delete files that no version of the last `hours` reads. Returns files and bytes."""
        keep = math.ceil(hours)
        with _deltalake(self.folder):
            doomed = set(self.table.vacuum(keep, dry_run=True, enforce_retention_duration=False, full=True))
            sizes = {name: (self.folder / name).stat().st_size for name in doomed if (self.folder / name).is_file()}
            self.table.vacuum(keep, dry_run=False, enforce_retention_duration=False, full=True)
        gone = [size for name, size in sizes.items() if not (self.folder / name).exists()]
        return len(gone), sum(gone)

    def _width(self, name: str) -> int:
        if (match := _FILE.fullmatch(name)) is not None:
            return int(match[1])
        # Written by another engine (OPTIMIZE in Spark, say).
        inside = set(pq.read_schema(self.folder / name).names)
        return sum(column in inside for column in self.layout.columns)


def open_log(folder: Path) -> Log | None:
    """The table in a folder as it is now, None if there is none (yet)."""
    with _deltalake(folder):
        try:
            return Log(folder, _open(folder))
        except TableNotFoundError:
            return None


def _open(folder: Path) -> DeltaTable:
    """The table at its last version. Raises EngineError where an entry of its log that counts is empty, as a power cut
    leaves it: deltalake takes that for a commit of nothing, and the events of it would be gone without a word."""
    table = DeltaTable(folder)
    log = folder / "_delta_log"
    try:
        since = int(json.loads((log / "_last_checkpoint").read_text())["version"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        since = -1
    with os.scandir(log) as entries:
        for entry in entries:
            if (number := _ENTRY.fullmatch(entry.name)) and int(number[1]) > since and not entry.stat().st_size:
                raise EngineError(
                    f"the log of the table in {folder} is damaged: {entry.name} is empty, as a power cut leaves it",
                    hint="put it back from a copy of the store. Without one, if its number is the last: delete it and "
                    f"{folder.parent / LEDGER}, and ingest the files again; what the tables hold is skipped",
                    code="store-damaged",
                )
    return table


def create_log(folder: Path, sourcetype: str, layout: Layout) -> Log:
    """A new table, or the one that somebody else made meanwhile."""
    fields = [Field(name, _FIXED_TYPES.get(name, _TEXT)) for name in (*FIXED, *layout.columns)]
    folder.mkdir(parents=True, exist_ok=True)
    with _deltalake(folder):
        try:
            DeltaTable.create(
                folder,
                Schema(fields),
                name=sourcetype,
                configuration={"delta.checkpointInterval": _CHECKPOINT, **_names(layout)},
                raise_if_key_not_exists=False,
            )
        except DeltaError:
            if not DeltaTable.is_deltatable(str(folder)):
                raise
        return Log(folder, _open(folder))


def write_file(folder: Path, table: pa.Table, width: int, *, new: bool) -> AddAction:
    """Write a wide table as a file, which becomes visible when its action is committed. `new`: not in the table before
    in another file."""
    name = f"part-{width:05d}-{uuid.uuid4().hex}.parquet"
    path = folder / name
    names = [name for name in table.column_names if name not in _DICTIONARY_NOT]
    try:
        pq.write_table(
            table,
            path,
            row_group_size=ROW_GROUP,
            compression="zstd",
            compression_level=1,
            use_dictionary=[leaf for name in names for leaf in _LEAVES.get(name, (name,))],
            write_statistics=[TIME, INDEXTIME, SERIAL, *_STATS],
        )
        size = path.stat().st_size
    except OSError as error:
        path.unlink(missing_ok=True)
        raise _disk(folder, error) from error
    return AddAction(name, size, {}, time.time_ns() // 1_000_000, new, _stats(table))


def arrived(file: DataFile, since: int) -> int:
    """How many events of a file came since a moment (microseconds since 1970). Reads it only where some did."""
    first, last = file.indexed
    if last is not None and last < since:
        return 0
    if first is not None and first >= since:
        return file.rows
    column = pq.read_table(file.path, columns=[INDEXTIME])[INDEXTIME].cast(pa.int64())
    return int(pc.sum(pc.greater_equal(column, since)).as_py() or 0)


def read_files(files: Sequence[DataFile], layout: Layout) -> pa.Table:
    """The rows of several files as one wide table sorted by `_time` and `_serial`."""
    schema = pa.schema([(name, _ARROW_TYPES.get(name, TEXT)) for name in (*FIXED, *layout.columns)])
    tables = []
    for file in files:
        with pq.ParquetFile(file.path) as parquet:
            table = parquet.read()
        columns = [
            table[name].cast(kind) if name in table.column_names else pa.nulls(table.num_rows, kind)
            for name, kind in zip(schema.names, schema.types, strict=True)
        ]
        tables.append(pa.table(columns, schema=schema))
    whole = pa.concat_tables(tables)
    order = time_order(whole[TIME], whole[SERIAL])
    return whole.take(order)


def weight(file: DataFile) -> int:
    """Bytes of a file without compression."""
    with pq.ParquetFile(file.path) as parquet:
        groups = range(parquet.metadata.num_row_groups)
        return sum(parquet.metadata.row_group(group).total_byte_size for group in groups)


def _names(layout: Layout) -> dict[str, str]:
    return {_TAIL_NAMES: json.dumps(sorted(layout.tail)), _MULTI_NAMES: json.dumps(sorted(layout.multi))}


def _app_id(file_id: str) -> str:
    return f"file:{file_id}"


def _stats(table: pa.Table) -> str:
    """The statistics of the Delta protocol: rows, and ranges where they can be said exactly."""
    low: dict[str, str] = {}
    high: dict[str, str] = {}
    nulls: dict[str, int] = {}
    for name in (TIME, *_STATS):
        if name not in table.column_names:
            continue
        nulls[name] = table[name].null_count
        ends = pc.min_max(table[name].cast(pa.int64()) if name == TIME else table[name])
        first, last = ends["min"].as_py(), ends["max"].as_py()
        if first is None:
            continue
        if name == TIME:
            first, last = _iso(first), _iso(last)
        if first is not None and last is not None and max(len(first), len(last)) <= _STATS_CHARS:
            low[name], high[name] = first, last
    return json.dumps({"numRecords": table.num_rows, "minValues": low, "maxValues": high, "nullCount": nulls})


def _iso(stamp: int) -> str | None:
    """Microseconds since 1970 in ISO 8601, None outside of the years that it can write."""
    try:
        return (_EPOCH + timedelta(microseconds=stamp)).isoformat(timespec="microseconds").replace("+00:00", "Z")
    except OverflowError:
        return None


@contextmanager
def _deltalake(folder: Path) -> Iterator[None]:
    """Turns what deltalake and the disk raise into an EngineError, except what callers handle."""
    try:
        yield
    except (CommitFailedError, TableNotFoundError):
        raise
    except (DeltaError, OSError, pa.ArrowException) as error:
        raise _disk(folder, error) from error


def _disk(folder: Path, error: Exception) -> EngineError:
    return EngineError(
        f"the table in {folder} cannot be read or written: {error}",
        hint="check the disk: space, permissions, and whether files were deleted by hand",
        code="store-io",
    )
