"""map: a search for every row, with the row's values in it.

Syntax:
    map (<saved search> | search="<search>" | [<search>]) [maxsearches=<n>]

Options:
    search="<search>" (none): the search as text, in place of a saved one or one in brackets.
    maxsearches=<n> (10): searches that run at most; a warning says where rows were left out.

Source: Search Reference, "map".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from trapline.errors import Span, SplError
from trapline.plan import Limit, Node, Union, only
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.spl.cursor import count as whole
from trapline.spl.templates import fill, parsed
from trapline.values import Row, value_text

_TOKEN = re.compile(r"\$([^$\s|\[\]\"]+)\$")
_DOUBLED = re.compile(r"\$\$([^$\s|\[\]\"]+)\$\$")


@dataclass(frozen=True, slots=True)
class Map:
    template: str | None
    saved: str | None
    most: int | None
    span: Span

    def lower(self, context: Context, source: Node) -> Node:
        most = context.limits.map if self.most is None else self.most
        template = self.template
        if template is None:
            assert self.saved is not None
            template = context.saved_search(self.saved)
            if template is None:
                raise SplError(f"there is no saved search '{self.saved}'", span=self.span, code="name")
        template = _DOUBLED.sub(lambda match: match.group()[1:-1], template)
        rows = context.rows(Limit(source, most + 1))
        if len(rows) > most:
            context.warnings.add(
                "map-cut",
                f"map ran {most:,} searches and left out the rows after them, as Splunk does",
                hint="map maxsearches=<n> runs more",
            )
        nodes = [self._search(context, template, row, place) for place, row in enumerate(rows[:most], 1)]
        if not nodes:
            return context.given([])
        read = context.read_later(Union(tuple(nodes)).schema)
        found = [context.held(only(node, read)) for node in nodes]
        return found[0] if len(found) == 1 else Union(tuple(found))

    def _search(self, context: Context, template: str, row: Row, serial: int) -> Node:
        def value(name: str) -> str:
            if name == "_serial_id":
                return str(serial)
            if name not in row:
                raise SplError(
                    f"map: the row has no value for ${name}$",
                    span=self.span,
                    hint=f'give it one before: fillnull value="" {name}',
                    code="value",
                )
            return value_text(row[name])

        filled = fill(template, _TOKEN, value, what="map", span=self.span)
        pipeline = parsed(context, filled, what="map", span=self.span)
        return context.inner(pipeline, "map")


def parse(cursor: Cursor) -> Map:
    start = cursor.here().start
    template: str | None = None
    saved: str | None = None
    most: int | None = None
    while not cursor.done():
        match cursor.option(("search", "maxsearches"), stops=",["):
            case ("search", value, _):
                template = value
            case ("maxsearches", value, span):
                most = whole(value, span)
            case _ if cursor.peek() == "[":
                template, _ = cursor.template()
            case _ if cursor.at_option():
                cursor.no_option()
            case _:
                if saved is not None:
                    cursor.fail(f"unexpected {cursor.found()}", hint='map search="search user=$user$"')
                saved = cursor.value("the name of a saved search")
    if (template is None) == (saved is None):
        cursor.fail("map needs one search", cursor.since(start), 'map search="search index=main user=$user$"')
    return Map(template, saved, most, cursor.since(start))
