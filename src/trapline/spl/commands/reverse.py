"""reverse: the opposite order.

Syntax:
    reverse

Source: Search Reference, "reverse".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Node, Reverse
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor


@dataclass(frozen=True, slots=True)
class ReverseCommand:
    def lower(self, context: Context, source: Node) -> Node:
        return Reverse(source)


def parse(cursor: Cursor) -> ReverseCommand:
    return ReverseCommand()
