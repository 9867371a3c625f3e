"""outputcsv: the rows to a CSV file.

Syntax:
    outputcsv [append=<bool>] [create_empty=<bool>] [override_if_empty=<bool>] [dispatch=<bool>] [usexml=<bool>]
        [singlefile=<bool>] <file>

Options:
    append=<bool> (false): rows are added to the file; its columns stay.
    create_empty=<bool> (false): a new file is made also without rows.
    override_if_empty=<bool> (true): without rows, a file that exists loses its own.
    dispatch=<bool> (false): refused if true.
    usexml=<bool> (false): refused if true.
    singlefile=<bool> (false): no effect: it is always one file.

Differences:
    - Files are in the folder of the session, under plain names.
    - Refused: dispatch=true, usexml=true, and the command without a file name.

Source: Search Reference, "outputcsv".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.errors import SplError
from trapline.plan import Node
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name, flag

FLAGS = ("append", "create_empty", "override_if_empty", "dispatch", "usexml", "singlefile")


@dataclass(frozen=True, slots=True)
class OutputCsv:
    file: Name
    append: bool
    create_empty: bool
    override_if_empty: bool

    def lower(self, context: Context, source: Node) -> Node:
        node = context.materialise(source)
        rows = context.rows(node)
        fields = [name for name in node.schema if name != "_none"]
        try:
            before = context.read_file(self.file.text)
            if self._kept(empty=not rows, exists=before is not None):
                return node
            if self.append and before is not None:
                columns = list(before[1]) or fields
                lost = [name for name in fields if name not in columns]
                if lost:
                    context.warnings.add(
                        "outputcsv",
                        f"outputcsv: {self.file} has no column {', '.join(lost[:5])}, which is left out",
                        hint="append=false writes the file anew",
                    )
                rows, fields = [*before[0], *rows], columns
            context.write_file(self.file.text, rows, fields)
        except SplError as error:
            error.span = error.span or self.file.span
            raise
        return node

    def _kept(self, *, empty: bool, exists: bool) -> bool:
        """Does the file stay as it is?"""
        if not empty:
            return False
        return (self.append or not self.override_if_empty) if exists else not self.create_empty


def parse(cursor: Cursor) -> OutputCsv:
    flags = dict.fromkeys(FLAGS, False) | {"override_if_empty": True}
    file: Name | None = None
    while not cursor.done():
        option = cursor.option(FLAGS)
        if option is not None:
            flags[option[0]] = flag(option[1], option[2])
            if option[0] in ("dispatch", "usexml") and flags[option[0]]:
                cursor.unsupported(f"outputcsv writes plain CSV files, not {option[0]}=true", option[2])
        elif cursor.at_option():
            cursor.no_option()
        elif file is None:
            file = cursor.name("a file name")
        else:
            cursor.fail(f"unexpected {cursor.found()}", hint="outputcsv results.csv")
    if file is None:
        cursor.unsupported("outputcsv without a file name is not supported", hint="outputcsv results.csv")
    return OutputCsv(file, flags["append"], flags["create_empty"], flags["override_if_empty"])
