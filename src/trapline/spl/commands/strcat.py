"""strcat: fields and texts joined into a field.

Syntax:
    strcat [allrequired=<bool>] (<field> | "<text>")... <new field>

Options:
    allrequired=<bool> (false): nothing is written where a field is missing; else it counts as empty.

Source: Search Reference, "strcat".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import NULL, Call, Col, Expr, Extend, Node, Schema, call, text
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name, flag
from trapline.spl.evaluate import as_text, unify
from trapline.values import Kind


@dataclass(frozen=True, slots=True)
class Strcat:
    sources: tuple[Name, ...]
    target: str
    allrequired: bool

    def lower(self, context: Context, source: Node) -> Node:
        joined: Expr | None = None
        for one in self.sources:
            part = self._part(one, source.schema)
            joined = part if joined is None else call("concat", Kind.TEXT, joined, part)
        assert joined is not None
        if self.allrequired and self.target in source.schema:
            new, old = unify([joined, Col(self.target, source.schema[self.target])])
            joined = Call("coalesce", (new, old), new.kind)
        return Extend(source, ((self.target, joined),))

    def _part(self, one: Name, schema: Schema) -> Expr:
        if one.quoted:
            return text(one.text)
        value = as_text(Col(one.text, schema[one.text])) if one.text in schema else NULL
        return value if self.allrequired else Call("coalesce", (value, text("")), Kind.TEXT)


def parse(cursor: Cursor) -> Strcat:
    allrequired = False
    parts: list[Name] = []
    while not cursor.done():
        option = cursor.option(("allrequired",))
        if option is not None:
            allrequired = flag(option[1], option[2])
        elif cursor.at_option():
            cursor.no_option()
        elif not cursor.take(","):
            parts.append(cursor.name("a field or a quoted text"))
    if len(parts) < 2:
        cursor.fail("strcat needs what to join and a field to write", hint='strcat host ":" port address')
    return Strcat(tuple(parts[:-1]), parts[-1].text, allrequired)
