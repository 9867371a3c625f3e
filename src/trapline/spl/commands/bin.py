"""bin, bucket: values into ranges.

Synopsis: `bin [span=<span>] [bins=<n>] [start=<n>] [end=<n>] [aligntime=<time>] <field> [AS <field>]`. Search
Reference,
"bin". `_time` is floored to the span (days, weeks and months at their calendar start, UTC); numbers become the text
`10-20`, the lower bound included.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from trapline.errors import Span, SplError, Unsupported
from trapline.plan import Call, Col, Expr, Extend, Node, call, number, text
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name
from trapline.spl.evaluate import as_number, as_text
from trapline.times import span_seconds, time_bound
from trapline.values import Kind

ALIASES = ("bucket",)
OPTIONS = ("span", "bins", "minspan", "start", "end", "aligntime")

_CALENDAR = {
    "mon": 1,
    "month": 1,
    "months": 1,
    "q": 3,
    "qtr": 3,
    "quarter": 3,
    "quarters": 3,
    "y": 12,
    "year": 12,
    "years": 12,
}
_SPAN = re.compile(r"(\d*)\s*([A-Za-z]+)(?:@(\w+))?\Z")


@dataclass(frozen=True, slots=True)
class Bin:
    field: Name
    target: str
    span: str | None
    place: Span
    align: str | None
    options: tuple[str, ...]

    def lower(self, context: Context, source: Node) -> Node:
        name = self.field.text
        if name not in source.schema:
            return source
        if self.span is None or self.options:
            what = ", ".join(self.options) or "bins"
            raise Unsupported(
                f"bin without span is not supported yet ({what})",
                span=self.field.span,
                hint="give a span: bin span=1h _time",
            )
        value: Expr = Col(name, source.schema[name])
        if name == "_time":
            return Extend(source, ((self.target, self._time(value, context)),))
        return Extend(source, ((self.target, self._number(value)),))

    def _time(self, value: Expr, context: Context) -> Expr:
        assert self.span is not None
        match = _SPAN.match(self.span)
        if match is not None and match.group(2).lower() in _CALENDAR:
            months = int(match.group(1) or 1) * _CALENDAR[match.group(2).lower()]
            return call("month_floor", Kind.NUMBER, as_number(value), number(months))
        seconds = span_seconds(self.span)
        if seconds is None or seconds <= 0:
            raise SplError(
                f"'{self.span}' is not a span", span=self.place, hint="such as 5m, 1h, 1d, 1mon", code="time"
            )
        origin = 0.0
        if self.align is not None:
            bound = time_bound(self.align, context.now, what="aligntime", span=self.place)
            origin = bound or 0.0
        elif seconds % 604_800 == 0:
            origin = -259_200.0  # weeks start on Sunday; 1969-12-28 was one
        return _floored(as_number(value), seconds, origin)

    def _number(self, value: Expr) -> Expr:
        assert self.span is not None
        try:
            width = float(self.span)
        except ValueError:
            raise Unsupported(
                f"the span '{self.span}' of a number is not supported yet",
                span=self.place,
                hint="a plain number: span=10",
            ) from None
        if width <= 0:
            raise SplError("a span is greater than 0", span=self.place, code="syntax")
        plain = as_number(value)
        low = _floored(plain, width, 0.0)
        high = call("add", Kind.NUMBER, low, number(width))
        label = call("concat", Kind.TEXT, call("concat", Kind.TEXT, as_text(low), text("-")), as_text(high))
        is_number = call("is_not_null", Kind.BOOL, plain)
        return Call("case", (is_number, label, as_text(value)), Kind.TEXT)


def _floored(value: Expr, width: float, origin: float) -> Expr:
    moved = call("sub", Kind.NUMBER, value, number(origin)) if origin else value
    steps = call("floor", Kind.NUMBER, call("div", Kind.NUMBER, moved, number(width)))
    low = call("mul", Kind.NUMBER, steps, number(width))
    return call("add", Kind.NUMBER, low, number(origin)) if origin else low


def parse(cursor: Cursor) -> Bin:
    options: dict[str, tuple[str, Span]] = {}
    field: Name | None = None
    target: str | None = None
    while not cursor.done():
        option = cursor.option(OPTIONS)
        if option is not None:
            options[option[0]] = (option[1], option[2])
        elif field is None:
            field = cursor.name()
        elif cursor.take_word("as"):
            target = cursor.name("a name after AS").text
        else:
            cursor.fail(f"unexpected {cursor.found()}", hint="bin span=1h _time")
    if field is None:
        cursor.fail("bin needs a field", hint="bin span=1h _time")
    span = options.pop("span", None)
    align = options.pop("aligntime", None)
    return Bin(
        field,
        target or field.text,
        span[0] if span else None,
        span[1] if span else field.span,
        align[0] if align else None,
        tuple(options),
    )
