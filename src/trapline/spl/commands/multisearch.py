"""multisearch: the events of several searches as one stream, newest first.

Syntax:
    | multisearch [<search>] [<search>] [<search>]...

Source: Search Reference, "multisearch".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Node, Union
from trapline.spl.command import Context, Pipeline
from trapline.spl.cursor import Cursor
from trapline.spl.streaming import first_not_streaming
from trapline.spl.timeorder import newest_first


@dataclass(frozen=True, slots=True)
class MultiSearch:
    pipelines: tuple[Pipeline, ...]

    def generate(self, context: Context) -> Node:
        return newest_first(Union(tuple(context.lower(one) for one in self.pipelines)))


def parse(cursor: Cursor) -> MultiSearch:
    found: list[Pipeline] = []
    start = cursor.here().start
    while not cursor.done():
        if cursor.take(","):
            continue
        at = cursor.here().start
        pipeline = cursor.subsearch()
        other = first_not_streaming(pipeline)
        if other is not None:
            cursor.fail(
                f"multisearch takes only streaming commands, and {other} is not one",
                cursor.since(at),
                f"move {other} behind multisearch, or use append or union",
            )
        found.append(pipeline)
    if len(found) < 2:
        cursor.fail(
            "multisearch needs at least two searches", cursor.since(start), "multisearch [search ...] [search ...]"
        )
    return MultiSearch(tuple(found))
