"""Plans that surely give no row, told without running them.

Most detections look for values that none of the events hold: a program that never ran, a sourcetype that is not
collected. Where rows are kept for many searches, the engine knows which values a column of them has; a condition that
asks for another one is true of no row. What cannot be told here is asked of the events.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from trapline.plan import (
    FALSE,
    Aggregate,
    Call,
    Col,
    Expand,
    Expr,
    Extend,
    Filter,
    Join,
    Limit,
    Lit,
    Node,
    Project,
    Reverse,
    Rows,
    Scan,
    Sort,
    Union,
    Window,
)
from trapline.values import Kind

MARK = "\x01"
"""Stands around each value in the text of a column."""
BUDGETS = (1_000_000, 64_000_000)
"""Characters that are looked through at most to tell of one condition: first in columns of few values, then in all."""


@dataclass(slots=True)
class Values:
    """The distinct values of a column in lower case, as the engine lowers them: one after another, with `MARK` around
    each. `read` gives them when they are first asked for, None where they are too many to hold."""

    read: Callable[[], str | None]
    _text: str | None = None
    _known: bool = False
    _found: dict[str, bool] = field(default_factory=dict)

    @property
    def text(self) -> str | None:
        if not self._known:
            self._text, self._known = self.read(), True
        return self._text

    def hold(self, part: str) -> bool:
        """Is that in the text?"""
        known = self._found.get(part)
        if known is None:
            known = self._found[part] = self.text is None or part in self.text
        return known

    def is_known(self, part: str) -> bool:
        return part in self._found


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows that the engine holds in a table of its own: what `Rows.data` is then. `values`: by field, of those that
    hold text."""

    name: str
    num_rows: int
    values: dict[str, Values] = field(default_factory=dict, compare=False)


def is_empty(node: Node) -> bool:
    """Is it sure that a plan gives no row? False: it is not known."""
    match node:
        case Rows(data=data):
            return int(data.num_rows) == 0
        case Scan():
            return False
        case Filter(input=below, predicate=predicate):
            if predicate == FALSE or is_empty(below):
                return True
            return any(not _Looking(below, budget).possible(predicate) for budget in BUDGETS)
        case Limit(input=below, count=count):
            return count == 0 or is_empty(below)
        case Aggregate(input=below, by=by):
            return bool(by) and is_empty(below)  # without by it is one row, whatever there is below
        case Join(left=left, right=right, outer=outer):
            return is_empty(left) or (not outer and is_empty(right))
        case Union(inputs=inputs):
            return all(map(is_empty, inputs))
        case Extend() | Project() | Window() | Sort() | Reverse() | Expand():
            return is_empty(node.input)


_WHERE = {"contains": ("", ""), "starts_with": (MARK, ""), "ends_with": ("", MARK), "eq": (MARK, MARK)}


@dataclass(slots=True)
class _Looking:
    """Looks whether a condition can be true of a row of a plan."""

    node: Node
    budget: int

    def possible(self, expr: Expr) -> bool:
        match expr:
            case Lit(value=value):
                return value is True
            case Call(op="and", args=args):
                return all(map(self.possible, args))
            case Call(op="or", args=args):
                return any(map(self.possible, args))
            case Call(op="is_true", args=(operand,)):
                return self.possible(operand)
            case Call(op="is_not_null", args=(subject,)) if isinstance(subject, Col):
                return self.found(subject, MARK)
            case Call(op="contains" | "starts_with" | "ends_with" | "eq" as op, args=(subject, Lit(value=str(value)))):
                before, after = _WHERE[op]
                return self.holds(subject, value, before, after)
            case Call(op="in", args=(subject, *values)):
                return any(not isinstance(one, Lit) or self.equals(subject, one.value) for one in values)
        return True

    def equals(self, subject: Expr, value: object) -> bool:
        return not isinstance(value, str) or self.holds(subject, value, MARK, MARK)

    def holds(self, subject: Expr, value: str, before: str, after: str) -> bool:
        match subject:
            case Call(op="lower", args=(Col() as column,)):
                pass
            case Col() if value.isascii():
                # What holds a text holds it in lower case too, when both are lowered: character by character.
                column, value = subject, value.lower()
            case _:
                return True
        return MARK in value or self.found(column, f"{before}{value}{after}")

    def found(self, column: Col, part: str) -> bool:
        sources = _sources(self.node, column.name) if column.kind is Kind.TEXT else None
        return sources is None or any(self.look(one, part) for one in sources)

    def look(self, source: Values | str, part: str) -> bool:
        if isinstance(source, str):
            return part in source
        if not source.is_known(part):
            text = source.text
            if text is None or len(text) > self.budget:
                return True
            self.budget -= len(text)
        return source.hold(part)


def _sources(node: Node, name: str) -> list[Values | str] | None:
    """Where all values of a text field of a plan come from: no row holds one that is not there. None: not known."""
    while True:
        match node:
            case Rows(schema=schema, data=Kept(values=values)) if schema.get(name) is Kind.TEXT and name in values:
                return [values[name]]
            case Filter() | Sort() | Reverse() | Limit():
                node = node.input
            case Extend(values=made) | Project(values=made):
                given = dict(made)
                if name in given:
                    return _of(given[name], node.input)
                if isinstance(node, Project):
                    return None
                node = node.input
            case Aggregate(input=below, by=by):
                return _of(dict(by)[name], below) if name in dict(by) else None
            case Expand(input=below, name=other) if name != other:
                node = below
            case Window(input=below, values=windows) if name not in dict(windows):
                node = below
            case Join(left=left, values=joined) if name not in dict(joined):
                node = left
            case Union(inputs=inputs):
                found: list[Values | str] = []
                for one in inputs:
                    if name in one.schema:
                        part = _sources(one, name) if one.schema[name] is Kind.TEXT else None
                        if part is None:
                            return None
                        found += part
                return found
            case _:
                return None


def _of(expr: Expr, below: Node) -> list[Values | str] | None:
    match expr:
        case Col(name=name, kind=Kind.TEXT):
            return _sources(below, name)
        case Lit(value=None, kind=Kind.TEXT):
            return []
        case Lit(value=str(value)) if value.isascii():
            return [f"{MARK}{value.lower()}{MARK}"]
        case Call(op="coalesce", args=args, kind=Kind.TEXT):
            found = [_of(one, below) for one in args]
            return None if None in found else [one for part in found if part is not None for one in part]
    return None
