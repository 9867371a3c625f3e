"""chart: aggregates as a table, a row per value of one field, optionally a column per value of another.

Syntax:
    chart [<option>...] (<aggregation> [AS <name>] | eval(<expression>) [AS <name>])...
        [BY <row field> [<bin option>...] [<column field> [<split option>...]]]
        [OVER <row field> [<bin option>...] [BY <column field> [<split option>...]]]

    <option>: limit=[top|bottom]<n> | agg=<function> | cont=<bool> | sep=<text> | format=<text>
        | dedup_splitvals=<bool>
    <bin option>: span=<span> | minspan=<span> | bins=<n> | start=<n> | end=<n> | aligntime=<time>
    <split option>: <bin option> | usenull=<bool> | useother=<bool> | nullstr=<text> | otherstr=<text> | <where>
    <where>: where <function> (in|notin) (top|bottom)<n> | where <function> (<|>) <n>

Options:
    limit=[top|bottom]<n> (10): how many columns the column field makes, 0 for all.
    agg=<function> (sum of the values): what of a column decides whether it is among them.
    cont=<bool> (true): bins without events are rows.
    sep=<text> (": "): what stands between aggregate and value in the name of a column.
    format=<text> (none): the name of a column, with $AGG$ and $VAL$ in it; takes the place of sep.
    dedup_splitvals=<bool> (false): a value counts once per event, where the by-field is a multivalue.
    span=<span> (chosen, for _time): how large a range is.
    minspan=<span> (none): the least that a chosen span can be.
    bins=<n> (300): how many ranges at most, where the span is chosen.
    start=<n> (the least value): where the ranges begin, if that is less.
    end=<n> (the greatest value): where they end, if that is more.
    aligntime=<time> (none): where time ranges shorter than a day begin.
    usenull=<bool> (true): a column for events without the column field.
    useother=<bool> (true): a column for the values that are no column of their own.
    nullstr=<text> (NULL): its name, of those without.
    otherstr=<text> (OTHER): its name, of the others.
    where <...> (none): which columns stay, in place of limit.

Source: Search Reference, "chart".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trapline.errors import Span, SplError
from trapline.plan import NULL, Agg, Col, Extend, Node
from trapline.spl.aggregates import Aggregation
from trapline.spl.bins import (
    BinOptions,
    Bins,
    all_steps,
    label,
    labelled,
    low_of,
    lower_bound,
    number_bins,
    search_bounds,
    take_option,
    time_bins,
    within,
)
from trapline.spl.charting import Chart, by_series, order_of, plain_lower, present, spread, steps_of, table
from trapline.spl.chartoptions import Axis, ChartOptions, Measure, parse_axes, parse_measures
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.spl.moments import MOMENT, in_intervals, of_moment
from trapline.values import Scalar, Value

DEFAULT_BINS = 300
"""chart page, "bins"."""
OPTIONS = (
    *("span", "bins", "minspan", "start", "end", "aligntime"),
    *("limit", "agg", "sep", "format", "cont", "useother", "usenull", "otherstr", "nullstr", "dedup_splitvals"),
    "dedup_splitval",
)


@dataclass(frozen=True, slots=True)
class ChartCommand:
    measures: tuple[Measure, ...]
    x: Axis | None
    split: Axis | None
    options: ChartOptions
    place: Span

    def lower(self, context: Context, source: Node) -> Node:
        x = None if self.x is None else self.x.name.text
        by = None if self.split is None else self.split.name.text
        bins: Bins | None = None
        if self.split is not None and by is not None:
            source, _ = self._axis(context, source, self.split)
            if not self.options.usenull:
                source = present(source, by)
        if self.x is not None and x is not None:
            source, bins = self._axis(context, source, self.x)
            source = present(source, x)
        written = tuple(name for name in (x, by) if name is not None)
        plain = plain_lower(context)

        def lower(one: Aggregation, node: Node) -> Agg:
            agg = plain(one, node)
            return of_moment(agg) if MOMENT in node.schema else agg

        chart = Chart(context, source, x, by, self.measures, written, lower, None)
        cells, series, rows = by_series(context, chart, self.options)
        found = [] if x is None else steps_of(context, cells, x)
        steps: Sequence[Value | None] = [None] if x is None else self._steps(found, x, bins)
        return context.given(table(cells, rows, x, steps, series, self.options))

    def _axis(self, context: Context, source: Node, axis: Axis) -> tuple[Node, Bins | None]:
        """The source with an axis' field as it will stand in the table, and its bins if it has any."""
        name = axis.name.text
        if name not in source.schema:
            return Extend(source, ((name, NULL),)), None
        source = spread(source, name, self.options.dedup)
        if not axis.options:
            return source, None
        value = Col(name, source.schema[name])
        if name == "_time":
            bounds = search_bounds(context, source)
            bins = time_bins(axis.options, context, source, name, most=DEFAULT_BINS, bounds=bounds)
            return in_intervals(source, low_of(bins, value)), bins
        source = within(source, name, axis.options)
        bins = number_bins(axis.options, context, source, name, most=DEFAULT_BINS)
        return labelled(source, name, name, bins), bins

    def _steps(self, found: list[Scalar], x: str, bins: Bins | None) -> Sequence[Value | None]:
        """The values of the x-axis in order; with cont and bins, also those between that hold nothing."""
        if bins is None:
            return sorted(found, key=order_of)
        if x == "_time":
            times = sorted(float(value) for value in found)
            if not times or not self.options.cont:
                return times
            return all_steps(bins, times[0], times[-1], self.place)
        lows = {value: lower_bound(str(value)) for value in found}
        binned = sorted(low for low in lows.values() if low is not None)
        rest = sorted((value for value, low in lows.items() if low is None), key=order_of)
        if not binned:
            return rest
        if self.options.cont:
            binned = all_steps(bins, binned[0], binned[-1], self.place)
        return [*(label(bins, low) for low in binned), *rest]


