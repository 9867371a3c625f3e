"""union: the rows of several datasets together, and of the search before it.

Syntax:
    union [maxout=<n>] [maxtime=<n>] [timeout=<n>] <dataset>...

    <dataset>: [<subsearch>] | savedsearch:<name> | lookup:<name> | inputlookup:<name> | datamodel:<model>.<dataset>

Options:
    maxout=<n> (50000): rows of a dataset at most; a warning says where it was cut.
    maxtime=<n> (60): no effect: searches run to their end.
    timeout=<n> (60): no effect, as maxtime.

Source: Search Reference, "union".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Node
from trapline.plan import Union as UnionNode
from trapline.spl.command import Context, Pipeline
from trapline.spl.cursor import Cursor
from trapline.spl.cursor import count as whole
from trapline.spl.named import Named, take_named
from trapline.spl.streaming import first_not_streaming
from trapline.spl.timeorder import newest_first


@dataclass(frozen=True, slots=True)
class Union:
    datasets: tuple[Pipeline | Named, ...]
    limit: int | None

    def generate(self, context: Context) -> Node:
        return self._of(context, [])

    def lower(self, context: Context, source: Node) -> Node:
        return self._of(context, [source])

    def _of(self, context: Context, before: list[Node]) -> Node:
        parts = list(before)
        streaming = True
        for dataset in self.datasets:
            if isinstance(dataset, Named):
                pipeline, node = dataset.node(context)
            else:
                pipeline, node = dataset, context.lower(dataset)
            streaming = streaming and first_not_streaming(pipeline) is None
            parts.append(node)
        timed = all("_time" in part.schema for part in parts)
        if streaming and timed:
            return newest_first(UnionNode(tuple(parts)))
        limit = context.limits.append if self.limit is None else self.limit
        later = [context.capped(part, limit, "union") for part in parts[1:]]
        return UnionNode((parts[0], *later))


def parse(cursor: Cursor) -> Union:
    limit: int | None = None
    datasets: list[Pipeline | Named] = []
    while not cursor.done():
        option = cursor.option(("maxout", "maxtime", "timeout"), stops=",[")
        if option is not None:
            amount = whole(option[1], option[2])
            # maxtime and timeout bound how long Splunk looks; here a search runs to its end.
            limit = amount if option[0] == "maxout" else limit
        elif cursor.take(","):
            continue
        elif cursor.peek() == "[":
            datasets.append(cursor.subsearch())
        else:
            named = take_named(cursor)
            if named is None:
                cursor.fail(
                    f"expected a dataset, found {cursor.found()}", hint="[search ...], savedsearch:name or lookup:name"
                )
            datasets.append(named)
    if not datasets:
        cursor.fail("union needs a dataset", hint="union [search index=a] [search index=b]")
    return Union(tuple(datasets), limit)
