"""where: rows for which an eval expression is true.

Syntax:
    where <expression>

Source: Search Reference, "where".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Filter, Node
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.spl.evaluate import Env
from trapline.spl.expr import Ast


@dataclass(frozen=True, slots=True)
class Where:
    condition: Ast

    def lower(self, context: Context, source: Node) -> Node:
        return Filter(source, Env(source.schema, context).condition(self.condition))


def parse(cursor: Cursor) -> Where:
    return Where(cursor.expression())
