"""localop: the commands after it run on the search head.

Synopsis: `localop`. Search Reference, "localop". Everything runs in one place here, so it changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Node
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor


@dataclass(frozen=True, slots=True)
class LocalOp:
    def lower(self, context: Context, source: Node) -> Node:
        return source


def parse(cursor: Cursor) -> LocalOp:
    return LocalOp()
