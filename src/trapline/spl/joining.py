"""What join, selfjoin and appendcols share: how the fields of two matching rows become those of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from trapline.plan import Call, Col, Expr, Extend, Node, Project, widen
from trapline.spl.evaluate import as_kind

RIGHT = "_r:"
"""Before the name of a field of the other row while both are there."""


def merged(node: Node, mine: Iterable[str], other: Iterable[str], *, overwrite: bool) -> Node:
    """The rows of a join whose other row's fields are named RIGHT + name: with `overwrite` its values take the place of
    those of the same name, else they only fill what is null."""
    kinds = node.schema
    own = list(mine)
    values: dict[str, Expr] = {}
    for name in other:
        if RIGHT + name not in kinds:
            continue
        theirs: Expr = Col(RIGHT + name, kinds[RIGHT + name])
        if name not in own:
            values[name] = theirs
            continue
        kind = widen(kinds[name], theirs.kind)
        pair = (as_kind(Col(name, kinds[name]), kind), as_kind(theirs, kind))
        values[name] = Call("coalesce", pair[::-1] if overwrite else pair, kind)
    extended = Extend(node, tuple(values.items())) if values else node
    kept = [*own, *(name for name in values if name not in own)]
    return Project(extended, tuple((name, Col(name, extended.schema[name])) for name in kept))


def from_right(schema: Mapping[str, object], node: Node, without: Iterable[str] = ()) -> tuple[tuple[str, Expr], ...]:
    """The values of a Join for `merged`: every field of the other side but those that only served it."""
    dropped = set(without)
    return tuple(
        (RIGHT + name, Col(name, node.schema[name])) for name in schema if name not in dropped and name != "_none"
    )
