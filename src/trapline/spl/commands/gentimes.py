"""gentimes: time ranges, one after another.

Syntax:
    | gentimes start=<time> [end=<time>] [increment=<n>(s|m|h|d)]

Options:
    start=<time> (required): MM/DD/YYYY[:HH:MM:SS], or a number of days from today's midnight.
    end=<time> (today's midnight): ranges begin before it.
    increment=<n>(s|m|h|d) (1d): how long a range is.

Source: Search Reference, "gentimes".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from trapline.errors import Span, SplError
from trapline.plan import Node
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.times import format_time, shift, time_bound

MAX_ROWS = 50_000
"""limits.conf [searchresults] maxresultrows"""
_DAYS = re.compile(r"[+-]?\d{1,6}\Z")
_DATE = re.compile(r"(\d{1,2}/\d{1,2}/)(\d{2})((?::\d{1,2}){3})?\Z")
_INCREMENT = re.compile(r"(\d{1,9})([smhd])?\Z", re.IGNORECASE)
_HUMAN = "%a %b %e %H:%M:%S %Y"

Stated = tuple[str, Span]


@dataclass(frozen=True, slots=True)
class GenTimes:
    start: Stated
    end: Stated | None
    step: str
    """A time modifier such as +1d."""
    place: Span

    def generate(self, context: Context) -> Node:
        at = _moment(self.start, context)
        end = _moment(self.end if self.end is not None else ("0", self.place), context)
        ranges: list[tuple[float, float]] = []
        while at < end:
            after = shift(at, self.step, context.tz)
            if after is None or len(ranges) == MAX_ROWS:
                raise SplError(
                    f"gentimes makes at most {MAX_ROWS:,} ranges",
                    span=self.place,
                    hint="a longer increment",
                    code="rows",
                )
            ranges.append((at, after - 1))
            at = after
        return context.given(
            [
                {
                    "endhuman": _human(end, context),
                    "endtime": end,
                    "starthuman": _human(start, context),
                    "starttime": start,
                }
                for start, end in ranges
            ]
        )


def _human(epoch: float, context: Context) -> str:
    return re.sub(r" +", " ", format_time(epoch, _HUMAN, context.tz) or "")


def _moment(stated: Stated, context: Context) -> float:
    value, span = stated
    if _DAYS.match(value):
        days = shift(context.now, f"@d{'-' if value.startswith('-') else '+'}{value.lstrip('+-')}d", context.tz)
        if days is not None:
            return days
    short = _DATE.match(value)
    if short is not None:
        day, year, clock = short.groups()
        value = f"{day}{2000 + int(year) if int(year) < 69 else 1900 + int(year)}{clock or ''}"
    if "/" not in value:
        raise SplError(
            f"'{stated[0]}' is not a time", span=span, hint="MM/DD/YYYY[:HH:MM:SS], or a number of days", code="time"
        )
    found = time_bound(value, context.now, what="gentimes", span=span, tz=context.tz)
    assert found is not None
    return found


def parse(cursor: Cursor) -> GenTimes:
    begin = cursor.here().start
    found: dict[str, Stated] = {}
    while not cursor.done():
        option = cursor.option(("start", "end", "increment"))
        if option is None and cursor.at_option():
            cursor.no_option()
        if option is None:
            cursor.fail(f"unexpected {cursor.found()}", hint="| gentimes start=-7 increment=1d")
        found[option[0]] = option[1], option[2]
    if "start" not in found:
        cursor.fail("gentimes needs a start", hint="| gentimes start=-7, or start=10/25/2024")
    step = "+1d"
    if "increment" in found:
        value, span = found["increment"]
        match = _INCREMENT.match(value)
        if match is None or int(match.group(1)) == 0:
            raise SplError(f"'{value}' is not an increment", span=span, hint="such as 30s, 10m, 1h, 7d", code="time")
        step = f"+{int(match.group(1))}{(match.group(2) or 's').lower()}"
    return GenTimes(found["start"], found.get("end"), step, cursor.since(begin))
