"""Why a join left nothing: what its subsearch gave, and the values of the fields to join on, on both sides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trapline.explain.asking import Asking
from trapline.explain.facts import most_frequent
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
    yield f"the subsearch gives {rows:,} row{'' if rows == 1 else 's'}"
    pairs: Sequence[tuple[str, str]] = getattr(command, "pairs", ())
    if not pairs and getattr(command, "aliases", None) is None:
        pairs = tuple((name, name) for name in visible(source.schema) if name in right.schema and name != "_none")
    for one, other in pairs:
        here, there = _values(context, source, one), _values(context, right, other)
        if here is None or there is None:
            side = "came in" if here is None else "the subsearch gives"
            yield f"no row that {side} has the field {one if here is None else other}"
        else:
            yield f"before join, {one} is {here}; in the subsearch, {other} is {there}"


def _values(context: Asking, node: Node, name: str) -> str | None:
    """The most frequent values, None for a field that no row has."""
    if name not in node.schema:
        return None
    found = most_frequent(context, node, name, node.schema[name])
    if not found:
        return None
    more = f" and {len(found) - SHOWN:,} more" if len(found) > SHOWN else ""
    return ", ".join(value for value, _ in found[:SHOWN]) + more
