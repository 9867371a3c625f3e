"""filldown: the last value before for null.

Syntax:
    filldown [<field>...]

Options:
    <field>... (all): the fields to fill; wildcards are allowed.

Source: Search Reference, "filldown".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Agg, Col, Node, Window, WindowCall
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name
from trapline.spl.wildcard import match_names


@dataclass(frozen=True, slots=True)
class FillDown:
    names: tuple[Name, ...]

    def lower(self, context: Context, source: Node) -> Node:
        if not self.names:
            source = context.materialise(source)
        schema = source.schema
        shown = [name for name in schema if not name.startswith("_")]
        wanted = [one for name in self.names for one in match_names(name.text, shown if name.wild else schema)]
        fields = list(dict.fromkeys(wanted)) if self.names else shown
        calls = tuple((n, WindowCall(Agg("last_present", Col(n, schema[n]), schema[n]))) for n in fields)
        return Window(source, calls) if calls else source


def parse(cursor: Cursor) -> FillDown:
    return FillDown(tuple(cursor.names()))
