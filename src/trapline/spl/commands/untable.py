"""untable: a table into rows, the reverse of xyseries.

Syntax:
    untable <row field> <name field> <data field>

Source: Search Reference, "untable".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trapline.plan import Node
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.values import Row


@dataclass(frozen=True, slots=True)
class Untable:
    x: str
    name: str
    data: str

    def lower(self, context: Context, source: Node) -> Node:
        columns = [name for name in source.schema if name != self.x and not name.startswith("_")]

        def cells(rows: list[Row]) -> Iterable[Row]:
            for row in rows:
                for column in columns:
                    if column in row:
                        made: Row = {self.x: row[self.x]} if self.x in row else {}
                        yield made | {self.name: column, self.data: row[column]}

        return context.apply(source, cells, "untable")


def parse(cursor: Cursor) -> Untable:
    names = cursor.names()
    if len(names) != 3:
        cursor.fail(
            "untable takes three fields: of rows, of column names and of data", hint="untable host status count"
        )
    return Untable(*(name.text for name in names))
