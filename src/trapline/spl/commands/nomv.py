"""nomv: several values to one.

Syntax:
    nomv <field>

Source: Search Reference, "nomv".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Col, Extend, Node, call, text
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.spl.multivalue import visible_field
from trapline.values import Kind


@dataclass(frozen=True, slots=True)
class Nomv:
    field: str

    def lower(self, context: Context, source: Node) -> Node:
        kind = source.schema.get(self.field)
        if kind is not Kind.MULTI:
            return source
        mark = text(context.delimiters.pop(self.field, "\n"))
        return Extend(source, ((self.field, call("list_join", Kind.TEXT, Col(self.field, kind), mark)),))


def parse(cursor: Cursor) -> Nomv:
    if cursor.done():
        cursor.fail("nomv needs a field", hint="nomv recipients")
    if cursor.at_option():
        cursor.no_option()
    return Nomv(visible_field(cursor, "nomv"))
