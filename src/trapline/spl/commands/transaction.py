"""transaction: events that belong together as one row.

Syntax:
    transaction [<field>...] [name=<text>] [maxspan=<span>] [maxpause=<span>] [maxevents=<n>] [startswith=<filter>]
        [endswith=<filter>] [connected=<bool>] [unifyends=<bool>] [keepevicted=<bool>] [keeporphans=<bool>]
        [maxopentxn=<n>] [maxopenevents=<n>] [mvlist=<bool>|<field>,...] [delim=<text>] [nullstr=<text>] [mvraw=<bool>]

    <filter>: "<text>" | (<search expression>) | "<search expression>" | eval(<expression>)

Options:
    <field>... (none): the fields whose values tie events together; also fields="<field>, ...".
    name=<text> (none): a stanza of transactiontypes.conf of the add-ons, whose settings hold where no option says
        otherwise; its name stands in the field transactiontype.
    maxspan=<span> (none): seconds, or a span such as 5m, from the first to the last event.
    maxpause=<span> (none): the same, between two events.
    maxevents=<n> (1000): events of a transaction at most; negative for no bound.
    startswith=<filter> (none): the event that begins a transaction.
    endswith=<filter> (none): the event that ends it.
    connected=<bool> (true): an event that shares no field opens a transaction; false: it joins one.
    unifyends=<bool> (false): startswith and endswith also need the fields to agree.
    keepevicted=<bool> (false): transactions that lack their start or end stay.
    keeporphans=<bool> (false): events that belong to none stay, with _txn_orphan=1.
    maxopentxn=<n> (5000): transactions that are open at once.
    maxopenevents=<n> (100000): events in them.
    mvlist=<bool>|<field>,... (false): fields are lists of all values in their order, not sets.
    delim=<text> (none): what a nomv after it joins the values of a field with.
    nullstr=<text> (NULL): a missing value in such a list.
    mvraw=<bool> (false): _raw is a multivalue of the events.

Source: Search Reference, "transaction"; Search Manual, "About transactions"; Admin Manual, "transactiontypes.conf".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from trapline.errors import Span, SplError
from trapline.plan import Call, Col, Expr, Extend, Lit, Node, call, either, number, only, text
from trapline.plan import Filter as FilterNode
from trapline.spl.command import Context, Pipeline
from trapline.spl.cursor import Cursor, Name, flag
from trapline.spl.cursor import count as whole
from trapline.spl.evaluate import Env
from trapline.spl.expr import Ast
from trapline.spl.filter import Filter, Term, TermKind, lower_filter, parse_filter
from trapline.spl.transactions import END, MAX_EVENTS, ORPHAN, START, Grouping, Rendering, Rules
from trapline.times import span_seconds
from trapline.values import Kind, Row, to_number, value_text

FLAGS = ("connected", "unifyends", "keepevicted", "keeporphans", "mvraw")
OPTIONS = ("maxspan", "maxpause", "maxevents", "maxopentxn", "maxopenevents", "delim", "nullstr", "name", *FLAGS)
SETTINGS = ("fields", "startswith", "endswith", "mvlist", *OPTIONS)
"""What a stanza of transactiontypes.conf may say; `search` is for the command searchtxn."""
MADE = ("duration", "eventcount", "closed_txn", ORPHAN)
"""The fields of a transaction that its events have not."""
_FILTER = re.compile(r"(startswith|endswith)\s*=\s*", re.IGNORECASE)
_MVLIST = re.compile(r"mvlist\s*=\s*", re.IGNORECASE)
_FIELDS = re.compile(r"fields\s*=\s*", re.IGNORECASE)
_EVAL = re.compile(r"eval\s*\(", re.IGNORECASE)
_EXPRESSION = re.compile(r"[=<>()]|\b(?:AND|OR|NOT)\b")


@dataclass(frozen=True, slots=True)
class Edge:
    """A startswith or endswith: a search expression or an eval expression."""

    filter: Filter | None = None
    expression: Ast | None = None

    def predicate(self, context: Context, source: Node) -> Expr:
        if self.filter is not None:
            return lower_filter(self.filter, source.schema, context)
        assert self.expression is not None
        return Env(source.schema, context).condition(self.expression)


@dataclass(frozen=True, slots=True)
class NamedTransaction:
    """With name=: what the stanza says, then what `written` says, the text of the command's own options."""

    name: str
    written: str
    span: Span

    def lower(self, context: Context, source: Node) -> Node:
        settings = context.stanza("transactiontypes", self.name)
        if settings is None:
            raise SplError(
                f"there is no stanza [{self.name[:80]}] in the transactiontypes.conf of the add-ons",
                span=self.span,
                hint="--addon DIR adds one, or write its settings as options",
                code="name",
            )
        try:
            own = _of_text(self.written)
            found = _of_text(" ".join([*_options(settings, fields=not own.rules.fields), self.written]))
        except SplError as error:
            raise SplError(
                f"the transaction type [{self.name}]: {error.reason}", span=self.span, hint=error.hint, code=error.code
            ) from None
        node = replace(found, span=self.span).lower(context, source)
        return Extend(node, ((TYPE, text(self.name)),))


