"""What chart and timechart share: their aggregations, the split into series, which series stay, and the table.

Source: Search Reference, "chart" and "timechart" (limit, agg, sep, format, tc options, where clause, "Prepending
VALUE"). The values are computed as rows of (x, series) and turned into columns here, since the columns are the data.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

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
from trapline.spl.aggregates import (
    PER_SECONDS,
    Aggregation,
    aggregation_name,
    lower_aggregation,
    parse_aggregations,
    resolve,
)
from trapline.spl.bins import BinOptions, take_option
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name, flag
from trapline.spl.evaluate import Env, as_number, as_text
from trapline.spl.expr import Ast, Binary, Field, Func, In, Unary
from trapline.spl.sparkline import aggregate
from trapline.values import Kind, Row, Scalar, Value, to_number, value_text

SERIES = 10
"""How many series stay when nothing is said (chart, timechart page: "limit")."""
MAX_COLUMNS = 10_000
"""What a table can be wide: more columns would take memory and time without bound"""
SPLIT = "_series"
ROWS = "_rows"
_LIMIT = re.compile(r"(top|bottom)?\s*(\d{1,9})\Z", re.IGNORECASE)
_PLAIN = re.compile(r"[\w.{}:@\-]+\Z")
GENERAL = ("limit", "agg", "sep", "format", "cont", "useother", "usenull", "otherstr", "nullstr", "dedup_splitvals")


# --- aggregations --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Computed:
    """`eval(avg(x)/max(y))`: an expression over aggregations. They stand in it as fields named in `parts`."""

    expression: Ast
    parts: tuple[Aggregation, ...]
    name: str
    span: Span


Measure = Aggregation | Computed


def parse_measures(cursor: Cursor, until: Sequence[str], what: str, options: Sequence[str]) -> list[Measure]:
    """Aggregations and eval(...) expressions over them. Raises SplError."""
    found: list[Measure] = []
    while not cursor.done():
        if any(cursor.looking_at(word) for word in until) or cursor.at_option(options):
            break
        if cursor.at_option():
            cursor.no_option()
        if cursor.take(","):
            continue
        start = cursor.here().start
        if cursor.looking_at("eval") or cursor.peek() == "(":
            found.append(_computed(cursor, start))
        else:
            found += parse_aggregations(cursor, until, what=what, options=options, most=1)
    return found


def _computed(cursor: Cursor, start: int) -> Computed:
    cursor.take_word("eval")
    cursor.expect("(", "after eval")
    expression = cursor.expression()
    cursor.expect(")", "to close eval(")
    name = " ".join(cursor.text[start : cursor.pos].split())
    if cursor.take_word("as"):
        name = cursor.name("a name after AS").text
    parts: dict[str, Aggregation] = {}
    tree = _inner(expression, cursor.text, parts)
    if not parts:
        raise SplError(
            "this expression holds no aggregation",
            span=cursor.since(start),
            hint="such as eval(avg(x)/max(y)), or sum(eval(x*y))",
            code="function",
        )
    return Computed(tree, tuple(parts.values()), name, cursor.since(start))


def _inner(ast: Ast, source: str, parts: dict[str, Aggregation]) -> Ast:
    """The expression with each aggregation in it replaced by a field, which `parts` then holds."""
    match ast:
        case Func(name=name, args=args, span=span) if aggregation_name(name) and len(args) == 1:
            return _part(name, args[0], span, source, parts)
        case Func(name="count" | "c" as name, args=(), span=span) | Field(name="count" | "c" as name, span=span):
            return _part(name, None, span, source, parts)
        case Func(args=args):
            return replace(ast, args=tuple(_inner(arg, source, parts) for arg in args))
        case Unary(operand=operand):
            return replace(ast, operand=_inner(operand, source, parts))
        case Binary(left=left, right=right):
            return replace(ast, left=_inner(left, source, parts), right=_inner(right, source, parts))
        case In(item=item, choices=choices):
            inner = tuple(_inner(choice, source, parts) for choice in choices)
            return replace(ast, item=_inner(item, source, parts), choices=inner)
    return ast


def _part(name: str, argument: Ast | None, span: Span, source: str, parts: dict[str, Aggregation]) -> Field:
    """One aggregation in an expression. Its argument is a field where it reads as a name: `avg(a.b)`."""
    meant: str | Ast | None = argument
    if argument is not None:
        written = source[argument.span.start : argument.span.end]
        if isinstance(argument, Func) and argument.name == "eval" and len(argument.args) == 1:
            meant = argument.args[0]
        elif isinstance(argument, Field):
            meant = argument.name
        elif _PLAIN.match(written) and to_number(written) is None:
            meant = written
    key = f"_part_{len(parts)}"
    parts[key] = Aggregation(name, meant, key, span, True)
    return Field(key, span)


# --- what is parsed ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Limit:
    """Which series stay by rank. `count` 0: all."""

    count: int
    bottom: bool = False


@dataclass(frozen=True, slots=True)
class Where:
    """`where <agg> in top5`, `notin bottom3`, `> 10`: which series stay by their own values."""

    function: str
    op: str
    """in, notin, < or >"""
    limit: Limit
    value: float


@dataclass(slots=True)
class ChartOptions:
    """The options of chart and timechart that are not about bins; filled while parsing."""

    limit: Limit = field(default_factory=lambda: Limit(SERIES))
    agg: str | None = None
    sep: str = ": "
    format: str | None = None
    cont: bool = True
    useother: bool = True
    usenull: bool = True
    otherstr: str = "OTHER"
    nullstr: str = "NULL"
    dedup: bool = False
    where: Where | None = None

    def take(self, cursor: Cursor) -> bool:
        """Take an option or the where clause if one is next."""
        if self.where is None and cursor.take_word("where"):
            self.where = _where(cursor)
            return True
        if cursor.at_option(("agg",)):
            self.agg = _agg_option(cursor)
            return True
        option = cursor.option((*GENERAL, "dedup_splitval"))
        if option is None:
            return False
        name, value, span = option
        match name:
            case "limit":
                if value.lower() in ("top", "bottom") and (more := cursor.integer()) is not None:
                    value = f"{value}{more}"
                self.limit = _limit(value, span)
            case "sep":
                self.sep = value
            case "format":
                self.format = value
            case "cont":
                self.cont = flag(value, span)
            case "useother":
                self.useother = flag(value, span)
            case "usenull":
                self.usenull = flag(value, span)
            case "otherstr":
                self.otherstr = value
            case "nullstr":
                self.nullstr = value
            case _:
                self.dedup = flag(value, span)
        return True


def _limit(value: str, span: Span) -> Limit:
    match = _LIMIT.match(value)
    if match is None:
        raise SplError(
            f"'{value}' is not a limit", span=span, hint="such as 5, top5, bottom5, or 0 for all", code="syntax"
        )
    return Limit(int(match.group(2)), (match.group(1) or "").lower() == "bottom")


SCORES = frozenset(
    {"count", "c", "sum", "max", "min", "avg", "mean", "median", "range", "stdev", "stdevp", "var", "varp", "sumsq"}
    | {"dc", "distinct_count"}
)
"""What series can be scored by, besides percentiles: functions of a series' values; count is of its events."""
_COUNTS = ("count", "c")


