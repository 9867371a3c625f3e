"""The text that a subsearch becomes: `( ( a="1" AND b="2" ) OR ( ... ) )`.

Source: Search Reference, "format"; Search Manual, "Change the format of subsearch results"; spl/NOTES.md §2 "Subsearch
result". Fields in alphabetical order, internal ones left out, a multivalue joined by OR; no rows give `NOT ( )`. Of a
field named `search` or `query` the value alone is inserted, beside the other fields; one row with nothing else is that
value without parentheses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trapline.spl.command import Context, Pipeline
from trapline.values import Row, Scalar, value_text

LITERAL = frozenset({"search", "query"})
"""Fields whose value is inserted as it is."""


@dataclass(frozen=True, slots=True)
class Marks:
    """The six strings of `format`, with their defaults."""

    row_prefix: str = "("
    column_prefix: str = "("
    column_separator: str = "AND"
    column_end: str = ")"
    row_separator: str = "OR"
    row_end: str = ")"
    value_separator: str = "OR"
    empty: str = "NOT ( )"


def quote(value: Scalar) -> str:
    """A value as a quoted string of a search."""
    return '"' + value_text(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def as_search(context: Context, pipeline: Pipeline) -> str:
    """Run a subsearch; its rows as a search expression."""
    _, rows = context.subsearch(pipeline, context.limits.subsearch)
    return rows_as_search(rows, Marks())


def rows_as_search(rows: Sequence[Row], marks: Marks) -> str:
    """Rows as a search expression, the way `format` writes it."""
    if len(rows) == 1:
        shown = [name for name in rows[0] if not name.startswith("_")]
        if len(shown) == 1 and shown[0] in LITERAL and not isinstance(rows[0][shown[0]], list):
            return value_text(rows[0][shown[0]])
    clauses = [clause for clause in (_row(row, marks) for row in rows) if clause]
    if not clauses:
        return marks.empty
    inside = f" {marks.row_separator} ".join(clauses)
    return f"{marks.row_prefix} {inside} {marks.row_end}"


def _row(row: Row, marks: Marks) -> str:
    parts: list[str] = []
    for name in sorted(row):
        if name.startswith("_"):
            continue
        value = row[name]
        if isinstance(value, list):
            choices = f" {marks.value_separator} ".join(_term(name, one) for one in value)
            parts.append(f"( {choices} )")
        else:
            parts.append(_term(name, value))
    if not parts:
        return ""
    inside = f" {marks.column_separator} ".join(parts)
    return f"{marks.column_prefix} {inside} {marks.column_end}"


def _term(name: str, value: Scalar) -> str:
    return value_text(value) if name in LITERAL else f"{field_name(name)}={quote(value)}"


def field_name(name: str) -> str:
    """A field name as a search expression takes it, in quotes where it must be."""
    return name if all(char.isalnum() or char in "_.:-{}@" for char in name) else quote(name)
