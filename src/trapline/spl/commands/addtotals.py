"""addtotals: the sum of each row's numbers, and of each column's.

Syntax:
    addtotals [row=<bool>] [col=<bool>] [labelfield=<field>] [label=<text>] [fieldname=<field>] [<field>...]

Options:
    row=<bool> (true): a field with the sum of the row.
    col=<bool> (false): a row at the end with the sum of each column.
    labelfield=<field> (none): the field of that last row that holds the label.
    label=<text> (Total): what the label says.
    fieldname=<field> (Total): the name of the field with the sum of the row.
    <field>... (all but internal ones): the fields to add up; wildcards are allowed.

Source: Search Reference, "addtotals".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Node
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name, flag
from trapline.spl.totals import column_totals, row_totals, summed


@dataclass(frozen=True, slots=True)
class AddTotals:
    names: tuple[Name, ...]
    row: bool
    col: bool
    labelfield: str | None
    label: str
    fieldname: str

    def lower(self, context: Context, source: Node) -> Node:
        node = context.materialise(source)
        fields = summed(self.names, node)
        if self.row:
            node = row_totals(node, fields, self.fieldname)
            fields = list(dict.fromkeys([*fields, self.fieldname]))
        return column_totals(node, fields, self.labelfield, self.label) if self.col else node


def parse(cursor: Cursor) -> AddTotals:
    row, col, label, fieldname = True, False, "Total", "Total"
    labelfield: str | None = None
    names: list[Name] = []
    while not cursor.done():
        match cursor.option(("row", "col", "labelfield", "label", "fieldname")):
            case ("row", value, span):
                row = flag(value, span)
            case ("col", value, span):
                col = flag(value, span)
            case ("labelfield", value, _):
                labelfield = value
            case ("label", value, _):
                label = value
            case ("fieldname", value, _):
                fieldname = value
            case _ if cursor.at_option():
                cursor.no_option()
            case _ if not cursor.take(","):
                names.append(cursor.name())
    return AddTotals(tuple(names), row, col, labelfield, label, fieldname)
