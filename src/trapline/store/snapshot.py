"""What a search reads: a fixed set of files per table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from trapline.plan import Table


@dataclass(frozen=True, slots=True)
class DataFile:
    """A Parquet file of a table. It has the first `width` field columns of the table; later ones are null in it."""

    path: str
    bytes: int
    rows: int
    width: int
    timed: bool
    """Whether any event in it has a `_time`, or may have."""
    earliest: int | None
    """Microseconds since 1970, None if no or not known."""
    latest: int | None
    indexed: tuple[int | None, int | None] = (None, None)
    """When its first and last events came to the store: microseconds since 1970, None if not known."""

    def may_hold(self, earliest: int | None, latest: int | None) -> bool:
        """Whether an event of `earliest <= _time < latest` can be in the file."""
        if not self.timed:
            return earliest is None and latest is None
        late = earliest is not None and self.latest is not None and self.latest < earliest
        early = latest is not None and self.earliest is not None and self.earliest >= latest
        return not late and not early


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A consistent view of some indexes: of every table whole commits only, never changing. (Tables are opened one
    after the other: of a portion with several sourcetypes that is being appended just now, some may be in, some not.)

    The files stay on disk until a vacuum whose retention is shorter than the snapshot's age. In every table the first
    file has all the columns of the table; others may lack some, which are then null in all their rows (DuckDB:
    `union_by_name`).
    """

    tables: tuple[Table, ...]
    files: tuple[tuple[DataFile, ...], ...]
    """Those of each table, in the order of `tables` and of `Table.files`."""

    def between(self, earliest: int | None, latest: int | None) -> Snapshot:
        """The view without files that cannot hold an event of `earliest <= _time < latest` (microseconds since 1970,
        None = unbounded), and without tables where none is left. A superset: rows still need the condition on `_time`.
        """
        tables, kept = [], []
        for table, files in zip(self.tables, self.files, strict=True):
            inside = [file for file in files if file.may_hold(earliest, latest)]
            if not inside:
                continue
            if inside[0] is not files[0]:
                inside.insert(0, files[0])
            tables.append(with_files(table, inside))
            kept.append(tuple(inside))
        return Snapshot(tuple(tables), tuple(kept))


def with_files(table: Table, files: Sequence[DataFile]) -> Table:
    """The table reading these files and no others."""
    timed = [file for file in files if file.timed]
    starts = [file.earliest for file in timed if file.earliest is not None]
    ends = [file.latest for file in timed if file.latest is not None]
    return replace(
        table,
        files=tuple(file.path for file in files),
        rows=sum(file.rows for file in files),
        earliest=min(starts) if starts and len(starts) == len(timed) else None,
        latest=max(ends) if ends and len(ends) == len(timed) else None,
    )
