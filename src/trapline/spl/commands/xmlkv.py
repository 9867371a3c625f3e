"""xmlkv: fields from XML elements, `<name>value</name>`.

Syntax:
    xmlkv [<field>] [maxinputs=<n>]

Options:
    <field> (_raw): the text.
    maxinputs=<n> (50000): no effect: it is about how Splunk hands rows on.

Source: Search Reference, "xmlkv".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Col, Node, call
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, count
from trapline.spl.evaluate import as_text
from trapline.spl.extraction import spread
from trapline.values import Kind


@dataclass(frozen=True, slots=True)
class Xmlkv:
    field: str

    def lower(self, context: Context, source: Node) -> Node:
        kind = source.schema.get(self.field)
        if kind is None:
            return source
        pairs = call("xml_fields", Kind.MULTI, as_text(Col(self.field, kind)))
        return spread(context, source, pairs, what="xmlkv")


def parse(cursor: Cursor) -> Xmlkv:
    field: str | None = None
    while not cursor.done():
        # maxinputs is how many rows go to Splunk's script at a time; it changes no result.
        option = cursor.option(("maxinputs",))
        if option is not None:
            count(option[1], option[2])
        elif cursor.at_option():
            cursor.no_option()
        elif field is None:
            field = cursor.name().text
        else:
            cursor.fail(f"unexpected {cursor.found()}: xmlkv reads one field")
    return Xmlkv(field or "_raw")
