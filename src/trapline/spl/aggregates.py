"""The aggregation functions of stats and its family: `count`, `dc(x) as n`, `sum(eval(a*b))`, `values(*) as *`.

Source: Search Reference, "Statistical and charting functions"; spl/NOTES.md §2 "Aggregation". One entry in `FUNCTIONS`
per function; a new one needs a lowering here and, if the engine has no word for it, one row in the engine's table.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from trapline.errors import Span, SplError
from trapline.plan import Agg, Call, Col, Expr, Extend, Lit, Node, Project, Schema, call, number, visible
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.spl.evaluate import Env, as_number, as_text
from trapline.spl.expr import Ast
from trapline.spl.wildcard import match_names, substitute
from trapline.values import Kind, number_text

LIST_LIMIT = 100
"""limits.conf [stats] list_maxsize"""


@dataclass(frozen=True, slots=True)
class Aggregation:
    """One aggregation as written. `argument`: a field name or pattern, or an eval expression; `name`: the output
    field."""

    function: str
    argument: str | Ast | None
    name: str
    span: Span
    renamed: bool
    spark: Aggregation | None = None
    """Of sparkline(...): what is aggregated in each of its intervals."""
    every: tuple[str, Span] | None = None
    """Of sparkline(...): the interval as written."""

    @property
    def wild(self) -> bool:
        return isinstance(self.argument, str) and "*" in self.argument


_CALL = re.compile(r"([A-Za-z_][A-Za-z_0-9.]*)")


def parse_aggregations(
    cursor: Cursor,
    until: Sequence[str] = ("by",),
    *,
    what: str = "stats",
    options: Sequence[str] = (),
    most: int | None = None,
    implicit: bool = False,
) -> list[Aggregation]:
    """Aggregations separated by commas, blanks or both, up to a word of `until` or an option, at most `most`.
    `implicit`: one without a field is that of all fields (stats page). Raises SplError."""
    found: list[Aggregation] = []
    while not cursor.done() and (most is None or len(found) < most):
        if any(cursor.looking_at(word) for word in until) or cursor.at_option(options):
            break
        if cursor.take(","):
            continue
        if cursor.at_option():
            cursor.no_option()
        found.append(_parse_one(cursor, what, implicit))
    return found


def _parse_one(cursor: Cursor, what: str, implicit: bool = False) -> Aggregation:
    cursor.skip()
    start = cursor.pos
    match = _CALL.match(cursor.text, start, cursor.end)
    if match is None:
        cursor.fail(f"expected an aggregation such as count or sum(x), found {cursor.found()}")
    cursor.pos = match.end()
    written = match.group(1)
    argument: str | Ast | None = None
    spark: Aggregation | None = None
    every: tuple[str, Span] | None = None
    if written.lower() == "sparkline":
        spark, every = _sparkline(cursor, start)
    elif cursor.pos < cursor.end and cursor.text[cursor.pos] == "(":
        argument = _argument(cursor)
    if isinstance(argument, str):
        text = f"{written}({argument})"  # without the quotes of a field name (Search Reference, "perc")
    else:
        text = " ".join(cursor.text[start : cursor.pos].split())
    function = written.lower()
    if _find(function) is None:
        numbered = FUNCTIONS.get(function)
        if numbered is not None and numbered.percentile:
            raise SplError(
                f"{written} needs the percentage in its name",
                span=Span(start, match.end()),
                hint=f"{function}95(x)",
                code="function",
            )
        near = difflib.get_close_matches(function, FUNCTIONS, 1)
        raise SplError(
            f"unknown aggregation function '{written}' in {what}",
            span=Span(start, match.end()),
            hint=f"did you mean '{near[0]}'?" if near else "such as count, dc, sum, avg, min, max, values",
            code="function",
        )
    name, renamed = text, False
    if cursor.take_word("as"):
        name, renamed = cursor.name("a name after AS").text, True
    if argument is None and implicit and function not in ("count", "c", "sparkline"):
        argument = "*"
    return Aggregation(function, argument, name, cursor.since(start), renamed, spark, every)


def _sparkline(cursor: Cursor, start: int) -> tuple[Aggregation, tuple[str, Span] | None]:
    """What stands after sparkline: nothing, or `(count, 1h)`, `(avg(x), 5m)`."""
    opened = cursor.pos
    if cursor.pos >= cursor.end or cursor.text[cursor.pos] != "(":
        return Aggregation("count", None, "count", cursor.since(start), False), None
    cursor.pos += 1
    inner = _parse_one(cursor, "sparkline")
    shown = _find(inner.function)
    if shown is None or shown.name not in SPARKLINE:
        raise SplError(
            f"sparkline cannot show {inner.function}",
            span=inner.span,
            hint=f"one of {', '.join(sorted(SPARKLINE))}",
            code="function",
        )
    every: tuple[str, Span] | None = None
    if cursor.take(","):
        place = cursor.here().start
        every = cursor.value("a span such as 1h", stops=",)"), cursor.since(place)
    if not cursor.take(")"):
        cursor.fail(f"unbalanced parenthesis: expected ) before {cursor.found()}", Span(opened, opened + 1))
    return inner, every


SPARKLINE = frozenset(
    ("c", "count", "dc", "distinct_count", "estdc", "mean", "avg", "stdev", "stdevp", "var", "varp")
) | frozenset(("sum", "sumsq", "min", "max", "range", "exactperc", "upperperc"))
"""What a sparkline can show (chart page, "Sparkline options"; "Aggregate functions")."""


def aggregation_name(word: str) -> bool:
    """Is it the name of an aggregation?"""
    return _find(word.lower()) is not None


def _argument(cursor: Cursor) -> str | Ast | None:
    """What stands in the parentheses."""
    opened = cursor.pos
    cursor.pos += 1
    if cursor.take(")"):
        return None
    if cursor.looking_at("eval") and cursor.text[cursor.pos + 4 : cursor.end].lstrip().startswith("("):
        cursor.take_word("eval")
        cursor.expect("(", "after eval")
        argument: str | Ast = cursor.expression()
        cursor.expect(")", "to close eval(")
    else:
        argument = cursor.name("a field in the parentheses", stops=",)").text
    if not cursor.take(")"):
        cursor.fail(f"unbalanced parenthesis: expected ) before {cursor.found()}", Span(opened, opened + 1))
    return argument


def resolve(aggregations: Sequence[Aggregation], schema: Schema, by: Sequence[str]) -> list[Aggregation]:
    """Wildcards replaced by the fields they match: `sum(b*) as t*`. Fields of the by-clause do not match, and a name
    that is given to another aggregation is left to it: `min(t) as t values(*) as *`."""
    found: list[Aggregation] = []
    given = {one.name for one in aggregations if not one.wild}
    for one in aggregations:
        if not one.wild:
            found.append(one)
            continue
        assert isinstance(one.argument, str)
        candidates = [name for name in visible(schema) if name not in by]
        for name in match_names(one.argument, candidates):
            output = f"{one.name.partition('(')[0]}({name})"
            if one.renamed:
                output = substitute(one.argument, name, one.name, one.span) if "*" in one.name else one.name
            if output not in given:
                found.append(Aggregation(one.function, name, output, one.span, True))
    return found


def named_once(aggregations: Sequence[Aggregation], by: Sequence[str]) -> None:
    """Raises SplError where two columns of a result would have the same name."""
    seen = set(by)
    for one in aggregations:
        if one.name in seen:
            raise SplError(
                f"the output field '{one.name}' is named twice", span=one.span, hint="rename one with AS", code="name"
            )
        seen.add(one.name)


def lower_aggregation(one: Aggregation, schema: Schema, context: Context, *, timed: bool = False) -> Agg:
    """The plan aggregate. `timed`: it stands in timechart, where per_second and its like have a meaning: they are sums
    here, which the command divides by its span. Raises SplError, Unsupported."""
    function = _find(one.function)
    assert function is not None
    if one.function in PER_SECONDS and not timed:
        raise SplError(
            f"{one.function} works in timechart only, whose span it divides by",
            span=one.span,
            hint=f"timechart {one.function}(x)",
            code="function",
        )
    env = Env(schema, context)
    argument: Expr | None = None
    match one.argument:
        case None:
            pass
        case str(name):
            argument = env.field(name)
        case ast:
            argument = env.any(ast)
    if argument is None and function.name not in ("count", "c", "sparkline"):
        raise SplError(f"{one.function} needs a field: {one.function}(x)", span=one.span, code="function")
    return function.lower(_Request(one, function.parameter(one.function), argument, schema, context))


@dataclass(frozen=True, slots=True)
class _Request:
    one: Aggregation
    parameter: float
    argument: Expr | None
    schema: Schema
    context: Context

    @property
    def value(self) -> Expr:
        """The argument as a field value. A boolean eval counts the rows where it is true; elsewhere it is an error."""
        assert self.argument is not None
        if self.argument.kind is Kind.BOOL:
            raise SplError(
                f"{self.one.function}(eval(...)) needs a value, not a boolean",
                span=self.one.span,
                hint="use count(eval(...)), or if(condition,1,0)",
                code="boolean",
            )
        return self.argument

    @property
    def is_multi(self) -> bool:
        return self.value.kind is Kind.MULTI

    @property
    def time(self) -> Expr:
        if "_time" not in self.schema:
            return Lit(None, Kind.NUMBER)
        return as_number(Col("_time", self.schema["_time"]))


Lower = Callable[[_Request], Agg]


@dataclass(frozen=True, slots=True)
class AggregateFunction:
    """An aggregation function, and what its page of the manual says (docs/functions, made by `make docs`).
    `percentile`: its name ends in a number."""

    name: str
    lower: Lower
    does: str = ""
    """What it gives, in a sentence."""
    notes: str = ""
    """Its rules, in sentences."""
    syntax: str = ""
    """"" is `name(<field>)`."""
    source: str = "Statistical and charting functions"
    """The page of Splunk's Search Reference"""
    same_as: str = ""
    """The function that it is another name of; the rest is said there."""
    percentile: bool = False

    def parameter(self, written: str) -> float:
        return float(written[len(self.name) :]) if self.percentile else 0.0


