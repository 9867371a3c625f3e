"""delta: how much a field differs from an earlier row's.

Syntax:
    delta <field> [AS <field>] [p=<n>]

Options:
    AS <field> (delta(<field>)): where the difference goes.
    p=<n> (1): how many rows before.

Source: Search Reference, "delta".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Agg, Col, Extend, Node, Project, Window, WindowCall, call
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.spl.cursor import count as whole
from trapline.spl.evaluate import as_number
from trapline.values import Kind

_BEFORE = "_delta"


@dataclass(frozen=True, slots=True)
class Delta:
    field: str
    target: str
    distance: int

    def lower(self, context: Context, source: Node) -> Node:
        kind = source.schema.get(self.field)
        if kind is None:
            return source
        value = as_number(Col(self.field, kind))
        lag = Agg("lag", value, Kind.NUMBER, (float(self.distance),))
        node: Node = Window(source, ((_BEFORE, WindowCall(lag)),))
        node = Extend(node, ((self.target, call("sub", Kind.NUMBER, value, Col(_BEFORE, Kind.NUMBER))),))
        return Project(node, tuple((n, Col(n, k)) for n, k in node.schema.items() if n != _BEFORE))


def parse(cursor: Cursor) -> Delta:
    field: str | None = None
    target: str | None = None
    distance = 1
    while not cursor.done():
        option = cursor.option(("p",))
        if option is not None:
            distance = whole(option[1], option[2])
            if distance < 1:
                cursor.fail("p is at least 1: the row before", option[2])
        elif cursor.at_option():
            cursor.no_option()
        elif field is None:
            field = cursor.name().text
        elif cursor.take_word("as"):
            target = cursor.name("a name after AS").text
        else:
            cursor.fail(f"unexpected {cursor.found()}", hint="delta count AS change p=2")
    if field is None:
        cursor.fail("delta needs a field", hint="delta count AS change")
    return Delta(field, target or f"delta({field})", distance)
