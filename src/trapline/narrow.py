"""Plans made smaller before they run: what a cheap question about the events says about the rest.

Most detections find nothing. `gates` says which part of a plan must give a row if the whole is to give one: its
conditions on single events, which are a fraction of its text and of the columns that it reads.

A search that ends in whole events has every field of every table as a column, a thousand and more, though its
conditions leave events of one or two tables. Which tables those are is a cheap question, because it reads only what the
conditions read; the fields that only the other tables have are then not asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from trapline.plan import (
    Agg,
    Aggregate,
    Col,
    Expand,
    Expr,
    Extend,
    Filter,
    Join,
    Limit,
    Node,
    Project,
    Reverse,
    Rows,
    Scan,
    Schema,
    Sort,
    Table,
    Union,
    Window,
    call,
    number,
)
from trapline.values import Kind

Chain = Filter | Extend | Project | Sort | Reverse | Limit | Window | Expand


Times = tuple[float, float] | None


def narrow(
    node: Node,
    count: Callable[[Node], int],
    schema_of: Callable[[Sequence[Table]], Schema],
    times: Callable[[Node], Times],
    settle: Callable[[Scan, bool], Scan],
) -> Node:
    """The same rows with the fields that hold something, from the tables that give some.

    `count` runs a plan and says how many rows it has; `schema_of` gives the fields of tables; `times` runs a plan and
    gives the first and last `_time` of its rows (epoch seconds), None where it has no row or one without a time;
    `settle` gives the same events with fewer expressions for their fields, and is told whether these are few events. A
    plan that is no chain over one scan comes back as it is.
    """
    chain: list[Chain] = []
    below = node
    while isinstance(below, Filter | Extend | Project | Sort | Reverse | Limit | Window | Expand):
        chain.append(below)
        below = below.input
    if not isinstance(below, Scan) or not below.tables:
        return node
    scan = _between(chain, below, times)
    # Only conditions on single rows may be asked per table: a limit or a window sees the rows of all.
    asked: list[Chain] = []
    for one in reversed(chain):
        if not isinstance(one, Filter | Extend | Project):
            break
        asked.append(one)
    kept = tuple(table for table in scan.tables if table.rows and count(_over(asked, replace(scan, tables=(table,)))))
    few = scan is not below or sum(table.rows for table in kept) <= SMALL
    settled = settle(replace(scan, tables=kept), few)
    if len(kept) == len(scan.tables):
        return _over(chain[::-1], settled)
    fields = schema_of(kept)
    made = {name for one in chain if isinstance(one, Extend | Project | Window) for name, _ in one.values}
    made.update(name for name in scan.schema if name.startswith("_"))
    wanted = [name for name in node.schema if name not in scan.schema or name in fields or name in made]
    result = _over(chain[::-1], settled)
    return Project(result, tuple((name, Col(name, node.schema[name])) for name in wanted))


def _between(chain: Sequence[Chain], scan: Scan, times: Callable[[Node], Times]) -> Scan:
    """The events of no more time than that in which the rows lie that a limit lets through: which ones these are is
    known from their order alone, before all their fields are read."""
    for place, one in enumerate(reversed(chain)):
        match one:
            case Limit():
                found = times(_over(chain[::-1][: place + 1], scan))
                if found is None:
                    return scan
                low, high = math.floor(found[0] * 1e6) - 1, math.ceil(found[1] * 1e6) + 2
                return replace(
                    scan,
                    earliest=low if scan.earliest is None else max(low, scan.earliest),
                    latest=high if scan.latest is None else min(high, scan.latest),
                )
            case Filter() | Extend() | Project():
                if _timed([one], scan) is scan:
                    return scan
            case Sort() | Reverse():
                pass
            case _:
                return scan
    return scan


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a plan on single rows: `top` is a chain of conditions and values over `low`, or `low` itself. `more`:
    there is work above it."""

    top: Node
    low: Scan | Rows
    more: bool

    @property
    def chain(self) -> list[Filter | Extend | Project]:
        """From the top down."""
        found = []
        node = self.top
        while isinstance(node, Filter | Extend | Project):
            found.append(node)
            node = node.input
        return found