def _count(request: _Request) -> Agg:
    if request.argument is None:
        return Agg("count_rows", None, Kind.NUMBER)
    if request.argument.kind is Kind.BOOL:
        return Agg("count_true", request.argument, Kind.NUMBER)
    if request.is_multi:
        return Agg("sum_or_zero", call("list_count", Kind.NUMBER, request.value), Kind.NUMBER)
    return Agg("count", request.value, Kind.NUMBER)


def _numeric(op: str) -> Lower:
    """An aggregate of the numbers; other values are passed over."""

    def lower(request: _Request) -> Agg:
        if request.is_multi:
            return Agg(f"multi_{op}", request.value, Kind.NUMBER)
        return Agg(op, as_number(request.value), Kind.NUMBER)

    return lower


def _extreme(op: str) -> Lower:
    """Numbers compare as numbers; every number is less than every other text."""

    def lower(request: _Request) -> Agg:
        match request.value.kind:
            case Kind.NUMBER:
                return Agg(op, request.value, Kind.NUMBER)
            case Kind.MULTI:
                return Agg(f"multi_{op}", request.value, Kind.TEXT)
        return Agg(f"{op}_text", as_text(request.value), Kind.TEXT)

    return lower


def _text(op: str, kind: Kind, *, params: tuple[float, ...] = (), ordered: bool = False) -> Lower:
    """An aggregate that takes values as text."""

    def lower(request: _Request) -> Agg:
        if request.is_multi:
            return Agg(f"multi_{op}", request.value, kind, params, ordered)
        return Agg(op, as_text(request.value), kind, params, ordered)

    return lower


