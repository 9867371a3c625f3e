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
from trapline.spl.filter import Compare, Everything, Not, OneOf, Term, Time
from trapline.spl.filter import Filter as Tree
from trapline.spl.filter import Or as FilterOr

META = ("_time", "_raw", "_indextime", "index", "sourcetype", "source", "host")
"""Fields that keep their plain name in every dataset."""
NODENAME = "nodename"
_OPEN = frozenset({"eventtype", "tag", "eventtypetag", "hosttag", "savedsearch", "savedsplunk"})
"""Fields of a search expression that stand for other conditions."""


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


def read_by(tree: Tree) -> frozenset[str] | None:
    """The fields that a search expression reads; None where that shows only when it runs (subsearches, wildcards in
    names, eventtypes, tags, saved searches)."""
    match tree:
        case Everything() | Time():
            return frozenset()
        case Term():
            return frozenset({"_raw"})
        case Compare(field=name) | OneOf(field=name, lists=()):
            return None if "*" in name or name.partition("::")[0].lower() in _OPEN else frozenset({name})
        case Not(operand=operand):
            return read_by(operand)
        case FilterAnd(parts=parts) | FilterOr(parts=parts):
            found = [read_by(part) for part in parts]
            known = [one for one in found if one is not None]
            return frozenset[str]().union(*known) if len(known) == len(found) else None
    return None


def nearest(wanted: str, known: Sequence[str]) -> str | None:
    """A hint for a name that does not exist."""
    near = difflib.get_close_matches(wanted, known, 1, 0.5)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"there are {', '.join(sorted(known)[:8])}" if known else None
