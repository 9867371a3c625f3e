"""Cron schedules: five fields, as savedsearches.conf takes them (facts/CONTENT.md §9).

Source: Splunk Alerting Manual, "Use cron expressions for alert scheduling": minute, hour, day of month, month, day of
week; `*`, lists, ranges and steps; Sunday is 0 and 7. If both days are restricted, either is enough, as in Vixie cron.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from trapline.errors import TraplineError

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 0, 7))
_YEARS = 8
"""A schedule that has no time in so many years has none: 29 February comes at least so often."""


@dataclass(frozen=True, slots=True)
class Cron:
    """The minutes of a schedule. `either`: a day is one of `days` or of `weekdays` (Sunday is 0), not of both. `star`:
    the minute or the hour begins with `*`."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool
    star: bool

    def after(self, moment: float, tz: tzinfo = UTC) -> float | None:
        """The first time of the schedule after a moment, both epoch seconds; None where there is none.

        The clocks are those of `tz`. When they are put back, what goes on hour by hour runs in the repeated hour, too:
        a schedule whose minute or hour begins with `*`, as in Vixie cron, or that names an hour beside it; a single
        hour runs once. When they are put forward, a named hour that is left out runs at once, so that no time range is
        left out.
        """
        end = moment + _YEARS * 366 * 86_400
        at = moment - moment % 60
        before = datetime.fromtimestamp(at, tz)
        at += 60
        while at < end:
            local = datetime.fromtimestamp(at, tz)
            if tz is not UTC and (jump := self._jump(before, local, tz)) is not None and jump > moment:
                return jump
            before = local
            if not self._day(local):
                midnight = local.replace(hour=0, minute=0, second=0, fold=0) + timedelta(days=1)
                at = max(midnight.timestamp(), at + 60)
            elif local.hour not in self.hours or (local.fold and not self._again(local.hour)):
                at += 60 * (60 - local.minute)
            elif local.minute not in self.minutes:
                later = [one for one in self.minutes if one > local.minute]
                at += 60 * (min(later, default=60) - local.minute)
            else:
                return at
        return None

    def between(self, after: float, until: float, tz: tzinfo = UTC) -> Iterator[float]:
        """The times of the schedule after one moment and until another, that one included, the earliest first."""
        at = self.after(after, tz)
        while at is not None and at <= until:
            yield at
            at = self.after(at, tz)

    def period(self, moment: float, tz: tzinfo = UTC) -> float:
        """Seconds from the first time after a moment to the next one; infinite where there are not two."""
        first = self.after(moment, tz)
        second = None if first is None else self.after(first, tz)
        return float("inf") if first is None or second is None else second - first

    def _again(self, hour: int) -> bool:
        """Whether the schedule runs in an hour that comes for the second time."""
        return self.star or (hour - 1) % 24 in self.hours or (hour + 1) % 24 in self.hours

    def _jump(self, before: datetime, local: datetime, tz: tzinfo) -> float | None:
        """When the clocks are put forward between two moments and a named time is left out: the moment after that."""
        gain = (local.utcoffset() or timedelta()) - (before.utcoffset() or timedelta())
        if gain <= timedelta() or len(self.hours) == 24:
            return None
        low, high = before.timestamp(), local.timestamp()
        while high - low > 60:
            middle = low + (high - low) // 120 * 60
            changed = datetime.fromtimestamp(middle, tz).utcoffset() != before.utcoffset()
            low, high = (low, middle) if changed else (middle, high)
        after = datetime.fromtimestamp(high, tz).replace(tzinfo=None)
        missed = (after - timedelta(minutes=one) for one in range(1, int(gain.total_seconds() // 60) + 1))
        if any(one.hour in self.hours and one.minute in self.minutes and self._day(one) for one in missed):
            return high
        return None

    def _day(self, local: datetime) -> bool:
        if local.month not in self.months:
            return False
        day, weekday = local.day in self.days, local.isoweekday() % 7 in self.weekdays
        return day or weekday if self.either else day and weekday


def parse(text: str) -> Cron:
    """A cron expression. Raises TraplineError, which names the field that is wrong."""
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise _wrong(text, f"it has {len(parts)} fields, not five")
    sets = [_field(text, part, *field) for part, field in zip(parts, _FIELDS, strict=True)]
    minutes, hours, days, months, weekdays = sets
    cron = Cron(
        text=" ".join(parts),
        minutes=minutes,
        hours=hours,
        days=days,
        months=months,
        weekdays=frozenset(one % 7 for one in weekdays),
        star=parts[0].startswith("*") or parts[1].startswith("*"),
        either=not parts[2].startswith("*") and not parts[4].startswith("*"),
    )
    if cron.after(0) is None:
        raise _wrong(text, "there is no such day")
    return cron


def _field(text: str, part: str, name: str, low: int, high: int) -> frozenset[int]:
    found: set[int] = set()
    for one in part.split(","):
        span, slash, step = one.partition("/")
        start, dash, stop = span.partition("-")
        if slash and not (step.isascii() and step.isdecimal() and int(step) > 0):
            raise _wrong(text, f"{name} '{one}' has no step that is a number above 0")
        if span == "*":
            first, last = low, high - (name == "day of week")
        elif all(end.isascii() and end.isdecimal() for end in (start, *([stop] if dash else []))):
            first, last = int(start), int(stop) if dash else int(start)
            if slash and not dash:
                raise _wrong(text, f"{name} '{one}' has a step without a range", f"write {start}-{high}/{step}")
        else:
            raise _wrong(text, f"{name} '{one}' is no number, range or *")
        if not low <= first <= last <= high:
            raise _wrong(text, f"{name} '{one}' is not within {low}-{high}")
        found.update(range(first, last + 1, int(step) if slash else 1))
    return frozenset(found)


def _wrong(text: str, reason: str, hint: str = "a schedule is like 0 * * * * or */15 8-18 * * 1-5") -> TraplineError:
    return TraplineError(f"the cron schedule '{text}' cannot be used: {reason}", hint=hint, code="schedule.cron")
