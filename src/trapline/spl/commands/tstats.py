"""tstats: aggregates over a dataset of a data model, or over the fields of events.

Syntax:
    | tstats [prestats=<bool>] [local=<bool>] [append=<bool>] [summariesonly=<bool>] [include_reduced_buckets=<bool>]
        [allow_old_summaries=<bool>] [use_summary_index_values=<bool>] [chunk_size=<n>] [fillnull_value=<text>]
        <aggregation>... [FROM datamodel=<model>[.<dataset>]] [WHERE <search expression>]
        [BY (<field> | PREFIX(<text>))... [span=<span>]]

Options:
    prestats=<bool> (false): the rows behind the aggregates, for a stats, chart or timechart of the same ones.
    local=<bool> (false): no effect: everything runs in one place.
    append=<bool> (false): with prestats, the rows come after those of an earlier tstats.
    summariesonly=<bool> (false): no effect: there are no summaries.
    include_reduced_buckets=<bool> (false): no effect: there are no buckets.
    allow_old_summaries=<bool> (false): no effect: there are no summaries.
    use_summary_index_values=<bool> (false): no effect: there are no summaries.
    chunk_size=<n> (10000000): no effect: it is about how Splunk reads.
    fillnull_value=<text> (none): what stands in for a null by-value; without it such rows are left out.
    datamodel=<model>[.<dataset>] (none): the dataset; without it, the fields of events.
    WHERE <search expression> (none): which events count.
    BY <field>... (none): the groups; PREFIX(<text>) is what follows the text in a term of the event.
    span=<span> (none): the span of _time in BY.

Source: Search Reference, "tstats".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from trapline.errors import Span, SplError
from trapline.plan import (
    FALSE,
    NULL,
    TRUE,
    Aggregate,
    Call,
    Col,
    Expand,
    Expr,
    Extend,
    Filter,
    Node,
    Project,
    Union,
    both,
    call,
    number,
    text,
)
from trapline.spl.aggregates import Aggregation, lower_aggregation, named_once, parse_aggregations, resolve
from trapline.spl.bins import MAX_BINS, BinOptions, search_bounds, time_bins
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name, count, flag
from trapline.spl.datasets import META, read_by
from trapline.spl.evaluate import as_multi, as_number, as_text
from trapline.spl.filter import Everything, answered, lower_filter, parse_filter, prefix_pattern
from trapline.spl.filter import Filter as Tree
from trapline.spl.moments import MOMENT, in_intervals, of_moment
from trapline.values import Kind

FLAGS = (
    "prestats",
    "local",
    "append",
    "summariesonly",
    "include_reduced_buckets",
    "allow_old_summaries",
    "use_summary_index_values",
)
OPTIONS = (*FLAGS, "chunk_size", "fillnull_value")
WORDS = ("from", "where", "by", "groupby")


@dataclass(frozen=True, slots=True)
class TStats:
    aggregations: tuple[Aggregation, ...]
    dataset: Name | None
    tree: Tree
    by: tuple[Name, ...]
    span: BinOptions
    fill: str | None
    prestats: bool = False

    def generate(self, context: Context) -> Node:
        tree = answered(self.tree, context)
        source = self._source(context, tree)
        predicate = lower_filter(tree, source.schema, context)
        if predicate != TRUE:
            source = Filter(source, predicate)
        names = list(dict.fromkeys(name.text for name in self.by))
        prefixes = {one for one in [*names, *self._arguments()] if _prefix(one) is not None}
        if prefixes:
            source = Extend(source, tuple((_label(one), _terms(one, source)) for one in sorted(prefixes)))
        names = [_label(name) for name in names]
        wanted = [_labelled(one) for one in self.aggregations]
        if self.dataset is not None:
            self._unknown(context, source, names, wanted)
        wanted = resolve(wanted, source.schema, names)
        if "_time" in names and "_time" in source.schema:
            source = self._binned(context, source)
        source = self._keyed(source, names)
        if self.prestats:
            return _prepared(source, names, wanted)
        keys = tuple((name, Col(name, source.schema[name])) for name in names)
        aggs = tuple((one.name, lower_aggregation(one, source.schema, context)) for one in wanted)
        if MOMENT in source.schema:
            aggs = tuple((name, of_moment(agg)) for name, agg in aggs)
        named_once(wanted, names)
        return Aggregate(source, keys, aggs)

    def source(self) -> tuple[str, str | None] | None:
        """The data model and the dataset, None for all its roots; None where it reads events."""
        if self.dataset is None:
            return None
        model, _, path = self.dataset.text.partition(".")
        return model, path.rpartition(".")[2] if path else None

    def _source(self, context: Context, tree: Tree) -> Node:
        """`tree`: with what its subsearches return, so that what it reads is known. They set no time range."""
        source = self.source()
        if source is None or self.dataset is None:
            return context.events(self.tree)
        model, dataset = source
        read = self._read(tree)
        try:
            names = context.roots(model) if dataset is None else [dataset]
            nodes = tuple(context.dataset(model, name, self.tree, read).qualified(doubled=True) for name in names)
        except SplError as error:
            error.span = error.span or self.dataset.span
            raise
        return nodes[0] if len(nodes) == 1 else Union(nodes)

    def read(self) -> frozenset[str] | None:
        """The fields of the dataset that it reads, with their prefix; None where that is not known beforehand."""
        return self._read(self.tree)

    def _read(self, tree: Tree) -> frozenset[str] | None:
        conditions = read_by(tree)
        named = [*(one.text for one in self.by), *self._arguments()]
        if conditions is None or any(one.wild for one in self.aggregations) or any(map(_prefix, named)):
            return None
        return conditions | {"_time", *named}

    def _arguments(self) -> list[str]:
        return [one.argument for one in self.aggregations if isinstance(one.argument, str)]

    def _unknown(self, context: Context, source: Node, by: Sequence[str], wanted: Sequence[Aggregation]) -> None:
        """A misspelt field gives an empty result and no error in Splunk; here it is told."""
        read = [*by, *(one.argument for one in wanted if isinstance(one.argument, str) and not one.wild)]
        for name in dict.fromkeys(read):
            if name not in source.schema and name not in META:
                alike = [
                    own for own in source.schema if own.rpartition(".")[2].lower() == name.rpartition(".")[2].lower()
                ]
                assert self.dataset is not None
                context.warnings.add(
                    "tstats-field",
                    f"the dataset {self.dataset.text} has no field '{name}', so it is null",
                    hint=f"did you mean '{alike[0]}'?" if alike else None,
                )

    def _binned(self, context: Context, source: Node) -> Node:
        bounds = search_bounds(context, source)
        bins = time_bins(self.span, context, source, "_time", most=MAX_BINS, bounds=bounds, fixed=False)
        return in_intervals(source, bins.expr(as_number(Col("_time", source.schema["_time"]))))

    def _keyed(self, source: Node, names: Sequence[str]) -> Node:
        """By-fields that exist, hold single values, and are not null."""
        absent = [name for name in names if name not in source.schema]
        if absent:
            source = Extend(source, tuple((name, NULL) for name in absent))
        if self.fill is not None and names:
            source = Extend(source, tuple((name, _filled(name, source, self.fill)) for name in names))
        elif absent:
            source = Filter(source, FALSE)
        for name in names:
            if source.schema[name] is Kind.MULTI:
                source = Expand(source, name)
        if names and self.fill is None:
            source = Filter(source, both([call("is_not_null", Kind.BOOL, Col(n, source.schema[n])) for n in names]))
        return source


@dataclass(frozen=True, slots=True)
class Appended:
    """With append=t, after other prestats."""

    inner: TStats

    def generate(self, context: Context) -> Node:
        return self.inner.generate(context)

    def lower(self, context: Context, source: Node) -> Node:
        return Union((source, self.inner.generate(context)))


def _prepared(source: Node, names: Sequence[str], wanted: Sequence[Aggregation]) -> Node:
    """What prestats gives here: the rows that the aggregates are of. The stats, chart or timechart after it, of the
    same aggregates, then gives what Splunk's partial results give."""
    read = ["_time", *names, *(one.argument for one in wanted if isinstance(one.argument, str))]
    kept = [name for name in dict.fromkeys(read) if name in source.schema]
    return Project(source, tuple((name, Col(name, source.schema[name])) for name in kept))


