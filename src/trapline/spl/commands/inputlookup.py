"""inputlookup: the rows of a lookup table.

Syntax:
    | inputlookup [append=<bool>] [strict=<bool>] [start=<n>] [max=<n>] <table> [where <search expression>]

Options:
    append=<bool> (false): the rows come after those before them.
    strict=<bool> (false): a file that is not there is an error, also where without it a warning tells of no rows.
    start=<n> (0): rows of the table that are skipped.
    max=<n> (1000000000): rows at most.
    where <search expression> (none): which rows count.

Source: Search Reference, "inputlookup".
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from trapline.errors import SplError
from trapline.plan import TRUE, Filter, Node, Union
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name, count, flag
from trapline.spl.filter import Filter as Tree
from trapline.spl.filter import lower_filter, parse_filter
from trapline.spl.lookups import Absent, Lookup

MAX_ROWS = 1_000_000_000
"""The default of `max`."""


@dataclass(frozen=True, slots=True)
class InputLookup:
    table: Name
    start: int
    most: int
    where: Tree | None
    strict: bool

    def generate(self, context: Context) -> Node:
        return self.rows(context, follows=False)

    def rows(self, context: Context, *, follows: bool) -> Node:
        """The rows of the table. `follows`: they are added to others."""
        try:
            table = context.lookup(self.table.text)
        except SplError as error:
            error.span = error.span or self.table.span
            is_file = error.code == "lookup" and self.table.text.endswith((".csv", ".csv.gz"))
            # A search reads the file that it is the first to write, and a table that the user may fill may be empty.
            if self.strict or not is_file or not (follows or isinstance(error, Absent)):
                raise
            context.warnings.add("lookup", f"{error.reason}: no rows", hint=error.hint)
            table = Lookup(self.table.text, ())
        if table.compute is not None:
            raise SplError(
                f"the lookup '{table.name}' has no rows: it computes them", span=self.table.span, code="lookup"
            )
        if table.note:
            context.warnings.add("lookup", table.note)
        if self.start or self.most < len(table.rows):
            table = replace(table, rows=table.rows[self.start : self.start + self.most])
        node: Node = table.node()
        if self.where is not None:
            predicate = lower_filter(self.where, node.schema, context)
            node = node if predicate == TRUE else Filter(node, predicate)
        return node


@dataclass(frozen=True, slots=True)
class Appended:
    """With append=t: starts a search, or follows one."""

    inner: InputLookup

    def generate(self, context: Context) -> Node:
        return self.inner.generate(context)

    def lower(self, context: Context, source: Node) -> Node:
        return Union((source, self.inner.rows(context, follows=True)))


def parse(cursor: Cursor) -> InputLookup | Appended:
    append, strict, start, most = False, False, 0, MAX_ROWS
    table: Name | None = None
    where: Tree | None = None
    while not cursor.done():
        match cursor.option(("append", "strict", "start", "max")):
            case ("append", value, span):
                append = flag(value, span)
            case ("strict", value, span):
                strict = flag(value, span)
            case ("start", value, span):
                start = count(value, span)
            case ("max", value, span):
                most = count(value, span)
            case _ if table is None:
                if cursor.at_option():
                    cursor.no_option()
                table = cursor.name("the name of a lookup table")
            case _ if cursor.take_word("where"):
                where = parse_filter(cursor)
                break
            case _:
                cursor.fail(f"unexpected {cursor.found()}", hint="inputlookup assets where owner=it*")
    if table is None:
        cursor.fail("inputlookup needs the name of a lookup table", hint="| inputlookup assets")
    command = InputLookup(table, start, most, where, strict)
    return Appended(command) if append else command
