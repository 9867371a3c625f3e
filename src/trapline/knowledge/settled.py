"""Search-time fields of events of which something is known beforehand: what their plan comes to.

The plan of the fields of a sourcetype has the stanzas of all add-ons that may apply to it, all eventtypes and all tags.
Which sources some events have, and which stored fields hold nothing in any of them, is a cheap question. Conditions
that hold for none of these events, and what depends on fields that hold nothing, are then left out: the values are the
same, and an engine plans a fraction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, NamedTuple

from trapline.knowledge.steps import METADATA
from trapline.plan import (
    FALSE,
    TRUE,
    Agg,
    Aggregate,
    Call,
    Col,
    Expanded,
    Expr,
    Extend,
    Join,
    Lambda,
    Lit,
    Node,
    Project,
    Scan,
    Schema,
    both,
    either,
)
from trapline.values import Kind, Row

MOST = 24
"""Groups of events that are told apart; where there are more, their sources are not."""


class _Unknown(Enum):
    UNKNOWN = "unknown"
    NEVER = "never"


UNKNOWN: Final = _Unknown.UNKNOWN
NEVER: Final = _Unknown.NEVER
"""False or null."""


class _Some(frozenset[str]):
    """A list of such values, or null."""


Known = str | float | bool | tuple[str, ...] | _Some | _Unknown | None
"""The value of an expression in all events of a group; None is null."""

_STRICT = frozenset(
    {
        *("eq", "ne", "lt", "le", "gt", "ge", "in", "not"),
        *("lower", "upper", "trim", "ltrim", "rtrim", "length", "concat", "split"),
        *("starts_with", "contains", "like", "wildcard", "regex_match", "regex_extract"),
        *("list_of", "list_count", "list_at", "list_map", "list_filter"),
    }
)
"""Functions that give null where their first argument is null."""


@dataclass(frozen=True, slots=True)
class Group:
    """Events of one table. `values`: what is known of their index, sourcetype and source; `holds`: the stored fields
    of which some event may have a value."""

    values: Mapping[str, Known]
    holds: frozenset[str]

    def value(self, name: str) -> Known:
        if name in self.values:
            return self.values[name]
        return UNKNOWN if name in self.holds or name.startswith("_") or name in ("host", "source") else None


def groups(scan: Scan, rows: Callable[[Node], Sequence[Row]], stored: Schema | None) -> list[Group]:
    """The groups of a scan's events; none where there is nothing to gain by them. `rows` runs a plan. `stored`: the
    kinds of stored fields, where it is worth a look which of them hold something."""
    for by in (["source"], []):
        found = [group for table in scan.tables for group in _groups(replace(scan, tables=(table,)), by, rows, stored)]
        if len(found) <= MOST:
            return found
    return []


def _groups(scan: Scan, by: Sequence[str], rows: Callable[[Node], Sequence[Row]], stored: Schema | None) -> list[Group]:
    """Those of a scan of one table."""
    (table,) = scan.tables
    fields = sorted(name for name in table.fields | table.multi if not name.startswith("_") and name not in METADATA)
    own: dict[str, Known] = {"index": table.index, "sourcetype": table.sourcetype}
    asked = {name: stored[name] for name in fields if stored is not None and name in stored}
    if not by and not asked:
        return [Group(own, frozenset(fields))]
    bare = replace(scan, expand=None, schema={**asked, "source": Kind.TEXT})
    counts = tuple(
        (f"n{place}", Agg("count", Col(name, kind), Kind.NUMBER)) for place, (name, kind) in enumerate(asked.items())
    )
    node = Aggregate(
        bare,
        tuple((name, Col(name, Kind.TEXT)) for name in by),
        (("n", Agg("count_rows", None, Kind.NUMBER)), *counts),
    )
    found: list[Group] = []
    for row in rows(node):
        if not row["n"]:
            continue
        empty = {name for place, name in enumerate(asked) if not row.get(f"n{place}")}
        values = {name: None if name not in row else str(row[name]) for name in by}
        found.append(Group({**own, **values}, frozenset(fields) - empty))
    return found


def settled(scan: Scan, known: Sequence[Group]) -> Scan:
    """The same events, with the plan of their fields for these groups."""
    expand = scan.expand
    if expand is None or not known:
        return scan

    def fewer(own: Scan, need: frozenset[str]) -> Expanded:
        made = expand(own, need)
        return Expanded(_Settling(known).node(made.node)[0], lasting=False)

    return replace(scan, expand=fewer)


class _Value(NamedTuple):
    """An expression, and what it is in each group."""

    expr: Expr
    known: tuple[Known, ...]


_Fields = Mapping[str, tuple[Known, ...]]
"""Fields of which something is known."""


class _Settling:
    def __init__(self, known: Sequence[Group]) -> None:
        self._groups = known
        self._open: tuple[Known, ...] = (UNKNOWN,) * len(known)
        self._null: tuple[Known, ...] = (None,) * len(known)

    def node(self, node: Node) -> tuple[Node, _Fields]:
        """The same rows, and what is known of their fields."""
        match node:
            case Scan():
                return node, {name: tuple([one.value(name) for one in self._groups]) for name in node.schema}
            case Extend():
                below, fields = self.node(node.input)
                made = [(name, self.value(value, fields)) for name, value in node.values]
                known = {**fields, **{name: one.known for name, one in made}}
                return Extend(below, tuple([(name, one.expr) for name, one in made])), known
            case Project():
                below, fields = self.node(node.input)
                made = [(name, self.value(value, fields)) for name, value in node.values]
                known = {name: one.known for name, one in made}
                return Project(below, tuple([(name, one.expr) for name, one in made])), known
            case Join(left=left, on=on):
                below, fields = self.node(left)
                keys = [(self.value(own, fields), other) for own, other in on]
                null = {name: Lit(None, value.kind) for name, value in node.values}
                if node.outer and any(key.known == self._null for key, _ in keys):
                    # Null equals nothing.
                    return Extend(below, tuple(null.items())), {**fields, **dict.fromkeys(null, self._null)}
                known = {**fields, **dict.fromkeys(null, self._open)}
                return replace(node, left=below, on=tuple([(key.expr, other) for key, other in keys])), known
        return node, {}

    def value(self, expr: Expr, fields: _Fields, *, test: bool = False) -> _Value:
        """`test`: it decides whether something is done, so that false and null are one."""
        match expr:
            case Lit(value=constant):
                return _Value(expr, (constant,) * len(self._groups))
            case Col(name=name):
                return self._told(expr, fields.get(name, self._open))
            case Lambda(param=param, body=body):
                inner = {name: known for name, known in fields.items() if name != param}
                return _Value(Lambda(param, self.value(body, inner).expr), self._open)
            case Call(op=op):
                joins, last = op in ("and", "or"), len(expr.args) - 1
                args = [
                    self.value(one, fields, test=(test and joins) or (op == "case" and place % 2 == 0 and place < last))
                    for place, one in enumerate(expr.args)
                ]
                return self._told(*self._call(expr, args, test), test=test)

    def _told(self, expr: Expr, known: tuple[Known, ...], *, test: bool = False) -> _Value:
        """A value; a constant where it is null, true or false in all groups."""
        if test and all(one is None or one is False or one is NEVER for one in known):
            return _Value(FALSE, known)
        first = known[0]
        if not isinstance(first, _Unknown) and not isinstance(expr, Lit) and all(one is first for one in known):
            if first is None:
                expr = Lit(None, expr.kind)
            elif expr.kind is Kind.BOOL:
                expr = TRUE if first is True else FALSE
        return _Value(expr, known)

    def _call(self, call: Call, args: Sequence[_Value], test: bool) -> tuple[Expr, tuple[Known, ...]]:
        same = replace(call, args=tuple([one.expr for one in args]))
        by_group = list(zip(*(one.known for one in args), strict=True)) if args else []
        match call.op:
            case "and" | "or":
                ends = call.op == "or"
                known = tuple([_joined(one, ends) for one in by_group])
                kept = [
                    one.expr
                    for one in args
                    if any(value is not (not ends) for value in one.known) and not (test and ends and one.expr == FALSE)
                ]
                return (either(kept) if ends else both(kept)), known
            case "case":
                return self._case(call, args)
            case "coalesce":
                kept = [one.expr for one in args if one.known != self._null]
                expr: Expr = same
                if len(kept) == 1 and kept[0].kind is call.kind:
                    expr = kept[0]
                elif len(kept) > 1:
                    expr = replace(call, args=tuple(kept))
                return expr, tuple([_first(one) for one in by_group])
            case "list_concat":
                kept = [one.expr for one in args if one.known != self._null]
                return replace(call, args=tuple(kept)) if kept else same, tuple([_listed(one) for one in by_group])
            case "is_null" | "is_not_null":
                wanted = call.op == "is_null"
                return same, tuple([_is_null(one[0], wanted) for one in by_group])
            case "list_any" if isinstance(body := args[1].expr, Lambda):
                return same, tuple([_any(one[0], body) for one in by_group])
            case op if by_group:
                return same, tuple([_computed(op, one) for one in by_group])
        return same, self._open

    def _case(self, call: Call, args: Sequence[_Value]) -> tuple[Expr, tuple[Known, ...]]:
        branches: list[tuple[Expr, Expr]] = []
        otherwise: _Value = args[-1]
        decided: list[list[Known]] = [[] for _ in self._groups]
        """By group, the values that it may come to."""
        done = [False] * len(self._groups)
        for when, then in zip(args[:-1:2], args[1::2], strict=True):
            possible = False
            for place, condition in enumerate(when.known):
                if done[place] or condition is None or condition is False or condition is NEVER:
                    continue
                possible = True
                decided[place].append(then.known[place])
                done[place] = condition is True
            if possible:
                branches.append((when.expr, then.expr))
                if all(done):
                    # The last that holds for whatever comes to it.
                    branches.pop()
                    otherwise = then
                    break
        for place, values in enumerate(decided):
            if not done[place]:
                values.append(otherwise.known[place])
        known = tuple([_one(values) for values in decided])
        if not branches:
            expr = otherwise.expr
            return expr if expr.kind is call.kind else Call("case", (FALSE, expr, expr), call.kind), known
        return replace(call, args=(*[part for one in branches for part in one], otherwise.expr)), known


def _one(values: Sequence[Known]) -> Known:
    """What is known of one of these values."""
    first, *others = values
    if all(type(one) is type(first) and one == first for one in others):
        return first
    return _listed(values)


def _first(values: Sequence[Known]) -> Known:
    """What is known of the first value that is not null."""
    possible: list[Known] = []
    for one in values:
        if isinstance(one, _Unknown):
            return UNKNOWN
        if one is not None:
            possible.append(one)
            if not isinstance(one, _Some):
                break
    return _one(possible) if possible else None


def _listed(values: Sequence[Known]) -> Known:
    """What is known of lists that are put together."""
    found: set[str] = set()
    for one in values:
        match one:
            case tuple() | frozenset():
                found.update(one)
            case None:
                pass
            case _:
                return UNKNOWN
    return _Some(found) if found else None


def _any(values: Known, body: Lambda) -> Known:
    """Is one of the values one of some constants, letter case aside?"""
    match body:
        case Lambda(param, Call("eq" | "in", (Call("lower", (Col(name),)), *constants))) if name == param:
            if values is None:
                return None
            if isinstance(values, tuple | frozenset) and all(map(str.isascii, values)):
                wanted = {one.value if isinstance(one, Lit) else UNKNOWN for one in constants}
                if UNKNOWN not in wanted and None not in wanted and wanted.isdisjoint(map(str.lower, values)):
                    return NEVER
    return UNKNOWN


def _is_null(value: Known, wanted: bool) -> Known:
    return UNKNOWN if isinstance(value, _Unknown | _Some) else (value is None) is wanted


def _joined(values: Sequence[Known], ends: bool) -> Known:
    """Three-valued `or` (`ends` is true) and `and`."""
    if any(value is ends for value in values):
        return ends
    if any(one is UNKNOWN for one in values):
        return UNKNOWN if ends or not any(one is None or one is NEVER for one in values) else NEVER
    if any(one is NEVER for one in values):
        return NEVER
    return None if any(one is None for one in values) else not ends


def _computed(op: str, args: Sequence[Known]) -> Known:
    """A function of what is known; what is not certain to be the same in every engine is unknown."""
    first = args[0]
    if first is None:
        return None if op in _STRICT else UNKNOWN
    if op == "not":
        return UNKNOWN if not isinstance(first, bool) else not first
    if not isinstance(first, str) or not all(isinstance(one, str) for one in args):
        return UNKNOWN
    match op:
        case "eq":
            return first == args[1]
        case "ne":
            return first != args[1]
        case "in":
            return first in args[1:]
        case "lower" if first.isascii():
            return first.lower()
        case "upper" if first.isascii():
            return first.upper()
        case "starts_with":
            return first.startswith(str(args[1]))
        case "contains":
            return str(args[1]) in first
        case "like" if not set("\\_") & set(str(args[1])):
            return _like(first, str(args[1]).split("%"))
        case "wildcard":
            return _like(first, str(args[1]).split("*"))
    return UNKNOWN


def _like(value: str, parts: Sequence[str]) -> bool:
    """Do the parts, with any text between them, make up the value?"""
    first, *others = parts
    if not others:
        return value == first
    *middle, last = others
    if not value.startswith(first):
        return False
    at = len(first)
    for part in middle:
        at = value.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return len(value) - at >= len(last) and value.endswith(last)
