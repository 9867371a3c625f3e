"""Time that no window of a search reaches because clocks are put forward or back.

A window counts in seconds (`-24h`) or in days of the calendar (`-1d`), a schedule by the clock: a search at noon of
each day over `-24h` leaves out an hour on the day that has 25.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import pairwise

from trapline.detect.jobs import Job

_AROUND = 9 * 86_400.0
"""Seconds before and after a change in which the schedule is looked at."""
_MOST = 4_000
"""So many runs of that time at most are looked at: a search that runs each minute leaves nothing out."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A time range that no window reaches, though those before and after it join: epoch seconds."""

    start: float
    end: float


def changes(tz: tzinfo, start: float, end: float) -> Iterator[float]:
    """When clocks are put forward or back between two moments, to the minute."""
    if tz is UTC:
        return
    at = start
    while at < end:
        low, high = at, min(at + 86_400, end)
        if _offset(low, tz) != _offset(high, tz):
            while high - low > 60:
                middle = (low + high) / 2
                low, high = (low, middle) if _offset(middle, tz) != _offset(low, tz) else (middle, high)
            yield high
        at += 86_400


def gaps(job: Job, change: float, tz: tzinfo) -> list[Gap]:
    """What a search leaves out where clocks change, and does not leave out in the days around it."""
    times = []
    for one in job.cron.between(change - _AROUND, change + _AROUND, tz):
        times.append(one)
        if len(times) > _MOST:
            return []
    windows = [(one, *job.window(one, tz)) for one in times]
    found: list[Gap] = []
    usual = 0.0
    for (before, _, end), (after, start, _) in pairwise(windows):
        if start is None or end is None or start <= end:
            continue
        # Within a day of the change: a window that is a day long may reach it from there.
        if before - 86_400 <= change <= after + 86_400:
            found.append(Gap(end, start))
        else:
            usual = max(usual, start - end)
    return [one for one in found if one.end - one.start > usual]


def _offset(at: float, tz: tzinfo) -> object:
    return datetime.fromtimestamp(at, tz).utcoffset()
