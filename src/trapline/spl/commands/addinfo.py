"""addinfo: the time range, name and time of the search, as fields of every row.

Syntax:
    addinfo

Source: Search Reference, "addinfo".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Expr, Extend, Node, Scan, number, text
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor


@dataclass(frozen=True, slots=True)
class AddInfo:
    def lower(self, context: Context, source: Node) -> Node:
        earliest, latest = _range(source, context)
        values: tuple[tuple[str, Expr], ...] = (
            ("info_min_time", number(earliest or 0.0)),
            ("info_max_time", text("+Infinity") if latest is None else number(latest)),
            ("info_sid", text(context.sid)),
            ("info_search_time", number(context.now)),
        )
        return Extend(source, values)


def _range(source: Node, context: Context) -> tuple[float | None, float | None]:
    """The bounds of the events that the rows come from, where they are still to be seen; else those of the search."""
    node: Node | None = source
    while node is not None:
        if isinstance(node, Scan):
            found = (node.earliest, node.latest)
            return (None if found[0] is None else found[0] / 1e6, None if found[1] is None else found[1] / 1e6)
        node = getattr(node, "input", None)
    return context.earliest, context.latest


def parse(cursor: Cursor) -> AddInfo:
    return AddInfo()