def score_function(name: str, span: Span) -> str:
    """A function that series are scored by, checked."""
    lowered = name.lower()
    if lowered in SCORES or re.match(r"(exactperc|upperperc|perc|p)\d{1,2}\Z", lowered):
        return lowered
    raise SplError(
        f"series cannot be chosen by '{name}'",
        span=span,
        hint=f"one of {', '.join(sorted(SCORES))}",
        code="function",
    )


def _agg_option(cursor: Cursor) -> str:
    """`agg=max`, `agg=max(x)`, `agg=(max(x) as y)`."""
    start = cursor.here().start
    option = cursor.option(("agg",))
    assert option is not None
    written = option[1].strip()
    if written.startswith("("):
        written = written[1:].strip()
    name = re.match(r"\w+", written)
    return score_function(name.group() if name else written, cursor.since(start))


_WHERE_AGG = re.compile(r"([A-Za-z_]\w*)\s*(?:\([^()]*\))?")
_WHERE_IN = re.compile(r"\s*(in|notin|not\s+in)\s+(top|bottom)\s*(\d{1,9})(?!\w)", re.IGNORECASE)
_WHERE_THAN = re.compile(r"\s*([<>])\s*\"?\s*(-?\d+(?:\.\d+)?)\"?")


def _where(cursor: Cursor) -> Where:
    start = cursor.here().start
    hint = "where sum in top5, where max notin bottom2, where count > 10"
    named = _WHERE_AGG.match(cursor.text, cursor.pos, cursor.end)
    if named is None:
        cursor.fail(f"expected an aggregation after where, found {cursor.found()}", hint=hint)
    cursor.pos = named.end()
    function = score_function(named.group(1), Span(start, cursor.pos))
    ranked = _WHERE_IN.match(cursor.text, cursor.pos, cursor.end)
    if ranked is not None:
        cursor.pos = ranked.end()
        limit = Limit(int(ranked.group(3)), ranked.group(2).lower() == "bottom")
        return Where(function, "in" if ranked.group(1).lower() == "in" else "notin", limit, 0.0)
    bound = _WHERE_THAN.match(cursor.text, cursor.pos, cursor.end)
    if bound is None:
        cursor.fail(f"expected in, notin, < or >, found {cursor.found()}", hint=hint)
    cursor.pos = bound.end()
    return Where(function, bound.group(1), Limit(0), float(bound.group(2)))


