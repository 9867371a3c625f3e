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

from trapline.plan import Limit, Node, Sort
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.spl.cursor import count as whole
from trapline.spl.sorting import Key, parse_keys, sort_keys

DEFAULT_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class SortCommand:
    keys: tuple[Key, ...]
    limit: int

    def lower(self, context: Context, source: Node) -> Node:
        parts = sort_keys(self.keys, source.schema)
        node: Node = Sort(source, parts) if parts else source
        return node if self.limit == 0 else Limit(node, self.limit)


def parse(cursor: Cursor) -> SortCommand:
    limit = DEFAULT_LIMIT
    option = cursor.option(("limit",))
    if option is not None:
        limit = whole(option[1], option[2])
    elif cursor.peek() not in ("+", "-"):
        given = cursor.integer()
        limit = DEFAULT_LIMIT if given is None else given
    keys = parse_keys(cursor)
    if not keys:
        cursor.fail("sort needs a field", hint="sort - count, or sort 0 _time")
    return SortCommand(tuple(keys), limit)