def _place(op: str) -> Lower:
    """first, last: in the order of the rows."""

    def lower(request: _Request) -> Agg:
        if request.is_multi:
            return Agg(f"multi_{op}", request.value, Kind.TEXT, ordered=True)
        return Agg(op, request.value, request.value.kind, ordered=True)

    return lower


def _by_time(op: str) -> Lower:
    """earliest, latest: by `_time`."""

    def lower(request: _Request) -> Agg:
        return Agg(op, request.value, request.value.kind, extra=request.time)

    return lower


def _time_of(op: str) -> Lower:
    """earliest_time, latest_time: the `_time` at which the field has its earliest or latest value."""

    def lower(request: _Request) -> Agg:
        present = call("is_not_null", Kind.BOOL, request.value)
        when = Call("case", (present, request.time, Lit(None, Kind.NUMBER)), Kind.NUMBER)
        return Agg(op, when, Kind.NUMBER)

    return lower


def _percentile(request: _Request) -> Agg:
    percent = request.parameter
    if not 0 <= percent <= 100:
        raise SplError(f"a percentile lies between 0 and 100, not {number_text(percent)}", span=request.one.span)
    return _percentile_of(request, percent)


def _median(request: _Request) -> Agg:
    return _percentile_of(request, 50.0)


def _percentile_of(request: _Request, percent: float) -> Agg:
    if request.is_multi:
        return Agg("multi_percentile", request.value, Kind.NUMBER, (percent,))
    return Agg("percentile", as_number(request.value), Kind.NUMBER, (percent,))


