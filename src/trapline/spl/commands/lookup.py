"""lookup: fields of a lookup table added to the rows that it has a match for.

Syntax:
    lookup [local=<bool>] [update=<bool>] <table> (<field> [AS <name>])... [OUTPUT | OUTPUTNEW (<field> [AS <name>])...]

Options:
    local=<bool> (false): no effect: everything runs in one place.
    update=<bool> (false): no effect: tables are read when the search starts.
    AS <name> (the same name): what the field is called in the rows.
    OUTPUT | OUTPUTNEW (all other fields): the fields to add; OUTPUTNEW fills only where the row has none.

Source: Search Reference, "lookup".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.errors import Span, SplError
from trapline.plan import Node
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name, flag
from trapline.spl.lookups import Pair, lower_lookup

OPTIONS = ("local", "update")
"""Where the lookup runs and whether a real-time search reads it again: there is one place, and no real-time search."""


@dataclass(frozen=True, slots=True)
class LookupCommand:
    """`outputs` None: no output list."""

    table: Name
    on: tuple[Pair, ...]
    outputs: tuple[Pair, ...] | None
    new: bool

    def lower(self, context: Context, source: Node) -> Node:
        try:
            table = context.lookup(self.table.text)
        except SplError as error:
            error.span = error.span or self.table.span
            raise
        outputs = self.outputs
        if outputs is None:
            matched = {pair.field for pair in self.on}
            outputs = tuple(Pair(name, name, self.table.span) for name in table.fields if name not in matched)
        return lower_lookup(context, source, table, self.on, outputs, keep=self.new)


def parse(cursor: Cursor) -> LookupCommand:
    _options(cursor)
    if cursor.done():
        cursor.fail("lookup needs a table and a field", hint="lookup assets ip AS dest OUTPUT owner")
    table = cursor.name("the name of a lookup table")
    on = _pairs(cursor)
    if not on:
        cursor.fail(
            f"lookup needs a field of the table to match, found {cursor.found()}",
            hint=f"lookup {table.text} <field> [AS <field of the events>]",
        )
    word = cursor.take_word("outputnew", "output")
    if word is None:
        return LookupCommand(table, on, None, new=False)
    outputs = _pairs(cursor)
    if not outputs:
        cursor.fail(f"expected a field of the table after {word.upper()}, found {cursor.found()}")
    return LookupCommand(table, on, outputs, new=word == "outputnew")


def _options(cursor: Cursor) -> None:
    while (option := cursor.option(OPTIONS)) is not None:
        flag(option[1], option[2])


def _pairs(cursor: Cursor) -> tuple[Pair, ...]:
    found: list[Pair] = []
    while True:
        _options(cursor)
        if cursor.done() or cursor.looking_at("output") or cursor.looking_at("outputnew"):
            return tuple(found)
        if cursor.take(","):
            continue
        if cursor.at_option():
            cursor.no_option()
        name = cursor.name()
        place = name.span
        given = name.text
        if cursor.take_word("as"):
            other = cursor.name("a field name after AS")
            given, place = other.text, Span(place.start, other.span.end)
        found.append(Pair(name.text, given, place))
