"""Opening, appending to, reading and caring for a store."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trapline.store.portion import Portion
from trapline.store.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class TableStats:
    """What one table holds. `earliest`, `latest`: microseconds since 1970; `bytes`: of the files that a search reads."""

    index: str
    sourcetype: str
    events: int
    files: int
    bytes: int
    earliest: int | None
    latest: int | None
    columns: int
    tail: int
    multi: int


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

    @classmethod
    def open(cls, path: str | Path, create: bool = True) -> Store:
        """The store at `path`. Raises InputError if there is none and `create` is false, or something else is there."""
        raise NotImplementedError

    @classmethod
    @contextmanager
    def throwaway(cls) -> Iterator[Store]:
        """A store in a temporary folder that is deleted at the end, also after an error or an interrupt."""
        raise NotImplementedError

    @property
    def path(self) -> Path:
        raise NotImplementedError

    def append(self, index: str, portions: Sequence[Portion]) -> int:
        """Add portions, one commit per sourcetype, and return the number of events written.

        A portion that a table already holds is skipped there, so that a run that was killed can be repeated: nothing is
        lost and nothing doubled. Raises TraplineError (bad index name), EngineError (disk).
        """
        raise NotImplementedError

    def seen(self, index: str, file_id: str) -> bool:
        """Whether `finish` was called for this file."""
        raise NotImplementedError

    def finish(self, index: str, file_id: str, label: str, events: int) -> None:
        """Note that the whole file is in. `label` is how the file is called towards the user."""
        raise NotImplementedError

    def snapshot(self, indexes: Collection[str] | None = None) -> Snapshot:
        """The events as they are now, of all indexes or of those named (unknown ones have no tables)."""
        raise NotImplementedError

    def stats(self) -> tuple[TableStats, ...]:
        """By index and sourcetype."""
        raise NotImplementedError

    def compact(self) -> tuple[Compacted, ...]:
        """Merge small files into large ones sorted by `_time`. The old files stay for running searches until a vacuum."""
        raise NotImplementedError

    def vacuum(self, hours: float = 24) -> tuple[Vacuumed, ...]:
        """Delete files that no search begun in the last `hours` can be reading: replaced by compaction or left by a
        process that was killed."""
        raise NotImplementedError

    def close(self) -> None:
        """Release the ledgers. The store can be used again; it opens them anew."""

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
