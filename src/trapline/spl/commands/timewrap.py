"""timewrap: the periods of a timechart next to each other.

Syntax:
    timewrap [<n>]<unit> [align=(now|end)] [series=(relative|exact|short)] [time_format=<text>]

    <unit>: s | m | h | d | w | mon | q | y, in any of its spellings

Options:
    align=(now|end) (end): whether periods are counted back from now, or from the end of the time range.
    series=(relative|exact|short) (relative): names such as 1day_before, the start of the period, or s1.
    time_format=<text> (%Y-%m-%d %H:%M:%S): the form of the start, with series=exact.

Source: Search Reference, "timewrap".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from trapline.errors import Span, SplError
from trapline.plan import Node
from trapline.spl.bins import search_bounds
from trapline.spl.charting import column_names
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.times import format_time, shift
from trapline.values import Value, to_number

MAX_PERIODS = 1_000
EXACT = "%Y-%m-%d %H:%M:%S"
_SPAN = re.compile(r"(\d{1,6})?([A-Za-z]+)\Z")
_UNITS = {
    "s": ("second", "s sec secs second seconds"),
    "m": ("minute", "m min mins minute minutes"),
    "h": ("hour", "h hr hrs hour hours"),
    "d": ("day", "d day days"),
    "w": ("week", "w week weeks"),
    "mon": ("month", "mon month months"),
    "q": ("quarter", "q qtr qtrs quarter quarters"),
    "y": ("year", "y yr yrs year years"),
}


@dataclass(frozen=True, slots=True)
class TimeWrap:
    count: int
    unit: str
    """A key of `_UNITS`."""
    align: str
    series: str
    time_format: str
    place: Span

    def lower(self, context: Context, source: Node) -> Node:
        found = [(moment, row) for row in context.rows(source) if (moment := _time(row.get("_time"))) is not None]
        if not found:
            return context.given([])
        times = [moment for moment, _ in found]
        starts = self._starts(context, source, times)
        data = [name for name in source.schema if not name.startswith("_")]
        cells: dict[float, dict[tuple[str, int], Value]] = {}
        late = 0
        for moment, row in found:
            # The first start is the end of the latest period.
            period = next((place for place, start in enumerate(starts[1:]) if moment >= start), None)
            if period is None or moment >= starts[0]:
                late += 1
                continue
            own = cells.setdefault(moment - starts[period + 1] + starts[1], {})
            own |= {(name, period): row[name] for name in data if name in row}
        if late:
            context.warnings.add(
                "timewrap-late",
                f"rows later than the end of the periods are left out: {late:,}",
                hint="align=end, or a search that ends now",
            )
        periods = sorted({period for own in cells.values() for _, period in own}, reverse=True)
        columns = [(name, period) for name in data for period in periods]
        shown = {period: self._name(period, starts[period + 1], context) for period in periods}
        wanted = [shown[period] if len(data) == 1 else f"{name}_{shown[period]}" for name, period in columns]
        names = column_names(wanted, "_time")
        out: list[dict[str, object]] = []
        for moment in sorted(cells):
            made: dict[str, object] = {"_time": moment}
            made |= {name: cells[moment].get(column) for name, column in zip(names, columns, strict=True)}
            out.append(made)
        return context.given(out)

    def _starts(self, context: Context, source: Node, times: list[float]) -> list[float]:
        """The end of the latest period, its start, the start of the one before, ... up to the first row's."""
        ordered = sorted(set(times))
        if self.align == "now":
            at = context.now
        else:
            latest = search_bounds(context, source).latest
            gap = min((after - before for before, after in pairwise(ordered)), default=1.0)
            at = ordered[-1] + gap if latest is None else latest
        starts = [at]
        end = at
        while starts[-1] > ordered[0]:
            before = shift(end, f"-{len(starts) * self.count}{self.unit}", context.tz)
            if before is None or len(starts) > MAX_PERIODS:
                raise SplError(
                    f"timewrap makes at most {MAX_PERIODS:,} periods",
                    span=self.place,
                    hint="a longer period, or a narrower time range",
                    code="rows",
                )
            starts.append(before)
        if len(starts) == 1:
            starts.append(shift(end, f"-{self.count}{self.unit}", context.tz) or end)
        return starts

    def _name(self, period: int, start: float, context: Context) -> str:
        unit = _UNITS[self.unit][0]
        match self.series:
            case "short":
                return f"s{period}"
            case "exact":
                return format_time(start, self.time_format, context.tz) or f"s{period}"
        if period == 0:
            return f"latest_{unit}" if self.count == 1 else f"latest_{self.count}{unit}s"
        back = period * self.count
        return f"{back}{unit}{'' if back == 1 else 's'}_before"


def _time(value: Value | None) -> float | None:
    if isinstance(value, str):
        return to_number(value)
    return float(value) if isinstance(value, int | float) else None


def parse(cursor: Cursor) -> TimeWrap:
    start = cursor.here().start
    span: tuple[int, str] | None = None
    align, series, time_format = "end", "relative", EXACT
    hint = "timewrap 1week"
    while not cursor.done():
        match cursor.option(("align", "series", "time_format")):
            case ("align", value, place):
                align = _one_of(value, ("now", "end"), place)
            case ("series", value, place):
                series = _one_of(value, ("relative", "exact", "short"), place)
            case ("time_format", value, _):
                time_format = value
            case _ if cursor.at_option():
                cursor.no_option()
            case _ if span is not None:
                cursor.fail(f"unexpected {cursor.found()}", hint=hint)
            case _:
                at = cursor.here().start
                written = cursor.value("a period such as 1day")
                match = _SPAN.match(written)
                words = {word: unit for unit, (_, known) in _UNITS.items() for word in known.split()}
                unit = words.get(match.group(2).lower()) if match else None
                if match is None or unit is None or match.group(1) == "0":
                    cursor.fail(f"'{written}' is not a period", cursor.since(at), hint=hint)
                span = int(match.group(1) or 1), unit
    if span is None:
        cursor.fail("timewrap needs a period", hint=hint)
    return TimeWrap(span[0], span[1], align, series, time_format, cursor.since(start))


def _one_of(value: str, known: tuple[str, ...], span: Span) -> str:
    if value.lower() not in known:
        raise SplError(f"unknown value '{value}'", span=span, hint=f"one of {', '.join(known)}", code="syntax")
    return value.lower()
