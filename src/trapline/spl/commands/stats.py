"""stats: aggregates of rows, per combination of by-values.

Synopsis: `stats [allnum=<bool>] [delim=<text>] <aggregation> [AS <name>]... [BY <field>...]`. Search Reference,
"stats".
Rows with a null by-value are left out; a multivalue by-field counts once per value; the result is sorted by the
by-fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trapline.errors import SplError
from trapline.plan import FALSE, NULL, Agg, Aggregate, Col, Expand, Extend, Filter, Node, both, call
from trapline.spl.aggregates import Aggregation, lower_aggregation, parse_aggregations, resolve
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name
from trapline.values import Kind

OPTIONS = ("allnum", "delim", "partitions", "dedup_splitvals")


@dataclass(frozen=True, slots=True)
class Stats:
    aggregations: tuple[Aggregation, ...]
    by: tuple[Name, ...]

    def lower(self, context: Context, source: Node) -> Node:
        names = list(dict.fromkeys(name.text for name in self.by))
        wanted = resolve(self.aggregations, source.schema, names)
        absent = [name for name in names if name not in source.schema]
        if absent:
            # A by-field that exists nowhere is null everywhere, so no row is left.
            source = Filter(Extend(source, tuple((name, NULL) for name in absent)), FALSE)
        for name in names:
            if source.schema[name] is Kind.MULTI:
                source = Expand(source, name)
        keys = tuple((name, Col(name, source.schema[name])) for name in names)
        if keys:
            source = Filter(source, both([call("is_not_null", Kind.BOOL, key) for _, key in keys]))
        aggs = tuple((one.name, lower_aggregation(one, source.schema, context)) for one in wanted)
        _unique(aggs, names, self.aggregations)
        return Aggregate(source, keys, aggs)


def _unique(aggs: Sequence[tuple[str, Agg]], by: Sequence[str], written: Sequence[Aggregation]) -> None:
    seen = set(by)
    for name, _ in aggs:
        if name in seen:
            span = next((one.span for one in written if one.name == name), written[0].span)
            raise SplError(
                f"the output field '{name}' is named twice", span=span, hint="rename one with AS", code="name"
            )
        seen.add(name)


def parse(cursor: Cursor) -> Stats:
    while cursor.option(OPTIONS):
        continue
    aggregations = parse_aggregations(cursor)
    if not aggregations:
        cursor.fail("stats needs an aggregation", hint="stats count by host")
    by = cursor.by_clause()
    return Stats(tuple(aggregations), tuple(by))
