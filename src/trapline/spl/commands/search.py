"""search: events or rows that match a search expression.

Syntax:
    search <expression>

    <expression>: <term> | "<phrase>" | <field><op><value> | <field> IN (<value>, ...) | TERM(<term>) | CASE(<term>)
        | <time option> | NOT <expression> | <expression> [AND] <expression> | <expression> OR <expression>
        | (<expression>)
    <op>: = | != | < | <= | > | >=

Source: Search Reference, "search"; Search Manual, "Boolean expressions", "NOT vs !=", "Use CASE and TERM".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import TRUE, Filter, Node
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.spl.filter import Filter as Tree
from trapline.spl.filter import lower_filter, parse_filter


@dataclass(frozen=True, slots=True)
class Search:
    """Keeps the rows that match. At the start of a search the context supplies the events."""

    tree: Tree

    def lower(self, context: Context, source: Node) -> Node:
        predicate = lower_filter(self.tree, source.schema, context)
        return source if predicate == TRUE else Filter(source, predicate)


def parse(cursor: Cursor) -> Search:
    return Search(parse_filter(cursor))