def _rate(request: _Request) -> Agg:
    """The change of a counter from its earliest to its latest value, per second. Where the counter began anew, the
    largest value before that counts as well (Search Reference, "rate")."""
    return Agg("rate", as_number(request.value), Kind.NUMBER, extra=request.time)


def _per(request: _Request) -> Agg:
    """The sum that a rate over a span is made of. A boolean counts where it is true (timechart page, example 5)."""
    if request.argument is not None and request.argument.kind is Kind.BOOL:
        return Agg("count_true", request.argument, Kind.NUMBER)
    return _numeric("sum")(request)


def _exact(request: _Request) -> Agg:
    """estdc_error: distinct values are counted exactly here, so the error of the estimate is 0."""
    return Agg("count_true", Lit(False, Kind.BOOL), Kind.NUMBER)


def _sparkline_here(request: _Request) -> Agg:
    raise SplError("sparkline works in stats and chart only", span=request.one.span, code="function")


PER_SECONDS: Mapping[str, float] = {
    "per_second": 1.0,
    "per_minute": 60.0,
    "per_hour": 3600.0,
    "per_day": 86_400.0,
}
"""The rates of timechart: the seconds that each is per."""


FUNCTIONS: Mapping[str, AggregateFunction] = {
    function.name: function
    for function in (
        AggregateFunction(
            "count",
            _count,
            does="How many rows there are, how many hold the field, or for how many a condition is true.",
            notes="Every value of a multivalue counts. Over no rows it is 0.",
            syntax="count | count(<field>) | count(eval(<condition>))",
        ),
        AggregateFunction("c", _count, same_as="count"),
        AggregateFunction(
            "dc",
            _text("dc", Kind.NUMBER),
            does="How many different values there are.",
            notes="Over no values it is 0. Also of every value of a multivalue.",
        ),
        AggregateFunction("distinct_count", _text("dc", Kind.NUMBER), same_as="dc"),
        AggregateFunction(
            "estdc",
            _text("dc", Kind.NUMBER),
            does="How many different values there are, as an estimate.",
            notes="It is counted exactly here.",
        ),
        AggregateFunction(
            "values",
            _text("values", Kind.MULTI),
            does="The different values, as a multivalue.",
            notes="Sorted as text.",
        ),
        AggregateFunction(
            "list",
            _text("list", Kind.MULTI, params=(float(LIST_LIMIT),), ordered=True),
            does="The values in the order of the rows, as a multivalue.",
            notes="Repeats stay. At most 100.",
        ),
        AggregateFunction(
            "sum",
            _numeric("sum"),
            does="The sum of the numbers.",
            notes="What is no number is passed over; null where there is none.",
        ),
        AggregateFunction(
            "sumsq",
            _numeric("sumsq"),
            does="The sum of the squares of the numbers.",
            notes="What is no number is passed over.",
        ),
        AggregateFunction(
            "avg",
            _numeric("avg"),
            does="The average of the numbers.",
            notes="What is no number is passed over; null where there is none.",
        ),
        AggregateFunction("mean", _numeric("avg"), same_as="avg"),
        AggregateFunction(
            "min",
            _extreme("min"),
            does="The least value.",
            notes="Numbers compare as numbers; every number is less than every other text.",
        ),
        AggregateFunction(
            "max",
            _extreme("max"),
            does="The greatest value.",
            notes="Numbers compare as numbers; every other text is greater than every number.",
        ),
        AggregateFunction(
            "range",
            _numeric("range"),
            does="The greatest number less the least.",
            notes="What is no number is passed over.",
        ),
        AggregateFunction(
            "median",
            _median,
            does="The value in the middle.",
            notes="Between the two in the middle where their number is even.",
        ),
        AggregateFunction("mode", _text("mode", Kind.TEXT, ordered=True), does="The most frequent value."),
        AggregateFunction("stdev", _numeric("stdev"), does="The standard deviation of a sample."),
        AggregateFunction("stdevp", _numeric("stdevp"), does="The standard deviation of all there is."),
        AggregateFunction("var", _numeric("var"), does="The variance of a sample."),
        AggregateFunction("varp", _numeric("varp"), does="The variance of all there is."),
        AggregateFunction(
            "first",
            _place("first"),
            does="The value of the first row that has one.",
            notes="In the order of the rows as they come: events come newest first.",
        ),
        AggregateFunction(
            "last",
            _place("last"),
            does="The value of the last row that has one.",
            notes="In the order of the rows as they come: events come newest first.",
        ),
        AggregateFunction("earliest", _by_time("earliest"), does="The value with the earliest `_time`."),
        AggregateFunction("latest", _by_time("latest"), does="The value with the latest `_time`."),
        AggregateFunction("earliest_time", _time_of("min"), does="The `_time` of the earliest value."),
        AggregateFunction("latest_time", _time_of("max"), does="The `_time` of the latest value."),
        AggregateFunction(
            "rate",
            _rate,
            does="How much the value changes per second, from the earliest to the latest.",
            notes="For counters that grow.",
        ),
        *(
            AggregateFunction(
                name,
                _per,
                does=f"The sum of a field in an interval, per {name.removeprefix('per_')}.",
                notes="In timechart only: the sum is divided by the length of the interval.",
            )
            for name in PER_SECONDS
        ),
        AggregateFunction(
            "sparkline",
            _sparkline_here,
            does="How a value goes up and down over time, as a multivalue.",
            notes="A mark, then a value per interval of the time range, at most 100. In stats and chart only.",
            syntax="sparkline(<aggregation>[, <span>])",
        ),
        AggregateFunction(
            "estdc_error",
            _exact,
            does="How far the estimate of estdc may be off.",
            notes="Always 0, as values are counted exactly here.",
        ),
        AggregateFunction(
            "perc",
            _percentile,
            does="The value that so many percent of the numbers do not exceed.",
            notes="The number, 0 to 100, is part of the name: perc95(x). Exact, between two values by their distance.",
            syntax="perc<n>(<field>)",
            percentile=True,
        ),
        AggregateFunction(
            "exactperc",
            _percentile,
            does="The same as perc, exact in Splunk as well.",
            syntax="exactperc<n>(<field>)",
            percentile=True,
        ),
        AggregateFunction(
            "upperperc",
            _percentile,
            does="The same as perc; in Splunk, the upper bound of its estimate.",
            syntax="upperperc<n>(<field>)",
            percentile=True,
        ),
        AggregateFunction("p", _percentile, same_as="perc", percentile=True),
    )
}

