"""outputlookup: the rows become a lookup table.

Syntax:
    outputlookup [append=<bool>] [create_empty=<bool>] [override_if_empty=<bool>] [max=<n>] [key_field=<field>]
        [allow_updates=<bool>] [createinapp=<bool>] [create_context=(app|user|system)]
        [output_format=(splunk_sv_csv|splunk_mv_csv)] <table>

Options:
    append=<bool> (false): rows are added to those of the table, whose columns stay.
    create_empty=<bool> (true): without rows, a new table is made all the same.
    override_if_empty=<bool> (true): without rows, a table that exists loses its own.
    max=<n> (0): rows that are written at most, 0 for all.
    key_field=<field> (none): the field with the key of a record; a row takes the place of the record with its key.
    allow_updates=<bool> (false): no effect: key_field says whether records are replaced.
    createinapp=<bool> (false): no effect: there is one place for tables.
    create_context=(app|user|system) (app): no effect, as createinapp.
    output_format=(splunk_sv_csv|splunk_mv_csv) (splunk_sv_csv): multivalues joined by newlines, or kept.

Source: Search Reference, "outputlookup".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trapline.errors import SplError
from trapline.plan import Node
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name, count, flag
from trapline.spl.lookups import Lookup
from trapline.values import Row, value_text

KEY = "_key"
"""The key of a KV store record."""
FLAGS = ("append", "create_empty", "override_if_empty", "allow_updates", "createinapp")
PLACES = ("app", "user", "system")
FORMATS = ("splunk_sv_csv", "splunk_mv_csv")


@dataclass(frozen=True, slots=True)
class OutputLookup:
    table: Name
    append: bool = False
    create_empty: bool = True
    override_if_empty: bool = True
    most: int | None = None
    key: str | None = None
    single: bool = True
    """Multivalues are joined into one value by newlines (output_format=splunk_sv_csv)."""

    def lower(self, context: Context, source: Node) -> Node:
        node = context.materialise(source)
        rows = context.rows(node)
        fields = [name for name in node.schema if name != "_none"]
        kept = rows if self.most is None else rows[: self.most]
        if self.single:
            kept = [{name: value_text(cell) for name, cell in row.items()} for row in kept]
        before = self._before(context)
        if not kept and before is not None and (self.append or not self.override_if_empty):
            return node
        if not kept and not self.create_empty:
            return node
        if before is not None and (self.append or self.key is not None):
            kept, fields = self._merged(context, before, kept, fields)
        elif self.key is not None:
            kept, fields = self._keyed(kept), [*fields, KEY] if KEY not in fields else fields
        try:
            context.save_lookup(self.table.text, kept, fields)
        except SplError as error:
            error.span = error.span or self.table.span
            raise
        return node

    def _before(self, context: Context) -> Lookup | None:
        try:
            return context.lookup(self.table.text)
        except SplError:
            return None

    def _keyed(self, rows: Sequence[Row]) -> list[Row]:
        assert self.key is not None
        return [{**row, KEY: row[self.key]} if self.key in row else dict(row) for row in rows]

    def _merged(
        self, context: Context, before: Lookup, rows: Sequence[Row], fields: Sequence[str]
    ) -> tuple[list[Row], list[str]]:
        """The table with new rows: an existing table keeps its columns. With a key, a row takes the place of the one
        of that key."""
        columns = list(before.fields) or list(fields)
        lost = [name for name in fields if name not in columns and name != KEY]
        if lost and before.fields:
            context.warnings.add(
                "outputlookup",
                f"the lookup '{self.table.text}' has no column {', '.join(lost)}, which is left out as in Splunk",
            )
        if self.key is None:
            return [*before.rows, *rows], columns
        if KEY not in columns:
            columns.append(KEY)
        found: dict[str, Row] = {}
        for place, row in enumerate([*before.rows, *self._keyed(rows)]):
            found[value_text(row[KEY]) if KEY in row else f"\0{place}"] = row
        return list(found.values()), columns


def parse(cursor: Cursor) -> OutputLookup:
    flags = dict.fromkeys(FLAGS, False) | {"create_empty": True, "override_if_empty": True}
    most: int | None = None
    key: str | None = None
    table: Name | None = None
    single = True
    while not cursor.done():
        match cursor.option((*FLAGS, "max", "key_field", "create_context", "output_format")):
            case ("max", value, span):
                most = count(value, span) or None
            case ("key_field", value, _):
                key = value
            case ("create_context", value, span):
                # Apps and users are Splunk's places; here there is one.
                if value.lower() not in PLACES:
                    cursor.fail(f"create_context is one of {', '.join(PLACES)}", span)
            case ("output_format", value, span):
                if value.lower() not in FORMATS:
                    cursor.fail(f"output_format is one of {', '.join(FORMATS)}", span)
                single = value.lower() == FORMATS[0]
            case (name, value, span):
                flags[name] = flag(value, span)
            case None:
                if cursor.at_option():
                    cursor.no_option()
                if table is not None:
                    cursor.fail(f"unexpected {cursor.found()}", hint="one table: outputlookup append=t assets")
                table = cursor.name("the name of a lookup table")
    if table is None:
        cursor.fail("outputlookup needs the name of a lookup table", hint="outputlookup assets.csv")
    return OutputLookup(table, flags["append"], flags["create_empty"], flags["override_if_empty"], most, key, single)
