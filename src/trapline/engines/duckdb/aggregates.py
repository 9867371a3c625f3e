"""DuckDB's table of aggregates: how each word of the vocabulary is written in its SQL, also as a window function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from sqlglot import exp

from trapline.engines.duckdb.trees import Tree, macro, native, sql_type
from trapline.errors import SplError
from trapline.plan import Agg

Over = Callable[[Tree], Tree]


def aggregate(agg: Agg, arg: Tree | None, extra: Tree | None, order: Sequence[exp.Ordered], over: Over) -> Tree:
    """An aggregate. `over` is put around every aggregate function of the result (a window, or nothing)."""
    builder = AGGREGATES.get(agg.op)
    if builder is None:
        raise SplError(f"BUG: DuckDB has no aggregate '{agg.op}'", code="engine")
    return builder(_Inputs(agg, arg, extra, order, over))


class _Inputs:
    def __init__(
        self, agg: Agg, arg: Tree | None, extra: Tree | None, order: Sequence[exp.Ordered], over: Over
    ) -> None:
        self.agg = agg
        self._arg = arg
        self._extra = extra
        self.order = order
        self.over = over

    @property
    def windowed(self) -> bool:
        """Is it a window function?"""
        probe = exp.Null()
        return self.over(probe) is not probe

    @property
    def arg(self) -> Tree:
        assert self._arg is not None
        return self._arg.copy()

    @property
    def extra(self) -> Tree:
        assert self._extra is not None
        return self._extra.copy()

    def run(
        self, name: str, *args: Tree, only: Tree | None = None, ordered: bool = False, distinct: bool = False
    ) -> Tree:
        """An aggregate function call with its FILTER, ORDER BY and window."""
        first: list[Tree] = list(args)
        if distinct:
            first = [exp.Distinct(expressions=first)]
        if ordered and self.order:
            first[-1] = exp.Order(this=first[-1], expressions=[one.copy() for one in self.order])
        tree = native(name, *first)
        if only is not None:
            tree = exp.Filter(this=tree, expression=exp.Where(this=only))
        return self.over(tree)

    def present(self) -> Tree:
        return exp.Not(this=exp.Is(this=self.arg, expression=exp.Null()))

    def as_number(self) -> Tree:
        return exp.Cast(this=self.arg, to=sql_type("DOUBLE"))


def _double(tree: Tree) -> Tree:
    return exp.Cast(this=tree, to=sql_type("DOUBLE"))


def _or_zero(tree: Tree) -> Tree:
    return exp.Coalesce(this=tree, expressions=[exp.Literal.number(0)])


def _simple(name: str) -> Callable[[_Inputs], Tree]:
    return lambda i: macro("finite", _double(i.run(name, i.arg)))


def _variance(name: str, *, sample: bool, root: bool = False) -> Callable[[_Inputs], Tree]:
    """Of whole numbers from their exact sums, of others the engine's; `root`: the deviation. One value has 0."""

    def build(i: _Inputs) -> Tree:
        whole = macro("whole_number", i.arg)
        count = i.run("count", i.arg)
        sums = [i.run("count", whole), i.run("sum", whole), i.run("sum", macro("whole_square", i.arg))]
        return _spread([count, *sums, i.run(name, i.arg)], sample, root)

    return build


def _multi_variance(name: str, *, sample: bool, root: bool = False) -> Callable[[_Inputs], Tree]:
    def build(i: _Inputs) -> Tree:
        numbers = macro("list_numbers", _flat(i))
        count = native("len", numbers)
        sums = [macro(f"list_whole_{one}", numbers.copy()) for one in ("count", "sum", "squares")]
        other = native("list_aggregate", numbers.copy(), exp.Literal.string(name))
        return _spread([count, *sums, other], sample, root)

    return build


def _spread(parts: Sequence[Tree], sample: bool, root: bool) -> Tree:
    found = macro("variance", *parts, exp.Literal.number(int(sample)))
    return native("sqrt", found) if root else found


def _percentile(i: _Inputs) -> Tree:
    """Between two values by their distance; at a whole place the value itself."""
    share = exp.Literal.number(str(i.agg.params[0] / 100))
    at, between = i.run("quantile_disc", i.arg, share), i.run("quantile_cont", i.arg, share.copy())
    return _placed(i, i.run("count", i.arg), at, between)


def _multi_percentile(i: _Inputs) -> Tree:
    numbers = macro("list_numbers", _flat(i))
    share = exp.Literal.number(str(i.agg.params[0] / 100))
    at, between = (
        native("list_aggregate", numbers.copy(), exp.Literal.string(name), share.copy())
        for name in ("quantile_disc", "quantile_cont")
    )
    return _placed(i, native("len", numbers), at, between)


def _placed(i: _Inputs, count: Tree, at: Tree, between: Tree) -> Tree:
    """The place counted in whole numbers: 29 % of the way over 100 steps is the 29th."""
    share = Fraction(repr(i.agg.params[0])) / 100
    part, whole = exp.Literal.number(share.numerator), exp.Literal.number(share.denominator)
    return macro("percentile", count, part, whole, at, between)


def _is_text(i: _Inputs) -> Tree:
    return exp.Is(this=macro("to_number", i.arg), expression=exp.Null())


def _max_text(i: _Inputs) -> Tree:
    """Every number is less than every other text."""
    return exp.Coalesce(
        this=i.run("max", i.arg, only=_is_text(i)),
        expressions=[macro("number_text", i.run("max", macro("to_number", i.arg)))],
    )


def _min_text(i: _Inputs) -> Tree:
    return exp.Coalesce(
        this=macro("number_text", i.run("min", macro("to_number", i.arg))), expressions=[i.run("min", i.arg)]
    )


