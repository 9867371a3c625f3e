"""set: the union, difference or intersection of the rows of two subsearches.

Syntax:
    | set (union|diff|intersect) [<subsearch>] [<subsearch>]

Source: Search Reference, "set".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trapline.plan import Node
from trapline.spl.command import Context, Pipeline
from trapline.spl.cursor import Cursor
from trapline.values import Row, value_text

OPERATIONS = ("union", "diff", "intersect")

_Key = tuple[tuple[str, str | tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Set:
    operation: str
    left: Pipeline
    right: Pipeline

    def generate(self, context: Context) -> Node:
        sides = [
            context.rows(context.capped(context.lower(side), context.limits.set, "set"))
            for side in (self.left, self.right)
        ]
        left, right = (_distinct(rows) for rows in sides)
        match self.operation:
            case "union":
                found = {**left, **right}
            case "intersect":
                found = {key: row for key, row in left.items() if key in right}
            case _:
                found = {key: row for key, row in left.items() if key not in right}
                found |= {key: row for key, row in right.items() if key not in left}
        return context.given(list(found.values()))


def _distinct(rows: Iterable[Row]) -> dict[_Key, Row]:
    found: dict[_Key, Row] = {}
    for row in rows:
        found.setdefault(_key(row), row)
    return found


def _key(row: Row) -> _Key:
    parts: list[tuple[str, str | tuple[str, ...]]] = []
    for name in sorted(row):
        value = row[name]
        parts.append((name, tuple(map(value_text, value)) if isinstance(value, list) else value_text(value)))
    return tuple(parts)


def parse(cursor: Cursor) -> Set:
    operation = cursor.take_word(*OPERATIONS)
    if operation is None:
        cursor.fail(
            f"expected union, diff or intersect, found {cursor.found()}", hint="set diff [search ...] [search ...]"
        )
    return Set(operation, cursor.subsearch(), cursor.subsearch())
