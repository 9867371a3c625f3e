"""Time ranges in words."""

from __future__ import annotations

from datetime import UTC, datetime

from trapline.plan import Scan


def reach(scan: Scan) -> str:
    """From when to when there are events, to stand at the end of a sentence; empty where that is not known."""
    first = [one.earliest for one in scan.tables if one.earliest is not None]
    last = [one.latest for one in scan.tables if one.latest is not None]
    return f"; the events are of {moments(min(first), max(last))}" if first and last else ""


def moments(earliest: int | None, latest: int | None) -> str:
    """Two bounds in epoch microseconds, None = open."""
    return f"{_moment(earliest)} to {_moment(latest)}"


def _moment(micros: int | None) -> str:
    if micros is None:
        return "any time"
    return datetime.fromtimestamp(micros / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")
