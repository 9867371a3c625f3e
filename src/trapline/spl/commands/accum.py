"""accum: a running total of a field.

Syntax:
    accum <field> [AS <field>]

Options:
    AS <field> (the field itself): where the total goes.

Source: Search Reference, "accum".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Agg, Call, Col, Extend, Lit, Node, Project, Window, WindowCall, call
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.spl.evaluate import as_number, unify
from trapline.values import Kind

_TOTAL = "_accum"


@dataclass(frozen=True, slots=True)
class Accum:
    field: str
    target: str

    def lower(self, context: Context, source: Node) -> Node:
        kind = source.schema.get(self.field)
        if kind is None:
            return source
        value = as_number(Col(self.field, kind))
        total = Col(_TOTAL, Kind.NUMBER)
        node: Node = Window(source, ((_TOTAL, WindowCall(Agg("sum", value, Kind.NUMBER))),))
        before = node.schema.get(self.target)
        kept, own = unify([Lit(None, Kind.NUMBER) if before is None else Col(self.target, before), total])
        result = Call("case", (call("is_not_null", Kind.BOOL, value), own, kept), own.kind)
        node = Extend(node, ((self.target, result),))
        return Project(node, tuple((n, Col(n, k)) for n, k in node.schema.items() if n != _TOTAL))


def parse(cursor: Cursor) -> Accum:
    if cursor.done():
        cursor.fail("accum needs a field", hint="accum bytes AS total")
    field = cursor.name().text
    target = cursor.name("a name after AS").text if cursor.take_word("as") else field
    cursor.finish()
    return Accum(field, target)