@dataclass(frozen=True, slots=True)
class Axis:
    """A field of the by-clause with its bin options."""

    name: Name
    options: BinOptions


def parse_axes(cursor: Cursor, options: ChartOptions, most: int, what: str, stops: Sequence[str] = ()) -> list[Axis]:
    """Fields after BY or OVER, each followed by its bin options, up to an option of `stops`. Raises SplError."""
    axes: list[Axis] = []
    while not cursor.done() and not (stops and cursor.at_option(stops)):
        if cursor.take(",") or options.take(cursor):
            continue
        if axes and (more := take_option(cursor, axes[-1].options)) is not None:
            axes[-1] = replace(axes[-1], options=more)
        elif cursor.at_option():
            cursor.no_option()
        elif cursor.looking_at("by") or cursor.looking_at("over"):
            break
        elif len(axes) == most:
            cursor.fail(f"unexpected {cursor.found()}: {what}")
        else:
            axes.append(Axis(cursor.name(), BinOptions()))
    return axes


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
        return Cells(self.context.materialise(node), tuple(names), zero)

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
    return Series(tuple(sorted(kept)), len(kept) < len(known), null and options.usenull)


def _scores(context: Context, cells: Cells, function: str | None) -> dict[str | None, float | None]:
    """Each series' score: its events for count (and where there are several measures and nothing is said), else the
    function of its values, sum if none is named."""
    counted = function in _COUNTS or (function is None and len(cells.measures) > 1)
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


def kept_cells(context: Context, cells: Cells, series: Series, options: ChartOptions) -> list[Row]:
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


def _ranked(scores: Mapping[str, float | None], limit: Limit) -> list[str]:
    sign = 1 if limit.bottom else -1

    def key(name: str) -> tuple[bool, float, str]:
        own = scores[name]
        return own is None, 0.0 if own is None else sign * own, name

    return sorted(scores, key=key)[: limit.count]


def merged(split: Expr, series: Series, options: ChartOptions) -> Expr:
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
