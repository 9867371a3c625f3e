"""streamstats: running aggregates.

Synopsis: `streamstats [current=<bool>] [window=<n>] [global=<bool>] [allnum=<bool>] <aggregation> [AS <name>]... [BY
<field>...]`; options may also follow the by-list. Search Reference, "streamstats".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.errors import Unsupported
from trapline.plan import Col, Expr, Node, Window, WindowCall
from trapline.spl.aggregates import Aggregation, lower_aggregation, parse_aggregations, resolve
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name, flag
from trapline.spl.cursor import count as whole
from trapline.spl.grouping import blank_without_group

OPTIONS = ("current", "window", "global", "allnum", "time_window", "reset_on_change", "reset_before", "reset_after")
_LATER = ("time_window", "reset_on_change", "reset_before", "reset_after")


@dataclass(frozen=True, slots=True)
class StreamStats:
    aggregations: tuple[Aggregation, ...]
    by: tuple[Name, ...]
    current: bool
    window: int

    def lower(self, context: Context, source: Node) -> Node:
        names = [name.text for name in self.by]
        partition: tuple[Expr, ...] = tuple(Col(n, source.schema[n]) for n in names if n in source.schema)
        calls = tuple(
            (
                one.name,
                WindowCall(
                    lower_aggregation(one, source.schema, context), partition, self.window or None, current=self.current
                ),
            )
            for one in resolve(self.aggregations, source.schema, names)
        )
        return blank_without_group(source, Window(source, calls), [name for name, _ in calls], names)


def parse(cursor: Cursor) -> StreamStats:
    current, window, globally = True, 0, True
    aggregations: list[Aggregation] = []
    by: list[Name] = []
    while not cursor.done():
        option = cursor.option(OPTIONS)
        if option is None:
            if cursor.looking_at("by"):
                by += cursor.by_clause(options=True)
            else:
                aggregations += parse_aggregations(cursor, what="streamstats", options=OPTIONS)
            continue
        name, value, span = option
        if name in _LATER:
            raise Unsupported(f"streamstats {name} is not supported yet", span=span)
        if name == "window":
            window = whole(value, span)
        elif name == "current":
            current = flag(value, span)
        elif name == "global":
            globally = flag(value, span)
    if not aggregations:
        cursor.fail("streamstats needs an aggregation", hint="streamstats count by user")
    if window and by and globally:
        cursor.unsupported(
            "streamstats with a window for all groups at once is not supported yet", hint="add global=false"
        )
    return StreamStats(tuple(aggregations), tuple(by), current, window)
