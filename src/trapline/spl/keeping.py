"""What outputlookup makes of a table, whatever keeps it.

Source: Search Reference, "outputlookup".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trapline.spl.lookups import Lookup
from trapline.values import Row, value_text

KEY = "_key"
"""The field that names a record."""


@dataclass(frozen=True, slots=True)
class Put:
    """How rows go into a table. `key`: the field whose value becomes the record's `_key`; `updates`: a row takes the
    place of the record of its key, otherwise it is left out; `single`: multivalues become one value in a file."""

    append: bool = False
    key: str | None = None
    updates: bool = True
    create_empty: bool = False
    override_if_empty: bool = True
    single: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """`rows` with `fields` are the table from now on; None: it is gone. `told`: what was left out."""

    rows: Sequence[Row] | None
    fields: Sequence[str] = ()
    told: tuple[str, ...] = ()


def keeps(rows: Sequence[Row], how: Put) -> bool:
    """Does the table stay as it is?"""
    return not rows and (how.append or not how.override_if_empty)


def still_there(table: Lookup) -> str:
    """What is said where a table was to be deleted and its definition has rows of its own."""
    return f"there were no rows to write: the lookup '{table.name}' has those that came with its definition"


def keyed(rows: Iterable[Row], how: Put) -> list[Row]:
    """The rows with the key that `key` names."""
    if how.key is None or how.key == KEY:
        return [dict(row) for row in rows]
    return [{**row, KEY: value_text(row[how.key])} if how.key in row else dict(row) for row in rows]


def table_after(before: Lookup | None, rows: Sequence[Row], fields: Sequence[str], how: Put) -> Outcome:
    """A file, or a table in memory, after the rows have been put into it; `before` None: there was none. Not to be
    asked where it stays as it is."""
    if not rows and not how.create_empty:
        return Outcome(None)
    new = keyed(rows, how)
    columns = list(fields)
    if how.key is not None and KEY not in columns:
        columns.append(KEY)
    if how.single:
        new = [{name: value_text(cell) for name, cell in row.items()} for row in new]
    if before is None or not how.append:
        return Outcome(new, columns)
    told: tuple[str, ...] = ()
    if before.fields:
        lost = [name for name in columns if name not in before.fields and name != KEY]
        if lost:
            told = (f"the lookup '{before.name}' has no column {', '.join(lost)}, which is left out as in Splunk",)
        columns = [*before.fields, *([KEY] if KEY in columns and KEY not in before.fields else [])]
    if how.key is None:
        return Outcome([*before.rows, *new], columns, told)
    found: dict[str, Row] = {}
    for place, row in enumerate([*before.rows, *new]):
        key = value_text(row[KEY]) if KEY in row else f"\0{place}"
        if how.updates or key not in found:
            found[key] = row
    return Outcome(list(found.values()), columns, told)
