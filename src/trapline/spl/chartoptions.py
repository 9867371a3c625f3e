"""What chart and timechart are told: their aggregations, the options about series, the fields of the axes.

Source: Search Reference, "chart" and "timechart" (limit, agg, sep, format, tc options, where clause). What is made
of it: `charting`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from trapline.errors import Span, SplError
from trapline.spl.aggregates import Aggregation, aggregation_name, parse_aggregations
from trapline.spl.bins import BinOptions, take_option
from trapline.spl.cursor import Cursor, Name, flag
from trapline.spl.expr import Ast, Binary, Field, Func, In, Unary
from trapline.values import to_number

SERIES = 10
"""How many series stay when nothing is said (chart, timechart page: "limit")."""
GENERAL = ("limit", "agg", "sep", "format", "cont", "useother", "usenull", "otherstr", "nullstr", "dedup_splitvals")
COUNTS = ("count", "c")
_LIMIT = re.compile(r"(top|bottom)?\s*(\d{1,9})\Z", re.IGNORECASE)
_PLAIN = re.compile(r"[\w.{}:@\-]+\Z")


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
