"""table: only these fields, in this order.

Syntax:
    table <field-pattern>...

Source: Search Reference, "table".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import NULL, Col, Node, Project
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name
from trapline.spl.wildcard import match_names


@dataclass(frozen=True, slots=True)
class Table:
    names: tuple[Name, ...]

    def lower(self, context: Context, source: Node) -> Node:
        wanted: list[str] = []
        for name in self.names:
            if not name.wild:
                wanted.append(name.text)
                continue
            hidden = name.text.startswith("_")
            wanted += [one for one in match_names(name.text, source.schema) if hidden or not one.startswith("_")]
        schema = source.schema
        return Project(
            source, tuple((name, Col(name, schema[name]) if name in schema else NULL) for name in dict.fromkeys(wanted))
        )


def parse(cursor: Cursor) -> Table:
    names = cursor.names()
    if not names:
        cursor.fail("table needs a field", hint="table _time host user")
    return Table(tuple(names))
