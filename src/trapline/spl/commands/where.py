"""where: rows for which an eval expression is true.

Synopsis: `where <eval-expression>`. Search Reference, "where".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Filter, Node
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.spl.evaluate import Env
from trapline.spl.expr import Ast
from trapline.spl.lookupcalls import has_lookup, joined, without


@dataclass(frozen=True, slots=True)
class Where:
    condition: Ast

    def lower(self, context: Context, source: Node) -> Node:
        if not has_lookup(self.condition):
            return Filter(source, Env(source.schema, context).condition(self.condition))
        node, condition = joined(context, source, self.condition)
        return without(Filter(node, Env(node.schema, context).condition(condition)))


def parse(cursor: Cursor) -> Where:
    return Where(cursor.expression())
