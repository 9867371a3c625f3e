"""fromjson: the outermost keys of a JSON object as fields.

Syntax:
    fromjson <field> [prefix=<text>]

Options:
    prefix=<text> (none): what stands before the names of the new fields.

Source: Search Reference, "fromjson".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Col, Node, call
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.spl.evaluate import as_text
from trapline.spl.extraction import spread
from trapline.values import Kind


@dataclass(frozen=True, slots=True)
class Fromjson:
    field: str
    prefix: str

    def lower(self, context: Context, source: Node) -> Node:
        kind = source.schema.get(self.field)
        if kind is None:
            return source
        pairs = call("json_fields", Kind.MULTI, as_text(Col(self.field, kind)))
        return spread(context, source, pairs, what="fromjson", prefix=self.prefix)


def parse(cursor: Cursor) -> Fromjson:
    field, prefix = "", ""
    while not cursor.done():
        option = cursor.option(("prefix",))
        if option is not None:
            prefix = option[1]
        elif cursor.at_option():
            cursor.no_option()
        elif not field:
            field = cursor.name().text
        else:
            cursor.fail(f"unexpected {cursor.found()}: fromjson reads one field")
    if not field:
        cursor.fail("fromjson needs a field", hint="fromjson object prefix=o_")
    return Fromjson(field, prefix)