def _of_text(options: str) -> Transaction:
    """The command with these options."""

    def refuse(first: int, last: int) -> Pipeline:
        raise SplError("a subsearch cannot stand here")

    cursor = Cursor(options, 0, len(options), refuse)
    found = _parse(cursor, named=False)
    cursor.finish()
    assert isinstance(found, Transaction)
    return found


def _options(settings: Mapping[str, str], *, fields: bool) -> Iterator[str]:
    """The settings of a stanza as options; its `fields` give way to those that the command names."""
    for name, value in settings.items():
        value = value.strip()
        if not value or name not in SETTINGS or (name == "fields" and not fields):
            continue
        plain = name in ("startswith", "endswith") or value.startswith('"') or re.fullmatch(r"[\w.:-]+", value)
        yield f"{name}={value}" if plain else f'{name}="{value}"'


TYPE = "transactiontype"


@dataclass(frozen=True, slots=True)
class Transaction:
    rules: Rules
    rendering: Rendering
    starts: Edge | None
    ends: Edge | None
    delim: str | None
    span: Span
    bounded: bool = False
    """maxopentxn or maxopenevents was stated."""

    def lower(self, context: Context, source: Node) -> Node:
        if "_time" not in source.schema:
            raise SplError(
                "transaction needs events with _time", span=self.span, hint="stats groups rows that have no time"
            )
        flags: list[tuple[str, Expr]] = []
        for name, edge in ((START, self.starts), (END, self.ends)):
            if edge is not None:
                flags.append(
                    (
                        name,
                        Call("case", (edge.predicate(context, source), number(1), Lit(None, Kind.NUMBER)), Kind.NUMBER),
                    )
                )
        node: Node = Extend(source, tuple(flags)) if flags else source
        if self.delim is not None:
            context.delimiters.update(dict.fromkeys(source.schema, self.delim))
        rules = self.rules
        if not self.bounded:
            rules = replace(rules, maxopentxn=context.limits.opentxn, maxopenevents=context.limits.openevents)

        def overflow() -> None:
            context.warnings.add(
                "transaction-memory",
                f"transaction had more than {rules.maxopentxn:,} open transactions or {rules.maxopenevents:,} events "
                "in them, and left out the oldest ones unfinished, as Splunk does",
                hint="maxspan, maxpause or maxevents end them earlier; maxopentxn and maxopenevents allow more",
            )

        def grouped(rows: list[Row]) -> Iterator[Row]:
            grouping = Grouping(rules, self.rendering, overflow)
            yield from grouping.run(_checked(rows, context))
            if grouping.split and rules.maxevents == MAX_EVENTS:
                context.warnings.add(
                    "transaction-cut",
                    f"a transaction had more than {MAX_EVENTS:,} events, and goes on as another one, as in Splunk",
                    hint="maxevents=-1 for no bound",
                )

        own = {"_time", *rules.fields, *(name for name, _ in flags)} & node.schema.keys()
        read = context.read_later({**source.schema, **dict.fromkeys(MADE, Kind.NUMBER)})
        if read is not None:
            node = only(node, read.union(own))
        # Which events come together depends on these; every other field of a row is made of that field alone.
        met = FilterNode(node, either([call("is_not_null", Kind.BOOL, Col(name, node.schema[name])) for name in own]))
        like = Extend(met, tuple((name, Col("_time", Kind.NUMBER)) for name in MADE))
        return context.apply(node, grouped, "transaction", like)


def _checked(rows: Iterable[Row], context: Context) -> Iterator[Row]:
    """The rows, with a warning where time goes up."""
    before: float | None = None
    for row in rows:
        time = to_number(value_text(row["_time"])) if "_time" in row else None
        if time is not None:
            if before is not None and time > before:
                context.warnings.add(
                    "transaction-order",
                    "transaction wants events in descending order of time, and these are not",
                    hint="put sort 0 - _time before it",
                )
            before = time
        yield row


def parse(cursor: Cursor) -> Transaction | NamedTransaction:
    return _parse(cursor, named=True)


