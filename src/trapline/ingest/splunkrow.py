"""Events that have been in Splunk and came out again: CSV and JSON exports carry `_raw`, `_time` and where from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from trapline.ingest.eventtime import micros

MARK = "_raw"
_OWN = frozenset({"_raw", "_time", "host", "source", "sourcetype", "index"})
_DERIVED = frozenset({"linecount", "punct", "splunk_server", "splunk_server_group", "timeendpos", "timestartpos"})


@dataclass(frozen=True, slots=True)
class SplunkRow:
    """The metadata of an exported event."""

    raw: str
    time: int | None
    host: str | None
    source: str | None
    sourcetype: str | None


def is_row(value: Mapping[str, object]) -> bool:
    """Whether an object is a row of an export: `_raw`, and something of what Splunk puts beside it."""
    return isinstance(value.get(MARK), str) and any(name in value for name in _OWN if name != MARK)


def splunk_row(row: Mapping[str, str]) -> SplunkRow:
    """`time` is None when `_time` is absent or not understood."""
    return SplunkRow(
        row.get("_raw", ""),
        micros(row.get("_time", "")),
        row.get("host") or None,
        row.get("source") or None,
        row.get("sourcetype") or None,
    )


def extracted(pairs: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """The fields of an exported event: all but the metadata and what Splunk makes for itself (`_bkt`, `date_*`, ..)."""
    return (
        (name, value)
        for name, value in pairs
        if name not in _OWN and name not in _DERIVED and name[:1] != "_" and name[:5] != "date_"
    )
