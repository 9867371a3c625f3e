"""outputlookup: the rows become a lookup table.

Syntax:
    outputlookup [append=<bool>] [create_empty=<bool>] [override_if_empty=<bool>] [max=<n>] [key_field=<field>]
        [allow_updates=<bool>] [createinapp=<bool>] [create_context=(app|user|system)]
        [output_format=(splunk_sv_csv|splunk_mv_csv)] <table>

Options:
    append=<bool> (false, true with key_field): rows are added to those of the table, whose columns stay.
    create_empty=<bool> (false): without rows, an empty table is made.
    override_if_empty=<bool> (true): without rows, a table that exists is deleted, or emptied with create_empty.
    max=<n> (0): rows that are written at most, 0 for all.
    key_field=<field> (none): the field with the key of a record; a row takes the place of the record with its key.
    allow_updates=<bool> (true): false leaves records with the key of a row as they are, and the row out.
    createinapp=<bool> (true): no effect: there is one place for tables.
    create_context=(app|user|system) (app): no effect, as createinapp.
    output_format=(splunk_sv_csv|splunk_mv_csv) (splunk_sv_csv): multivalues in a file joined by newlines, or kept.

Source: Search Reference, "outputlookup".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.errors import SplError
from trapline.plan import Node
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name, count, flag
from trapline.spl.keeping import Put

FLAGS = ("append", "create_empty", "override_if_empty", "allow_updates", "createinapp")
PLACES = ("app", "user", "system")
FORMATS = ("splunk_sv_csv", "splunk_mv_csv")


@dataclass(frozen=True, slots=True)
class OutputLookup:
    table: Name
    how: Put
    most: int | None = None

    def lower(self, context: Context, source: Node) -> Node:
        node = context.materialise(source)
        rows = context.rows(node)
        fields = [name for name in node.schema if name != "_none"]
        try:
            context.save_lookup(self.table.text, rows if self.most is None else rows[: self.most], fields, self.how)
        except SplError as error:
            error.span = error.span or self.table.span
            raise
        return node


def parse(cursor: Cursor) -> OutputLookup:
    flags: dict[str, bool] = {}
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
    how = Put(
        append=flags.get("append", key is not None),
        key=key,
        updates=flags.get("allow_updates", True),
        create_empty=flags.get("create_empty", False),
        override_if_empty=flags.get("override_if_empty", True),
        single=single,
    )
    return OutputLookup(table, how, most)
