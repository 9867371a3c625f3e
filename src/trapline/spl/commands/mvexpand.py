"""mvexpand: a row per value of a multivalue field.

Syntax:
    mvexpand <field> [limit=<n>]

Options:
    limit=<n> (0): values of each row at most, 0 for all.

Source: Search Reference, "mvexpand".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import FALSE, Col, Expand, Extend, Filter, Node, call, number
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, count
from trapline.spl.multivalue import visible_field
from trapline.values import Kind


@dataclass(frozen=True, slots=True)
class Mvexpand:
    field: str
    limit: int

    def lower(self, context: Context, source: Node) -> Node:
        kind = source.schema.get(self.field)
        if kind is None:
            return Filter(source, FALSE)
        if self.limit and kind is Kind.MULTI:
            head = call("list_head", Kind.MULTI, Col(self.field, kind), number(self.limit))
            source = Extend(source, ((self.field, head),))
        return Expand(source, self.field)


def parse(cursor: Cursor) -> Mvexpand:
    field, limit = "", 0
    while not cursor.done():
        option = cursor.option(("limit",))
        if option is not None:
            limit = count(option[1], option[2])
        elif cursor.at_option():
            cursor.no_option()
        elif field:
            cursor.fail(
                f"unexpected {cursor.found()}: mvexpand expands one field", hint="join fields first: mvzip(a, b)"
            )
        else:
            field = visible_field(cursor, "mvexpand")
    if not field:
        cursor.fail("mvexpand needs a field", hint="mvexpand recipients")
    return Mvexpand(field, limit)
