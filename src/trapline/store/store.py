"""Opening, appending to, reading and caring for a store."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deltalake.transaction import AddAction

from trapline.errors import EngineError, InputError
from trapline.plan import Table
from trapline.store import delta
from trapline.store.layout import BOUND, Layout, check_index, folder_of, preferred_columns, sourcetype_of
from trapline.store.ledger import Ledger
from trapline.store.portion import Portion
from trapline.store.snapshot import DataFile, Snapshot, with_files
from trapline.store.wide import Gathered, gather, widen

_MARK = "trapline-store.json"
_SETTINGS = "trapline.yml"
_USERS = ("addons", "lookups", "content", "attack", "enabled.yml", "exceptions.yml", "state.db", "scheduler.lock")
"""What users, and commands that need no events, put into the folder of a store."""
_VERSION = 1
_TRIES = 40
_UNSAFE_PATH = re.compile(r"\\|%[0-9A-Fa-f]{2}")
"""deltalake 1.6 decodes these in the middle of an operation and then looks in another folder."""
_MERGED_BYTES = 256 * 2**20
_MERGED_ROWS = 1_000_000


@dataclass(frozen=True, slots=True)
class TableStats:
    """What one table holds. `earliest`, `latest`: microseconds since 1970; `bytes`: of the files that a search reads;
    `columns`, `tail`, `multi`: field names, as in `store.layout`."""

    index: str
    sourcetype: str
    events: int
    files: int
    bytes: int
    earliest: int | None
    latest: int | None
    columns: tuple[str, ...]
    tail: tuple[str, ...]
    multi: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compacted:
    """What compaction did to one table."""

    index: str
    sourcetype: str
    files_before: int
    files_after: int


@dataclass(frozen=True, slots=True)
class Vacuumed:
    """What vacuum did to one table."""

    index: str
    sourcetype: str
    files_removed: int
    bytes_removed: int


class Store:
    """A folder of Delta tables, `<root>/<index>/<escaped sourcetype>/`, and per index a ledger of the files it holds.

    Any number of processes may read and write at the same time. Use as a context manager, or `close` it.
    """

    def __init__(self, path: Path) -> None:
        """Of `open` and `throwaway`."""
        self.path = path
        self._lock = threading.Lock()
        self._ledgers: dict[str, Ledger] = {}

    @classmethod
    def open(cls, path: str | Path, create: bool = True) -> Store:
        """The store at `path`. Raises InputError if there is none and `create` is false, or something else is there,
        EngineError if it cannot be made."""
        root = Path(path).resolve()
        if _UNSAFE_PATH.search(root.as_posix()):
            raise InputError(
                "Delta tables cannot be in a folder whose path has a backslash, or '%' and two hex digits",
                file=str(root),
                hint="name another folder with --store",
            )
        try:
            _check_mark(root, create)
        except OSError as error:
            raise EngineError(
                f"the store {root} cannot be opened: {error.strerror}", hint="check its permissions", code="store-io"
            ) from error
        return cls(root)

    @classmethod
    @contextmanager
    def throwaway(cls) -> Iterator[Store]:
        """A store in a temporary folder that is deleted at the end, also after an error or an interrupt."""
        folder = Path(tempfile.mkdtemp(prefix="trapline-"))
        try:
            with cls.open(folder / "store") as store:
                yield store
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def append(self, index: str, portions: Sequence[Portion]) -> int:
        """Add portions, one commit per sourcetype, and return the number of events written.

        A commit costs some ten milliseconds and makes a file, so hand over many small portions in one call. A portion
        that a table already holds is skipped there, so that a run that was killed can be repeated: nothing
        is lost and nothing doubled. Raises TraplineError (index or sourcetype name), EngineError (disk, or too many
        writers at once).
        """
        check_index(index)
        sourcetypes = dict.fromkeys(batch.sourcetype for portion in portions for batch in portion.batches)
        return sum(self._append(index, sourcetype, portions) for sourcetype in sourcetypes)

    def seen(self, index: str, file_id: str) -> bool:
        """Whether `finish` was called for this file."""
        check_index(index)
        return (self.path / index).is_dir() and self._ledger(index).seen(file_id)

    def finish(self, index: str, file_id: str, label: str, events: int) -> None:
        """Note that the whole file is in. `label` is how the file is called towards the user."""
        check_index(index)
        (self.path / index).mkdir(exist_ok=True)
        self._ledger(index).finish(file_id, label, events)

    def snapshot(self, indexes: Collection[str] | None = None) -> Snapshot:
        """The events as they are now, of all indexes or of those named (unknown ones have no tables)."""
        tables, kept = [], []
        for index, sourcetype, log in self._logs(indexes):
            files = log.files()
            if files:
                tables.append(with_files(_table(index, sourcetype, log.layout, files[0].width), files))
                kept.append(files)
        return Snapshot(tuple(tables), tuple(kept))

    def stats(self) -> tuple[TableStats, ...]:
        """By index and sourcetype."""
        view = self.snapshot()
        return tuple(
            TableStats(
                index=table.index,
                sourcetype=table.sourcetype,
                events=table.rows,
                files=len(files),
                bytes=sum(file.bytes for file in files),
                earliest=table.earliest,
                latest=table.latest,
                columns=tuple(table.columns),
                tail=tuple(sorted(table.tail)),
                multi=tuple(sorted(table.multi)),
            )
            for table, files in zip(view.tables, view.files, strict=True)
        )

    def arrived(self, since: int) -> dict[tuple[str, str], int]:
        """How many events came since a moment (microseconds since 1970), by index and sourcetype; of all tables."""
        view = self.snapshot()
        return {
            (table.index, table.sourcetype): sum(delta.arrived(file, since) for file in files)
            for table, files in zip(view.tables, view.files, strict=True)
        }

    def compact(self) -> tuple[Compacted, ...]:
        """Merge small files into large ones sorted by `_time`. The old files stay for running searches until a vacuum.
        A table that another process compacts at this moment is left to it."""
        done = []
        for index, sourcetype, log in self._logs(None):
            before = len(log.files())
            for group in _mergeable(log.files()):
                try:
                    _merge(log.folder, group)
                except delta.Conflict:
                    break
            after = delta.open_log(log.folder)
            done.append(Compacted(index, sourcetype, before, len(after.files()) if after else 0))
        return tuple(done)

    def vacuum(self, hours: float = 24) -> tuple[Vacuumed, ...]:
        """Delete files that no search begun in the last `hours` can be reading: replaced by compaction or left by a
        process that was killed. With 0, nobody else may be reading or writing."""
        return tuple(Vacuumed(index, name, *log.vacuum(hours)) for index, name, log in self._logs(None))

    def close(self) -> None:
        """Release the ledgers. The store can be used again; it opens them anew."""
        with self._lock:
            for ledger in self._ledgers.values():
                ledger.close()
            self._ledgers.clear()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def moment(self) -> int:
        """The `_indextime` of what comes now: microseconds since 1970."""
        return time.time_ns() // 1000

    def _append(self, index: str, sourcetype: str, portions: Sequence[Portion]) -> int:
        folder = self.path / index / folder_of(sourcetype)
        wanted = [portion for portion in portions if any(batch.sourcetype == sourcetype for batch in portion.batches)]
        fresh: list[Portion] = []
        found = Gathered()
        added = None
        for attempt in range(_TRIES):
            log = delta.open_log(folder) or delta.create_log(folder, sourcetype, Layout())
            _check_sourcetype(log, sourcetype)
            left = _missing(log, wanted)
            if attempt == 0 or _numbers(left) != _numbers(fresh):
                # The first time, or another process brought some of the portions meanwhile.
                _drop(folder, added)
                added, fresh = None, left
                found = gather([b.table for p in fresh for b in p.batches if b.sourcetype == sourcetype])
            if not found.rows:
                return 0
            try:
                layout = log.layout.grow(found.counts, found.multi.keys(), preferred_columns(sourcetype), BOUND)
                if log.declare(layout) and _numbers(_missing(log, wanted)) != _numbers(fresh):
                    # Their commits are behind the log now, so ours would not be seen to conflict with them.
                    continue
                if added is None:
                    wide = widen(found, layout, self.moment())
                    added = delta.write_file(folder, wide, len(layout.columns), new=True)
                log.commit(added, _last_numbers(fresh))
            except delta.Conflict:
                time.sleep(random.random() * min(0.5, 0.01 * 2**attempt))  # noqa: S311 (no secret: spreads the writers)
                continue
            return found.rows
        _drop(folder, added)
        raise EngineError(
            f"too many writers at once: {_TRIES} commits to index {index}, sourcetype {sourcetype} were overtaken",
            hint="run the command again; what is in is skipped",
            code="store-busy",
        )

    def _logs(self, indexes: Collection[str] | None) -> Iterator[tuple[str, str, delta.Log]]:
        """Every table as it is now, sorted."""
        for index in sorted(entry.name for entry in self.path.iterdir() if entry.is_dir()):
            if indexes is not None and index not in indexes:
                continue
            for entry in sorted((self.path / index).iterdir()):
                sourcetype = sourcetype_of(entry.name)
                if sourcetype is not None and entry.is_dir() and (log := delta.open_log(entry)) is not None:
                    yield index, sourcetype, log

    def _ledger(self, index: str) -> Ledger:
        with self._lock:
            if index not in self._ledgers:
                self._ledgers[index] = Ledger(self.path / index)
            return self._ledgers[index]


def _table(index: str, sourcetype: str, layout: Layout, width: int) -> Table:
    """A table without files. Columns beyond `width` were declared, but no file has them yet."""
    return Table(
        index=index,
        sourcetype=sourcetype,
        files=(),
        columns={name: name for name in layout.columns[:width]},
        tail=layout.tail,
        multi=layout.multi,
        rows=0,
        earliest=None,
        latest=None,
    )


def _missing(log: delta.Log, portions: Sequence[Portion]) -> list[Portion]:
    """The portions that a table does not hold."""
    held = {file_id: log.held(file_id) for file_id in {portion.file_id for portion in portions}}
    return [portion for portion in portions if portion.number > held[portion.file_id]]


def _numbers(portions: Sequence[Portion]) -> list[tuple[str, int]]:
    return [(portion.file_id, portion.number) for portion in portions]


def _last_numbers(portions: Sequence[Portion]) -> Mapping[str, int]:
    last: dict[str, int] = {}
    for portion in portions:
        last[portion.file_id] = max(portion.number, last.get(portion.file_id, -1))
    return last


def _mergeable(files: Sequence[DataFile]) -> list[list[DataFile]]:
    """Groups of small files to merge, each together no larger than a merged file may be (which bounds memory)."""
    weights = {file.path: delta.weight(file) for file in files} if len(files) > 1 else {}
    small = [
        file
        for file in sorted(files, key=lambda file: (file.earliest or 0, file.path))
        if weights.get(file.path, _MERGED_BYTES) < _MERGED_BYTES // 2 and file.rows < _MERGED_ROWS // 2
    ]
    groups: list[list[DataFile]] = [[]]
    size = rows = 0
    for file in small:
        if groups[-1] and (size + weights[file.path] > _MERGED_BYTES or rows + file.rows > _MERGED_ROWS):
            groups.append([])
            size = rows = 0
        groups[-1].append(file)
        size, rows = size + weights[file.path], rows + file.rows
    return [group for group in groups if len(group) > 1]


def _merge(folder: Path, files: Sequence[DataFile]) -> None:
    """Raises Conflict when any of the files is no longer part of the table."""
    log = delta.open_log(folder)
    if log is None:
        return
    layout = log.layout
    added = delta.write_file(folder, delta.read_files(files, layout), len(layout.columns), new=False)
    try:
        log.replace(files, added)
    except delta.Conflict:
        _drop(folder, added)
        raise


def _drop(folder: Path, added: AddAction | None) -> None:
    """Delete a file that was written but not committed."""
    if added is not None:
        (folder / added.path).unlink(missing_ok=True)


def _check_sourcetype(log: delta.Log, sourcetype: str) -> None:
    """On a disk that ignores case two sourcetypes could share a folder."""
    if log.sourcetype not in (None, sourcetype):
        raise EngineError(
            f"the folder of sourcetype {sourcetype!r} holds sourcetype {log.sourcetype!r}: this disk ignores case",
            hint="give the events one of both names with --sourcetype",
            code="sourcetype-case",
        )


def _foreign(entry: Path) -> bool:
    """Is it none of a store's own, nor what its user puts there before the first events?"""
    return entry.name not in _USERS and not entry.name.startswith((_MARK, "state.db-", "."))


