"""bin, bucket: values into ranges.

Synopsis: `bin [span=<span>] [minspan=<span>] [bins=<n>] [start=<n>] [end=<n>] [aligntime=earliest|latest|<time>]
<field> [AS <field>]`. Search Reference, "bin". `_time` is floored to the span (days, weeks and months at their calendar
start in the time zone of the search); numbers become the text `10-20`, the lower bound included. Without a span the
bins are chosen: at most 100, a usual time span, or a power of ten.
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
