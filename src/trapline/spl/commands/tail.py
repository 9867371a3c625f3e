"""tail: the last rows, last one first.

Syntax:
    tail [<count>]

Options:
    <count> (10): how many rows.

Source: Search Reference, "tail".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Limit, Node, Reverse
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor


@dataclass(frozen=True, slots=True)
class Tail:
    count: int

    def lower(self, context: Context, source: Node) -> Node:
        return Limit(Reverse(source), self.count)


def parse(cursor: Cursor) -> Tail:
    if cursor.done():
        return Tail(10)
    return Tail(cursor.amount("a number of rows", "tail 20"))
