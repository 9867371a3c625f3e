"""fieldformat: how a field is shown.

Syntax:
    fieldformat <field>=<expression>

Source: Search Reference, "fieldformat".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import NULL, Extend, Node
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.spl.evaluate import Env
from trapline.spl.expr import Ast


@dataclass(frozen=True, slots=True)
class Fieldformat:
    field: str
    expression: Ast

    def lower(self, context: Context, source: Node) -> Node:
        Env(source.schema, context).value(self.expression)
        context.formats[self.field] = self.expression
        return source if self.field in source.schema else Extend(source, ((self.field, NULL),))


def parse(cursor: Cursor) -> Fieldformat:
    name = cursor.name(stops="=,")
    if name.wild:
        cursor.fail("fieldformat takes one field, not a pattern", name.span)
    if cursor.peek(2) == "==" or not cursor.take("="):
        cursor.fail(f"expected = after {name}, found {cursor.found()}", hint="fieldformat <field>=<expression>")
    expression = cursor.expression()
    if cursor.peek() == ",":
        cursor.fail("fieldformat takes one expression", hint="write another fieldformat for the next field")
    return Fieldformat(name.text, expression)
