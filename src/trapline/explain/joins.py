"""Why a join left nothing: what its subsearch gave, and the values of the fields to join on, on both sides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trapline.explain.asking import Asking
from trapline.explain.facts import MOST_VALUES, most_frequent
from trapline.plan import Node, visible
from trapline.spl.command import Command, Generating, Pipeline

SHOWN = 3
"""Values of a field that are shown."""


def join_notes(context: Asking, command: Command | Generating, source: Node) -> Iterator[str]:
    """A sentence on the subsearch, and one on each pair of fields. Nothing where the join is with a dataset."""
    inner = getattr(command, "right", None)
    if not isinstance(inner, Pipeline):
        return
    right = context.lower(inner)
    rows = context.count(right)
    if not rows:
        yield "the subsearch gives no rows, so nothing can match: explain it alone"
        return
    pairs: Sequence[tuple[str, str]] = getattr(command, "pairs", ())
    if not pairs and getattr(command, "aliases", None) is None:
        pairs = tuple((name, name) for name in visible(source.schema) if name in right.schema and name != "_none")
    told: list[str] = []
    apart: list[str] = []
    for one, other in pairs:
        here, there = _values(context, source, one), _values(context, right, other)
        if not here or not there:
            side = "came in" if not here else "the subsearch gives"
            told.append(f"no row that {side} has the field {one if not here else other}")
            continue
        told.append(f"before join, {one} is {_few(here)}; in the subsearch, {other} is {_few(there)}")
        if len(here) < MOST_VALUES and len(there) < MOST_VALUES and not set(here) & set(there):
            named = one if one == other else f"{one}, which is {other} in the subsearch,"
            apart.append(f"no value of {named} is on both sides of the join")
    yield from apart
    yield f"the subsearch gives {rows:,} row{'' if rows == 1 else 's'}"
    yield from told


def _values(context: Asking, node: Node, name: str) -> list[str]:
    """The most frequent values; none for a field that no row has."""
    if name not in node.schema:
        return []
    return [value for value, _ in most_frequent(context, node, name, node.schema[name])]


def _few(values: Sequence[str]) -> str:
    more = f" and {len(values) - SHOWN:,} more" if len(values) > SHOWN else ""
    return ", ".join(values[:SHOWN]) + more
