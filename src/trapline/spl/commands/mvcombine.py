"""mvcombine: rows that differ in one field only become one.

Syntax:
    mvcombine [delim=<text>] <field>

Options:
    delim=<text> (a blank): what a nomv after it joins the values with.

Source: Search Reference, "mvcombine".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Agg, Aggregate, Col, Node, Project, Sort, SortKey, Window, WindowCall
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.spl.evaluate import as_text
from trapline.spl.multivalue import visible_field
from trapline.values import Kind

PLACE = "_mvcombine_place"
EVERY = 1e15
"""More values than there can be: the engine's list has a limit, this one has none."""


@dataclass(frozen=True, slots=True)
class Mvcombine:
    field: str
    delim: str

    def lower(self, context: Context, source: Node) -> Node:
        kind = source.schema.get(self.field)
        if kind is None:
            return source
        context.delimiters[self.field] = self.delim
        placed = Window(source, ((PLACE, WindowCall(Agg("row_number", None, Kind.NUMBER))),))
        by = tuple((name, Col(name, one)) for name, one in source.schema.items() if name != self.field)
        value = Col(self.field, kind)
        op, argument = ("multi_list", value) if kind is Kind.MULTI else ("list", as_text(value))
        combined = Aggregate(
            placed,
            by,
            (
                (self.field, Agg(op, argument, Kind.MULTI, (EVERY,), ordered=True)),
                (PLACE, Agg("min", Col(PLACE, Kind.NUMBER), Kind.NUMBER)),
            ),
        )
        ordered = Sort(combined, (SortKey(Col(PLACE, Kind.NUMBER)),))
        schema = combined.schema
        return Project(ordered, tuple((name, Col(name, schema[name])) for name in source.schema))


def parse(cursor: Cursor) -> Mvcombine:
    field, delim = "", " "
    while not cursor.done():
        option = cursor.option(("delim",))
        if option is not None:
            delim = option[1]
        elif cursor.at_option():
            cursor.no_option()
        elif field:
            cursor.fail(f"unexpected {cursor.found()}: mvcombine combines one field")
        else:
            field = visible_field(cursor, "mvcombine")
    if not field:
        cursor.fail("mvcombine needs a field", hint="mvcombine host")
    return Mvcombine(field, delim)