def _parts(node: Node) -> list[_Part] | None:
    """Parts of a plan: if none of them has a row, neither has the whole. None where there are no such."""
    more = False
    while True:
        match node:
            case Union(inputs=inputs):
                found = [_parts(one) for one in inputs]
                return None if None in found else [part for one in found if one is not None for part in one]
            case Aggregate(input=below, by=by):
                if not by:
                    return None  # one row, whatever there is below
                node, more = below, True
            case Join(left=below):
                node, more = below, True
            case Window(input=below) | Expand(input=below):
                node, more = below, True
            case Sort(input=below) | Reverse(input=below):
                node = below
            case Limit(input=below, count=count):
                if count == 0:
                    return []
                node = below
            case Filter() | Extend() | Project():
                low: Node = node
                while isinstance(low, Filter | Extend | Project):
                    low = low.input
                if isinstance(low, Scan | Rows):
                    return [_Part(node, low, more)]
                node = low
            case Scan() | Rows():
                return [_Part(node, node, more)]


def gates(node: Node) -> list[Node] | None:
    """Parts of a plan: if none of them has a row, neither has the whole. None where there are no such, or where to ask
    is not much less than to run the whole: over given rows, and where little but conditions is there."""
    parts = _parts(node)
    if parts is None:
        return None
    for part in parts:
        large = isinstance(part.low, Scan) or part.low.data.num_rows > SMALL
        if not (part.more and large and any(isinstance(one, Filter) for one in part.chain)):
            return None
    return [part.top for part in parts]


def looked_at(
    node: Node, earliest: int | None, latest: int | None, are_events: Callable[[Rows], bool] = lambda _: False
) -> list[Node] | None:
    """Plans of the events, with `_time` and `_indextime`, that a plan reads and that pass the conditions on single
    events: over a part of its time range without such an event it gives no row. None where that cannot be said: where
    rows come without events, or from events outside of the range (microseconds) that was asked for. `are_events` tells
    given rows that are events of that range."""
    parts = _parts(node)
    if parts is None:
        return None
    found = []
    for part in parts:
        low = part.low
        match low:
            case Scan() if (low.earliest, low.latest) == (earliest, latest):
                pass
            case Rows() if are_events(low):
                pass
            case _:
                return None
        found.append(_timed(part.chain, low))
    return found


def _timed(chain: Sequence[Filter | Extend | Project], scan: Scan | Rows) -> Node:
    """As many nodes of a chain, the lowest first, as leave the time of the events as it is."""
    node: Node = scan
    for one in reversed(chain):
        if isinstance(one, Extend | Project):
            times = [(name, value) for name, value in one.values if name in ("_time", "_indextime")]
            same = all(isinstance(value, Col) and value.name == name for name, value in times)
            if not same or (isinstance(one, Project) and len(times) < 2):
                break
        node = one
    return node


def by_minute(node: Node, *, arrived: bool = False) -> Node:
    """How many events there are (`count`) by `minute`, and by the moment at which they `arrived`: the stamp
    of an append, the same for all that came with it."""

    def floor(name: str, width: int) -> Expr:
        whole = call("floor", Kind.NUMBER, call("div", Kind.NUMBER, Col(name, node.schema[name]), number(width)))
        return call("mul", Kind.NUMBER, whole, number(width))

    by = [
        ("minute", floor("_time", 60)),
        *([("arrived", Col("_indextime", node.schema["_indextime"]))] if arrived else []),
    ]
    return Aggregate(node, tuple(by), (("count", Agg("count_rows", None, Kind.NUMBER)),))


def by_arrival(node: Node) -> Node:
    """The moments at which the events came, `arrived`, each once."""
    return Aggregate(node, (("arrived", Col("_indextime", node.schema["_indextime"])),), ())


SMALL = 10_000
"""Given rows up to this number are not asked first."""


def _over(chain: Sequence[Chain], node: Node) -> Node:
    """The nodes of a chain, the lowest first, on top of another node. Extend and the like compute their schema anew."""
    for one in chain:
        match one:
            case Extend(values=values):
                node = Extend(node, values)
            case Project(values=values):
                node = Project(node, values)
            case Window(values=windows):
                node = Window(node, windows)
            case Expand(name=name, keep_null=keep_null):
                node = Expand(node, name, keep_null)
            case Filter() | Sort() | Reverse() | Limit():
                node = replace(one, input=node)
    return node
