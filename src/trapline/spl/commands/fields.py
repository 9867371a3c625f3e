"""fields: keeps or removes fields.

Syntax:
    fields [+|-] <field-pattern>...

Options:
    + | - (+): keeps the fields, or removes them.

Source: Search Reference, "fields".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Col, Node, Project
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name
from trapline.spl.wildcard import match_names

INTERNAL = ("_time", "_raw", "_indextime")


@dataclass(frozen=True, slots=True)
class Fields:
    names: tuple[Name, ...]
    remove: bool

    def lower(self, context: Context, source: Node) -> Node:
        schema = source.schema
        named = {one for name in self.names for one in match_names(name.text, schema)}
        if self.remove:
            kept = [name for name in schema if name not in named]
        else:
            listed = [one for name in self.names for one in match_names(name.text, schema)]
            visible = [one for one in dict.fromkeys(listed) if not one.startswith("_")]
            kept = [name for name in schema if name in INTERNAL or (name in named and name.startswith("_"))] + visible
        return Project(source, tuple((name, Col(name, schema[name])) for name in kept))


def parse(cursor: Cursor) -> Fields:
    remove = cursor.take("-")
    if not remove:
        cursor.take("+")
    names = cursor.names()
    if not names:
        cursor.fail("fields needs a field", hint="fields host user, or fields - _raw")
    return Fields(tuple(names), remove)
