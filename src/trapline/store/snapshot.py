"""What a search reads: a fixed set of files per table."""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Table


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A consistent view of some indexes: whole commits only, never changing.

    The files stay on disk until a vacuum whose retention is shorter than the snapshot's age.
    """

    tables: tuple[Table, ...]

    def between(self, earliest: int | None, latest: int | None) -> Snapshot:
        """The view without the files that cannot hold an event of `earliest <= _time < latest` (microseconds since 1970,
        None = unbounded). A superset: rows still need the condition on `_time`."""
        raise NotImplementedError
