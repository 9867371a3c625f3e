"""dedup: the first rows of each combination of values.

Syntax:
    dedup [<count>] <field>... [keepevents=<bool>] [keepempty=<bool>] [consecutive=<bool>] [sortby [+|-]<field>...]

Options:
    <count> (1): how many rows of each combination stay; with consecutive, of each run of it.
    keepevents=<bool> (false): all rows stay; those that would go lose the fields instead.
    keepempty=<bool> (false): rows that lack one of the fields stay.
    consecutive=<bool> (false): only rows that follow one another are compared.
    sortby [+|-]<field>... (none): the order in which rows are looked at and come out.

Differences:
    - Refused: wildcards in the names of fields.

Source: Search Reference, "dedup".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import (
    FALSE,
    NULL,
    Agg,
    Call,
    Col,
    Expr,
    Extend,
    Filter,
    Lit,
    Node,
    Project,
    Sort,
    Window,
    WindowCall,
    both,
    call,
    either,
    number,
)
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name, flag
from trapline.spl.sorting import Key, parse_keys, sort_keys
from trapline.values import Kind

RANK, RUN, BEGINS = "_dedup_rank", "_dedup_run", "_dedup_begins"
FLAGS = ("keepevents", "keepempty", "consecutive")


@dataclass(frozen=True, slots=True)
class Dedup:
    count: int
    names: tuple[Name, ...]
    keepevents: bool
    keepempty: bool
    consecutive: bool
    sortby: tuple[Key, ...]

    def lower(self, context: Context, source: Node) -> Node:
        if self.sortby:
            source = Sort(source, sort_keys(self.sortby, source.schema))
        schema = source.schema
        keys: list[Expr] = [Col(n.text, schema[n.text]) if n.text in schema else NULL for n in self.names]
        empty = either([call("is_null", Kind.BOOL, key) for key in keys])
        node: Node = _runs(source, keys) if self.consecutive else source
        run: list[Expr] = [Col(RUN, Kind.NUMBER)] if self.consecutive else []
        node = Window(node, ((RANK, WindowCall(Agg("row_number", None, Kind.NUMBER), (*keys, *run))),))
        kept: Expr = call("le", Kind.BOOL, Col(RANK, Kind.NUMBER), number(self.count))
        keep = either([empty, kept]) if self.keepempty else both([call("not", Kind.BOOL, empty), kept])
        if self.keepevents:
            blanked = tuple(
                (name.text, Call("case", (keep, Col(name.text, kind), Lit(None, kind)), kind))
                for name in self.names
                if (kind := schema.get(name.text)) is not None
            )
            node = Extend(node, blanked)
        else:
            node = Filter(node, keep if keys else FALSE)
        return Project(
            node, tuple((name, Col(name, kind)) for name, kind in node.schema.items() if name not in (RANK, RUN))
        )


def _runs(source: Node, keys: list[Expr]) -> Node:
    """The source with the number of the run of equal neighbours that each row is in."""
    before = [f"{RANK}_{place}" for place in range(len(keys))]
    lags = tuple((name, WindowCall(Agg("lag", key, key.kind, (1.0,)))) for name, key in zip(before, keys, strict=True))
    same = both(
        [
            call("is_true", Kind.BOOL, call("eq", Kind.BOOL, key, Col(name, key.kind)))
            for name, key in zip(before, keys, strict=True)
        ]
    )
    begins = Call("case", (same, number(0), number(1)), Kind.NUMBER)
    node: Node = Extend(Window(source, lags), ((BEGINS, begins),))
    node = Window(node, ((RUN, WindowCall(Agg("sum", Col(BEGINS, Kind.NUMBER), Kind.NUMBER))),))
    helpers = (BEGINS, *before)
    return Project(node, tuple((name, Col(name, kind)) for name, kind in node.schema.items() if name not in helpers))


def parse(cursor: Cursor) -> Dedup:
    count = 1
    flags = dict.fromkeys(FLAGS, False)
    names: list[Name] = []
    sortby: list[Key] = []

    def options() -> None:
        while (option := cursor.option(FLAGS)) is not None:
            flags[option[0]] = flag(option[1], option[2])

    options()
    start = cursor.here().start
    given = cursor.integer()
    if given is not None:
        if given < 1:
            cursor.fail("dedup keeps at least one row of each", cursor.since(start), "dedup 1 host")
        count = given
    while not cursor.done():
        if cursor.at_option(FLAGS):
            options()
        elif cursor.take_word("sortby"):
            sortby = parse_keys(cursor, options=FLAGS)
            if not sortby:
                cursor.fail("sortby needs a field", hint="dedup host sortby - _time")
        elif cursor.at_option():
            cursor.no_option()
        elif not cursor.take(","):
            names.append(cursor.name())
    if not names:
        cursor.fail("dedup needs a field", hint="dedup host")
    for name in names:
        if name.wild and not name.quoted:
            cursor.unsupported("dedup takes field names, not patterns", name.span, "name each field: dedup host user")
    return Dedup(count, tuple(names), flags["keepevents"], flags["keepempty"], flags["consecutive"], tuple(sortby))
