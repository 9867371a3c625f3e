"""append: the rows of a subsearch after the others.

Synopsis: `append [extendtimerange=<bool>] [maxtime=<n>] [maxout=<n>] [timeout=<n>] [<subsearch>]`. Search Reference,
"append".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Node, Union
from trapline.spl.command import Context, Pipeline
from trapline.spl.cursor import Cursor
from trapline.spl.cursor import count as whole

MAX_ROWS = 50_000
"""limits.conf [searchresults] maxresultrows: what a subsearch of append returns at most"""


@dataclass(frozen=True, slots=True)
class Append:
    pipeline: Pipeline
    limit: int

    def lower(self, context: Context, source: Node) -> Node:
        other = context.capped(context.lower(self.pipeline), self.limit, "append")
        return Union((source, other))


def parse(cursor: Cursor) -> Append:
    limit = MAX_ROWS
    while (option := cursor.option(("extendtimerange", "maxtime", "maxout", "timeout"))) is not None:
        if option[0] == "maxout":
            limit = whole(option[1], option[2])
    return Append(cursor.subsearch(), limit)
