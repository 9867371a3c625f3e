"""What chart and timechart share: the values, the split into series, which series stay, and the table.

Source: Search Reference, "chart" and "timechart" (limit, agg, sep, format, where clause, "Prepending VALUE"). The
values are computed as rows of (x, series) and turned into columns here, since the columns are the data.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from trapline.errors import Span, SplError
from trapline.plan import (
    NULL,
    Agg,
    Aggregate,
    Call,
    Col,
    Expand,
    Expr,
    Extend,
    Filter,
    Lit,
    Node,
    Project,
    Union,
    call,
    either,
    number,
    text,
)
from trapline.spl.aggregates import PER_SECONDS, Aggregation, lower_aggregation, resolve
from trapline.spl.chartoptions import COUNTS, SERIES, ChartOptions, Computed, Limit, Measure
from trapline.spl.command import Context
from trapline.spl.evaluate import Env, as_number, as_text
from trapline.spl.sparkline import aggregate
from trapline.values import Kind, Row, Scalar, Value, to_number, value_text

MAX_COLUMNS = 10_000
"""What a table can be wide: more columns would take memory and time without bound"""
SPLIT = "_series"
ROWS = "_rows"


# --- computing -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cells:
    """The aggregated values, one row per x and series (null is one too), and the names of the measures."""

    node: Node
    measures: tuple[str, ...]
    zero: frozenset[str]
    """Measures that are 0, not null, where there is no event."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A source whose x and series are columns, ready to be aggregated."""

    context: Context
    source: Node
    x: str | None
    split: str | None
    measures: tuple[Measure, ...]
    written: tuple[str, ...]
    """The fields of the by-clause, which wildcards do not match."""
    lower: Callable[[Aggregation, Node], Agg]
    length: Callable[[Expr], Expr] | None
    """The seconds of an interval of x, for rates."""

    def cells(self, series: Expr | None = None) -> Cells:
        """Aggregate by x and by the split field, or by `series` in its place. An expression over the same node."""
        source = self.source
        if self.split is not None:
            value = as_text(Col(self.split, source.schema[self.split])) if series is None else series
            source = Extend(source, ((SPLIT, value),))
        plain: list[Aggregation] = []
        computed: list[tuple[Computed, list[Aggregation]]] = []
        names: list[str] = []
        for place, measure in enumerate(self.measures):
            if isinstance(measure, Computed):
                own = [replace(part, name=f"_m{place}{part.name}") for part in measure.parts]
                plain += own
                computed.append((measure, own))
                names.append(measure.name)
            else:
                found = resolve([measure], self.source.schema, self.written)
                plain += found
                names += [one.name for one in found]
        _unique(names, self.written, self.measures)
        self._not_split([*plain, *(part for _, own in computed for part in own)])
        keys: list[tuple[str, Expr]] = []
        for name in (self.x, SPLIT if self.split is not None else None):
            if name is not None:
                keys.append((name, Col(name, source.schema[name])))
        rows = ((ROWS, Agg("count_rows", None, Kind.NUMBER)),)
        node = aggregate(self.context, source, keys, plain, self.lower, rows)
        node = self._rates(node, plain)
        values: list[tuple[str, Expr]] = []
        for measure, own in computed:
            columns = {part.name.removeprefix(one_prefix(part)): part.name for part in own}
            env = Env(node.schema, self.context, {key: Col(name, node.schema[name]) for key, name in columns.items()})
            values.append((measure.name, env.value(measure.expression)))
        if values:
            node = Extend(node, tuple(values))
        wanted = [name for name, _ in keys] + names + [ROWS]
        node = Project(node, tuple((name, Col(name, node.schema[name])) for name in wanted))
        zero = frozenset(one.name for one in plain if one.function in ZERO)
        return Cells(self.context.materialise(node, whole=True), tuple(names), zero)

    def _not_split(self, aggregations: Iterable[Aggregation]) -> None:
        for one in aggregations:
            if one.argument in self.written and one.argument != "_time":
                raise SplError(
                    f"'{one.argument}' cannot be both aggregated and split by",
                    span=one.span,
                    hint=f"split by a copy of it: eval copy={one.argument}",
                    code="name",
                )

    def _rates(self, node: Node, aggregations: Sequence[Aggregation]) -> Node:
        """per_second and its like: the sum over an interval, divided by its length."""
        if self.x is None or self.length is None:
            return node
        length = self.length(Col(self.x, node.schema[self.x]))
        values: list[tuple[str, Expr]] = []
        for one in aggregations:
            seconds = PER_SECONDS.get(one.function)
            if seconds is not None:
                each = call("div", Kind.NUMBER, Col(one.name, node.schema[one.name]), length)
                values.append((one.name, call("mul", Kind.NUMBER, each, number(seconds))))
        return Extend(node, tuple(values)) if values else node


