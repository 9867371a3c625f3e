"""spath: fields from JSON and XML.

Syntax:
    spath [input=<field>] [output=<field>] [path=<path> | <path>]

Options:
    input=<field> (_raw): the text.
    output=<field> (the path): the name of the field.
    path=<path> (every field): what is read.

Source: Search Reference, "spath".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.errors import Span
from trapline.plan import Call, Col, Expr, Extend, Node, call, number, text
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.spl.evaluate import as_multi, unify
from trapline.spl.extraction import spread
from trapline.values import Kind

CUTOFF = 5_000
"""limits.conf [spath] extraction_cutoff: characters that are read when no path is given"""


@dataclass(frozen=True, slots=True)
class Spath:
    input: str
    output: str
    path: str | None

    def lower(self, context: Context, source: Node) -> Node:
        kind = source.schema.get(self.input)
        if kind is None:
            return source
        subject = as_multi(Col(self.input, kind))
        if self.path is None:
            return spread(context, source, call("spath_fields", Kind.MULTI, subject, number(CUTOFF)), what="spath")
        found: Expr = call("spath", Kind.MULTI, subject, text(self.path))
        if self.output in source.schema:
            new, old = unify([found, Col(self.output, source.schema[self.output])])
            found = Call("coalesce", (new, old), new.kind)
        return Extend(source, ((self.output, found),))


def parse(cursor: Cursor) -> Spath:
    given: dict[str, str] = {}
    while not cursor.done():
        option = cursor.option(("input", "output", "path"))
        if option is not None:
            given[option[0]] = option[1]
        elif cursor.at_option():
            cursor.no_option()
        elif cursor.take(","):
            continue
        else:
            start = cursor.here().start
            path = cursor.value("a path")
            if "path" in given:
                cursor.fail("spath takes one path", Span(start, cursor.pos))
            given["path"] = path
    path_given = given.get("path")
    if "output" in given and path_given is None:
        cursor.fail("spath output= needs a path", hint="spath output=user path=actor.user")
    return Spath(given.get("input", "_raw"), given.get("output", path_given or ""), path_given)
