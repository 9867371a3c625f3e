"""mstats: aggregates over the measurements of metric events.

Syntax:
    | mstats [prestats=<bool>] [append=<bool>] [backfill=<bool>] [update_period=<n>] [fillnull_value=<text>]
        [chunk_size=<n>] <aggregation>... [WHERE <search expression>] [BY <field>...] [span=<span>]

Options:
    prestats=<bool> (false): refused if true.
    append=<bool> (false): refused if true.
    backfill=<bool> (false): refused if true.
    update_period=<n> (0): no effect: it is about previews.
    fillnull_value=<text> (none): what stands in for a null by-value.
    chunk_size=<n> (10000000): no effect: it is about how Splunk reads.
    WHERE <search expression> (none): which measurements count.
    BY <field>... (none): the groups.
    span=<span> (none): a row per span of time; auto: of a length that suits the time range.
    every=<span> (none): refused.
    chart=<bool> (false): refused.
    chart.agg=<function> (none): refused.
    chart.limit=<n> (none): refused.

Differences:
    - Refused: prestats, append, backfill, every and chart.

Source: Search Reference, "mstats"; Metrics, "Overview of metrics".
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from trapline.errors import SplError
from trapline.plan import FALSE, NULL, TRUE, Agg, Aggregate, Call, Col, Expr, Extend, Filter, Node, both, call, text
from trapline.spl.aggregates import Aggregation, lower_aggregation, named_once, parse_aggregations, resolve
from trapline.spl.bins import MAX_BINS, BinOptions, search_bounds, time_bins
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name, count, flag
from trapline.spl.evaluate import as_number, as_text
from trapline.spl.filter import Everything, lower_filter, parse_filter
from trapline.spl.filter import Filter as Tree
from trapline.spl.moments import MOMENT, in_intervals, of_moment
from trapline.spl.wildcard import match_names
from trapline.values import Kind, value_text

FLAGS = ("prestats", "append", "backfill")
OPTIONS = (
    *FLAGS,
    "update_period",
    "fillnull_value",
    "chunk_size",
    "span",
    "every",
    "chart",
    "chart.agg",
    "chart.limit",
)
WORDS = ("where", "by", "groupby")
PREFIX = "metric_name:"
VALUE = "_value"


@dataclass(frozen=True, slots=True)
class MStats:
    aggregations: tuple[Aggregation, ...]
    tree: Tree
    by: tuple[Name, ...]
    span: BinOptions
    fill: str | None

    def generate(self, context: Context) -> Node:
        source = context.events(self.tree)
        predicate = lower_filter(self.tree, source.schema, context)
        if predicate != TRUE:
            source = Filter(source, predicate)
        names = list(dict.fromkeys(name.text for name in self.by))
        if self.span.has("span") and "_time" not in names:
            names.insert(0, "_time")
        source, wanted = self._measured(context, source, names)
        if "_time" in names and "_time" in source.schema:
            bounds = search_bounds(context, source)
            bins = time_bins(self.span, context, source, "_time", most=MAX_BINS, bounds=bounds, fixed=False)
            source = in_intervals(source, bins.expr(as_number(Col("_time", source.schema["_time"]))))
        absent = [name for name in names if name not in source.schema]
        if absent:
            source = Extend(source, tuple((name, NULL) for name in absent))
        keys: list[tuple[str, Expr]] = []
        for name in names:
            key: Expr = Col(name, source.schema[name])
            if self.fill is not None and name != "_time":
                key = Call("coalesce", (as_text(key), text(self.fill)), Kind.TEXT)
            keys.append((name, key))
        if absent and self.fill is None:
            source = Filter(source, FALSE)
        if keys:
            source = Filter(source, both([call("is_not_null", Kind.BOOL, key) for _, key in keys]))
        aggs = tuple((one.name, lower_aggregation(one, source.schema, context)) for one in wanted)
        if MOMENT in source.schema:
            aggs = tuple((name, of_moment(agg)) for name, agg in aggs)
        named_once(wanted, names)
        return Aggregate(source, tuple(keys), aggs)

    def _measured(self, context: Context, source: Node, by: list[str]) -> tuple[Node, list[Aggregation]]:
        """A field per metric that is named, and the aggregations over those."""
        schema = source.schema
        metrics = {name.removeprefix(PREFIX) for name in schema if name.startswith(PREFIX)}
        single = "metric_name" in schema and VALUE in schema
        if single and any(one.wild for one in self.aggregations):
            distinct = Aggregate(
                Filter(source, call("is_not_null", Kind.BOOL, Col("metric_name", schema["metric_name"]))),
                (("name", as_text(Col("metric_name", schema["metric_name"]))),),
                (("n", Agg("count_rows", None, Kind.NUMBER)),),
            )
            metrics |= {value_text(row["name"]) for row in context.rows(distinct)}
        read: set[str] = set()
        wanted: list[Aggregation] = []
        for one in self.aggregations:
            name = one.argument
            assert name is None or isinstance(name, str)
            if name is None or name == VALUE:
                wanted.append(one)
            elif one.wild:
                read |= set(match_names(name, sorted(metrics)))
                wanted.append(one)
            else:
                read.add(name)
                wanted.append(one)
        # Wildcards match metrics alone, so the fields of the events are not in sight while they are replaced.
        shown = dict.fromkeys(sorted(read), Kind.NUMBER)
        wanted = [
            replace(one, argument=_hidden(one.argument) if one.argument in read else one.argument)
            for one in resolve(wanted, shown, by)
        ]
        values = tuple((_hidden(name), _measurement(name, source)) for name in sorted(read))
        return (Extend(source, values) if values else source), wanted


def _hidden(name: object) -> str:
    """The field that holds a metric: its name may be that of a field of the events too."""
    return f"_metric:{name}"


def _measurement(name: str, source: Node) -> Expr:
    schema = source.schema
    found: list[Expr] = []
    if PREFIX + name in schema:
        found.append(as_number(Col(PREFIX + name, schema[PREFIX + name])))
    if "metric_name" in schema and VALUE in schema:
        same = call("eq", Kind.BOOL, as_text(Col("metric_name", schema["metric_name"])), text(name))
        found.append(Call("case", (same, as_number(Col(VALUE, schema[VALUE])), as_number(NULL)), Kind.NUMBER))
    if not found:
        return as_number(NULL)
    return found[0] if len(found) == 1 else Call("coalesce", tuple(found), Kind.NUMBER)


def parse(cursor: Cursor) -> MStats:
    aggregations: list[Aggregation] = []
    span = BinOptions()
    fill: str | None = None
    tree: Tree = Everything(cursor.here())
    by: list[Name] = []
    while not cursor.done():
        match cursor.option(OPTIONS):
            case ("span", value, place):
                span = span.with_one("span", value, place)
                continue
            case ("fillnull_value", value, _):
                fill = value
                continue
            case ("update_period" | "chunk_size", value, place):
                count(value, place)
                continue
            case (name, value, place):
                if name not in FLAGS or flag(value, place):
                    cursor.unsupported(f"{name} of mstats is not supported yet", place)
                continue
        if cursor.take_word("where"):
            tree = parse_filter(cursor, ("by", "groupby", "span"))
        elif cursor.take_word("by", "groupby"):
            by += cursor.names(options=True)
            if not by:
                cursor.fail("BY needs a field", hint="... by host")
            cursor.no_wildcards(by)
        elif cursor.at_option():
            cursor.no_option()
        elif by or not isinstance(tree, Everything):
            cursor.fail(
                f"unexpected {cursor.found()}", hint="| mstats avg(cpu.idle) where index=metrics by host span=1m"
            )
        else:
            aggregations += parse_aggregations(cursor, WORDS, what="mstats", options=OPTIONS)
    if not aggregations:
        cursor.fail("mstats needs an aggregation", hint="| mstats avg(cpu.idle) where index=metrics by host")
    for one in aggregations:
        if one.argument is not None and not isinstance(one.argument, str):
            raise SplError("mstats takes metrics, not eval expressions", span=one.span, code="function")
    written = span.get("span")
    if written is not None and written[0].lower() == "auto":
        span = BinOptions()
        by = by if any(name.text == "_time" for name in by) else [Name("_time", written[1]), *by]
    return MStats(tuple(aggregations), tree, tuple(by), span, fill)
