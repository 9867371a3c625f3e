"""Splunk's values: null, text, number, multivalue.

A cell of a result row is a `Value`; null is an absent key. A multivalue holds at least two values here: one value is
a scalar, none is null. Field values read from logs are text; text that looks like a number acts as one
(spl/NOTES.md §2, "Null and types").
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from enum import StrEnum

Scalar = str | int | float
Value = Scalar | list[Scalar]
Row = dict[str, Value]


class Kind(StrEnum):
    """What a column can hold, known while a search is compiled."""

    TEXT = "text"
    """VARCHAR; each cell text (which may look like a number) or null."""
    NUMBER = "number"
    """DOUBLE or null."""
    MULTI = "multi"
    """VARCHAR[] of one or more non-null values, or null. One value is the same as a scalar."""
    BOOL = "bool"
    """Three-valued truth, inside expressions only; never a field."""


MOST_STEPS = 1_000_000
"""Values that mvrange() gives at most."""

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\Z", re.ASCII)


def to_number(text: str) -> float | None:
    """The number that a text looks like, or None. Blanks around it count as text (tonumber page: trim first)."""
    if _NUMBER.match(text) is None:
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def number_text(number: float) -> str:
    """A number as Splunk prints it: 5, not 5.0; 0.1; no exponent below 1e16."""
    if number == int(number) and abs(number) < 1e16 if math.isfinite(number) else False:
        return str(int(number))
    return repr(number)


def value_text(value: Value) -> str:
    """A cell as text; the values of a multivalue are joined by newlines (facts/CONTENT.md §8)."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(value_text(one) for one in value)
    return number_text(value)


def compact(values: Sequence[Scalar]) -> Value | None:
    """Several values as one cell."""
    if not values:
        return None
    return values[0] if len(values) == 1 else list(values)


def star_regex(pattern: str) -> str:
    """The regular expression of a pattern with `*`, for where one is needed. Each piece is taken where it first fits
    and never looked for again, so no text takes long."""
    first, *rest = re.split(r"\*+", pattern)
    if not rest:
        return re.escape(first)
    *middle, last = rest
    return re.escape(first) + "".join(f"(?>.*?{re.escape(piece)})" for piece in middle) + ".*" + re.escape(last)


def fills(pattern: str, name: str) -> tuple[str, ...] | None:
    """What each `*` of a pattern stands for in a name or value, the earlier ones for as much as they can; None where
    the pattern does not match. In time that grows with their lengths, however many `*` there are."""
    head, *pieces = pattern.split("*")
    if not pieces:
        return () if name == pattern else None
    end = len(name) - len(pieces[-1])
    if not name.startswith(head) or end < len(head) or not name.endswith(pieces[-1]):
        return None
    found = []
    for piece in reversed(pieces[:-1]):
        at = name.rfind(piece, len(head), end)
        if at < 0:
            return None
        found.append(name[at + len(piece) : end])
        end = at
    return (*reversed([*found, name[len(head) : end]]),)
