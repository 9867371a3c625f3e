"""sort: rows in another order.

Syntax:
    sort [<count> | limit=<count>] [+|-]<key> [[,] [+|-]<key>]... [desc]

    <key>: <field> | auto(<field>) | num(<field>) | str(<field>) | ip(<field>)

Options:
    <count> (10000): rows that come out at most, 0 for all.
    limit=<count> (10000): the same.
    + | - (+): from low to high, or from high to low.
    desc (none): turns all keys round.

Source: Search Reference, "sort".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.errors import Warn
from trapline.plan import Limit, Node, Sort
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.spl.cursor import count as whole
from trapline.spl.sorting import Key, parse_keys, sort_keys

DEFAULT_LIMIT = 10_000
CUT = Warn(
    "sort-cut",
    f"sort was given more than {DEFAULT_LIMIT:,} rows and left out those after them, as Splunk does",
    "sort 0 keeps all rows",
)


@dataclass(frozen=True, slots=True)
class SortCommand:
    keys: tuple[Key, ...]
    limit: int | None
    """None: not said"""

    def lower(self, context: Context, source: Node) -> Node:
        parts = sort_keys(self.keys, source.schema)
        node: Node = Sort(source, parts) if parts else source
        if self.limit is None:
            return Limit(node, DEFAULT_LIMIT, CUT)
        return node if self.limit == 0 else Limit(node, self.limit)


def parse(cursor: Cursor) -> SortCommand:
    limit: int | None = None
    option = cursor.option(("limit",))
    if option is not None:
        limit = whole(option[1], option[2])
    elif cursor.peek() not in ("+", "-"):
        limit = cursor.integer()
    keys = parse_keys(cursor)
    if not keys:
        cursor.fail("sort needs a field", hint="sort - count, or sort 0 _time")
    return SortCommand(tuple(keys), limit)
