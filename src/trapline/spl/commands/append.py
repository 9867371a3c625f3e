"""append: the rows of a subsearch after the others.

Syntax:
    append [extendtimerange=<bool>] [maxtime=<n>] [maxout=<n>] [timeout=<n>] [<subsearch>]

Options:
    extendtimerange=<bool> (false): no effect: it is about the time range that Splunk shows.
    maxtime=<n> (60): no effect: the subsearch runs to its end.
    maxout=<n> (50000): rows of the subsearch at most; a warning says where it was cut.
    timeout=<n> (60): no effect, as maxtime.

Source: Search Reference, "append".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Node, Union
from trapline.spl.command import Context, Pipeline
from trapline.spl.cursor import Cursor, flag
from trapline.spl.cursor import count as whole


@dataclass(frozen=True, slots=True)
class Append:
    pipeline: Pipeline
    limit: int | None

    def lower(self, context: Context, source: Node) -> Node:
        limit = context.limits.append if self.limit is None else self.limit
        return Union((source, context.capped(context.lower(self.pipeline), limit, "append")))


def parse(cursor: Cursor) -> Append:
    limit: int | None = None
    # maxtime and timeout bound how long Splunk looks; here a subsearch runs to its end. extendtimerange only widens the
    # range that Splunk shows for the search.
    while (option := cursor.option(("extendtimerange", "maxtime", "maxout", "timeout"), stops=",[")) is not None:
        name, value, span = option
        if name == "extendtimerange":
            flag(value, span)
        elif name == "maxout":
            limit = whole(value, span)
        else:
            whole(value, span)
    if cursor.at_option():
        cursor.no_option()
    return Append(cursor.subsearch(), limit)
