"""rangemap: the names of the ranges that a number lies in.

Syntax:
    rangemap field=<field> [<name>=<low>-<high>]... [default=<text>]

Options:
    field=<field> (required): the field with the number.
    <name>=<low>-<high>... (none): a name and its range, both ends included.
    default=<text> (None): the name where no range holds the number.

Source: Search Reference, "rangemap".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from trapline.errors import SplError
from trapline.plan import Call, Col, Expr, Extend, Lit, Node, both, call, number, text
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.spl.evaluate import as_multi, as_number
from trapline.values import Kind

_RANGE = re.compile(r"(-?\d*\.?\d+)-(-?\d*\.?\d+)\Z")


@dataclass(frozen=True, slots=True)
class Range:
    name: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class RangeMap:
    field: str
    ranges: tuple[Range, ...]
    default: str

    def lower(self, context: Context, source: Node) -> Node:
        kind = source.schema.get(self.field)
        if kind is None or not self.ranges:
            return Extend(source, (("range", text(self.default)),))
        value = as_number(Col(self.field, kind))
        inside = [
            (both([call("ge", Kind.BOOL, value, number(r.low)), call("le", Kind.BOOL, value, number(r.high))]), r)
            for r in self.ranges
        ]
        if not self._overlap():
            branches = tuple(part for holds, r in inside for part in (holds, text(r.name)))
            return Extend(source, (("range", Call("case", (*branches, text(self.default)), Kind.TEXT)),))
        names: list[Expr] = [
            Call("case", (holds, as_multi(text(r.name)), Lit(None, Kind.MULTI)), Kind.MULTI) for holds, r in inside
        ]
        found = names[0]
        for name in names[1:]:
            found = Call("list_concat", (found, name), Kind.MULTI)
        return Extend(source, (("range", Call("coalesce", (found, as_multi(text(self.default))), Kind.MULTI)),))

    def _overlap(self) -> bool:
        ordered = sorted(self.ranges, key=lambda r: (r.low, r.high))
        return any(one.high >= other.low for one, other in pairwise(ordered))


def parse(cursor: Cursor) -> RangeMap:
    field: str | None = None
    default = "None"
    ranges: list[Range] = []
    hint = "rangemap field=count low=0-0 elevated=1-100 default=severe"
    while not cursor.done():
        if cursor.take(","):
            continue
        start = cursor.here().start
        name = cursor.value("a name and its range", stops=",=")
        if not cursor.take("="):
            cursor.fail(f"expected name=low-high, found '{name}'", cursor.since(start), hint=hint)
        value = cursor.value(f"a range for {name}")
        span = cursor.since(start)
        if name.lower() == "field":
            field = value
        elif name.lower() == "default":
            default = value
        else:
            match = _RANGE.match(value)
            if match is None:
                raise SplError(f"'{value}' is not a range", span=span, hint=hint, code="syntax")
            low, high = float(match.group(1)), float(match.group(2))
            if low > high:
                raise SplError(f"the range {name} ends before it begins", span=span, hint=hint, code="syntax")
            ranges.append(Range(name, low, high))
    if field is None:
        cursor.fail("rangemap needs field=<field>", hint=hint)
    return RangeMap(field, tuple(ranges), default)
