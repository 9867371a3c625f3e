"""highlight: marks texts where events are shown.

Syntax:
    highlight <text>...

Source: Search Reference, "highlight".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Node
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor


@dataclass(frozen=True, slots=True)
class Highlight:
    texts: tuple[str, ...]

    def lower(self, context: Context, source: Node) -> Node:
        return source


def parse(cursor: Cursor) -> Highlight:
    texts: list[str] = []
    while not cursor.done():
        if not cursor.take(","):
            texts.append(cursor.value("a text"))
    if not texts:
        cursor.fail("highlight needs a text", hint="highlight login, logout")
    return Highlight(tuple(texts))