_PERCENTILE = re.compile(r"(perc|exactperc|upperperc|p)(\d+(?:\.\d+)?)\Z")


def _find(written: str) -> AggregateFunction | None:
    percentile = _PERCENTILE.match(written)
    if percentile is not None:
        return FUNCTIONS[percentile.group(1)]
    found = FUNCTIONS.get(written)
    return None if found is None or found.percentile else found


# --- allnum --------------------------------------------------------------------------------------------------------

_NUMERIC = frozenset(
    {"sum", "sumsq", "avg", "mean", "range", "median", "stdev", "stdevp", "var", "varp", "rate"}
    | {name for name, function in FUNCTIONS.items() if function.percentile}
)
_TEXTS = "_texts_of_"


def text_counts(aggregations: Sequence[Aggregation], schema: Schema, context: Context) -> list[tuple[str, Agg]]:
    """For allnum=true: of each numeric aggregation how many values are no numbers, under a name that
    `only_if_numbers` knows."""
    found: list[tuple[str, Agg]] = []
    for one in aggregations:
        function = _find(one.function)
        if function is None or function.name not in _NUMERIC or one.argument is None:
            continue
        env = Env(schema, context)
        value = env.field(one.argument) if isinstance(one.argument, str) else env.any(one.argument)
        if value.kind is Kind.TEXT:
            is_text = call("is_null", Kind.BOOL, as_number(value))
            present = call("is_not_null", Kind.BOOL, value)
            found.append((_TEXTS + one.name, Agg("count_true", call("and", Kind.BOOL, present, is_text), Kind.NUMBER)))
    return found


def only_if_numbers(node: Node, counts: Sequence[tuple[str, Agg]]) -> Node:
    """The aggregations whose values were not all numbers become null (stats page, "allnum")."""
    if not counts:
        return node
    values: list[tuple[str, Expr]] = []
    for name, _ in counts:
        own = name.removeprefix(_TEXTS)
        kind = node.schema[own]
        none = call("eq", Kind.BOOL, Col(name, Kind.NUMBER), number(0))
        values.append((own, Call("case", (none, Col(own, kind), Lit(None, kind)), kind)))
    node = Extend(node, tuple(values))
    hidden = {name for name, _ in counts}
    return Project(node, tuple((name, Col(name, kind)) for name, kind in node.schema.items() if name not in hidden))
