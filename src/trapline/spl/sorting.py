"""Sort keys: how `sort` and its kin (dedup sortby) write them and what they order by.

Source: Search Reference, "sort"; spl/NOTES.md §2 and §3.10. auto: numbers by value before texts, addresses by value,
texts by code points; missing values last in both directions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from trapline.errors import SplError
from trapline.plan import Col, Expr, Schema, SortKey, call
from trapline.spl.cursor import Cursor
from trapline.spl.evaluate import as_number, as_text
from trapline.values import Kind

_TYPED = re.compile(r"(auto|num|str|ip)\((.*)\)\Z", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Key:
    """One field of a sort. `how`: auto, num, str or ip."""

    name: str
    descending: bool
    how: str = "auto"


def parse_keys(cursor: Cursor, *, options: Sequence[str] = ()) -> list[Key]:
    """Keys up to the end or one of the options. A sign glued to a field is that field's; a sign followed by a blank
    carries on to the fields after it; a last `desc` turns all round."""
    keys: list[Key] = []
    carried = False
    while not cursor.done() and not cursor.at_option(options):
        if cursor.take(","):
            continue
        start = cursor.pos
        if keys and (word := cursor.take_word("desc", "d", "asc", "a")) is not None:
            if cursor.done():
                return keys if word[0] == "a" else [replace(key, descending=not key.descending) for key in keys]
            cursor.pos = start
        descending = carried
        sign = cursor.peek()
        if sign in ("+", "-"):
            cursor.pos += 1
            descending = sign == "-"
            if cursor.pos < cursor.end and cursor.text[cursor.pos].isspace():
                carried = descending
        if cursor.at_option():
            cursor.no_option()
        name = cursor.name()
        typed = None if name.quoted else _TYPED.match(name.text)
        if typed is None:
            keys.append(Key(name.text, descending))
        elif not typed.group(2):
            raise SplError(f"{name} needs a field in the parentheses", span=name.span, code="syntax")
        else:
            keys.append(Key(typed.group(2).strip('"'), descending, typed.group(1).lower()))
    return keys


def sort_keys(keys: Sequence[Key], schema: Schema) -> tuple[SortKey, ...]:
    """What the keys order by; a field that does not exist orders nothing."""
    return tuple(part for key in keys if key.name in schema for part in _parts(Col(key.name, schema[key.name]), key))


def _parts(value: Expr, key: Key) -> list[SortKey]:
    down = key.descending
    if value.kind is Kind.NUMBER and key.how != "str":
        return [SortKey(value, down)]
    text = as_text(value)
    match key.how:
        case "num":
            return [SortKey(as_number(value), down)]
        case "str":
            return [SortKey(text, down)]
        case "ip":
            return [SortKey(call("sort_ip", Kind.TEXT, text), down)]
    return [
        SortKey(call("sort_class", Kind.NUMBER, text), down),
        SortKey(as_number(value), down),
        SortKey(call("sort_ip", Kind.TEXT, text), down),
    ]
