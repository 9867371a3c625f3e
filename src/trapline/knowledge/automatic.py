"""LOOKUP-: automatic lookups, as steps of the search-time sequence.

Sources: props.conf.spec, "LOOKUP-<class>"; Knowledge Manager Manual, "Make your lookup automatic" and "The sequence of
search-time operations". Lookups run after calculated fields, in ASCII order of their keys; each sees what the ones
before it made. OUTPUT replaces a field, also by nothing where the table has no such row; OUTPUTNEW fills it where an
event has none. An event that lacks a match field is left as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import NamedTuple, cast

from trapline.errors import TraplineError, Warn
from trapline.knowledge.identities import GIVEN
from trapline.knowledge.records import Automatic, Unusable, unusable
from trapline.knowledge.steps import FIXED, Asking, Choice, Choices, Over, current, decide, first_of
from trapline.knowledge.tables import LookupTables
from trapline.plan import NULL, Call, Expr, Extend, Node, Schema, fields_of, substitute, widen
from trapline.spl.evaluate import as_kind, as_text, unify
from trapline.spl.lookups import TIME, Lookup, Matches, find_matches, find_rows, is_plain, without_helpers
from trapline.values import Kind


class _Branch(NamedTuple):
    """What one stanza looks up. `keys`: the values of its events to match, null for events of other stanzas."""

    table: Lookup
    fields: tuple[str, ...]
    keys: tuple[Expr, ...]
    outputs: tuple[tuple[str, str], ...]
    new: bool

    @property
    def plain(self) -> bool:
        """Does it match values that are text, and exactly?"""
        return all(key.kind is not Kind.MULTI for key in self.keys) and is_plain(self.table, self.fields)


@dataclass(slots=True)
class _Key:
    """The lookups of one key, at most one for an event. `schema`: the fields after it; `below`: those before it;
    `made`: the fields that it makes, some of them null in all events."""

    schema: dict[str, Kind]
    below: Schema
    branches: list[_Branch] = field(default_factory=list)
    warns: dict[str, list[Warn]] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)

    def reads(self, names: Set[str]) -> set[str]:
        """The fields that are read to make these."""
        read = {name for name in names if name in self.below}
        for branch in self.branches:
            if any(name in names for _, name in branch.outputs):
                read.update(one for key in branch.keys for one in fields_of(key))
                if branch.table.temporal is not None:
                    read.add(TIME)
        return read

    def lasts(self, names: Set[str]) -> bool:
        """Do these come from tables alone, with no look at the events?"""
        return all(
            branch.plain and not branch.table.filter
            for branch in self.branches
            if any(name in names for _, name in branch.outputs)
        )

    def add(self, node: Node, names: Set[str], values: dict[str, Expr], asking: Asking) -> tuple[Node, list[str]]:
        """Join what makes these fields; their values, over the node that comes back, go into `values`, which has what
        the keys before made. Also gives the helper columns."""
        made = {name: values.get(name, current(name, self.below)) for name in sorted(names)}
        hidden: list[str] = []
        for place, branch in enumerate(self.branches):
            wanted = [(column, name) for column, name in branch.outputs if name in made]
            if not wanted:
                continue
            columns = list(dict.fromkeys(column for column, _ in wanted))
            keys = [substitute(key, values) for key in branch.keys]
            matches: Matches | None = None
            if not branch.plain:
                own = (id(self), place)
                if own not in asking.memo:
                    asking.memo[own] = find_matches(asking.context, node, branch.table, branch.fields, keys)
                matches = cast("Matches", asking.memo[own])
            found = find_rows(asking.context, node, branch.table, branch.fields, keys, columns, matches)
            node = found.node
            hidden += found.hidden
            by_column = dict(zip(columns, found.values, strict=True))
            for column, name in wanted:
                before, value = made[name], by_column[column]
                if branch.new:
                    made[name] = first_of([before, value])
                else:
                    value, before = unify([value, before])
                    made[name] = Call("case", (found.asked, value, before), value.kind)
        values |= {name: as_kind(value, self.schema[name]) for name, value in made.items()}
        return node, hidden


class AutomaticLookups:
    """All LOOKUP- keys in ASCII order, as one step: joins, and one layer of values on top."""

    def __init__(self, choices: Choices, tables: LookupTables, below: Schema) -> None:
        self._keys: list[_Key] = []
        self.schema: Mapping[str, Kind] = below
        self.warns: dict[str, list[Warn]] = {}
        for name in sorted(name for name in choices if name[:6].upper() == "LOOKUP"):
            key = _step(choices[name], tables, self.schema)
            self._keys.append(key)
            self.schema = key.schema
            for one, warns in key.warns.items():
                self.warns.setdefault(one, []).extend(warns)
        self._made = frozenset(name for key in self._keys for name in key.made)

    def makes(self, name: str) -> bool:
        return name in self._made

    def lasts(self, made: Sequence[str]) -> bool:
        return all(key.lasts(names) for key, names in self._used(made)[0])

    def _used(self, made: Sequence[str]) -> tuple[list[tuple[_Key, set[str]]], set[str]]:
        """The keys that make these fields, the last one first, each with the fields that it has to make; and the fields
        that they read."""
        wanted = set(made)
        used: list[tuple[_Key, set[str]]] = []
        for key in reversed(self._keys):
            names = wanted & key.made
            if names:
                used.append((key, names))
                wanted = (wanted - names) | key.reads(names)
        return used, wanted

    def plan(self, made: Sequence[str], asking: Asking) -> tuple[set[str], Over]:
        used, wanted = self._used(made)

        def over(node: Node) -> Node:
            values: dict[str, Expr] = {}
            hidden: list[str] = []
            for key, names in reversed(used):
                node, helpers = key.add(node, names, values, asking)
                hidden += helpers
            node = Extend(node, tuple((name, values[name]) for name in made))
            return without_helpers(node, hidden) if hidden else node

        return wanted, over


def _step(choices: Sequence[Choice], tables: LookupTables, below: Schema) -> _Key:
    step = _Key(dict(below), below)
    for place, (_, rule) in enumerate(choices):
        if isinstance(rule, Automatic):
            refused = _add(step, choices, place, rule, tables)
        else:
            refused = rule if isinstance(rule, Unusable) else None
        if refused is not None:
            for name in refused.fields:
                step.warns.setdefault(name, []).append(refused.warn)
                if name not in step.schema:
                    step.schema[name] = Kind.TEXT
                    step.made.add(name)
    return step


def _add(step: _Key, choices: Sequence[Choice], place: int, rule: Automatic, tables: LookupTables) -> Unusable | None:
    """Put a lookup into its step; what is wrong with it otherwise."""
    if rule.table in GIVEN and not tables.has(rule.table):
        return None
    try:
        table = tables.usable(rule.table)
    except TraplineError as error:
        return unusable(rule.setting, f"cannot be followed: {error.reason}", rule.fields, error.hint)
    outputs = rule.outputs
    if outputs is None:
        matched = {column for column, _ in rule.on}
        if table.temporal is not None:
            matched.add(table.temporal.field)
        outputs = tuple((column, column) for column in table.fields if column not in matched)
    outputs = tuple((column, name) for column, name in outputs if name not in FIXED)
    for column, _ in (*rule.on, *outputs):
        if column not in table.fields:
            reason = f"names the column {column}, which the table {rule.table} has not"
            return unusable(rule.setting, reason, [name for _, name in outputs])
    for _, name in outputs:
        if name not in step.schema:
            step.schema[name] = Kind.TEXT
            step.made.add(name)
    sources = [current(name, step.below) for _, name in rule.on]
    if any(one == NULL for one in sources) or not outputs:
        return None
    own = [as_text(one) if one.kind is Kind.NUMBER else one for one in sources]
    keys = tuple(
        decide([(condition, key if at == place else NULL) for at, (condition, _) in enumerate(choices)]) for key in own
    )
    branch = _Branch(table, tuple(column for column, _ in rule.on), keys, outputs, rule.new)
    kinds = _kinds(branch)
    for column, name in outputs:
        step.schema[name] = widen(step.schema[name], kinds[column])
        step.made.add(name)
    step.branches.append(branch)
    return None


def _kinds(branch: _Branch) -> dict[str, Kind]:
    """The kinds of the outputs by column; MULTI where that is known only with the events."""
    table, columns = branch.table, [column for column, _ in branch.outputs]
    several = any(key.kind is Kind.MULTI for key in branch.keys)
    if not several and is_plain(table, branch.fields):
        kinds = table.by_key(branch.fields, columns)[1]
        default = Kind.MULTI if table.default_match and table.min_matches > 1 else Kind.TEXT
        return {column: widen(kind, default) for column, kind in zip(columns, kinds, strict=True)}
    if several or table.max_matches > 1 or table.min_matches > 1:
        return dict.fromkeys(columns, Kind.MULTI)
    return {
        column: Kind.MULTI if any(isinstance(row.get(column), list) for row in table.rows) else Kind.TEXT
        for column in columns
    }
