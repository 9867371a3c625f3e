"""multikv: a row per line of a table in the text of the event.

Syntax:
    multikv [conf=<stanza>] [copyattrs=<bool>] [forceheader=<n>] [multitable=<bool>] [noheader=<bool>] [rmorig=<bool>]
        [fields <field>...] [filter <text>...]

Options:
    conf=<stanza> (none): a stanza of multikv.conf of the add-ons says where the table is and how its lines are cut; the
        options about headers then do nothing.
    copyattrs=<bool> (true): rows keep the other fields of the event.
    forceheader=<n> (found by its looks): the line that is the header, counted from 1 without empty lines.
    multitable=<bool> (true): a later line in capitals is another header.
    noheader=<bool> (false): there is none; the fields are Column_1, Column_2 and so on.
    rmorig=<bool> (true): the event itself goes.
    fields <field>... (all): the columns to keep.
    filter <text>... (none): only lines that hold one of the texts.

Differences:
    - Refused: `_align_` in multikv.conf.

Source: Search Reference, "multikv"; Admin Manual, "multikv.conf".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from trapline import tabular
from trapline.errors import Span, SplError
from trapline.plan import Node
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, count, flag
from trapline.spl.tables import read_tables
from trapline.values import Row, value_text

Lines = Callable[[str], Iterator[tuple[str, dict[str, str]]]]
"""The text of an event -> its lines with their cells by name."""


@dataclass(frozen=True, slots=True)
class Multikv:
    copyattrs: bool = True
    forceheader: int = 0
    multitable: bool = True
    noheader: bool = False
    rmorig: bool = True
    fields: tuple[str, ...] = ()
    filter: tuple[str, ...] = field(default=())
    conf: tuple[str, Span] | None = None

    def lower(self, context: Context, source: Node) -> Node:
        if "_raw" not in source.schema:
            return source
        lines = self._rows if self.conf is None else self._ruled(context, *self.conf)
        return context.apply(source, lambda rows: self._tables(rows, lines), "multikv")

    def _ruled(self, context: Context, name: str, span: Span) -> Lines:
        """The lines of tables by a stanza of multikv.conf."""
        settings = context.stanza("multikv", name)
        if settings is None:
            raise SplError(
                f"there is no stanza [{name[:80]}] in the multikv.conf of the add-ons",
                span=span,
                hint="--addon DIR adds one; forceheader=<n> names the line of the header",
                code="name",
            )
        try:
            rules = read_tables(settings)
        except SplError as error:
            raise type(error)(
                f"the stanza [{name}] of multikv.conf {error.reason}", span=span, hint=error.hint
            ) from None

        def lines(raw: str) -> Iterator[tuple[str, dict[str, str]]]:
            for line, cells in rules.rows(raw):
                if not self.filter or any(wanted in line for wanted in self.filter):
                    yield line, cells

        return lines

    def _tables(self, rows: list[Row], lines: Lines) -> Iterator[Row]:
        for row in rows:
            raw = row.get("_raw")
            if raw is not None:
                for line, cells in lines(value_text(raw)):
                    if self.fields:
                        cells = {name: value for name, value in cells.items() if name in self.fields}
                    yield {**(row if self.copyattrs else {}), **cells, "_raw": line}
            if raw is None or not self.rmorig:
                yield row

    def _rows(self, raw: str) -> Iterator[tuple[str, dict[str, str]]]:
        found = tabular.rows(raw, forceheader=self.forceheader, multitable=self.multitable, noheader=self.noheader)
        for line, cells in found:
            if not self.filter or any(wanted in line for wanted in self.filter):
                yield line, cells


_FLAGS = ("copyattrs", "multitable", "noheader", "rmorig")


def parse(cursor: Cursor) -> Multikv:
    flags = {"copyattrs": True, "multitable": True, "noheader": False, "rmorig": True}
    forceheader = 0
    conf: tuple[str, Span] | None = None
    names: list[str] = []
    terms: list[str] = []
    while not cursor.done():
        match cursor.option(("conf", "forceheader", *_FLAGS)):
            case ("conf", value, span):
                conf = value, span
            case ("forceheader", value, span):
                forceheader = count(value, span)
            case (name, value, span):
                flags[name] = flag(value, span)
            case None if cursor.at_option():
                cursor.no_option()
            case None if cursor.take_word("fields"):
                names += [name.text for name in cursor.names(until=("filter",), options=True)]
            case None if cursor.take_word("filter"):
                while not cursor.done() and not cursor.at_option() and not cursor.looking_at("fields"):
                    if not cursor.take(","):
                        terms.append(cursor.value("a text that a line must hold"))
            case None:
                cursor.fail(f"unexpected {cursor.found()}", hint="multikv fields pid command filter splunkd")
    return Multikv(
        flags["copyattrs"],
        forceheader,
        flags["multitable"],
        flags["noheader"],
        flags["rmorig"],
        tuple(names),
        tuple(terms),
        conf,
    )