def one_prefix(part: Aggregation) -> str:
    """The `_m<n>` before the name of an expression's part."""
    match = re.match(r"_m\d+", part.name)
    assert match is not None
    return match.group()


ZERO = frozenset({"count", "c", "dc", "distinct_count", "estdc", "estdc_error"})
"""Functions that are 0 of no events; all others are null."""


def _unique(names: Sequence[str], by: Sequence[str], measures: Sequence[Measure]) -> None:
    seen = set(by)
    for name in names:
        if name in seen:
            span = next((one.span for one in measures if one.name == name), measures[0].span)
            raise SplError(
                f"the output field '{name}' is named twice", span=span, hint="rename one with AS", code="name"
            )
        seen.add(name)


# --- series --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Series:
    """The series that stay, in column order; whether others were dropped, and whether null has one."""

    names: tuple[str, ...]
    dropped: bool
    null: bool


def choose(context: Context, cells: Cells, options: ChartOptions) -> Series:
    """Which series stay: by the where clause, else by limit and agg. Ties go to the name that comes first."""
    if SPLIT not in cells.node.schema:
        # No event has the split field.
        return Series((), False, options.usenull)
    where = options.where
    function = where.function if where is not None else options.agg
    scores = _scores(context, cells, function)
    null = None in scores
    known = {name: own for name, own in scores.items() if name is not None}
    if where is not None:
        match where.op:
            case "in" | "notin":
                ranked = set(_ranked(known, where.limit))
                kept = [name for name in known if (name in ranked) is (where.op == "in")]
            case ">":
                kept = [name for name, own in known.items() if own is not None and own > where.value]
            case _:
                kept = [name for name, own in known.items() if own is not None and own < where.value]
    elif options.limit.count == 0:
        kept = list(known)
    else:
        kept = _ranked(known, options.limit)
        if len(kept) < len(known) and not options.useother and options.limit == Limit(SERIES):
            context.warnings.add(
                "series-cut",
                f"the chart shows the {SERIES} greatest of {len(known):,} series, as in Splunk",
                hint="limit=0 shows all, useother=t what the others come to",
            )
    return Series(tuple(sorted(kept)), len(kept) < len(known), null and options.usenull)


def _scores(context: Context, cells: Cells, function: str | None) -> dict[str | None, float | None]:
    """Each series' score: its events for count (and where there are several measures and nothing is said), else the
    function of its values, sum if none is named."""
    counted = function in COUNTS or (function is None and len(cells.measures) > 1)
    parts: list[Node] = []
    for measure in (ROWS,) if counted else cells.measures:
        kind = cells.node.schema.get(measure)
        value: Expr = Lit(None, Kind.NUMBER) if kind is None else as_number(Col(measure, kind))
        parts.append(Project(cells.node, ((SPLIT, Col(SPLIT, Kind.TEXT)), ("score", value))))
    node: Node = parts[0] if len(parts) == 1 else Union(tuple(parts))
    one = Aggregation("sum" if counted else function or "sum", "score", "score", Span(0, 0), True)
    agg = lower_aggregation(one, node.schema, context)
    found = context.rows(Aggregate(node, ((SPLIT, Col(SPLIT, Kind.TEXT)),), (("score", agg),)))
    scores: dict[str | None, float | None] = {}
    for row in found:
        name = row.get(SPLIT)
        score = row.get("score")
        scores[None if name is None else value_text(name)] = float(score) if isinstance(score, int | float) else None
    return scores


def _kept_cells(context: Context, cells: Cells, series: Series, options: ChartOptions) -> list[Row]:
    """The cells of the series that stay."""
    if not series.dropped or SPLIT not in cells.node.schema:
        return context.rows(cells.node)
    split = Col(SPLIT, Kind.TEXT)
    stays: list[Expr] = [call("is_null", Kind.BOOL, split)]
    names = [*series.names, options.otherstr] if options.useother else list(series.names)
    if names:
        stays.append(Call("in", (split, *(text(name) for name in names)), Kind.BOOL))
    return context.rows(Filter(cells.node, either(stays)))


def steps_of(context: Context, cells: Cells, x: str) -> list[Scalar]:
    """The values that x has, in no order that matters."""
    if x not in cells.node.schema:
        return []
    found = context.rows(Aggregate(cells.node, ((x, Col(x, cells.node.schema[x])),), ()))
    values = [row.get(x) for row in found]
    return [value for value in values if value is not None and not isinstance(value, list)]


def by_series(context: Context, chart: Chart, options: ChartOptions) -> tuple[Cells, Series | None, list[Row]]:
    """The values, the series that stay (None: there is no split), and their rows: what is beyond them is one series, or
    left out."""
    cells = chart.cells()
    if chart.split is None:
        return cells, None, context.rows(cells.node)
    series = choose(context, cells, options)
    if series.dropped and options.useother:
        own = Col(chart.split, chart.source.schema[chart.split])
        cells = chart.cells(_merged(own, series, options))
    return cells, series, _kept_cells(context, cells, series, options)