def parse(cursor: Cursor) -> ChartCommand:
    start = cursor.here().start
    options = ChartOptions()
    early = BinOptions()
    measures: list[Measure] = []
    axes: list[Axis] = []
    over = False
    hint = "chart count over host by status"
    while not cursor.done():
        more = take_option(cursor, early) if not axes else None
        if more is not None:
            early = more
        elif options.take(cursor):
            continue
        elif not axes and cursor.take_word("over"):
            axes = parse_axes(cursor, options, 1, "chart has one field after OVER; the split field follows BY")
            over = True
            if not axes:
                cursor.fail("OVER needs a field", hint=hint)
        elif len(axes) < 2 and (over or not axes) and cursor.take_word("by"):
            found = parse_axes(cursor, options, 1 if over else 2, "chart takes one field for rows and one for columns")
            if not found:
                cursor.fail("BY needs a field", hint=hint)
            axes += found
        elif axes:
            cursor.fail(f"unexpected {cursor.found()}", hint=hint)
        else:
            more_measures = parse_measures(cursor, ("by", "over", "where"), "chart", OPTIONS)
            if not more_measures:  # a second where
                cursor.fail(f"unexpected {cursor.found()}", hint=hint)
            measures += more_measures
    if not measures:
        cursor.fail("chart needs an aggregation", hint=hint)
    if early and axes:
        # Before the fields, bin options are those of the x-axis.
        axes[0] = Axis(axes[0].name, BinOptions((*early.values, *axes[0].options.values)))
    x = axes[0] if axes else None
    split = axes[1] if len(axes) > 1 else None
    if options.where is not None and split is None:
        raise SplError("where chooses among series, and there is no second field", span=cursor.since(start), hint=hint)
    return ChartCommand(tuple(measures), x, split, options, cursor.since(start))
