"""eventstats: aggregates added to every row.

Synopsis: `eventstats [allnum=<bool>] <aggregation> [AS <name>]... [BY <field>...]`. Search Reference, "eventstats".
Rows keep their order; rows with a null by-value pass without the new fields.
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Col, Expr, Node, Window, WindowCall
from trapline.spl.aggregates import Aggregation, lower_aggregation, parse_aggregations, resolve
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name
from trapline.spl.grouping import blank_without_group


@dataclass(frozen=True, slots=True)
class EventStats:
    aggregations: tuple[Aggregation, ...]
    by: tuple[Name, ...]

    def lower(self, context: Context, source: Node) -> Node:
        names = [name.text for name in self.by]
        partition: tuple[Expr, ...] = tuple(Col(n, source.schema[n]) for n in names if n in source.schema)
        calls = tuple(
            (one.name, WindowCall(lower_aggregation(one, source.schema, context), partition, whole=True))
            for one in resolve(self.aggregations, source.schema, names)
        )
        return blank_without_group(source, Window(source, calls), [name for name, _ in calls], names)


def parse(cursor: Cursor) -> EventStats:
    while cursor.option(("allnum",)):
        continue
    aggregations = parse_aggregations(cursor, what="eventstats")
    if not aggregations:
        cursor.fail("eventstats needs an aggregation", hint="eventstats avg(bytes) as mean by host")
    by = cursor.by_clause()
    return EventStats(tuple(aggregations), tuple(by))