def _filled(name: str, source: Node, value: str) -> Expr:
    own: Expr = Col(name, source.schema[name])
    if own.kind is Kind.MULTI:
        return Call("coalesce", (own, as_multi(text(value))), Kind.MULTI)
    return own if name == "_time" else Call("coalesce", (as_text(own), text(value)), Kind.TEXT)


# --- PREFIX() ------------------------------------------------------------------------------------------------------


def _prefix(name: str) -> str | None:
    """The text in PREFIX(...)."""
    if name[:7].upper() == "PREFIX(" and name.endswith(")"):
        return name[7:-1].strip().strip('"')
    return None


def _label(name: str) -> str:
    """The name that a PREFIX(...) has in the result: its text."""
    return _prefix(name) or name


def _labelled(one: Aggregation) -> Aggregation:
    if not isinstance(one.argument, str) or _prefix(one.argument) is None:
        return one
    label = _label(one.argument)
    return replace(one, argument=label, name=one.name if one.renamed else f"{one.function}({label})")


def _terms(name: str, source: Node) -> Expr:
    """What follows the text in terms of `_raw` that start with it, in lower case as the index has it."""
    if "_raw" not in source.schema:
        return NULL
    raw = as_text(Col("_raw", source.schema["_raw"]))
    pattern = text(prefix_pattern(_label(name).lower()))
    return call("regex_extract_all", Kind.MULTI, call("lower", Kind.TEXT, raw), pattern, number(1), number(0))


