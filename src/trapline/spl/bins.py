"""Bins of times and numbers: how bin, chart, timechart and makecontinuous write, choose and step through them.

Source: Search Reference, "bin" (bin options, span options), "timechart" (default time spans, spans used when minspan is
specified, snap-to-time). Numbers become the text `10-20` of their bin, the lower bound included; a time becomes the
start of its bin. Days, weeks and months begin at their calendar start in the time zone of the search, weeks on Sunday.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo

from trapline.errors import Span, SplError
from trapline.plan import (
    Agg,
    Aggregate,
    Call,
    Col,
    Expr,
    Extend,
    Filter,
    Lambda,
    Lit,
    Node,
    Project,
    Scan,
    both,
    call,
    number,
    text,
)
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, count
from trapline.spl.evaluate import as_number, as_text
from trapline.times import epoch_of, floor_time, moment, shift, span_seconds, time_bound
from trapline.values import Kind, number_text, to_number

OPTIONS = ("span", "bins", "minspan", "start", "end", "aligntime")
MAX_BINS = 50_000
"""limits.conf [discretize] maxbins"""
TIME_STEPS = (1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0, 86_400.0)
"""The spans that a time axis is given when none is stated, in seconds; after them whole months and years."""
_DAY = 86_400.0
_WEEK = 604_800.0
_WEEK_ORIGIN = -345_600.0  # 1969-12-28, a Sunday
_MONTHS = {"mon": 1, "month": 1, "months": 1, "q": 3, "qtr": 3, "qtrs": 3, "quarter": 3, "quarters": 3}
_MONTHS |= {"y": 12, "yr": 12, "yrs": 12, "year": 12, "years": 12}
_SUBSECONDS = {"us": 1_000_000, "ms": 1_000, "cs": 100, "ds": 10}
_CALENDAR = (-62_135_596_800.0, 253_402_300_799.0)
"""The years 1 to 9999, all that a calendar span can be in."""
_SPAN = re.compile(r"[+-]?(\d*)\s*([A-Za-z]+)(@[\w@+-]+)?\Z")
_LOG = re.compile(r"(\d+(?:\.\d+)?)?log(\d+(?:\.\d+)?)?\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fixed:
    """Bins of one width that begin at `origin` and its multiples: seconds of a time, or units of a number."""

    width: float
    origin: float = 0.0
    timed: bool = False
    """It was written with a time scale."""
    tz: tzinfo = UTC

    def floor(self, value: float) -> float:
        if self.timed and self.tz is not UTC:
            found = floor_time(value, self.width, self.origin, self.tz)
            return value if found is None else found
        if self.timed and self.width < 1:
            whole = math.floor(value)
            parts = math.floor(round(value - whole, 6) / self.width + self._slack)
            return whole + round(parts * self.width, 6)
        place = (value - self.origin) / self.width + self._slack
        if not math.isfinite(place):
            return value  # the bins are narrower there than doubles lie apart
        return self._tidy(math.floor(place) * self.width + self.origin)

    @property
    def _slack(self) -> float:
        """What a quotient may fall short of a whole number when the width is a fraction: 0.3 / 0.1 is less than 3."""
        return 0.0 if self.width == int(self.width) else 1e-9

    def after(self, low: float) -> float:
        if self.timed and self.tz is not UTC:
            # A day has 23 to 25 hours: the middle of the next bin is in it, whatever the clock did in between.
            return self.floor(low + self.width * 1.5)
        if self.timed and self.width < 1:
            return self.floor(low + self.width * 1.5)
        return self._tidy(low + self.width)

    def _tidy(self, value: float) -> float:
        return value if self.width == int(self.width) else round(value, 9)

    def expr(self, value: Expr) -> Expr:
        if self.timed and self.width < 1:
            return self._part_of_second(value)
        if self.timed:
            return self._round(call("time_floor", Kind.NUMBER, value, number(self.width), number(self.origin)))
        moved = call("sub", Kind.NUMBER, value, number(self.origin)) if self.origin else value
        quotient = call("div", Kind.NUMBER, moved, number(self.width))
        if self._slack:
            quotient = call("add", Kind.NUMBER, quotient, number(self._slack))
        low = call("mul", Kind.NUMBER, call("floor", Kind.NUMBER, quotient), number(self.width))
        low = call("add", Kind.NUMBER, low, number(self.origin)) if self.origin else low
        return self._round(low)

    def _part_of_second(self, value: Expr) -> Expr:
        """The start of a bin shorter than a second. Bins divide a second evenly, and times are whole microseconds."""
        whole = call("floor", Kind.NUMBER, value)
        part = call("round", Kind.NUMBER, call("sub", Kind.NUMBER, value, whole), number(6))
        steps = call("add", Kind.NUMBER, call("div", Kind.NUMBER, part, number(self.width)), number(self._slack))
        low = call("mul", Kind.NUMBER, call("floor", Kind.NUMBER, steps), number(self.width))
        return call("add", Kind.NUMBER, whole, call("round", Kind.NUMBER, low, number(6)))

    def top(self, low: Expr) -> Expr:
        if self.timed and self.tz is not UTC and self.width >= 1:
            return self.expr(call("add", Kind.NUMBER, low, number(self.width * 1.5)))
        return self._round(call("add", Kind.NUMBER, low, number(self.width)))

    def _round(self, value: Expr) -> Expr:
        return value if self.width == int(self.width) else call("round", Kind.NUMBER, value, number(9))


@dataclass(frozen=True, slots=True)
class Months:
    """Bins of whole calendar months, counted from January 1970."""

    months: int
    tz: tzinfo = UTC

    def floor(self, value: float) -> float:
        when = moment(value, self.tz)
        return self._start((when.year - 1970) * 12 + when.month - 1)

    def after(self, low: float) -> float:
        when = moment(low, self.tz)
        return self._start((when.year - 1970) * 12 + when.month - 1 + self.months)

    def _start(self, months: int) -> float:
        year, month = divmod(months // self.months * self.months, 12)
        return epoch_of(datetime(1970 + year, month + 1, 1, tzinfo=self.tz))

    def expr(self, value: Expr) -> Expr:
        return call("month_floor", Kind.NUMBER, value, number(self.months))

    def top(self, low: Expr) -> Expr:
        # 31 days after its start a month is over, whatever its length, and the next one is not.
        late = call("add", Kind.NUMBER, low, number(self.months * 31 * _DAY))
        return self.expr(late) if self.months == 1 else call("month_floor", Kind.NUMBER, late, number(self.months))


@dataclass(frozen=True, slots=True)
class Log:
    """Bins that grow by a factor: ... c, c*base, c*base^2 ..., for numbers greater than 0."""

    coefficient: float
    base: float

    def floor(self, value: float) -> float:
        steps = math.floor(math.log(value / self.coefficient) / math.log(self.base) + 1e-9)
        return self._tidy(self.coefficient * self.base**steps)

    def after(self, low: float) -> float:
        return self._tidy(low * self.base)

    def _tidy(self, value: float) -> float:
        return float(f"{value:.12g}")

    def expr(self, value: Expr) -> Expr:
        ratio = call("div", Kind.NUMBER, value, number(self.coefficient))
        steps = call("add", Kind.NUMBER, call("log", Kind.NUMBER, ratio, number(self.base)), number(1e-9))
        power = call("pow", Kind.NUMBER, number(self.base), call("floor", Kind.NUMBER, steps))
        return self._round(call("mul", Kind.NUMBER, power, number(self.coefficient)))

    def top(self, low: Expr) -> Expr:
        return self._round(call("mul", Kind.NUMBER, low, number(self.base)))

    def _round(self, value: Expr) -> Expr:
        return call("round", Kind.NUMBER, value, number(9))


Bins = Fixed | Months | Log


@dataclass(frozen=True, slots=True)
class BinOptions:
    """Bin options as written, each with its place."""

    values: tuple[tuple[str, str, Span], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.values)

    def get(self, name: str) -> tuple[str, Span] | None:
        """The last value of an option."""
        found = [(value, span) for own, value, span in self.values if own == name]
        return found[-1] if found else None

    def has(self, name: str) -> bool:
        return self.get(name) is not None

    def with_one(self, name: str, value: str, span: Span) -> BinOptions:
        return replace(self, values=(*self.values, (name, value, span)))

    def number(self, name: str) -> float | None:
        found = self.get(name)
        if found is None:
            return None
        try:
            value = float(found[0])
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise SplError(f"{name}={found[0]} is not a number", span=found[1], code="syntax")
        return value

    def bins(self, default: int) -> int:
        """At most this many bins."""
        found = self.get("bins")
        if found is None:
            return default
        wanted = count(*found)
        if not 1 <= wanted <= MAX_BINS:
            raise SplError(f"bins is between 1 and {MAX_BINS:,}", span=found[1], code="syntax")
        return wanted


def take_option(cursor: Cursor, options: BinOptions) -> BinOptions | None:
    """The options with one more, if a bin option is next."""
    found = cursor.option(OPTIONS)
    return None if found is None else options.with_one(*found)


# --- written spans -------------------------------------------------------------------------------------------------


def time_span(options: BinOptions, context: Context, bounds: Bounds) -> Bins | None:
    """The bins of a time that `span` states; None without one. Raises SplError."""
    found = options.get("span")
    if found is None:
        return None
    written, place = found
    log = _LOG.match(written)
    if log is not None:
        return _log(log, place)
    match = _SPAN.match(written)
    if match is not None and match.group(2).lower() in _MONTHS:
        return replace(_months(match, written, place), tz=context.tz)
    snap = match.group(3) if match is not None else None
    if match is not None:
        _check_subseconds(match, place)
    seconds = span_seconds(written.removesuffix(snap).lstrip("+-") if snap else written)
    if seconds is None or not 0 < seconds < math.inf:
        raise SplError(f"'{written}' is not a span", span=place, hint="such as 5m, 1h, 1d, 1mon", code="time")
    if snap is not None:
        origin = shift(context.now, snap, context.tz)
        if origin is None:
            raise SplError(f"'{snap}' does not snap to a time", span=place, hint="such as w@w1, 1d@d", code="time")
        return Fixed(seconds, (origin + _offset(origin, context)) % seconds, timed=True, tz=context.tz)
    return Fixed(seconds, _origin(seconds, options, context, bounds), timed=True, tz=context.tz)


def _check_subseconds(match: re.Match[str], place: Span) -> None:
    """A span in parts of a second is shorter than one and divides it evenly."""
    parts = _SUBSECONDS.get(match.group(2).lower())
    if parts is None:
        return
    amount = match.group(1) or "1"
    if len(amount) > 7 or not 0 < int(amount) < parts or parts % int(amount):
        raise SplError(
            f"'{match.group()}' does not divide a second evenly",
            span=place,
            hint="such as 100ms, 250ms, 5cs, 2ds; a whole second is 1s",
            code="time",
        )


def _offset(epoch: float, context: Context) -> float:
    """Seconds that the clock of the search is ahead of UTC: origins count from its 1970-01-01."""
    return moment(epoch, context.tz).replace(tzinfo=UTC).timestamp() - math.floor(epoch * 1e6) / 1e6


def _origin(seconds: float, options: BinOptions, context: Context, bounds: Bounds) -> float:
    """Where bins of that many seconds begin. aligntime does not count for days and what is longer."""
    align = options.get("aligntime")
    if seconds % _WEEK == 0:
        return _WEEK_ORIGIN
    if align is None or seconds % _DAY == 0:
        return 0.0
    match align[0].lower():
        case "earliest":
            at: float | None = bounds.earliest
        case "latest":
            at = bounds.latest
        case written:
            at = time_bound(written, context.now, what="aligntime", span=align[1], tz=context.tz)
    return 0.0 if at is None else (at + _offset(at, context)) % seconds


def _months(match: re.Match[str], written: str, place: Span) -> Months:
    amount = match.group(1)
    months = int(amount or 1) * _MONTHS[match.group(2).lower()] if len(amount) < 6 else 0
    if not 1 <= months <= 12_000:
        raise SplError(f"'{written}' is not a span", span=place, hint="such as 1mon, 1q, 1y", code="time")
    return Months(months)


def _log(match: re.Match[str], place: Span) -> Log:
    base = float(match.group(2) or 10)
    coefficient = float(match.group(1) or 1)
    if base <= 1 or not 1 <= coefficient < base:
        raise SplError(
            f"'{match.group()}' is not a span",
            span=place,
            hint="<coefficient>log<base>, the base greater than 1, the coefficient from 1 to below it",
            code="syntax",
        )
    return Log(coefficient, base)


def number_span(options: BinOptions) -> Bins | None:
    """The bins of a number that `span` states; a time scale counts in seconds."""
    found = options.get("span")
    if found is None:
        return None
    written, place = found
    log = _LOG.match(written)
    if log is not None:
        return _log(log, place)
    try:
        width = float(written)
    except ValueError:
        match = _SPAN.match(written)
        if match is not None and match.group(2).lower() in _MONTHS and match.group(3) is None:
            return _months(match, written, place)
        seconds = span_seconds(written)
        if seconds is None or seconds == math.inf:
            raise SplError(
                f"'{written}' is not a span", span=place, hint="such as 10, 0.5, log2", code="time"
            ) from None
        return Fixed(seconds, _WEEK_ORIGIN if seconds % _WEEK == 0 and seconds else 0.0, timed=True)
    if not 0 < width < math.inf:
        raise SplError("a span is greater than 0", span=place, code="syntax")
    return Fixed(width)


# --- chosen spans --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bounds:
    """The time range of a search in epoch seconds; None = open."""

    earliest: float | None
    latest: float | None


def search_bounds(context: Context, source: Node) -> Bounds:
    """The time range of the search that `source` comes from: that of its scan, where there is one."""
    node: Node | None = source
    while node is not None:
        if isinstance(node, Scan):
            early = None if node.earliest is None else node.earliest / 1e6
            late = None if node.latest is None else node.latest / 1e6
            return Bounds(early, late)
        node = getattr(node, "input", None) or getattr(node, "left", None)
    return Bounds(context.earliest, context.latest)


def extent(context: Context, source: Node, value: Expr) -> tuple[float, float] | None:
    """The least and the greatest number of a value; None if there is none."""
    lowest = Agg("min", value, Kind.NUMBER)
    highest = Agg("max", value, Kind.NUMBER)
    found = context.rows(Aggregate(source, (), (("low", lowest), ("high", highest))))
    if not found or "low" not in found[0]:
        return None
    low, high = found[0]["low"], found[0]["high"]
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    return float(low), float(high)


def auto_time(low: float, high: float, most: int, least: float = 0.0) -> Bins:
    """The smallest usual span of at least `least` seconds that covers low..high (both included) in `most` bins."""
    if low < _CALENDAR[0] or high > _CALENDAR[1]:
        return auto_number(low, high, most)
    choices: list[Bins] = [Fixed(width, timed=True) for width in TIME_STEPS if width >= least]
    for bins in (*choices, Months(1), Months(12), Months(120)):
        steps = (high - low) / bins.width if isinstance(bins, Fixed) else (high - low) / (bins_days(bins) * _DAY)
        if steps <= most + 1 and _count(bins, low, high, most) <= most:
            return bins
    return Months(1200)


def bins_days(bins: Bins) -> float:
    """The shortest length in days."""
    return bins.months * 28.0 if isinstance(bins, Months) else 1.0


def _count(bins: Bins, low: float, high: float, most: int) -> int:
    found = 0
    for _ in steps_between(bins, low, high):
        found += 1
        if found > most:
            break
    return found


def auto_number(low: float, high: float, most: int, least: float = 0.0) -> Fixed:
    """The smallest power of ten, of at least `least`, that covers low..high in at most `most` bins ("human sensible
    bounds")."""
    width = high / most - low / most
    power = math.floor(math.log10(width)) if 0 < width < math.inf else 308 if width == math.inf else 0
    if least:
        power = max(power, math.ceil(math.log10(least) - 1e-9))
    if float(low).is_integer() and float(high).is_integer():
        power = max(power, 0)  # whole numbers do not need bins of fractions
    while True:
        width = float(f"1e{power}")
        if not (math.isfinite(width) and math.isfinite(high) and math.isfinite(low)):
            raise SplError("the values are too far apart for bins", hint="give the bins a span", code="bins")
        first, last = low / width, high / width  # infinite where the width is far too small yet
        if math.isfinite(first) and math.isfinite(last) and math.floor(last) - math.floor(first) + 1 <= most:
            return Fixed(width)
        power += 1


def steps_between(bins: Bins, low: float, high: float) -> Iterator[float]:
    """The starts of the bins from that of `low` to that of `high`."""
    at = bins.floor(low)
    while at <= high:
        yield at
        at = bins.after(at)


def all_steps(bins: Bins, low: float, high: float, place: Span) -> list[float]:
    """As `steps_between`; more than MAX_BINS are an error, for a table that were cut there would look complete."""
    if isinstance(bins, Months) and (low < _CALENDAR[0] or high > _CALENDAR[1]):
        raise SplError("a calendar span cannot hold times outside of the years 1 to 9999", span=place, code="bins")
    if isinstance(bins, Log) and low <= 0:
        raise SplError("logarithmic bins hold numbers greater than 0 only", span=place, code="bins")
    found: list[float] = []
    for step in steps_between(bins, low, high):
        if len(found) == MAX_BINS:
            raise _too_many(bins, low, high, place)
        found.append(step)
    return found


def _too_many(bins: Bins, low: float, high: float, place: Span) -> SplError:
    timed = isinstance(bins, Months) or (isinstance(bins, Fixed) and bins.timed)
    ends = [_date(end) if timed else number_text(end) for end in (low, high)]
    hint = "a wider span, or a narrower time range"
    if timed:
        least = next((one for one in _WIDER if (high - low) / one < MAX_BINS), None)
        hint = f"a span of {_WIDER[least]} or more, or a narrower time range: --earliest, --latest" if least else hint
    return SplError(
        f"this span makes more than {MAX_BINS:,} bins between {ends[0]} and {ends[1]}, the most that Splunk makes",
        span=place,
        hint=hint,
        code="bins",
    )


_WIDER = {1.0: "1s", 10.0: "10s", 60.0: "1m", 300.0: "5m", 600.0: "10m", 1800.0: "30m", 3600.0: "1h", 14_400.0: "4h"}
_WIDER |= {_DAY: "1d", _WEEK: "1w"}


def _date(epoch: float) -> str:
    return moment(epoch, UTC).strftime("%Y-%m-%d") if _CALENDAR[0] <= epoch <= _CALENDAR[1] else number_text(epoch)


def time_bins(
    options: BinOptions, context: Context, source: Node, name: str, *, most: int, bounds: Bounds, fixed: bool = True
) -> Bins:
    """The bins of a time field: as stated, or chosen for the time range of the search (of the data if that is open or
    not `fixed`). Raises SplError."""
    stated = time_span(options, context, bounds)
    if stated is not None:
        return stated
    least = _least(options)
    early, late = (bounds.earliest, bounds.latest) if fixed else (None, None)
    if early is None or late is None:
        found = extent(context, source, as_number(Col(name, source.schema[name])))
        if found is None:
            return Fixed(max(1.0, least), timed=True)
        early = found[0] if early is None else early
        late = found[1] if late is None else late
    else:
        late = math.nextafter(late, early)
    chosen = auto_time(early, late, options.bins(most), least)
    if isinstance(chosen, Fixed):
        return replace(chosen, origin=_origin(chosen.width, options, context, bounds), tz=context.tz)
    return replace(chosen, tz=context.tz) if isinstance(chosen, Months) else chosen


def _least(options: BinOptions) -> float:
    """The narrowest bin that may be chosen (minspan): seconds, or units of a number; 0 if it is not stated."""
    stated = options.get("minspan")
    if stated is None:
        return 0.0
    width = to_number(stated[0])
    width = span_seconds(stated[0]) if width is None else width
    if width is None or not 0 < width < math.inf:
        raise SplError(f"'{stated[0]}' is not a span", span=stated[1], hint="such as 5m, 1h, 1d", code="time")
    return width


def number_bins(options: BinOptions, context: Context, source: Node, name: str, *, most: int) -> Bins:
    """The bins of a numeric field: as stated, or chosen for its values, which start and end can only widen. Raises
    SplError."""
    stated = number_span(options)
    if stated is not None:
        return stated
    least = _least(options)
    low, high = options.number("start"), options.number("end")
    found = extent(context, source, as_number(Col(name, source.schema[name])))
    edges = [edge for edge in (low, high, *(found or ())) if edge is not None]
    if not edges:
        return Fixed(1.0)
    # An end is the upper bound of the last bin, not a value in one more.
    top = max(edges)
    if high is not None and top == high and (found is None or found[1] < high):
        top = math.nextafter(high, -math.inf)
    return auto_number(min(edges), top, options.bins(most), least)


# --- labels --------------------------------------------------------------------------------------------------------


def low_of(bins: Bins, value: Expr) -> Expr:
    """The lower bound of a value's bin as a number, null for what is in none."""
    plain = as_number(value)
    if isinstance(bins, Log):
        return Call(
            "case", (call("gt", Kind.BOOL, plain, number(0)), bins.expr(plain), Lit(None, Kind.NUMBER)), Kind.NUMBER
        )
    return bins.expr(plain)


def label_of(bins: Bins, value: Expr) -> Expr:
    """The text `low-high` of a value's bin; what is in none stays as it is."""
    if value.kind is Kind.MULTI:
        return call("list_map", Kind.MULTI, value, Lambda("_bin", label_of(bins, Col("_bin", Kind.TEXT))))
    low = low_of(bins, value)
    label = call("concat", Kind.TEXT, call("concat", Kind.TEXT, as_text(low), text("-")), as_text(bins.top(low)))
    return Call("case", (call("is_not_null", Kind.BOOL, low), label, as_text(value)), Kind.TEXT)


def labelled(source: Node, name: str, target: str, bins: Bins) -> Node:
    """The source with a field's bins in `target`, as `label_of` writes them. Bounds are columns on the way: an
    expression that named them again and again would grow without need."""
    value = Col(name, source.schema[name])
    if value.kind is Kind.MULTI:
        return Extend(source, ((target, label_of(bins, value)),))
    low, high = Col("_bin_low", Kind.NUMBER), Col("_bin_high", Kind.NUMBER)
    node: Node = Extend(source, ((low.name, low_of(bins, value)),))
    node = Extend(node, ((high.name, bins.top(low)),))
    written = call("concat", Kind.TEXT, call("concat", Kind.TEXT, as_text(low), text("-")), as_text(high))
    inside = call("is_not_null", Kind.BOOL, low)
    node = Extend(node, ((target, Call("case", (inside, written, as_text(value)), Kind.TEXT)),))
    kept = [one for one in node.schema if one not in (low.name, high.name)]
    return Project(node, tuple((one, Col(one, node.schema[one])) for one in kept))


def label(bins: Bins, low: float) -> str:
    """The text of the bin that begins there."""
    return f"{number_text(low)}-{number_text(bins.after(low))}"


def lower_bound(label: str) -> float | None:
    """The lower bound of a bin's text."""
    match = re.fullmatch(r"(-?[0-9.]+(?:e[+-]?\d+)?)-(-?[0-9.]+(?:e[+-]?\d+)?)", label)
    return float(match.group(1)) if match else None


def within(source: Node, name: str, options: BinOptions) -> Node:
    """Without the rows outside of start..end (chart, makecontinuous: "data outside of the range is discarded")."""
    value = as_number(Col(name, source.schema[name]))
    parts: list[Expr] = []
    low, high = options.number("start"), options.number("end")
    if low is not None:
        parts.append(call("ge", Kind.BOOL, value, number(low)))
    if high is not None:
        parts.append(call("le", Kind.BOOL, value, number(high)))
    return Filter(source, both(parts)) if parts else source
