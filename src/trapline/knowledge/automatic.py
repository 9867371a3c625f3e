"""LOOKUP-: automatic lookups, as steps of the search-time sequence.

Sources: props.conf.spec, "LOOKUP-<class>"; Knowledge Manager Manual, "Make your lookup automatic" and "The sequence of
search-time operations". Lookups run after calculated fields, in ASCII order of their keys; each sees what the ones
before it made. OUTPUT replaces a field, also by nothing where the table has no such row; OUTPUTNEW fills it where an
event has none. An event that lacks a match field is left as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

from trapline.errors import TraplineError, Warn
from trapline.knowledge.records import Automatic, Unusable, unusable
from trapline.knowledge.steps import Asking, Choice, Choices, Over, current, decide, first_of
from trapline.knowledge.tables import LookupTables
from trapline.plan import NULL, Call, Expr, Extend, Node, Schema, fields_of, widen
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


@dataclass(slots=True)
class LookupStep:
    """The lookups of one key, at most one for an event."""

    schema: dict[str, Kind]
    below: Schema
    branches: list[_Branch] = field(default_factory=list)
    warns: dict[str, list[Warn]] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)
    """Fields that are made, some of them null in all events."""

    def makes(self, name: str) -> bool:
        return name in self.made

    def plan(self, made: Sequence[str], asking: Asking) -> tuple[set[str], Over]:
        names = set(made)
        read = {name for name in made if name in self.below}
        for branch in self.branches:
            if any(name in names for _, name in branch.outputs):
                read.update(one for key in branch.keys for one in fields_of(key))
                if branch.table.temporal is not None:
                    read.add(TIME)
        return read, lambda node: self._over(node, made, asking)

    def _over(self, node: Node, made: Sequence[str], asking: Asking) -> Node:
        values = {name: current(name, self.below) for name in made}
        hidden: list[str] = []
        for place, branch in enumerate(self.branches):
            wanted = [(column, name) for column, name in branch.outputs if name in values]
            if not wanted:
                continue
            columns = list(dict.fromkeys(column for column, _ in wanted))
            matches: Matches | None = None
            if any(key.kind is Kind.MULTI for key in branch.keys) or not is_plain(branch.table, branch.fields):
                own = (id(self), place)
                if own not in asking.memo:
                    asking.memo[own] = find_matches(asking.context, node, branch.table, branch.fields, branch.keys)
                matches = cast("Matches", asking.memo[own])
            found = find_rows(asking.context, node, branch.table, branch.fields, branch.keys, columns, matches)
            node = found.node
            hidden += found.hidden
            by_column = dict(zip(columns, found.values, strict=True))
            for column, name in wanted:
                before, value = values[name], by_column[column]
                if branch.new:
                    value = first_of([before, value])
                value, before = unify([value, before])
                values[name] = Call("case", (found.asked, value, before), value.kind)
        layer = tuple((name, as_kind(value, self.schema[name])) for name, value in values.items())
        node = Extend(node, layer)
        return without_helpers(node, hidden) if hidden else node


def automatic_lookups(choices: Choices, tables: LookupTables, below: Schema) -> list[LookupStep]:
    """A step for each LOOKUP- key, in ASCII order."""
    steps: list[LookupStep] = []
    for key in sorted(key for key in choices if key[:6].upper() == "LOOKUP"):
        step = _step(choices[key], tables, steps[-1].schema if steps else below)
        steps.append(step)
    return steps


def _step(choices: Sequence[Choice], tables: LookupTables, below: Schema) -> LookupStep:
    step = LookupStep(dict(below), below)
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


def _add(
    step: LookupStep, choices: Sequence[Choice], place: int, rule: Automatic, tables: LookupTables
) -> Unusable | None:
    """Put a lookup into its step; what is wrong with it otherwise."""
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
