"""inputlookup: the rows of a lookup table.

Syntax:
    | inputlookup [append=<bool>] [strict=<bool>] [start=<n>] [max=<n>] <table> [where <search expression>]

Options:
    append=<bool> (false): the rows come after those before them.
    strict=<bool> (false): no effect: a table that cannot be read is an error in any case.
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

MAX_ROWS = 1_000_000_000
"""The default of `max`."""


@dataclass(frozen=True, slots=True)
class InputLookup:
    table: Name
    start: int
    most: int
    where: Tree | None

    def generate(self, context: Context) -> Node:
        try:
            table = context.lookup(self.table.text)
        except SplError as error:
            error.span = error.span or self.table.span
            raise
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
        return Union((source, self.inner.generate(context)))


def parse(cursor: Cursor) -> InputLookup | Appended:
    append, start, most = False, 0, MAX_ROWS
    table: Name | None = None
    where: Tree | None = None
    while not cursor.done():
        match cursor.option(("append", "strict", "start", "max")):
            case ("append", value, span):
                append = flag(value, span)
            case ("strict", value, span):
                # What cannot be read is an error here in any case.
                flag(value, span)
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
    command = InputLookup(table, start, most, where)
    return Appended(command) if append else command
