"""A dataset of a data model as commands see it: its events, and the names that its fields have.

Sources: Search Reference, "tstats", "datamodel", "from"; Knowledge Manager Manual, "About data models". tstats and
`datamodel ... search` name a field by the dataset that owns it, `Processes.dest`; `from` and `datamodel ... flat` by
itself, `dest`. What every event has (`_time`, `host`, `source`, `sourcetype`, `index`) has no prefix.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trapline.plan import NULL, Col, Expr, Node, Project
from trapline.spl.filter import And as FilterAnd
from trapline.spl.filter import Compare, Not, OneOf
from trapline.spl.filter import Filter as Tree
from trapline.spl.filter import Or as FilterOr

META = ("_time", "_raw", "_indextime", "index", "sourcetype", "source", "host")
"""Fields that keep their plain name in every dataset."""
NODENAME = "nodename"


@dataclass(frozen=True, slots=True)
class Dataset:
    """`node`: the events, under plain names. `owned`: the dataset's fields, plain name -> name with the owner's
    prefix."""

    model: str
    name: str
    node: Node
    owned: Mapping[str, str]

    def qualified(self, *, strict: bool = True, doubled: bool = False) -> Node:
        """With prefixes. Without `strict`, fields of the events that the dataset does not have stay, unprefixed.
        `doubled`: a field of META that the dataset declares is there under both names."""
        schema = self.node.schema
        values: list[tuple[str, Expr]] = [(name, Col(name, schema[name])) for name in META if name in schema]
        for plain, name in self.owned.items():
            if plain in META and plain in schema and not doubled:
                continue
            values.append((name, Col(plain, schema[plain]) if plain in schema else NULL))
        taken = {name for name, _ in values}
        for name, kind in schema.items():
            known = name in self.owned or name in taken
            if name == NODENAME or (not strict and not known):
                values.append((name, Col(name, kind)))
        return Project(self.node, tuple(values))

    def flat(self, *, strict: bool = True) -> Node:
        """Without prefixes."""
        schema = self.node.schema
        names = [name for name in META if name in schema]
        names += [name for name in self.owned if name not in names]
        if not strict:
            names += [name for name in schema if name not in names]
        return Project(self.node, tuple((name, Col(name, schema[name]) if name in schema else NULL) for name in names))


def names_field(tree: Tree | None, field: str) -> bool:
    """Does a search expression compare a field?"""
    match tree:
        case Compare(field=name) | OneOf(field=name):
            return name == field
        case Not(operand=operand):
            return names_field(operand, field)
        case FilterAnd(parts=parts) | FilterOr(parts=parts):
            return any(names_field(part, field) for part in parts)
    return False


def nearest(wanted: str, known: Sequence[str]) -> str | None:
    """A hint for a name that does not exist."""
    near = difflib.get_close_matches(wanted, known, 1, 0.5)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"there are {', '.join(sorted(known)[:8])}" if known else None
