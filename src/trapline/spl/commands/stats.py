"""stats: aggregates of rows, per combination of by-values.

Syntax:
    stats [allnum=<bool>] [delim=<text>] [partitions=<n>] <aggregation> [AS <name>]... [BY <field>...]
        [dedup_splitvals=<bool>]

    <aggregation>: count | <function>(<field>) | <function>(eval(<expression>)) | sparkline(<aggregation>[, <span>])

Options:
    allnum=<bool> (false): a numeric aggregate is null where a value is no number.
    delim=<text> (none): what a nomv after it joins the values of list() and values() with.
    partitions=<n> (1): no effect: it is about how Splunk computes.
    AS <name> (the text of the aggregation): the name of the column.
    BY <field>... (none): the groups: a row for each combination of values.
    dedup_splitvals=<bool> (false): a value counts once per row, where a by-field is a multivalue.

Source: Search Reference, "stats", "Statistical and charting functions".
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from trapline.plan import FALSE, NULL, Agg, Col, Expand, Extend, Filter, Node, both, call
from trapline.spl.aggregates import (
    Aggregation,
    lower_aggregation,
    named_once,
    only_if_numbers,
    parse_aggregations,
    resolve,
    text_counts,
)
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name, flag
from trapline.spl.cursor import count as whole
from trapline.spl.sparkline import aggregate
from trapline.values import Kind

OPTIONS = ("allnum", "delim", "partitions", "dedup_splitvals", "dedup_splitval")


@dataclass(frozen=True, slots=True)
class Stats:
    aggregations: tuple[Aggregation, ...]
    by: tuple[Name, ...]
    allnum: bool = False
    delim: str | None = None
    dedup: bool = False

    def lower(self, context: Context, source: Node) -> Node:
        names = list(dict.fromkeys(name.text for name in self.by))
        wanted = resolve(self.aggregations, source.schema, names)
        absent = [name for name in names if name not in source.schema]
        if absent:
            # A by-field that exists nowhere is null everywhere, so no row is left.
            source = Filter(Extend(source, tuple((name, NULL) for name in absent)), FALSE)
        for name in names:
            if source.schema[name] is Kind.MULTI:
                if self.dedup:
                    once = call("list_dedup", Kind.MULTI, Col(name, Kind.MULTI))
                    source = Extend(source, ((name, once),))
                source = Expand(source, name)
        keys = tuple((name, Col(name, source.schema[name])) for name in names)
        if keys:
            source = Filter(source, both([call("is_not_null", Kind.BOOL, key) for _, key in keys]))
        named_once(wanted, names)
        for one in wanted:
            context.delimiters.pop(one.name, None)
            if self.delim is not None and one.function in ("list", "values"):
                context.delimiters[one.name] = self.delim
        counts = text_counts(wanted, source.schema, context) if self.allnum else []

        def lower(one: Aggregation, node: Node) -> Agg:
            return lower_aggregation(one, node.schema, context)

        return only_if_numbers(aggregate(context, source, keys, wanted, lower, counts), counts)


def parse(cursor: Cursor) -> Stats:
    found = Stats((), ())
    aggregations: list[Aggregation] = []
    by: list[Name] = []
    while not cursor.done():
        match cursor.option(OPTIONS):
            case ("allnum", value, span):
                found = replace(found, allnum=flag(value, span))
            case ("delim", value, _):
                found = replace(found, delim=value)
            case ("partitions", value, span):
                whole(value, span)  # how many threads reduce; the result is the same
            case (_, value, span):
                found = replace(found, dedup=flag(value, span))
            case None if aggregations and cursor.looking_at("by"):
                by += cursor.by_clause(options=True)
            case None if by and cursor.at_option():
                cursor.no_option()
            case None:
                more = parse_aggregations(cursor, options=OPTIONS, implicit=True)
                if not more:
                    break
                aggregations += more
    if not aggregations:
        cursor.fail("stats needs an aggregation", hint="stats count by host")
    return replace(found, aggregations=tuple(aggregations), by=tuple(by))
