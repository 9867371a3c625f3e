"""dedup: the first rows of each combination of values.

Synopsis: `dedup [<count>] <field>... [keepevents=<bool>] [keepempty=<bool>] [consecutive=<bool>] [sortby
[+|-]<field>...]`. Search Reference, "dedup". Rows where one of the fields is null are removed unless keepempty.
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

RANK = "_dedup_rank"
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
        row: dict[str, WindowCall]
        if self.consecutive:
            row = {f"{RANK}_{place}": WindowCall(Agg("lag", key, key.kind, (1.0,))) for place, key in enumerate(keys)}
            row[RANK] = WindowCall(Agg("row_number", None, Kind.NUMBER))
            node: Node = Window(source, tuple(row.items()))
            same = both(
                [
                    call("is_true", Kind.BOOL, call("eq", Kind.BOOL, key, Col(f"{RANK}_{place}", key.kind)))
                    for place, key in enumerate(keys)
                ]
            )
            kept: Expr = call("not", Kind.BOOL, same)
        else:
            row = {RANK: WindowCall(Agg("row_number", None, Kind.NUMBER), tuple(keys))}
            node = Window(source, tuple(row.items()))
            kept = call("le", Kind.BOOL, Col(RANK, Kind.NUMBER), number(self.count))
        keep = either([empty, kept]) if self.keepempty else both([call("not", Kind.BOOL, empty), kept])
        if self.keepevents:
            blanked = tuple(
                (name.text, Call("case", (keep, Col(name.text, schema[name.text]), NULL), schema[name.text]))
                for name in self.names
                if name.text in schema
            )
            node = Extend(node, blanked)
        else:
            node = Filter(node, keep if keys else FALSE)
        return Project(node, tuple((name, Col(name, kind)) for name, kind in node.schema.items() if name not in row))


def parse(cursor: Cursor) -> Dedup:
    count = 1
    flags = dict.fromkeys(FLAGS, False)
    names: list[Name] = []
    sortby: list[Key] = []

    def options() -> None:
        while (option := cursor.option(FLAGS)) is not None:
            flags[option[0]] = flag(option[1], option[2])

    options()
    given = cursor.integer()
    if given is not None:
        if given < 1:
            cursor.fail("dedup keeps at least one row of each", hint="dedup 1 host")
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
    if flags["consecutive"] and count > 1:
        cursor.unsupported("dedup with both a count and consecutive=true is not supported yet")
    return Dedup(count, tuple(names), flags["keepevents"], flags["keepempty"], flags["consecutive"], tuple(sortby))
