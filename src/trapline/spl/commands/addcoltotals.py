"""addcoltotals: a row at the end with the sum of each column.

Syntax:
    addcoltotals [labelfield=<field>] [label=<text>] [<field>...]

Options:
    labelfield=<field> (none): the field of the new row that holds the label.
    label=<text> (Total): what the label says.
    <field>... (all but internal ones): the columns to add up; wildcards are allowed.

Source: Search Reference, "addcoltotals".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Node
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name
from trapline.spl.totals import column_totals, summed


@dataclass(frozen=True, slots=True)
class AddColTotals:
    names: tuple[Name, ...]
    labelfield: str | None
    label: str

    def lower(self, context: Context, source: Node) -> Node:
        node = context.materialise(source)
        return column_totals(node, summed(self.names, node), self.labelfield, self.label)


def parse(cursor: Cursor) -> AddColTotals:
    label = "Total"
    labelfield: str | None = None
    names: list[Name] = []
    while not cursor.done():
        match cursor.option(("labelfield", "label")):
            case ("labelfield", value, _):
                labelfield = value
            case ("label", value, _):
                label = value
            case _ if cursor.at_option():
                cursor.no_option()
            case _ if not cursor.take(","):
                names.append(cursor.name())
    return AddColTotals(tuple(names), labelfield, label)
