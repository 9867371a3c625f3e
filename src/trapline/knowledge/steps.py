"""What the steps of the search-time sequence share: choices by stanza, values of events, and the step itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from trapline.errors import Warn
from trapline.events import RESERVED
from trapline.knowledge.records import Rule, Unusable
from trapline.plan import NULL, TRUE, Call, Col, Expr, Extend, Node, Schema, either, fields_of
from trapline.spl.command import Context
from trapline.spl.evaluate import is_null_literal, unify
from trapline.values import Kind

Choice = tuple[Expr, Rule]
"""What a stanza says about a key, and the condition under which events follow it."""

Choices = Mapping[str, Sequence[Choice]]
"""By key, the strongest stanza first."""

METADATA = frozenset({"index", "sourcetype", "source", "host"})

FIXED = RESERVED - {"host", "source", "sourcetype", "_raw"}
"""Fields that stay as they are stored, whatever an add-on says: in which index and when an event is."""

Over = Callable[[Node], Node]
"""What a step puts on top of a plan."""


class Asking(Protocol):
    """Who asks for fields: one search, over one scan."""

    @property
    def context(self) -> Context: ...
    @property
    def memo(self) -> dict[object, object]:
        """What was found out for this scan."""
        ...


class Step(Protocol):
    """One step of the sequence.

    `schema`: the fields after it. `warns`: what to say when a field is asked for."""

    @property
    def schema(self) -> Mapping[str, Kind]: ...
    @property
    def warns(self) -> Mapping[str, Sequence[Warn]]: ...

    def makes(self, name: str) -> bool: ...

    def lasts(self, made: Sequence[str]) -> bool:
        """Is the plan of these the same for every search that reads the same events?"""
        ...

    def plan(self, made: Sequence[str], asking: Asking) -> tuple[set[str], Over]:
        """The fields that are read to make these, and how they are made over a plan that has those."""
        ...


@dataclass(slots=True)
class Values:
    """A step whose fields are expressions over those of the step before.

    `deferred`: fields whose expression depends on the search. `unmade`: of these, those that may turn out not to, by
    what makes the expression when it is first asked for; None where it does depend."""

    schema: dict[str, Kind]
    values: dict[str, Expr] = field(default_factory=dict)
    deferred: dict[str, Callable[[Context], Expr]] = field(default_factory=dict)
    unmade: dict[str, Callable[[], Expr | None]] = field(default_factory=dict)
    warns: dict[str, list[Warn]] = field(default_factory=dict)
    _hoisted: dict[Expr, str] = field(default_factory=dict)
    _taken: dict[str, _Taken] = field(default_factory=dict)
    """By field: the same objects for every search, by which the compiler knows them again."""

    def makes(self, name: str) -> bool:
        return name in self.values or name in self.deferred

    def lasts(self, made: Sequence[str]) -> bool:
        for name in made:
            if name in self.unmade and (value := self.unmade.pop(name)()) is not None:
                self.values[name] = value
        return all(name in self.values for name in made)

    def plan(self, made: Sequence[str], asking: Asking) -> tuple[set[str], Over]:
        lasts = self.lasts(made)
        layer: list[tuple[str, Expr]] = []
        columns: dict[str, Expr] = {}
        read: set[str] = set()
        for name in made:
            if name in self.values and name not in self._taken:
                self._taken[name] = _take(self.values[name], self._hoisted)
        hoisted = {} if lasts else dict(self._hoisted)
        for name in made:
            if name in self.values:
                taken = self._taken[name]
            else:
                taken = _take(self.deferred[name](asking.context), hoisted)
            layer.append((name, taken.value))
            columns |= taken.columns
            read |= taken.read
        below = sorted(columns.items(), key=lambda one: _place(one[0]))

        def over(node: Node) -> Node:
            for one in below:
                node = Extend(node, (one,))
            return Extend(node, tuple(layer))

        return read, over

    def put(self, name: str, value: Expr, below: Schema) -> None:
        """A field made. What only hands through what was there is left out, and what would write a fixed one."""
        if name in FIXED or (value == current(name, below) and name in below):
            return
        self.values[name] = value
        self.schema[name] = value.kind

    def unusable(self, rule: Unusable, below: Schema) -> None:
        """Its fields exist, and hold what they held."""
        for name in rule.fields:
            self.warns.setdefault(name, []).append(rule.warn)
            if name not in below and name not in self.schema:
                self.put(name, NULL, below)


_HIDDEN = "_pairs "
"""How the names of columns with pairs start; no field of an event has a blank there."""


def hoist(value: Expr, hoisted: dict[Expr, str]) -> Expr:
    """The same with what is taken apart into a list put into columns of their own, each after those that it reads: a
    field reads the list several times, and it is dear. The same object, where nothing is."""
    if not isinstance(value, Call):
        return value
    args = tuple([hoist(one, hoisted) for one in value.args])
    if any(one is not other for one, other in zip(args, value.args, strict=True)):
        value = Call(value.op, args, value.kind)
    match value:
        case Call(op="pairs_values", args=(pairs, name)) if isinstance(pairs, Call):
            return Call(value.op, (_column(pairs, hoisted), name), value.kind)
        case Call(op="listed_values"):
            return _column(value, hoisted)
    return value


class _Taken(NamedTuple):
    """A value after `hoist`: the columns that stand below it, and the fields that all of them read."""

    value: Expr
    columns: Mapping[str, Expr]
    read: frozenset[str]


def _take(value: Expr, hoisted: dict[Expr, str]) -> _Taken:
    value = hoist(value, hoisted)
    made = {name: one for one, name in hoisted.items()} if hoisted else {}
    columns: dict[str, Expr] = {}
    read: set[str] = set()
    waiting = fields_of(value)
    while waiting:
        name = waiting.pop()
        if name not in made:
            read.add(name)
        elif name not in columns:
            columns[name] = made[name]
            waiting += fields_of(made[name])
    return _Taken(value, columns, frozenset(read))


def _place(hidden: str) -> int:
    return int(hidden.removeprefix(_HIDDEN))


def _column(value: Expr, hoisted: dict[Expr, str]) -> Expr:
    return Col(hoisted.setdefault(value, f"{_HIDDEN}{len(hoisted)}"), value.kind)


def current(name: str, schema: Schema) -> Expr:
    """A field as it is; null where there is none."""
    return Col(name, schema[name]) if name in schema else NULL


def decide(branches: Sequence[tuple[Expr, Expr]], otherwise: Expr = NULL) -> Expr:
    """The value of the first branch whose condition holds, all made one kind."""
    kept: list[tuple[Expr, Expr]] = []
    for condition, value in branches:
        if condition == TRUE:
            otherwise = value
            break
        if kept and kept[-1][1] == value:
            kept[-1] = (either([kept[-1][0], condition]), value)
        else:
            kept.append((condition, value))
    while kept and kept[-1][1] == otherwise:
        kept.pop()
    if not kept:
        return otherwise
    *values, last = unify([*(value for _, value in kept), otherwise])
    arguments = [part for (condition, _), value in zip(kept, values, strict=True) for part in (condition, value)]
    return Call("case", (*arguments, last), last.kind)


def first_of(values: Sequence[Expr]) -> Expr:
    """The first that is not null."""
    known = [value for value in values if not is_null_literal(value)]
    if not known:
        return NULL
    if len(known) == 1:
        return known[0]
    same = [
        part for one in unify(known) for part in (one.args if isinstance(one, Call) and one.op == "coalesce" else [one])
    ]
    return Call("coalesce", tuple(same), same[0].kind)
