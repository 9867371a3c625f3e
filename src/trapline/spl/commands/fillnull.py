"""fillnull: a value for null.

Syntax:
    fillnull [value=<text>] [<field>...]

Options:
    value=<text> (0): the value.
    <field>... (every field that any row has): the fields to fill.

Source: Search Reference, "fillnull".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Call, Col, Expr, Extend, Node, number, text
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name
from trapline.spl.evaluate import unify
from trapline.spl.wildcard import match_names
from trapline.values import number_text, to_number


@dataclass(frozen=True, slots=True)
class Fillnull:
    value: str
    names: tuple[Name, ...]

    def lower(self, context: Context, source: Node) -> Node:
        if self.names:
            wanted = [one for name in self.names for one in (match_names(name.text, source.schema) or [name.text])]
            wanted = [name for name in wanted if "*" not in name]
        else:
            source = context.materialise(source)
            wanted = [name for name in source.schema if not name.startswith("_")]
        found = to_number(self.value)
        fill = number(found) if found is not None and number_text(found) == self.value else text(self.value)
        return Extend(source, tuple((name, _filled(name, fill, source)) for name in dict.fromkeys(wanted)))


def _filled(name: str, fill: Expr, source: Node) -> Expr:
    kind = source.schema.get(name)
    if kind is None:
        return fill
    value, other = unify([Col(name, kind), fill])
    return Call("coalesce", (value, other), value.kind)


def parse(cursor: Cursor) -> Fillnull:
    value = "0"
    names: list[Name] = []
    while not cursor.done():
        option = cursor.option(("value",))
        if option is not None:
            value = option[1]
        elif cursor.at_option():
            cursor.no_option()
        elif not cursor.take(","):
            names.append(cursor.name())
    return Fillnull(value, tuple(names))
