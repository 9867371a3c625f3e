"""eventstats: aggregates added to every row.

Syntax:
    eventstats [allnum=<bool>] <aggregation> [AS <name>]... [BY <field>...]

Options:
    allnum=<bool> (false): a numeric aggregate is null where a value is no number.
    AS <name> (the text of the aggregation): the name of the new field.
    BY <field>... (none): the group whose aggregate a row gets.

Source: Search Reference, "eventstats".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Col, Expr, Node, Window, WindowCall
from trapline.spl.aggregates import (
    Aggregation,
    lower_aggregation,
    only_if_numbers,
    parse_aggregations,
    resolve,
    text_counts,
)
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name, flag
from trapline.spl.grouping import blank_without_group


@dataclass(frozen=True, slots=True)
class EventStats:
    aggregations: tuple[Aggregation, ...]
    by: tuple[Name, ...]
    allnum: bool = False

    def lower(self, context: Context, source: Node) -> Node:
        names = [name.text for name in self.by]
        schema = source.schema
        partition: tuple[Expr, ...] = tuple(Col(n, schema[n]) for n in names if n in schema)
        found = resolve(self.aggregations, schema, names)
        counts = text_counts(found, schema, context) if self.allnum else []
        aggs = [(one.name, lower_aggregation(one, schema, context)) for one in found] + counts
        calls = tuple((name, WindowCall(agg, partition, whole=True)) for name, agg in aggs)
        node = only_if_numbers(Window(source, calls), counts)
        return blank_without_group(source, node, [one.name for one in found], names)


def parse(cursor: Cursor) -> EventStats:
    allnum = False
    aggregations: list[Aggregation] = []
    by: list[Name] = []
    while not cursor.done():
        option = cursor.option(("allnum",))
        if option is not None:
            allnum = flag(option[1], option[2])
        elif aggregations and cursor.looking_at("by"):
            by += cursor.by_clause(options=True)
        elif by and cursor.at_option():
            cursor.no_option()
        else:
            more = parse_aggregations(cursor, what="eventstats", options=("allnum",), implicit=True)
            if not more:
                break
            aggregations += more
    if not aggregations:
        cursor.fail("eventstats needs an aggregation", hint="eventstats avg(bytes) as mean by host")
    return EventStats(tuple(aggregations), tuple(by), allnum)
