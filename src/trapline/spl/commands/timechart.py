"""timechart: aggregates over time, a row per interval, optionally a column per value of a field.

Syntax:
    timechart [<option>...] [<bin option>...] (<aggregation> [AS <name>] | eval(<expression>) [AS <name>])...
        [BY <field> [<split option>...]]

    <option>: limit=[top|bottom]<n> | agg=<function> | cont=<bool> | fixedrange=<bool> | partial=<bool> | sep=<text>
        | format=<text> | dedup_splitvals=<bool>
    <bin option>: span=<span> | minspan=<span> | bins=<n> | start=<n> | end=<n> | aligntime=<time>
    <split option>: <bin option> | usenull=<bool> | useother=<bool> | nullstr=<text> | otherstr=<text> | <where>
    <where>: where <function> (in|notin) (top|bottom)<n> | where <function> (<|>) <n>

Options:
    limit=[top|bottom]<n> (10): how many series there are, 0 for all.
    agg=<function> (sum of the values): what of a series decides whether it is among them.
    cont=<bool> (true): intervals without events are rows.
    fixedrange=<bool> (true): the table covers the time range of the search; false: from the first event to the last.
    partial=<bool> (true): intervals that the time range holds only a part of are rows.
    sep=<text> (": "): what stands between aggregate and value in the name of a column.
    format=<text> (none): the name of a column, with $AGG$ and $VAL$ in it; takes the place of sep.
    dedup_splitvals=<bool> (false): a value counts once per event, where the by-field is a multivalue.
    span=<span> (chosen from the time range): how long an interval is; after BY, of the split field.
    minspan=<span> (none): the least that a chosen span can be.
    bins=<n> (100): how many intervals at most, where the span is chosen.
    start=<n> (the least value): after BY: where ranges of the split field begin, if that is less.
    end=<n> (the greatest value): after BY: where they end, if that is more.
    aligntime=<time> (none): where intervals shorter than a day begin.
    usenull=<bool> (true): a series for events without the split field.
    useother=<bool> (true): a series for the values that are no series of their own.
    nullstr=<text> (NULL): its name, of those without.
    otherstr=<text> (OTHER): its name, of the others.
    where <...> (none): which series stay, in place of limit.

Source: Search Reference, "timechart".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trapline.errors import Span, SplError
from trapline.plan import NULL, Agg, Col, Expr, Extend, Node, call
from trapline.spl.aggregates import Aggregation, lower_aggregation
from trapline.spl.bins import (
    BinOptions,
    Bins,
    Bounds,
    all_steps,
    labelled,
    low_of,
    number_bins,
    search_bounds,
    take_option,
    time_bins,
    within,
)
from trapline.spl.charting import Chart, by_series, present, spread, steps_of, table
from trapline.spl.chartoptions import Axis, ChartOptions, Measure, parse_axes, parse_measures
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, flag
from trapline.spl.moments import in_intervals, of_moment
from trapline.values import Kind

DEFAULT_BINS = 100
"""timechart page, "bins"."""
OPTIONS = (
    *("span", "bins", "minspan", "start", "end", "aligntime"),
    *("limit", "agg", "sep", "format", "cont", "useother", "usenull", "otherstr", "nullstr", "dedup_splitvals"),
    *("dedup_splitval", "partial", "fixedrange"),
)


@dataclass(frozen=True, slots=True)
class Timechart:
    measures: tuple[Measure, ...]
    split: Axis | None
    bins: BinOptions
    options: ChartOptions
    partial: bool
    fixedrange: bool
    place: Span

    def lower(self, context: Context, source: Node) -> Node:
        if "_time" not in source.schema:
            return context.given([])
        bounds = search_bounds(context, source)
        source = present(source, "_time")
        by: str | None = None
        if self.split is not None:
            by = self.split.name.text
            source = self._split(context, source, self.split)
        bins = time_bins(self.bins, context, source, "_time", most=DEFAULT_BINS, bounds=bounds, fixed=self.fixedrange)
        source = in_intervals(source, low_of(bins, Col("_time", source.schema["_time"])))
        source = present(source, "_time")  # what is no time has no interval
        written = ("_time",) if by is None else ("_time", by)

        def lower(one: Aggregation, node: Node) -> Agg:
            return of_moment(lower_aggregation(one, node.schema, context, timed=True))

        def length(low: Expr) -> Expr:
            return call("sub", Kind.NUMBER, bins.top(low), low)

        chart = Chart(context, source, "_time", by, self.measures, written, lower, length)
        cells, series, rows = by_series(context, chart, self.options)
        times = sorted(float(step) for step in steps_of(context, cells, "_time"))
        if not times:
            return context.given([])
        steps = self._steps(times, bins, bounds)
        if not self.partial:
            steps = [step for step in steps if _whole(bins, step, bounds)]
        return context.given(table(cells, rows, "_time", steps, series, self.options))

    def _split(self, context: Context, source: Node, split: Axis) -> Node:
        """The source with the split field as it will stand in columns."""
        name = split.name.text
        if name not in source.schema:
            source = Extend(source, ((name, NULL),))
        source = spread(source, name, self.options.dedup)
        if not self.options.usenull:
            source = present(source, name)
        if split.options:
            source = within(source, name, split.options)
            bins = number_bins(split.options, context, source, name, most=DEFAULT_BINS)
            source = labelled(source, name, name, bins)
        return source

    def _steps(self, times: Sequence[float], bins: Bins, bounds: Bounds) -> list[float]:
        """The intervals of the table: those with events, with cont all between them and within the search's range."""
        if not self.options.cont:
            return list(times)
        first, last = times[0], times[-1]
        if self.fixedrange and bounds.earliest is not None:
            first = min(first, bounds.earliest)
        if self.fixedrange and bounds.latest is not None:
            # The latest time is the first moment that is not in the range.
            last = max(last, bounds.latest - 1e-6)
        return all_steps(bins, first, last, self.place)


