"""makecontinuous: the missing steps of an axis as rows.

Syntax:
    makecontinuous [<field>] [span=<span>] [minspan=<span>] [bins=<n>] [start=<n>] [end=<n>] [aligntime=<time>]

Options:
    <field> (_time): the axis.
    span=<span> (the smallest distance of two values): how large a step is.
    minspan=<span> (none): the least that a chosen step can be.
    bins=<n> (100): how many steps at most, where the step is chosen.
    start=<n> (the least value): where the steps begin; values before it go.
    end=<n> (the greatest value): where they end; values after it go.
    aligntime=<time> (none): where steps shorter than a day begin.

Source: Search Reference, "makecontinuous".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from trapline.plan import Node
from trapline.spl.bins import (
    BinOptions,
    Bins,
    Fixed,
    all_steps,
    label,
    lower_bound,
    number_bins,
    search_bounds,
    take_option,
    time_bins,
    within,
)
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name
from trapline.values import Row, Value, to_number

DEFAULT_BINS = 100


@dataclass(frozen=True, slots=True)
class MakeContinuous:
    name: Name
    options: BinOptions

    def lower(self, context: Context, source: Node) -> Node:
        name = self.name.text
        if name not in source.schema:
            return source
        if name != "_time":
            source = within(source, name, self.options)
        rows = [(value, row) for row in context.rows(source) if (value := _number(row.get(name))) is not None]
        if not rows:
            return context.given([])
        values = sorted({value for value, _ in rows})
        bins = self._bins(context, source, values)
        low, high = values[0], values[-1]
        if name != "_time":
            start, end = self.options.number("start"), self.options.number("end")
            low = low if start is None else min(low, start)
            high = high if end is None else max(high, end)
        steps = all_steps(bins, low, high, self.name.span)
        # Values that are steps themselves stay numbers; others become the text of their bin.
        plain = name == "_time" or all(bins.floor(value) == value for value in values)
        texts = any(isinstance(row[name], str) and to_number(str(row[name])) is None for _, row in rows)
        held: dict[float, list[Row]] = {}
        for value, row in rows:
            held.setdefault(bins.floor(value), []).append(row)
        columns = dict.fromkeys(source.schema, None)
        out: list[dict[str, object]] = []
        for step in steps:
            shown: object = step if plain and not texts else label(bins, step)
            for row in held.get(step, [{}]):
                out.append({**columns, **row, name: shown})
        return context.given(out)

    def _bins(self, context: Context, source: Node, values: Sequence[float]) -> Bins:
        name = self.name.text
        if not (self.options.has("span") or self.options.has("bins")):
            gaps = [after - before for before, after in pairwise(values)]
            width = min(gaps, default=1.0)
            return Fixed(width, values[0] % width)
        if name == "_time":
            bounds = search_bounds(context, source)
            return time_bins(self.options, context, source, name, most=DEFAULT_BINS, bounds=bounds, fixed=False)
        return number_bins(self.options, context, source, name, most=DEFAULT_BINS)


def _number(value: Value | None) -> float | None:
    """A number, or the lower bound of a bin's text."""
    if isinstance(value, str):
        found = to_number(value)
        return lower_bound(value) if found is None else found
    return float(value) if isinstance(value, int | float) else None


def parse(cursor: Cursor) -> MakeContinuous:
    options = BinOptions()
    name: Name | None = None
    start = cursor.here().start
    while not cursor.done():
        more = take_option(cursor, options)
        if more is not None:
            options = more
        elif cursor.at_option():
            cursor.no_option()
        elif name is None:
            name = cursor.name()
        else:
            cursor.fail(f"unexpected {cursor.found()}", hint="makecontinuous _time span=10m")
    return MakeContinuous(name or Name("_time", cursor.since(start)), options)
