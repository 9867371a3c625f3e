"""Sparklines: an aggregate per interval of time, as one multivalue that begins with a mark.

Source: Search Reference, "stats" and "chart" (sparkline options); limits.conf [stats] sparkline_maxsize and
sparkline_time_steps. The values are those of the intervals of the search's time range (of the data's, where that is
open), in order, 0 where there is nothing to aggregate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from trapline.errors import SplError
from trapline.plan import Agg, Aggregate, Call, Col, Expr, Extend, Filter, Lit, Node, Project, Union, call, number, text
from trapline.spl.aggregates import Aggregation
from trapline.spl.bins import BinOptions, Bins, all_steps, auto_time, extent, low_of, search_bounds, time_span
from trapline.spl.command import Context
from trapline.spl.evaluate import as_number, as_text
from trapline.values import Kind

MARK = "##__SPARKLINE__##"
MAX_SIZE = 100
"""limits.conf [stats] sparkline_maxsize"""
_STEP, _VALUE = "_spark_step", "_spark_value"


def aggregate(
    context: Context,
    source: Node,
    keys: Sequence[tuple[str, Expr]],
    aggregations: Sequence[Aggregation],
    lower: Callable[[Aggregation, Node], Agg],
    more: Sequence[tuple[str, Agg]] = (),
) -> Node:
    """Aggregate as the plan node does, with sparklines among the aggregations. Their columns keep their places."""
    plain = [(one.name, lower(one, source)) for one in aggregations if one.spark is None]
    node: Node = Aggregate(source, tuple(keys), (*plain, *more))
    lines = [one for one in aggregations if one.spark is not None]
    if not lines:
        return node
    parts = [node, *(_line(context, source, keys, one, lower) for one in lines)]
    union = Union(tuple(parts))
    names = [name for name, _ in keys]
    firsts = [(name, Agg("first", Col(name, kind), kind, ordered=True)) for name, kind in union.schema.items()]
    merged = Aggregate(
        union,
        tuple((name, Col(name, union.schema[name])) for name in names),
        tuple((name, agg) for name, agg in firsts if name not in names),
    )
    order = [*names, *(one.name for one in aggregations), *(name for name, _ in more)]
    return Project(merged, tuple((name, Col(name, merged.schema[name])) for name in order))


def _line(
    context: Context,
    source: Node,
    keys: Sequence[tuple[str, Expr]],
    one: Aggregation,
    lower: Callable[[Aggregation, Node], Agg],
) -> Node:
    """The keys and one sparkline."""
    assert one.spark is not None
    if "_time" not in source.schema:
        raise SplError("a sparkline needs _time", span=one.span, hint="keep _time, or bin it", code="time")
    moment = as_number(Col("_time", source.schema["_time"]))
    bounds = search_bounds(context, source)
    found = extent(context, source, moment)
    early = bounds.earliest if bounds.earliest is not None else found[0] if found else 0.0
    late = bounds.latest - 1e-6 if bounds.latest is not None else found[1] if found else early
    bins: Bins | None = None
    if one.every is not None:
        bins = time_span(BinOptions((("span", *one.every),)), context, bounds)
    if bins is None:
        bins = auto_time(early, late, MAX_SIZE)
    steps = all_steps(bins, early, late, one.span)
    if len(steps) > MAX_SIZE:
        context.warnings.add(
            "sparkline-cut",
            f"the sparkline {one.name} shows the last {MAX_SIZE} of {len(steps):,} intervals, as Splunk does",
            hint="a wider span",
        )
        steps = steps[-MAX_SIZE:]
    node: Node = Filter(source, call("is_not_null", Kind.BOOL, moment))
    node = Extend(node, ((_STEP, low_of(bins, moment)),))
    step = Col(_STEP, Kind.NUMBER)
    node = Aggregate(node, (*keys, (_STEP, step)), ((_VALUE, lower(one.spark, node)),))
    value = as_text(Col(_VALUE, node.schema[_VALUE]))
    values: list[tuple[str, Agg]] = []
    for place, low in enumerate(steps):
        here = Call("case", (call("eq", Kind.BOOL, step, number(low)), value, Lit(None, Kind.TEXT)), Kind.TEXT)
        values.append((f"_spark_{place}", Agg("first", here, Kind.TEXT, ordered=True)))
    names = [name for name, _ in keys]
    columns = tuple((name, Col(name, node.schema[name])) for name in names)
    node = Aggregate(node, columns, tuple(values))
    shown = [Call("coalesce", (Col(name, Kind.TEXT), text("0")), Kind.TEXT) for name, _ in values]
    line = Call("list_pack", (text(MARK), *shown), Kind.MULTI)
    return Project(node, (*((name, Col(name, node.schema[name])) for name in names), (one.name, line)))