def _parse(cursor: Cursor, *, named: bool) -> Transaction | NamedTransaction:
    start = cursor.here().start
    name_: tuple[str, Span] | None = None
    cut = 0, 0
    edges: dict[str, Edge] = {}
    fields: list[Name] = []
    changes: dict[str, Any] = {}
    rendering = Rendering()
    delim: str | None = None
    bounded = False
    while not cursor.done():
        edge = _FILTER.match(cursor.text, cursor.pos, cursor.end)
        lists = _MVLIST.match(cursor.text, cursor.pos, cursor.end)
        if edge is not None:
            cursor.pos = edge.end()
            edges[edge.group(1).lower()] = _edge(cursor)
            continue
        listed = _FIELDS.match(cursor.text, cursor.pos, cursor.end)
        if listed is not None:
            cursor.pos = listed.end()
            fields += _fields(cursor)
            continue
        if lists is not None:
            cursor.pos = lists.end()
            rendering = replace(rendering, lists=_lists(cursor))
            continue
        before = cursor.pos
        option = cursor.option(OPTIONS)
        if option is None:
            if cursor.at_option():
                cursor.no_option()
            if not cursor.take(","):
                fields += _fields(cursor)
            continue
        name, value, span = option
        match name:
            case "maxspan" | "maxpause":
                changes[name] = _seconds(name, value, span)
            case "maxevents":
                changes[name] = None if value.startswith("-") else max(1, whole(value, span))
            case "maxopentxn" | "maxopenevents":
                bounded = True
                changes[name] = max(1, whole(value, span))
            case "nullstr":
                rendering = replace(rendering, nullstr=value)
            case "mvraw":
                rendering = replace(rendering, mvraw=flag(value, span))
            case "delim":
                delim = value
            case "name":
                if not named:
                    cursor.fail("a transaction type cannot name another one", span)
                name_, cut = (value, span), (before, cursor.pos)
            case _:
                changes[name] = flag(value, span)
    if name_ is not None:
        return NamedTransaction(name_[0], f"{cursor.text[start : cut[0]]} {cursor.text[cut[1] : cursor.pos]}", name_[1])
    rules = Rules(
        **changes,
        fields=tuple(dict.fromkeys(one.text for one in fields)),
        starts="startswith" in edges,
        ends="endswith" in edges,
    )
    return Transaction(
        rules, rendering, edges.get("startswith"), edges.get("endswith"), delim, cursor.since(start), bounded
    )


def _fields(cursor: Cursor) -> list[Name]:
    """A field, or a list of them in quotes."""
    name = cursor.name()
    if not name.quoted or "," not in name.text:
        return [name]
    return [Name(part.strip(), name.span) for part in name.text.split(",") if part.strip()]


def _seconds(name: str, value: str, span: Span) -> float | None:
    if value.startswith("-"):
        return None
    seconds = span_seconds(value)
    if seconds is None:
        raise SplError(f"{name}={value} is not a span", span=span, hint="such as 30s, 5m, 1h, 1d", code="time")
    return seconds


def _lists(cursor: Cursor) -> bool | frozenset[str]:
    start = cursor.pos
    quoted = cursor.string()
    if quoted is None:
        names = [cursor.bare()]
        while cursor.take(","):
            names.append(cursor.bare())
    else:
        names = re.split(r"[,\s]+", quoted.strip())
    if len(names) == 1 and names[0].lower() in ("t", "true", "1", "f", "false", "0"):
        return flag(names[0], cursor.since(start))
    return frozenset(name for name in names if name)


def _edge(cursor: Cursor) -> Edge:
    """What stands after startswith= or endswith=."""
    start = cursor.here().start
    if _EVAL.match(cursor.text, cursor.pos, cursor.end):
        cursor.take_word("eval")
        cursor.expect("(", "after eval")
        expression = cursor.expression()
        cursor.expect(")", "to close eval(")
        return Edge(expression=expression)
    if cursor.take("("):
        tree = parse_filter(cursor)
        cursor.expect(")", "to close the search expression")
        return Edge(tree)
    text = cursor.string()
    if text is None:
        text = cursor.bare()
        if not text:
            cursor.fail(f"expected a filter, found {cursor.found()}", hint='startswith="login"')
    span = cursor.since(start)
    if not _EXPRESSION.search(text):
        return Edge(Term(text, TermKind.PHRASE, span))

    def refuse(first: int, last: int) -> Pipeline:
        raise SplError("a subsearch cannot stand here", span=span)

    inner = Cursor(text, 0, len(text), refuse)
    try:
        tree = parse_filter(inner)
        inner.finish()
    except SplError as error:
        raise SplError(
            f"'{text[:80]}' is not a search expression: {error.reason}", span=span, code=error.code
        ) from None
    return Edge(tree)
