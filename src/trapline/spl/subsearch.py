"""The text that a subsearch becomes: `( ( a="1" AND b="2" ) OR ( ... ) )`.

Source: Search Reference, "format"; spl/NOTES.md §2 "Subsearch result". Fields in alphabetical order, internal ones left
out, a multivalue joined by OR; a field named `search` or `query` is inserted as it is; no rows give `NOT ( )`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trapline.spl.command import Context, Pipeline
from trapline.values import Row, Scalar, value_text


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
    if len(rows) == 1 and ("search" in rows[0] or "query" in rows[0]):
        return _row(rows[0], marks)
    clauses = [clause for clause in (_row(row, marks) for row in rows) if clause]
    if not clauses:
        return marks.empty
    inside = f" {marks.row_separator} ".join(clauses)
    return f"{marks.row_prefix} {inside} {marks.row_end}"


def _row(row: Row, marks: Marks) -> str:
    for literal in ("search", "query"):
        if literal in row:
            return value_text(row[literal])
    parts: list[str] = []
    for name in sorted(row):
        if name.startswith("_"):
            continue
        value = row[name]
        if isinstance(value, list):
            choices = f" {marks.value_separator} ".join(f"{field_name(name)}={quote(one)}" for one in value)
            parts.append(f"( {choices} )")
        else:
            parts.append(f"{field_name(name)}={quote(value)}")
    if not parts:
        return ""
    inside = f" {marks.column_separator} ".join(parts)
    return f"{marks.column_prefix} {inside} {marks.column_end}"


def field_name(name: str) -> str:
    """A field name as a search expression takes it, in quotes where it must be."""
    return name if all(char.isalnum() or char in "_.:-{}@" for char in name) else quote(name)