def _mode(i: _Inputs) -> Tree:
    """With one key of order and a constant, DuckDB takes the key for the values, and the constant for a share."""
    i.order = [*i.order, *i.order]
    return i.run("mode", i.arg, ordered=True)


def _first(i: _Inputs) -> Tree:
    return _at_end(i, "first", exp.FirstValue)


def _last(i: _Inputs) -> Tree:
    return _at_end(i, "last", exp.LastValue)


def _at_end(i: _Inputs, name: str, window: type[exp.Func]) -> Tree:
    """The first or last value that is not null. As window functions these have no FILTER, but can pass over nulls."""
    if i.windowed:
        return i.over(exp.IgnoreNulls(this=window(this=i.arg)))
    return i.run(name, i.arg, only=i.present(), ordered=True)


def _flat(i: _Inputs) -> Tree:
    """All values of a multivalue argument in one list."""
    return native("flatten", i.run("list", i.arg, only=i.present(), ordered=True))


def _capped(values: Tree, limit: int) -> Tree:
    said = f"list() keeps the first {limit:,} values of a group, and one has more: it was cut there, as Splunk does"
    return macro(
        "list_capped", values, exp.Literal.number(limit), exp.Literal.string("list-cut"), exp.Literal.string(said)
    )


def _list_stat(name: str) -> Callable[[_Inputs], Tree]:
    return lambda i: macro(
        "finite", _double(native("list_aggregate", macro("list_numbers", _flat(i)), exp.Literal.string(name)))
    )


def _squared() -> Tree:
    x = exp.column("x")
    return exp.Lambda(this=exp.Mul(this=x, expression=x.copy()), expressions=[exp.to_identifier("x")])


def _rate(i: _Inputs) -> Tree:
    """How much a counter grew from its earliest to its latest value, per second between the two; null at one moment."""
    in_time = exp.Order(this=i.arg, expressions=[exp.Ordered(this=i.extra)])
    grown = macro("growth", i.run("list", in_time, only=i.present()))
    passed = exp.Sub(this=i.run("max", i.extra, only=i.present()), expression=i.run("min", i.extra, only=i.present()))
    nonzero = native("nullif", exp.Paren(this=passed), exp.Literal.number(0))
    return macro("finite", _double(exp.Div(this=grown, expression=nonzero)))


AGGREGATES: dict[str, Callable[[_Inputs], Tree]] = {
    "count_rows": lambda i: _double(i.over(exp.Count(this=exp.Star()))),
    "count": lambda i: _double(i.run("count", i.arg)),
    "count_true": lambda i: _double(_or_zero(i.run("count", exp.Literal.number(1), only=i.arg))),
    "row_number": lambda i: _double(i.over(exp.RowNumber())),
    "sum": _simple("sum"),
    "avg": _simple("avg"),
    "min": _simple("min"),
    "max": _simple("max"),
    "min_text": _min_text,
    "max_text": _max_text,
    "range": lambda i: macro("finite", exp.Sub(this=i.run("max", i.arg), expression=i.run("min", i.arg))),
    "stdev": _variance("var_samp", sample=True, root=True),
    "stdevp": _variance("var_pop", sample=False, root=True),
    "var": _variance("var_samp", sample=True),
    "varp": _variance("var_pop", sample=False),
    "sumsq": lambda i: macro("finite", i.run("sum", exp.Mul(this=i.arg, expression=i.arg))),
    "percentile": _percentile,
    "mode": _mode,
    "dc": lambda i: _double(i.run("count", i.arg, distinct=True)),
    "values": lambda i: native("list_sort", i.run("list", i.arg, only=i.present(), distinct=True)),
    "list": lambda i: _capped(i.run("list", i.arg, only=i.present(), ordered=True), int(i.agg.params[0])),
    "first": _first,
    "last": _last,
    "earliest": lambda i: i.run("arg_min", i.arg, i.extra, only=i.present()),
    "latest": lambda i: i.run("arg_max", i.arg, i.extra, only=i.present()),
    "sum_or_zero": lambda i: _double(_or_zero(i.run("sum", i.arg))),
    "multi_dc": lambda i: _double(_or_zero(native("list_unique", _flat(i)))),
    "multi_values": lambda i: native("list_sort", native("list_distinct", _flat(i))),
    "multi_list": lambda i: _capped(_flat(i), int(i.agg.params[0])),
    "multi_first": lambda i: native("list_extract", _first(i), exp.Literal.number(1)),
    "multi_last": lambda i: native("list_extract", _last(i), exp.Literal.number(-1)),
    "multi_sum": _list_stat("sum"),
    "multi_avg": _list_stat("avg"),
    "multi_min": lambda i: macro("list_min", _flat(i)),
    "multi_max": lambda i: macro("list_max", _flat(i)),
    "multi_stdev": _multi_variance("var_samp", sample=True, root=True),
    "multi_stdevp": _multi_variance("var_pop", sample=False, root=True),
    "multi_var": _multi_variance("var_samp", sample=True),
    "multi_varp": _multi_variance("var_pop", sample=False),
    "multi_sumsq": lambda i: macro(
        "finite",
        native(
            "list_sum",
            native("list_transform", macro("list_numbers", _flat(i)), _squared()),
        ),
    ),
    "multi_range": lambda i: macro("finite", exp.Sub(this=_list_stat("max")(i), expression=_list_stat("min")(i))),
    "multi_percentile": _multi_percentile,
    "rate": _rate,
    "multi_mode": lambda i: native("list_aggregate", _flat(i), exp.Literal.string("mode")),
    "lag": lambda i: i.over(native("lag", i.arg, exp.Literal.number(int(i.agg.params[0])))),
    "last_present": lambda i: i.over(exp.IgnoreNulls(this=exp.LastValue(this=i.arg))),
}