def _ranked(scores: Mapping[str, float | None], limit: Limit) -> list[str]:
    sign = 1 if limit.bottom else -1

    def key(name: str) -> tuple[bool, float, str]:
        own = scores[name]
        return own is None, 0.0 if own is None else sign * own, name

    return sorted(scores, key=key)[: limit.count]


def _merged(split: Expr, series: Series, options: ChartOptions) -> Expr:
    """The series of a row where some are merged into one: its own, or that of the others; null stays null."""
    own = as_text(split)
    if not series.names:
        kept: Expr = call("is_null", Kind.BOOL, own)
    else:
        kept = Call("in", (own, *(text(name) for name in series.names)), Kind.BOOL)
    return Call("case", (call("is_null", Kind.BOOL, own), NULL, kept, own, text(options.otherstr)), Kind.TEXT)


# --- the table -----------------------------------------------------------------------------------------------------


def table(
    cells: Cells,
    rows: Sequence[Row],
    x: str | None,
    steps: Sequence[Value | None],
    series: Series | None,
    options: ChartOptions,
) -> list[dict[str, object]]:
    """The rows of the result: one per step of x, each with every column, in column order."""
    columns: list[tuple[str, str | None, str]] = []
    if series is None:
        columns = [(name, None, name) for name in cells.measures]
    else:
        labels: list[tuple[str | None, str]] = [(name, name) for name in series.names]
        if series.dropped and options.useother and options.otherstr not in series.names:
            labels.append((options.otherstr, options.otherstr))
        if series.null:
            labels.append((None, options.nullstr))
        single = len(cells.measures) == 1
        for measure in cells.measures:
            for key, shown in labels:
                columns.append((measure, key, shown if single else series_column(measure, shown, options)))
    names = column_names([name for _, _, name in columns], x)
    known: dict[tuple[Value | None, str | None], Row] = {}
    for row in rows:
        name = row.get(SPLIT)
        known[_hashable(row.get(x)) if x is not None else None, None if name is None else value_text(name)] = row
    out: list[dict[str, object]] = []
    for step in steps:
        made: dict[str, object] = {} if x is None else {x: step}
        for (measure, key, _), name in zip(columns, names, strict=True):
            own = known.get((_hashable(step), key))
            value = None if own is None else own.get(measure)
            made[name] = 0 if value is None and measure in cells.zero else value
        out.append(made)
    return out


def _hashable(value: Value | None) -> Value | None:
    return value_text(value) if isinstance(value, list) else value


def series_column(measure: str, series: str, options: ChartOptions) -> str:
    """The name of a column where there are several measures."""
    if options.format is not None:
        return options.format.replace("$AGG$", measure).replace("$VAL$", series)
    return f"{measure}{options.sep}{series}"


def check_width(columns: int) -> None:
    """Refuse a table that is too wide. Raises SplError."""
    if columns > MAX_COLUMNS:
        raise SplError(
            f"the result would have {columns:,} columns, and {MAX_COLUMNS:,} are the most",
            hint="keep fewer series (limit, where), or aggregate with stats",
            code="columns",
        )


def column_names(wanted: Sequence[str], x: str | None) -> list[str]:
    """A name that begins with `_`, or is taken, gets VALUE before it: the column would be hidden, or hide another."""
    check_width(len(wanted))
    seen = {x}
    names: list[str] = []
    for name in wanted:
        while name.startswith("_") or name in seen:
            name = f"VALUE{name}"
        seen.add(name)
        names.append(name)
    return names


def spread(node: Node, name: str, dedup: bool) -> Node:
    """A multivalue field counts once for each of its values (`dedup`: once for each that differs). Null rows stay."""
    if node.schema.get(name) is not Kind.MULTI:
        return node
    if dedup:
        node = Extend(node, ((name, call("list_dedup", Kind.MULTI, Col(name, Kind.MULTI))),))
    return Expand(node, name, keep_null=True)


def present(node: Node, name: str) -> Node:
    """The rows that have a value."""
    return Filter(node, call("is_not_null", Kind.BOOL, Col(name, node.schema[name])))


def plain_lower(context: Context) -> Callable[[Aggregation, Node], Agg]:
    return lambda one, node: lower_aggregation(one, node.schema, context)


def order_of(value: Scalar) -> tuple[int, float, str]:
    """Sorts the values of an axis: numbers by value, then texts."""
    found = float(value) if isinstance(value, int | float) else to_number(value)
    return (0, found, "") if found is not None else (1, 0.0, str(value))
