"""format: the rows as one search expression, in the field `search`.

Syntax:
    format [mvsep=<text>] [maxresults=<n>] ["<row prefix>" "<column prefix>" "<column separator>" "<column end>"
        "<row separator>" "<row end>"] [emptystr=<text>]

Options:
    mvsep=<text> (OR): what stands between the values of a multivalue.
    maxresults=<n> (0): rows that count at most, 0 for all.
    "<row prefix>" ... (parentheses, AND and OR): the texts around and between rows and columns: all six, or none.
    emptystr=<text> (NOT ( )): the result without rows.

Source: Search Reference, "format".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Limit, Node
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.spl.cursor import count as whole
from trapline.spl.subsearch import Marks, rows_as_search


@dataclass(frozen=True, slots=True)
class Format:
    marks: Marks
    most: int

    def lower(self, context: Context, source: Node) -> Node:
        rows = context.rows(Limit(source, self.most) if self.most else source)
        return context.given([{"search": rows_as_search(rows, self.marks)}])


def parse(cursor: Cursor) -> Format:
    most = 0
    given: list[str] = []
    separator, empty = "OR", "NOT ( )"
    start = cursor.here().start
    while not cursor.done():
        match cursor.option(("mvsep", "maxresults", "emptystr")):
            case ("mvsep", value, _):
                separator = value
            case ("maxresults", value, span):
                most = whole(value, span)
            case ("emptystr", value, _):
                empty = value
            case _:
                text = cursor.string()
                if text is None:
                    if cursor.at_option():
                        cursor.no_option()
                    cursor.fail(
                        f"expected a text in quotes, found {cursor.found()}", hint='format "(" "(" "AND" ")" "OR" ")"'
                    )
                given.append(text)
    if len(given) not in (0, 6):
        cursor.fail(
            f"format takes none or all six of its texts, not {len(given)}",
            cursor.since(start),
            'row prefix, column prefix, between columns, column end, between rows, end: "(" "(" "AND" ")" "OR" ")"',
        )
    marks = Marks(*given) if given else Marks()
    return Format(
        Marks(
            marks.row_prefix,
            marks.column_prefix,
            marks.column_separator,
            marks.column_end,
            marks.row_separator,
            marks.row_end,
            separator,
            empty,
        ),
        most,
    )
