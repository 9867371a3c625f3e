"""savedsearch: runs a saved search.

Syntax:
    | savedsearch <name> [nosubstitution=<bool>] [<key>=<value>]...

Options:
    nosubstitution=<bool> (false): $key$ in the saved search stays as it is.
    <key>=<value>... (none): what takes the place of $key$.

Source: Search Reference, "savedsearch".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from trapline.errors import Span, SplError
from trapline.plan import Node
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, flag
from trapline.spl.templates import fill, parsed

_TOKEN = re.compile(r"\$([^$\s|\[\]\"]+)\$")
_KEY = re.compile(r"([^\s=,\"]+)\s*=\s*")


@dataclass(frozen=True, slots=True)
class SavedSearch:
    name: str
    values: Mapping[str, str]
    substitute: bool
    span: Span

    def generate(self, context: Context) -> Node:
        text = context.saved_search(self.name)
        if text is None:
            raise SplError(
                f"there is no saved search '{self.name[:80]}'",
                span=self.span,
                hint="detections of the content are saved searches; Session(saved_searches=...) adds others",
                code="name",
            )
        if self.substitute:
            text = fill(text, _TOKEN, self.values.get, what=f"savedsearch {self.name}", span=self.span)
        pipeline = parsed(context, text, what=f"savedsearch {self.name}", span=self.span)
        return context.inner(pipeline, f"savedsearch {self.name}")


def parse(cursor: Cursor) -> SavedSearch:
    start = cursor.here().start
    name: str | None = None
    values: dict[str, str] = {}
    substitute = True
    while not cursor.done():
        if cursor.take(","):
            continue
        key = _KEY.match(cursor.text, cursor.pos, cursor.end)
        if key is not None and cursor.peek() != '"':
            cursor.pos = key.end()
            value = cursor.value(f"a value for {key.group(1)}")
            if key.group(1).lower() == "nosubstitution":
                substitute = not flag(value, cursor.since(key.start()))
            else:
                values[key.group(1)] = value
        elif name is None:
            name = cursor.value("the name of a saved search")
        else:
            cursor.fail(
                f"unexpected {cursor.found()}", hint='a name with blanks stands in quotes: savedsearch "my search"'
            )
    if name is None:
        cursor.fail("savedsearch needs a name", cursor.since(start), "| savedsearch failed_logins user=alice")
    return SavedSearch(name, values, substitute, cursor.since(start))
