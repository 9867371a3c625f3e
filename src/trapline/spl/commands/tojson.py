"""tojson: each row as a JSON object.

Syntax:
    tojson [<type>(<field-pattern>) | <field-pattern>]... [default_type=<type>] [fill_null=<bool>]
        [include_internal=<bool>] [output_field=<field>]

    <type>: auto | bool | json | none | num | str

Options:
    <field-pattern>... (all but internal ones): the fields, each with a type if stated.
    default_type=<type> (none): the type of fields without one: numbers and texts as they look.
    fill_null=<bool> (false): a value that its type cannot take is null, not left out.
    include_internal=<bool> (false): internal fields too, where none are named.
    output_field=<field> (_raw): where the object goes.

Source: Search Reference, "tojson".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from trapline.errors import Span
from trapline.plan import Node
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, flag
from trapline.spl.wildcard import match_names
from trapline.values import Row, Scalar, number_text, to_number

TYPES = ("auto", "bool", "json", "none", "num", "str")

_CALL = re.compile(r"(auto|bool|json|none|num|str)\s*(?:\(|(?=\s|,|\Z))", re.IGNORECASE)
_TRUE, _FALSE = ("true", "t", "yes"), ("false", "f", "no")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Fields of a pattern, as a type; None is the default type."""

    pattern: str
    type: str | None


@dataclass(frozen=True, slots=True)
class Tojson:
    wanted: tuple[Wanted, ...]
    default: str
    fill_null: bool
    internal: bool
    output: str

    def lower(self, context: Context, source: Node) -> Node:
        types = self._types(list(source.schema))
        return context.apply(source, lambda rows: self._objects(rows, types), "tojson")

    def _types(self, names: list[str]) -> dict[str, str]:
        """The fields of the object with their types. The first pattern that names a field decides."""
        shown = [name for name in names if self.internal or not name.startswith("_")]
        types: dict[str, str] = {}
        for one in self.wanted or (Wanted("*", None),):
            for name in match_names(one.pattern, shown if "*" in one.pattern else names):
                types.setdefault(name, one.type or self.default)
        return types

    def _objects(self, rows: list[Row], types: Mapping[str, str]) -> Iterator[Row]:
        for row in rows:
            members: list[str] = []
            for name, kind in types.items():
                if name not in row:
                    continue
                value = row[name]
                if isinstance(value, list):
                    parts = [part for part in (self._json(one, kind) for one in value) if part is not None]
                    written: str | None = f"[{','.join(parts)}]"
                else:
                    written = self._json(value, kind)
                if written is not None:
                    members.append(f"{_quoted(name)}:{written}")
            yield {**row, self.output: "{" + ",".join(members) + "}"}

    def _json(self, value: Scalar, kind: str) -> str | None:
        written = _converted(value if isinstance(value, str) else number_text(float(value)), kind)
        return "null" if written is None and self.fill_null else written


def _converted(value: str, kind: str) -> str | None:
    """A value as JSON of a type; None where it has none."""
    is_number = _number(value) is not None
    match kind:
        case "str":
            return _quoted(value)
        case "num":
            return _number(value)
        case "none":
            return _number(value) or _quoted(value)
        case "bool":
            if is_number:
                return "false" if to_number(value) == 0 else "true"
            word = value.lower()
            return "true" if word in _TRUE else "false" if word in _FALSE else None
        case "json":
            return _valid(value)
    if value in ("true", "false", "null"):
        return value
    return _number(value) or _valid(value) or _quoted(value)


def _number(value: str) -> str | None:
    found = to_number(value)
    if found is None:
        return None
    try:
        json.loads(value)
    except ValueError:
        return number_text(found)
    return value


def _valid(value: str) -> str | None:
    try:
        found = json.loads(value, parse_constant=_refuse)
        return json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        return None


def _refuse(text: str) -> None:
    raise ValueError(text)


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def parse(cursor: Cursor) -> Tojson:
    wanted: list[Wanted] = []
    default, output = "none", "_raw"
    flags = {"fill_null": False, "include_internal": False}
    while not cursor.done():
        match cursor.option(("default_type", "output_field", *flags)):
            case ("default_type", value, span):
                default = _type(cursor, value, span)
            case ("output_field", value, _):
                output = value
            case (name, value, span):
                flags[name] = flag(value, span)
            case None if cursor.at_option():
                cursor.no_option()
            case None if cursor.take(","):
                continue
            case None:
                wanted += _wanted(cursor)
    return Tojson(tuple(wanted), default, flags["fill_null"], flags["include_internal"], output)


def _type(cursor: Cursor, value: str, span: Span) -> str:
    if value.lower() not in TYPES:
        cursor.fail(f"tojson has no type '{value}'", span, "one of: " + ", ".join(TYPES))
    return value.lower()


def _wanted(cursor: Cursor) -> Iterable[Wanted]:
    cursor.skip()
    match = _CALL.match(cursor.text, cursor.pos, cursor.end)
    if match is None:
        yield Wanted(cursor.name().text, None)
        return
    cursor.pos = match.end()
    kind = match.group(1).lower()
    if not match.group().endswith("(") or cursor.take(")"):
        yield Wanted("*", kind)
        return
    while not cursor.take(")"):
        if cursor.done():
            cursor.fail(f"expected ) to close {kind}(")
        if not cursor.take(","):
            yield Wanted(cursor.name(stops=",)").text, kind)
