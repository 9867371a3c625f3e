"""inputcsv: the rows of a CSV file.

Syntax:
    inputcsv [append=<bool>] [strict=<bool>] [start=<n>] [max=<n>] [events=<bool>] [dispatch=<bool>] <file>
        [where <search expression>]

Options:
    append=<bool> (false): the rows come after those before them; without it the command stands first.
    strict=<bool> (false): a file that does not exist is an error, not a warning.
    start=<n> (0): rows of the file that are skipped.
    max=<n> (1000000000): rows at most.
    events=<bool> (false): no effect: rows with _time and _raw are events, others are not.
    dispatch=<bool> (false): refused if true.
    where <search expression> (none): which rows count.

Differences:
    - Files are in the folder of the session, under plain names.
    - Refused: dispatch=true, as there is no dispatch directory.

Source: Search Reference, "inputcsv".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.errors import SplError
from trapline.plan import Filter as FilterNode
from trapline.plan import Node, Union
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name, flag
from trapline.spl.cursor import count as whole
from trapline.spl.filter import Filter, lower_filter, parse_filter

MAX_ROWS = 1_000_000_000
"""inputcsv max: rows at most"""


@dataclass(frozen=True, slots=True)
class InputCsv:
    file: Name
    append: bool
    strict: bool
    start: int
    most: int
    where: Filter | None

    def generate(self, context: Context) -> Node:
        try:
            found = context.read_file(self.file.text)
        except SplError as error:
            error.span = error.span or self.file.span
            raise
        if found is None:
            reason = f"the file '{self.file}' does not exist"
            if self.strict:
                raise SplError(reason, span=self.file.span, hint="outputcsv writes one", code="file")
            context.warnings.add("file", f"{reason}, so it has no rows", hint="outputcsv writes one")
            return context.given([])
        rows = found[0][self.start : self.start + self.most]
        node = context.given(rows)
        return node if self.where is None else FilterNode(node, lower_filter(self.where, node.schema, context))

    def lower(self, context: Context, source: Node) -> Node:
        if not self.append:
            raise SplError(
                "inputcsv must come first in its search", span=self.file.span, hint="inputcsv append=true adds to rows"
            )
        return Union((source, self.generate(context)))


def parse(cursor: Cursor) -> InputCsv:
    append = strict = False
    start, most = 0, MAX_ROWS
    file: Name | None = None
    where: Filter | None = None
    while not cursor.done():
        match cursor.option(("append", "strict", "start", "max", "events", "dispatch")):
            case ("append", value, span):
                append = flag(value, span)
            case ("strict", value, span):
                strict = flag(value, span)
            case ("start", value, span):
                start = whole(value, span)
            case ("max", value, span):
                most = whole(value, span)
            case ("events", value, span):
                flag(value, span)  # rows with _time and _raw are events, others are not
            case ("dispatch", value, span):
                if flag(value, span):
                    cursor.unsupported("there is no dispatch directory to read from", span, "inputcsv file.csv")
            case _ if cursor.at_option():
                cursor.no_option()
            case _ if file is not None and cursor.take_word("where"):
                where = parse_filter(cursor)
            case _ if file is None:
                file = cursor.name("a file name")
            case _:
                cursor.fail(f"unexpected {cursor.found()}", hint="inputcsv file.csv where status=200")
    if file is None:
        cursor.fail("inputcsv needs a file name", hint="| inputcsv results.csv")
    return InputCsv(file, append, strict, start, most, where)
