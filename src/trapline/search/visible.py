"""Which tables and fields a search sees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trapline.plan import (
    Table,
)
from trapline.spl.filter import And as FilterAnd
from trapline.spl.filter import Compare, Filter, Not, OneOf
from trapline.spl.filter import Or as FilterOr
from trapline.values import Kind

INTERNAL_INDEXES = ("risk", "notable")
"""Indexes that a search sees only when it names them (as do those whose name starts with `_`)."""


def visible_tables(tables: Sequence[Table], tree: Filter | None) -> tuple[Table, ...]:
    """Those of some tables that a search expression sees."""
    return tuple(table for table in tables if _is_visible(table, tree))


def _is_visible(table: Table, tree: Filter | None) -> bool:
    """Internal indexes are seen by a search that names an index; those that begin with `_` where a name does so too:
    `index=*` does not mean them (Search Manual, "Searching multiple indexes")."""
    named = () if tree is None else tuple(_indexes(tree))
    if table.index.startswith("_"):
        return any(name.startswith("_") for name in named)
    return table.index not in INTERNAL_INDEXES or bool(named)


def _indexes(tree: Filter) -> Iterator[str]:
    """The names and patterns of indexes in a search."""
    match tree:
        case Compare(field="index", value=value):
            yield value
        case OneOf(field="index", values=values):
            yield from values
        case Not(operand=operand):
            yield from _indexes(operand)
        case FilterAnd(parts=parts) | FilterOr(parts=parts):
            for part in parts:
                yield from _indexes(part)


def micros(epoch: float | None) -> int | None:
    return None if epoch is None else round(epoch * 1_000_000)


def schema_of(tables: Sequence[Table]) -> dict[str, Kind]:
    """The fields of event tables: Splunk's own first, then the rest by name."""
    schema = {
        "_time": Kind.NUMBER,
        "_raw": Kind.TEXT,
        "_indextime": Kind.NUMBER,
        "index": Kind.TEXT,
        "sourcetype": Kind.TEXT,
        "source": Kind.TEXT,
        "host": Kind.TEXT,
    }
    multi = frozenset[str]().union(*(table.multi for table in tables))
    for name in sorted(frozenset[str]().union(*(table.fields | table.multi for table in tables))):
        schema.setdefault(name, Kind.MULTI if name in multi else Kind.TEXT)
    return schema