def _check_mark(root: Path, create: bool) -> None:
    mark = root / _MARK
    if not mark.is_file():
        if root.exists() and not root.is_dir():
            raise InputError("this is a file, not a store", file=str(root), hint="name a folder with --store")
        # Settings say that the folder is meant to be a store, whatever else they name lies beside them.
        if root.is_dir() and not (root / _SETTINGS).is_file() and any(map(_foreign, root.iterdir())):
            raise InputError(
                "this folder is not a store and is not empty", file=str(root), hint="name an empty or a new folder"
            )
        if not create:
            raise InputError(
                "there is no store here",
                file=str(root),
                hint="make one with 'trapline ingest', or name it with --store",
            )
        root.mkdir(parents=True, exist_ok=True)
        temporary = root / f"{_MARK}.{os.getpid()}.{threading.get_ident()}"
        temporary.write_text(json.dumps({"trapline_store": _VERSION}) + "\n", encoding="utf-8")
        temporary.replace(mark)
    try:
        version = json.loads(mark.read_text(encoding="utf-8"))["trapline_store"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError("the file that marks a store is damaged", file=str(mark), hint="delete this file") from error
    if version != _VERSION:
        raise InputError(
            f"this store has form {version}, this Trapline reads form {_VERSION}",
            file=str(root),
            hint="update Trapline",
        )
