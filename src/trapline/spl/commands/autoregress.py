"""autoregress: values of earlier rows next to each row's own.

Syntax:
    autoregress <field> [AS <field>] [p=<n> | p=<n>-<m>]

Options:
    AS <field> (<field>_p<n>): the name of the new field; with a single p only.
    p=<n> (1): how many rows before; a range gives a field for each distance, up to 10,000.

Source: Search Reference, "autoregress".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from trapline.errors import SplError
from trapline.plan import Agg, Col, Node, Window, WindowCall
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor

ALIASES = ("ar",)
MAX_DISTANCE = 10_000
"""limits.conf [autoregress] maxp"""
_RANGE = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?\Z")


@dataclass(frozen=True, slots=True)
class AutoRegress:
    field: str
    target: str | None
    first: int
    last: int

    def lower(self, context: Context, source: Node) -> Node:
        kind = source.schema.get(self.field)
        if kind is None:
            return source
        value = Col(self.field, kind)
        calls = tuple(
            (self.target or f"{self.field}_p{distance}", WindowCall(Agg("lag", value, kind, (float(distance),))))
            for distance in range(self.first, self.last + 1)
        )
        return Window(source, calls)


def parse(cursor: Cursor) -> AutoRegress:
    field: str | None = None
    target: str | None = None
    first = last = 1
    start = cursor.here().start
    while not cursor.done():
        option = cursor.option(("p",))
        if option is not None:
            match = _RANGE.match(option[1])
            if match is None:
                raise SplError(f"'{option[1]}' is not a distance", span=option[2], hint="p=3, or p=1-4", code="syntax")
            first = int(match.group(1))
            last = int(match.group(2) or first)
            if not 1 <= first <= last <= MAX_DISTANCE:
                raise SplError(f"p counts up, between 1 and {MAX_DISTANCE:,}", span=option[2], code="syntax")
        elif cursor.at_option():
            cursor.no_option()
        elif field is None:
            field = cursor.name().text
        elif cursor.take_word("as"):
            target = cursor.name("a name after AS").text
        else:
            cursor.fail(f"unexpected {cursor.found()}", hint="autoregress count p=1-3")
    if field is None:
        cursor.fail("autoregress needs a field", hint="autoregress count p=1-3")
    if target is not None and first != last:
        cursor.fail("AS names one field, p gives several", cursor.since(start), hint="leave AS out")
    return AutoRegress(field, target, first, last)