# --- reading -------------------------------------------------------------------------------------------------------


def parse(cursor: Cursor) -> TStats | Appended:
    aggregations: list[Aggregation] = []
    flags: dict[str, tuple[bool, Span]] = {}
    fill: str | None = None
    while not cursor.done() and not any(cursor.looking_at(word) for word in WORDS):
        match cursor.option(OPTIONS):
            case ("fillnull_value", value, _):
                fill = value
            case ("chunk_size", value, span):
                count(value, span)
            case (name, value, span):
                flags[name] = (flag(value, span), span)
            case None:
                if cursor.at_option():
                    cursor.no_option()
                aggregations += parse_aggregations(cursor, WORDS, what="tstats", options=OPTIONS)
    if not aggregations:
        cursor.fail("tstats needs an aggregation", hint="| tstats count where index=main by host")
    for one in aggregations:
        if one.argument is not None and not isinstance(one.argument, str):
            raise SplError(
                "tstats takes fields, not eval expressions",
                span=one.span,
                hint="calculate with stats, after tstats",
                code="function",
            )
    dataset = _from(cursor) if cursor.take_word("from") else None
    tree: Tree = Everything(cursor.here())
    if cursor.take_word("where"):
        tree = parse_filter(cursor, ("by", "groupby"))
    by: list[Name] = []
    bins = BinOptions()
    if cursor.take_word("by", "groupby"):
        by, bins = _by(cursor)
    while (option := cursor.option(OPTIONS)) is not None:
        if option[0] == "fillnull_value":
            fill = option[1]
        elif option[0] != "chunk_size":
            flags[option[0]] = (flag(option[1], option[2]), option[2])
    prestats, append = flags.get("prestats", (False, None))[0], flags.get("append")
    command = TStats(tuple(aggregations), dataset, tree, tuple(by), bins, fill, prestats)
    if append is None or not append[0]:
        return command
    if not prestats:
        cursor.fail(
            "append=true needs prestats=true",
            append[1],
            hint="tstats prestats=t append=t ..., or append [| tstats ...]",
        )
    return Appended(command)


def _from(cursor: Cursor) -> Name:
    option = cursor.option(("datamodel",))
    if option is None:
        cursor.unsupported(
            "tstats reads data models and events; tsidx namespaces and the results of a job are not supported yet",
            hint="from datamodel=Endpoint.Processes",
        )
    return Name(option[1], option[2])


def _by(cursor: Cursor) -> tuple[list[Name], BinOptions]:
    names: list[Name] = []
    span = BinOptions()
    while not cursor.done() and not cursor.at_option(OPTIONS):
        option = cursor.option(("span",))
        if option is not None:
            span = span.with_one(*option)
        elif cursor.at_option():
            cursor.no_option()
        elif not cursor.take(","):
            names.append(cursor.name())
    if not names:
        cursor.fail("BY needs a field", hint="... by host")
    cursor.no_wildcards(names)
    found = span.get("span")
    if found is not None and not any(name.text == "_time" for name in names):
        cursor.fail("span needs _time in the BY clause", found[1], hint="by _time span=1h")
    if found is not None and found[0].lower() == "auto":
        span = BinOptions()
    return names, span
