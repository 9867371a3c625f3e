"""appendcols: the fields of a subsearch's rows beside those of the rows so far, row by row.

Syntax:
    appendcols [override=<bool>] [extendtimerange=<bool>] [maxtime=<n>] [maxout=<n>] [timeout=<n>] [<subsearch>]

Options:
    override=<bool> (false): where both have a value, that of the subsearch counts.
    extendtimerange=<bool> (false): no effect: it is about the time range that Splunk shows.
    maxtime=<n> (60): no effect: the subsearch runs to its end.
    maxout=<n> (50000): rows of the subsearch at most; a warning says where it was cut.
    timeout=<n> (60): no effect, as maxtime.

Source: Search Reference, "appendcols".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import (
    Agg,
    Col,
    Expr,
    Filter,
    Join,
    Node,
    Project,
    Rows,
    Union,
    Window,
    WindowCall,
    call,
    number,
    visible,
)
from trapline.spl.command import Context, Pipeline
from trapline.spl.cursor import Cursor, flag
from trapline.spl.cursor import count as whole
from trapline.spl.joining import from_right, merged
from trapline.values import Kind

PLACE = "_appendcols_row"


@dataclass(frozen=True, slots=True)
class AppendCols:
    pipeline: Pipeline
    override: bool
    limit: int | None

    def lower(self, context: Context, source: Node) -> Node:
        limit = context.limits.append if self.limit is None else self.limit
        other = context.capped(context.lower(self.pipeline), limit, "appendcols")
        rows = context.held(source)
        left, right = _numbered(rows), _numbered(other)
        place: Expr = Col(PLACE, Kind.NUMBER)
        joined = Join(left, right, ((place, place),), from_right(other.schema, right))
        names = visible(other.schema)
        beside = merged(joined, rows.schema, names, overwrite=self.override)
        assert isinstance(other, Rows)
        if other.data.num_rows <= rows.data.num_rows:
            return beside
        rest = Filter(right, call("gt", Kind.BOOL, place, number(rows.data.num_rows)))
        return Union((beside, Project(rest, tuple((name, Col(name, other.schema[name])) for name in names))))


def _numbered(node: Node) -> Node:
    return Window(node, ((PLACE, WindowCall(Agg("row_number", None, Kind.NUMBER))),))


def parse(cursor: Cursor) -> AppendCols:
    limit: int | None = None
    override = False
    # maxtime and timeout bound how long Splunk looks; here a subsearch runs to its end.
    while (
        option := cursor.option(("override", "extendtimerange", "maxtime", "maxout", "timeout"), stops=",[")
    ) is not None:
        name, value, span = option
        if name == "override":
            override = flag(value, span)
        elif name == "extendtimerange":
            flag(value, span)
        elif name == "maxout":
            limit = whole(value, span)
        else:
            whole(value, span)
    if cursor.at_option():
        cursor.no_option()
    return AppendCols(cursor.subsearch(), override, limit)
