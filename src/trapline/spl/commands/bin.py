"""bin: values into ranges.

Syntax:
    bin [span=<span>] [minspan=<span>] [bins=<n>] [start=<n>] [end=<n>] [aligntime=earliest|latest|<time>]
        <field> [AS <field>]

    <span>: <number> | <number>(s|m|h|d|w|mon|q|y) | <number><unit>@<unit> | <number>log<number>

Options:
    span=<span> (chosen from the values): how large a range is.
    minspan=<span> (none): the least that a chosen span can be.
    bins=<n> (100): how many ranges at most, where the span is chosen.
    start=<n> (the least value): where the range that is looked at begins, if that is less.
    end=<n> (the greatest value): where it ends, if that is more.
    aligntime=<time> (none): where time ranges shorter than a day begin.
    AS <field> (the field itself): where the range goes.

Source: Search Reference, "bin".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Col, Extend, Node
from trapline.spl.bins import BinOptions, labelled, low_of, number_bins, search_bounds, take_option, time_bins
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name

ALIASES = ("bucket", "discretize")
DEFAULT_BINS = 100
"""limits.conf [discretize] default_time_bins; bin page, "bins"."""


@dataclass(frozen=True, slots=True)
class Bin:
    field: Name
    target: str
    options: BinOptions

    def lower(self, context: Context, source: Node) -> Node:
        name = self.field.text
        if name not in source.schema:
            return source
        if name == "_time":
            bounds = search_bounds(context, source)
            bins = time_bins(self.options, context, source, name, most=DEFAULT_BINS, bounds=bounds)
            return Extend(source, ((self.target, low_of(bins, Col(name, source.schema[name]))),))
        bins = number_bins(self.options, context, source, name, most=DEFAULT_BINS)
        return labelled(source, name, self.target, bins)


def parse(cursor: Cursor) -> Bin:
    options = BinOptions()
    field: Name | None = None
    target: str | None = None
    while not cursor.done():
        more = take_option(cursor, options)
        if more is not None:
            options = more
        elif field is not None and cursor.take_word("as"):
            target = cursor.name("a name after AS").text
        elif cursor.at_option():
            cursor.no_option()
        elif field is None:
            field = cursor.name()
        else:
            cursor.fail(f"unexpected {cursor.found()}", hint="bin span=1h _time")
    if field is None:
        cursor.fail("bin needs a field", hint="bin span=1h _time")
    return Bin(field, target or field.text, options)
