"""Whole events as results: which events they are is asked first, and what is in them read afterwards.

A search that ends in whole events has every field of every table as a column, a thousand and more. To sort, to window
or to cut such rows carries all of it along; and a column of one table is there for the events of all others. So the
plan runs with the place of each event (its file, and its row in it) in place of the fields that only pass through it,
and the fields of the events that are left are read from one table after another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter

from trapline.plan import (
    PLACE,
    Col,
    Expand,
    Extend,
    Filter,
    Join,
    Limit,
    Node,
    Project,
    Reverse,
    Scan,
    Sort,
    Table,
    Window,
)
from trapline.values import Kind

PORTION = 20_000
"""Events whose fields are read in one query, at most."""

FILES = 64
"""Files of a portion, at most."""


FILE_ROW = "file_row_number"
"""What Parquet readers call the row of a file."""

SOURCES = 24
"""Sources of a table that are read one after another, as knowledge goes by them; where it has more, all at once."""

SOURCE = "_event_source"
CARRIED: Mapping[str, Kind] = {**PLACE, SOURCE: Kind.TEXT}

_Kept = Filter | Extend | Project | Sort | Reverse | Limit | Window | Expand | Join

Place = tuple[str, int]
"""A file, and the row in it."""


@dataclass(frozen=True, slots=True)
class Late:
    """A plan over one scan, in two parts.

    `first`: its rows in order, as `FILE`, `ROW`, `SOURCE` and the fields that the plan `makes`. `passed`: the fields of
    the scan that pass through it, with the names that they have in the end.
    """

    scan: Scan
    first: Node
    makes: tuple[str, ...]
    passed: Mapping[str, tuple[str, ...]]


def late(node: Node) -> Late | None:
    """None where rows are not made of one event each, or the store cannot say its place."""
    chain, below = _chain(node)
    if not isinstance(below, Scan) or not below.tables or not _told_apart(below):
        return None
    # A field's name -> the field of the scan that it is; None: it is made on the way.
    origin: dict[str, str | None] = {name: name for name in below.schema}
    placed = replace(below, schema={**below.schema, **PLACE})
    first: Node = Extend(placed, ((SOURCE, Col("source", Kind.TEXT)),))
    for one in reversed(chain):
        match one:
            case Extend(values=values):
                first = Extend(first, values)
                origin = origin | {name: _source(expr, origin) for name, expr in values}
            case Project(values=values):
                first = Project(first, (*values, *((name, Col(name, kind)) for name, kind in CARRIED.items())))
                origin = {name: _source(expr, origin) for name, expr in values}
            case Window(values=windows):
                first = Window(first, windows)
                origin = origin | dict.fromkeys(name for name, _ in windows)
            case Expand(name=name, keep_null=keep_null):
                first = Expand(first, name, keep_null)
                origin = {**origin, name: None}
            case Join(right=right, on=on, values=values, outer=outer):
                first = Join(first, right, on, values, outer)
                origin = origin | dict.fromkeys(name for name, _ in values)
            case Filter() | Sort() | Reverse() | Limit():
                first = replace(one, input=first)
    makes = tuple(name for name in node.schema if origin[name] is None)
    passed: dict[str, list[str]] = {}
    for name in node.schema:
        if (read := origin[name]) is not None:
            passed.setdefault(read, []).append(name)
    kept = {**{name: node.schema[name] for name in makes}, **CARRIED}
    first = Project(first, tuple((name, Col(name, kind)) for name, kind in kept.items()))
    return Late(below, first, makes, {name: tuple(names) for name, names in passed.items()})


def scan_of(node: Node) -> Scan | None:
    """The scan whose events the rows of a plan are, one of them each; None for others."""
    below = _chain(node)[1]
    return below if isinstance(below, Scan) else None


def _chain(node: Node) -> tuple[list[_Kept], Node]:
    """The nodes that keep rows, the topmost first, and what they stand on."""
    chain: list[_Kept] = []
    while True:
        match node:
            case Filter() | Extend() | Project() | Sort() | Reverse() | Limit() | Window() | Expand():
                chain.append(node)
                node = node.input
            case Join():
                chain.append(node)
                node = node.left
            case _:
                return chain, node


def _told_apart(scan: Scan) -> bool:
    """No field of the events has the name of a place, in the plan or in a file."""
    physical = (name.lower() for table in scan.tables for name in table.columns.values())
    return not CARRIED.keys() & scan.schema.keys() and not any(name in (*CARRIED, FILE_ROW) for name in physical)


def _source(expr: object, origin: Mapping[str, str | None]) -> str | None:
    return origin.get(expr.name) if isinstance(expr, Col) else None


def portions(scan: Scan, events: Iterable[tuple[Place, str]]) -> Iterator[tuple[Table, Scan]]:
    """The events at these places and of these sources, in portions that are read at once, each with its table."""
    table_of = {file: number for number, table in enumerate(scan.tables) for file in table.files}
    sources: dict[int, dict[str, set[Place]]] = {}
    for place, source in events:
        sources.setdefault(table_of[place[0]], {}).setdefault(source, set()).add(place)
    for number in sorted(sources):
        of_table = sources[number].values()
        for places in of_table if len(of_table) <= SOURCES else [set[Place]().union(*of_table)]:
            for portion in _cut(scan, scan.tables[number], sorted(places)):
                yield scan.tables[number], portion


def _cut(scan: Scan, table: Table, places: Sequence[Place]) -> Iterator[Scan]:
    start = 0
    while start < len(places):
        files: dict[str, None] = {}
        end = start
        while end < len(places) and end - start < PORTION:
            file = places[end][0]
            if file not in files and len(files) == FILES:
                break
            files[file] = None
            end += 1
        by_file = groupby(places[start:end], key=itemgetter(0))
        rows = tuple((file, tuple(row for _, row in own)) for file, own in by_file)
        read = replace(table, files=tuple(files))
        yield replace(scan, tables=(read,), rows=rows, earliest=None, latest=None)
        start = end
