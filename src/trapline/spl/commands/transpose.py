"""transpose: rows into columns.

Syntax:
    transpose [<n>] [column_name=<text>] [header_field=<field>] [include_empty=<bool>]

Options:
    <n> (5): how many rows, 0 for all.
    column_name=<text> (column): the field with the names of the fields.
    header_field=<field> (none): the field whose values name the columns.
    include_empty=<bool> (true): fields without any value are rows too.

Source: Search Reference, "transpose".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.errors import Warn
from trapline.plan import Expand, Extend, Filter, Limit, Node, Reverse, Scan, Sort, Window
from trapline.spl.charting import MAX_COLUMNS, check_width
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, flag
from trapline.values import Value, value_text

DEFAULT_ROWS = 5
CUT = Warn(
    "transpose-cut",
    f"transpose shows the first {DEFAULT_ROWS} rows, and there are more, as in Splunk",
    "transpose 0 shows all, transpose 20 that many",
)


@dataclass(frozen=True, slots=True)
class Transpose:
    count: int | None
    """0: all; None: not said"""
    column_name: str
    header_field: str | None
    include_empty: bool

    def lower(self, context: Context, source: Node) -> Node:
        most = DEFAULT_ROWS if self.count is None else self.count
        rows = context.rows(Limit(source, most or MAX_COLUMNS + 1, CUT if self.count is None else None))
        check_width(len(rows))
        seen = {name for row in rows for name in row}
        fields = [name for name in source.schema if name != "_none"]
        if not self.include_empty or _raw_events(source):
            fields = [name for name in fields if name in seen]
        names = [self._name(row.get(self.header_field or ""), place) for place, row in enumerate(rows, 1)]
        if len(set(names)) < len(names):
            context.warnings.add(
                "transpose-header",
                f"several rows have the same {self.header_field}: the last one of them is shown",
                hint="transpose without header_field, or dedup it first",
            )
        out: list[dict[str, object]] = []
        for field in fields:
            if field == self.header_field:
                continue
            made: dict[str, object] = {self.column_name: field}
            made |= {name: row.get(field) for name, row in zip(names, rows, strict=True)}
            out.append(made)
        return context.given(out)

    def _name(self, header: Value | None, place: int) -> str:
        return f"row {place}" if header is None else value_text(header)


def _raw_events(node: Node) -> bool:
    """Are these events as they were found, whose fields are those that hold something?"""
    while isinstance(node, Filter | Extend | Window | Sort | Reverse | Limit | Expand):
        node = node.input
    return isinstance(node, Scan)


def parse(cursor: Cursor) -> Transpose:
    count: int | None = None
    include_empty = True
    column_name = "column"
    header: str | None = None
    while not cursor.done():
        match cursor.option(("column_name", "header_field", "include_empty")):
            case ("column_name", value, _):
                column_name = value
            case ("header_field", value, _):
                header = value
            case ("include_empty", value, span):
                include_empty = flag(value, span)
            case _ if cursor.at_option():
                cursor.no_option()
            case _ if count is not None:
                cursor.fail(f"unexpected {cursor.found()}", hint="transpose 10 column_name=field")
            case _:
                count = cursor.amount("a number of rows", "transpose 10 column_name=field")
    return Transpose(count, column_name, header, include_empty)
