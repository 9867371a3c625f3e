"""The plan: a closed set of relational nodes and typed expressions between SPL and the engines.

(nodes follow; `Table` is the contract between a store and an engine)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """The events of one index and sourcetype as a store snapshot shows them: Parquet files and how to read a field.

    Columns that always exist: `_time` (timestamp, UTC, microseconds), `_indextime` (same), `_serial` (int64), `_raw`,
    `host`, `source` (strings). A field `f` is read like this:
    - `columns[f]` names its string column (physical names are unique even when case is ignored), or
    - `f in tail`: the value is `_fields['f']` (map<string, string>), and in either case
    - `f in multi`: rows where `_mv['f']` (map<string, list<string>>) is not null hold that list instead (their plain
      column is null).
    """

    index: str
    sourcetype: str
    files: tuple[str, ...]
    columns: Mapping[str, str]
    tail: frozenset[str]
    multi: frozenset[str]
    rows: int
    earliest: int | None
    """Microseconds since 1970 of the oldest event, None if unknown or no rows."""
    latest: int | None

    @property
    def fields(self) -> frozenset[str]:
        return frozenset(self.columns) | self.tail
