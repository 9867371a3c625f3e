"""addinfo: the time range, name and time of the search, as fields of every row.

Syntax:
    addinfo

Source: Search Reference, "addinfo".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Expr, Extend, Node, number, text
from trapline.spl.bins import search_bounds
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor


@dataclass(frozen=True, slots=True)
class AddInfo:
    def lower(self, context: Context, source: Node) -> Node:
        bounds = search_bounds(context, source)
        values: tuple[tuple[str, Expr], ...] = (
            ("info_min_time", number(bounds.earliest or 0.0)),
            ("info_max_time", text("+Infinity") if bounds.latest is None else number(bounds.latest)),
            ("info_sid", text(context.sid)),
            ("info_search_time", number(context.now)),
        )
        return Extend(source, values)


def parse(cursor: Cursor) -> AddInfo:
    return AddInfo()
