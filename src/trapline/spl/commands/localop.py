"""localop: what follows runs on the search head.

Syntax:
    localop

Differences:
    - No effect: everything runs in one place.

Source: Search Reference, "localop".
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
