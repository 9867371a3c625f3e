"""Datasets by kind and name, where a command takes them besides a subsearch: `savedsearch:x`, `lookup:x`,
`datamodel:model.dataset`.

Source: Search Reference, "union" (dataset-type), "join" (dataset). Their searches run as of their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from trapline.errors import Span, SplError
from trapline.plan import Node
from trapline.spl.command import Context, Pipeline
from trapline.spl.cursor import Cursor

_NAMED = re.compile(r"(savedsearch|lookup|inputlookup|datamodel)\s*:\s*(?=[\w\"])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Named:
    """A dataset by its kind and name."""

    kind: str
    name: str
    span: Span

    def pipeline(self, context: Context) -> Pipeline:
        match self.kind:
            case "savedsearch":
                text = context.saved_search(self.name)
                if text is None:
                    raise SplError(f"there is no saved search '{self.name[:80]}'", span=self.span, code="name")
            case "datamodel":
                model, _, dataset = self.name.partition(".")
                text = f"| datamodel {_quoted(model)} {_quoted(dataset or model)} search"
            case _:
                text = f"| inputlookup {_quoted(self.name)}"
        return context.parse(text)

    def node(self, context: Context) -> tuple[Pipeline, Node]:
        pipeline = self.pipeline(context)
        return pipeline, context.inner(pipeline, f"{self.kind}:{self.name}")


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def take_named(cursor: Cursor) -> Named | None:
    """The named dataset that is next, if one is."""
    start = cursor.here().start
    named = _NAMED.match(cursor.text, start, cursor.end)
    if named is None:
        return None
    cursor.pos = named.end()
    name = cursor.value("a name", stops=",[")
    return Named(named.group(1).lower(), name, cursor.since(start))
