"""convert: values to other forms.

Syntax:
    convert [timeformat=<text>] <function>(<field-pattern>) [AS <field-pattern>]...

    <function>: auto | ctime | dur2sec | memk | mktime | mstime | none | num | rmcomma | rmunit

Options:
    timeformat=<text> (%m/%d/%Y %H:%M:%S): the form of times for ctime and mktime.
    AS <field-pattern> (the field itself): where the result goes.

Source: Search Reference, "convert".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from trapline.errors import Span
from trapline.plan import Agg, Aggregate, Call, Col, Expr, Extend, Lambda, Node, call, number, text, visible
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.spl.evaluate import as_number, as_text
from trapline.spl.wildcard import match_names, substitute
from trapline.values import Kind

DEFAULT_FORMAT = "%m/%d/%Y %H:%M:%S"

_CALL = re.compile(r"([A-Za-z0-9_]+)(?:\s*(\()\s*|(?=[\s,]|\Z))")

_LEADING = r"^\s*(-?(?:\d+(?:\.\d*)?|\.\d+))"
_MEMORY = r"^\s*(-?(?:\d+(?:\.\d*)?|\.\d+))\s*(?:([kKmMgG])[bB]?)?\s*$"


@dataclass(frozen=True, slots=True)
class Conversion:
    function: str
    pattern: str
    target: str | None
    span: Span


@dataclass(frozen=True, slots=True)
class Convert:
    timeformat: str
    conversions: tuple[Conversion, ...]

    def lower(self, context: Context, source: Node) -> Node:
        excluded = {
            name
            for one in self.conversions
            if one.function == "none"
            for name in match_names(one.pattern, source.schema)
        }
        node = source
        for one in self.conversions:
            if one.function == "none":
                continue
            names = match_names(one.pattern, visible(node.schema) if "*" in one.pattern else list(node.schema))
            if "*" in one.pattern or one.function == "auto":
                names = [name for name in names if name not in excluded]
            convertible = _convertible(names, node, context) if one.function == "auto" else None
            values: list[tuple[str, Expr]] = []
            for name in names:
                target = name
                if one.target is not None:
                    target = substitute(one.pattern, name, one.target, one.span) if "*" in one.pattern else one.target
                value = Col(name, node.schema[name])
                if convertible is None or name in convertible:
                    values.append((target, _each(value, one.function, self.timeformat, context.now)))
                elif target != name:
                    values.append((target, value))
            node = Extend(node, tuple(values)) if values else node
        return node


def _each(value: Expr, function: str, timeformat: str, now: float) -> Expr:
    """The conversion of a value, or of every value of a multivalue."""
    if value.kind is Kind.MULTI:
        one = as_text(_converted(function, Col("_v", Kind.TEXT), timeformat, now))
        return call("list_map", Kind.MULTI, value, Lambda("_v", one))
    return _converted(function, value, timeformat, now)


def _converted(function: str, value: Expr, timeformat: str, now: float) -> Expr:
    match function:
        case "ctime":
            return call("time_format", Kind.TEXT, as_number(value), text(timeformat))
        case "mktime":
            return call("time_parse", Kind.NUMBER, as_text(value), text(timeformat), number(now))
        case "rmcomma":
            return call("regex_replace", Kind.TEXT, as_text(value), text(","), text(""))
        case "rmunit":
            return _leading_number(value)
        case "memk":
            return _kilobytes(value)
        case _:
            return value if value.kind is Kind.NUMBER else _duration(value)


def _convertible(names: Sequence[str], node: Node, context: Context) -> set[str]:
    """The fields of which every value is a number or a duration: auto() converts these and leaves the others."""
    aggs: list[tuple[str, Agg]] = []
    for place, name in enumerate(names):
        value = Col(name, node.schema[name])
        counted: Expr = value if value.kind is not Kind.MULTI else call("list_count", Kind.NUMBER, value)
        good = _each(value, "auto", "", context.now)
        if value.kind is Kind.MULTI:
            good = call("list_count", Kind.NUMBER, good)
        op = "sum_or_zero" if value.kind is Kind.MULTI else "count"
        aggs += [(f"all{place}", Agg(op, counted, Kind.NUMBER)), (f"good{place}", Agg(op, good, Kind.NUMBER))]
    if not aggs:
        return set()
    row = context.rows(Aggregate(node, (), tuple(aggs)))[0]
    return {name for place, name in enumerate(names) if row[f"all{place}"] == row[f"good{place}"]}


def _leading_number(value: Expr) -> Expr:
    found = call("regex_extract", Kind.TEXT, as_text(value), text(_LEADING), number(1))
    return call("to_number", Kind.NUMBER, found)


def _kilobytes(value: Expr) -> Expr:
    """memk(): a number with the unit k, m or g as kilobytes; none means k. Null for anything else."""
    found = call("regex_extract", Kind.TEXT, as_text(value), text(_MEMORY), number(1))
    amount = call("to_number", Kind.NUMBER, found)
    unit = call("regex_extract", Kind.TEXT, as_text(value), text(_MEMORY), number(2))
    lowered = call("lower", Kind.TEXT, unit)
    return Call(
        "case",
        (
            call("eq", Kind.BOOL, lowered, text("m")),
            call("mul", Kind.NUMBER, amount, number(1024)),
            call("eq", Kind.BOOL, lowered, text("g")),
            call("mul", Kind.NUMBER, amount, number(1024 * 1024)),
            amount,
        ),
        Kind.NUMBER,
    )


def _duration(value: Expr) -> Expr:
    """dur2sec(), mstime(), num(), auto(): [D+][HH:]MM:SS[.SSS] as seconds; a plain number stays."""
    seconds = call("duration_seconds", Kind.NUMBER, as_text(value))
    return Call("coalesce", (as_number(value), seconds), Kind.NUMBER)


FUNCTIONS = ("auto", "ctime", "dur2sec", "memk", "mktime", "mstime", "none", "num", "rmcomma", "rmunit")


def parse(cursor: Cursor) -> Convert:
    timeformat = DEFAULT_FORMAT
    found: list[Conversion] = []
    while not cursor.done():
        option = cursor.option(("timeformat",))
        if option is not None:
            timeformat = option[1]
            continue
        if cursor.take(","):
            continue
        cursor.skip()
        start = cursor.pos
        match = _CALL.match(cursor.text, cursor.pos, cursor.end)
        if match is None:
            cursor.fail(f"expected a conversion such as ctime(_time), found {cursor.found()}")
        function = match.group(1).lower()
        if function not in FUNCTIONS:
            cursor.fail(
                f"unknown conversion '{match.group(1)}'",
                Span(match.start(1), match.end(1)),
                "one of: " + ", ".join(FUNCTIONS),
            )
        cursor.pos = match.end()
        pattern = "*"
        if match.group(2) and not cursor.take(")"):
            pattern = cursor.name(stops=",)").text
            cursor.expect(")", f"to close {function}(")
        target = cursor.name("a name after AS").text if cursor.take_word("as") else None
        found.append(Conversion(function, pattern, target, cursor.since(start)))
    if not found:
        cursor.fail("convert needs a conversion", hint="convert ctime(_time)")
    return Convert(timeformat, tuple(found))