def _whole(bins: Bins, low: float, bounds: Bounds) -> bool:
    """Does the time range of the search hold the whole interval?"""
    if bounds.earliest is not None and low < bounds.earliest:
        return False
    return bounds.latest is None or bins.after(low) <= bounds.latest


def parse(cursor: Cursor) -> Timechart:
    start = cursor.here().start
    options = ChartOptions()
    bins = BinOptions()
    partial = fixedrange = True
    measures: list[Measure] = []
    split: Axis | None = None
    while not cursor.done():
        more = None if split is not None else take_option(cursor, bins)
        if more is not None:
            bins = more
        elif (option := cursor.option(("partial", "fixedrange"))) is not None:
            given = flag(option[1], option[2])
            partial, fixedrange = (given, fixedrange) if option[0] == "partial" else (partial, given)
        elif options.take(cursor):
            continue
        elif split is None and cursor.take_word("by"):
            axes = parse_axes(cursor, options, 1, "timechart splits by one field", ("partial", "fixedrange"))
            if not axes:
                cursor.fail("BY needs a field", hint="timechart count by host")
            split = axes[0]
        elif split is not None:
            cursor.fail(f"unexpected {cursor.found()}", hint="timechart span=1h count by host")
        else:
            more_measures = parse_measures(cursor, ("by", "where"), "timechart", OPTIONS)
            if not more_measures:  # a second where
                cursor.fail(f"unexpected {cursor.found()}", hint="timechart span=1h count by host")
            measures += more_measures
    if not measures:
        cursor.fail("timechart needs an aggregation", hint="timechart span=1h count by host")
    lines = [one for one in measures if isinstance(one, Aggregation) and one.spark is not None]
    if lines:
        raise SplError("sparkline works in stats and chart only", span=lines[0].span, code="function")
    if options.where is not None and split is None:
        raise SplError(
            "where chooses among series, and there is no BY", span=cursor.since(start), hint="timechart count by host"
        )
    return Timechart(tuple(measures), split, bins, options, partial, fixedrange, cursor.since(start))
