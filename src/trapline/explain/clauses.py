"""The condition of a `search` or `where`, clause by clause, with the rows that each lets through.

A clause is counted three ways, all in one pass over the rows that came into the stage: alone; together with all before
it (what is left); and left out of its AND, the rest as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from trapline.errors import Span, SplError
from trapline.explain.asking import Asking
from trapline.plan import TRUE, Col, Expr, Node, Schema, both, call, either, substitute
from trapline.spl import expr as asts
from trapline.spl import filter as filters
from trapline.spl.command import Pipeline
from trapline.spl.cursor import Cursor
from trapline.spl.evaluate import Env
from trapline.spl.subsearch import as_search
from trapline.values import Kind

MOST_LEAVES = 200
"""Conditions of one stage that are counted each on its own; beyond it the rest of an AND or OR counts as one."""
MOST_PARTS = 60
"""Parts of one AND or OR side by side; what is beyond becomes one part, which is taken apart again."""
MOST_TAGGED = 60
"""Field values of a tag that are told apart."""
TAGGED = "what has the tag"
"""The note of such a value."""


@dataclass(frozen=True, slots=True)
class Tested:
    """A comparison of a field with a literal, for the facts about the field. `literal` None: with something else.
    `exact`: letter case counts and `*` is no wildcard (where)."""

    field: str
    op: str
    literal: str | None
    exact: bool


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a condition with its counts.

    `kind`: condition, and, or, not. `alone`: rows that it holds for. `left`: rows left after it and all before it; None
    inside a NOT. `without`: rows that would be left in its AND if it were not there; None where it is in none.
    `span`: its place in the search after macro expansion; None for what an eventtype, tag or subsearch stands for.
    """

    text: str
    kind: str
    alone: int
    left: int | None
    without: int | None
    span: Span | None
    note: str | None
    removes: bool
    parts: tuple[Clause, ...] = ()
    tested: tuple[Tested, ...] = ()

    def walk(self) -> Iterator[Clause]:
        """It and all below it."""
        yield self
        for part in self.parts:
            yield from part.walk()

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {"clause": self.text, "kind": self.kind, "alone": self.alone}
        if self.left is not None:
            body["left"] = self.left
        if self.without is not None:
            body["without"] = self.without
        if self.span is not None:
            body["span"] = [self.span.start, self.span.end]
        if self.note is not None:
            body["note"] = self.note
        if self.removes:
            body["removes_last_rows"] = True
        if self.parts:
            body["parts"] = [part.to_json() for part in self.parts]
        return body


@dataclass(slots=True)
class _Part:
    """A clause while its counts are being asked for. `at` are places in the list of counts."""

    text: str
    kind: str
    span: Span | None
    parts: list[_Part] = field(default_factory=list)
    leaf: str = ""
    exact: bool = False
    """Its NOT is that of eval: null stays null."""
    note: str | None = None
    tested: tuple[Tested, ...] = ()
    alone: int = 0
    left: int | None = None
    without: int | None = None
    rest: Expr = TRUE
    """What holds for rows that pass everything but this part, over the leaves."""

    def holds(self) -> Expr:
        match self.kind:
            case "and":
                return both([part.holds() for part in self.parts])
            case "or":
                return either([part.holds() for part in self.parts])
            case "not":
                inner = self.parts[0].holds()
                return call("not", Kind.BOOL, inner if self.exact else call("is_true", Kind.BOOL, inner))
        return Col(self.leaf, Kind.BOOL)


class Breaking:
    """Takes the condition of one stage apart over the rows that came in."""

    def __init__(self, context: Asking, source: Node, text: str) -> None:
        self.context = context
        self.source = source
        self.schema: Schema = source.schema
        self.text = text
        self.leaves: dict[str, Expr] = {}
        self.negated = False
        self._wanted: list[Expr] = []

    # --- counting

    def search(self, tree: filters.Filter) -> tuple[int, Clause, dict[str, Expr]]:
        """(rows that came in, the clauses, for each clause that is to blame what the rows hold that pass the rest)."""
        return self._count(self._filter(tree, self.text))

    def where(self, ast: asts.Ast) -> tuple[int, Clause, dict[str, Expr]]:
        """As `search`, of an eval expression."""
        return self._count(self._condition(ast))

    def _count(self, top: _Part) -> tuple[int, Clause, dict[str, Expr]]:
        all_rows = self._want(TRUE)
        self._ask(top, TRUE, TRUE)
        counts = self.context.counts(self.source, self.leaves, self._wanted)
        rests: dict[str, Expr] = {}
        blamed = {id(part) for part in _blame(top, counts)}
        clause = self._done(top, counts, blamed, rests)
        return counts[all_rows], clause, rests

    def _want(self, expr: Expr) -> int:
        self._wanted.append(expr)
        return len(self._wanted) - 1

    def _ask(self, part: _Part, before: Expr | None, rest: Expr) -> None:
        """`before`: what all the clauses before it say, None within a NOT; `rest`: all clauses but it."""
        holds = part.holds()
        part.rest = rest
        part.alone = self._want(holds)
        if before is not None:
            part.left = self._want(both([before, holds]))
        match part.kind:
            case "and":
                each = [one.holds() for one in part.parts]
                passed = before
                for place, one in enumerate(part.parts):
                    others = both([rest, *each[:place], *each[place + 1 :]])
                    if before is not None:
                        one.without = self._want(others)
                    self._ask(one, passed, others)
                    passed = None if passed is None else both([passed, each[place]])
            case "or":
                for one in part.parts:
                    self._ask(one, before, rest)
            case "not":
                self._ask(part.parts[0], None, rest)

    def _done(self, part: _Part, counts: Sequence[int], blamed: set[int], rests: dict[str, Expr]) -> Clause:
        if id(part) in blamed:
            for one in _leaves(part):
                for tested in one.tested:
                    rests.setdefault(tested.field, substitute(part.rest, self.leaves))
        return Clause(
            part.text,
            part.kind,
            counts[part.alone],
            None if part.left is None else counts[part.left],
            None if part.without is None else counts[part.without],
            part.span,
            part.note,
            id(part) in blamed,
            tuple(self._done(one, counts, blamed, rests) for one in part.parts),
            part.tested,
        )

    # --- search expressions

    def _filter(self, tree: filters.Filter, text: str, *, placed: bool = True) -> _Part:
        span = tree.span if placed else None
        shown = squeeze(closed(text, tree.span))
        match tree:
            case filters.And(parts=parts) | filters.Or(parts=parts) if len(parts) > MOST_PARTS:
                beyond = type(tree)(parts[MOST_PARTS - 1 :], parts[MOST_PARTS - 1].span.to(parts[-1].span))
                return self._filter(type(tree)((*parts[: MOST_PARTS - 1], beyond), tree.span), text, placed=placed)
            case filters.Not(operand=operand):
                with self._negated():
                    return _Part(shown, "not", span, [self._filter(operand, text, placed=placed)])
            case filters.And(parts=parts) | filters.Or(parts=parts) if self._room(len(parts)):
                kind = "and" if isinstance(tree, filters.And) else "or"
                return _Part(shown, kind, span, [self._filter(part, text, placed=placed) for part in parts])
            case filters.Compare(field="eventtype", op="=" | "!=", value=value):
                found = self._eventtype(shown, span, value)
                if found is not None:
                    return found if tree.op == "=" else _Part(shown, "not", span, [found])
            case filters.Compare(field=name, op="=" | "!=", value=value) if name == "tag" or name.startswith("tag::"):
                found = self._tag(shown, span, name, value)
                if found is not None:
                    return found if tree.op == "=" else _Part(shown, "not", span, [found])
            case filters.SubFilter(pipeline=pipeline, field=None):
                return self._subsearch(shown, span, pipeline)
        predicate = filters.lower_filter(tree, self.schema, self.context)
        tested: tuple[Tested, ...] = ()
        match tree:
            case filters.Compare(field=name, op=op, value=value, exact=exact):
                tested = (Tested(name, op, value, exact),)
            case filters.OneOf(field=name, values=values):
                tested = tuple(Tested(name, "=", value, False) for value in values[:5])
        leaf = self._leaf(shown, span, predicate, tested)
        if isinstance(tree, filters.Term) and filters.meant_operator(tree):
            leaf.note = f"a word to look for: the operator is {tree.value.upper()}, in capitals"
        return leaf

    def _eventtype(self, shown: str, span: Span | None, value: str) -> _Part | None:
        if "eventtype" in self.schema and "_raw" not in self.schema:
            return None
        found = self.context.eventtypes(value)
        if not found:
            return None
        parts = []
        for name, search in found.items():
            part = self._text(search)
            if part is None:
                return None
            part.note = f"what the eventtype {name} stands for"
            parts.append(part)
        return _Part(shown, "or", span, parts)

    def _tag(self, shown: str, span: Span | None, name: str, value: str) -> _Part | None:
        found = self.context.tags(name.partition("::")[2] or None, value)
        if not found or len(found) > MOST_TAGGED or (name in self.schema and "_raw" not in self.schema):
            return None
        parts = []
        for field_name, one in found:
            part = self._text(f'{field_name}="{one}"')
            if part is None:
                return None
            part.note = TAGGED
            parts.append(part)
        return _Part(shown, "or", span, parts)

    def _subsearch(self, shown: str, span: Span | None, pipeline: Pipeline) -> _Part:
        """A subsearch is the text that it returned."""
        found = as_search(self.context, pipeline)
        part = self._text(found)
        if part is None:
            assert span is not None
            return self._leaf(shown, span, filters.lower_text(found, self.schema, self.context, span), ())
        if found == "NOT ( )":
            part = self._leaf(shown, span, filters.lower_text(found, self.schema, self.context, Span(0, 0)), ())
            part.note = "the subsearch returned no rows, which matches nothing: explain it alone"
            return part
        part.note = "what the subsearch returned"
        return _Part(shown, "or", span, [part])

    def _text(self, search: str) -> _Part | None:
        """A search expression given as text; None where it is none."""

        def refuse(start: int, end: int) -> Pipeline:
            raise SplError("a subsearch cannot stand here")

        cursor = Cursor(search, 0, len(search), refuse)
        try:
            tree = filters.parse_filter(cursor)
            cursor.finish()
        except SplError:
            return None
        return self._filter(tree, search, placed=False)

    # --- eval expressions

    def _condition(self, ast: asts.Ast) -> _Part:
        shown = squeeze(closed(self.text, ast.span))
        match ast:
            case asts.Logic(op=op, parts=parts) if len(parts) > MOST_PARTS:
                beyond = asts.Logic(op, parts[MOST_PARTS - 1 :], parts[MOST_PARTS - 1].span.to(parts[-1].span))
                return self._condition(asts.Logic(op, (*parts[: MOST_PARTS - 1], beyond), ast.span))
            case asts.Logic(op=op, parts=parts) if self._room(len(parts)):
                return _Part(shown, op, ast.span, [self._condition(part) for part in parts])
            case asts.Unary(op="not", operand=operand):
                with self._negated():
                    return _Part(shown, "not", ast.span, [self._condition(operand)], exact=True)
        return self._leaf(shown, ast.span, Env(self.schema, self.context).condition(ast), tuple(_tested(ast)))

    # --- leaves

    def _room(self, parts: int) -> bool:
        return len(self.leaves) + parts <= MOST_LEAVES

    @contextmanager
    def _negated(self) -> Iterator[None]:
        """Within a NOT: what comes near to a value explains why a row is not found, not why it is."""
        self.negated = not self.negated
        try:
            yield
        finally:
            self.negated = not self.negated

    def _leaf(self, shown: str, span: Span | None, predicate: Expr, tested: tuple[Tested, ...]) -> _Part:
        if self.negated:
            tested = tuple(Tested(one.field, "", None, one.exact) for one in tested)
        name = f"leaf {len(self.leaves)}"
        self.leaves[name] = predicate
        return _Part(shown, "condition", span, leaf=name, tested=tested)


def _tested(ast: asts.Ast) -> Iterator[Tested]:
    """The comparisons of an eval condition that is not taken apart."""
    match ast:
        case asts.Binary(op=op, left=asts.Field(name=name), right=asts.Str(value=value)):
            yield Tested(name, op, value, True)
        case asts.Binary(op=op, left=asts.Str(value=value), right=asts.Field(name=name)):
            yield Tested(name, op, value, True)
        case asts.Binary(op=op, left=asts.Field(name=name), right=asts.Num(written=written)):
            yield Tested(name, op, written, True)
        case asts.In(item=asts.Field(name=name), choices=choices):
            for choice in choices[:5]:
                yield Tested(name, "==", choice.value if isinstance(choice, asts.Str) else None, True)
        case asts.Func(name="like", args=(asts.Field(name=name), asts.Str(value=value))):
            yield Tested(name, "like", value, True)
        case asts.Func(name="match", args=(asts.Field(name=name), asts.Str(value=value))):
            yield Tested(name, "match", value, True)
        case _:
            for name in dict.fromkeys(asts.fields_read(ast)):
                yield Tested(name, "", None, True)


def _blame(part: _Part, counts: Sequence[int]) -> Iterator[_Part]:
    """The clauses that removed the last rows: of an AND the first after which nothing is left, and those that hold for
    no row at all; a whole OR, for none of its branches holds."""
    if part.left is None or counts[part.left]:
        return
    match part.kind:
        case "and":
            first = next((one for one in part.parts if one.left is not None and not counts[one.left]), None)
            nothing = [one for one in part.parts if not counts[one.alone]]
            if nothing:
                for one in nothing:
                    yield from _blame(one, counts)
            elif first is not None:
                yield from _blame(first, counts)
        case "or" if len(part.parts) == 1:
            yield from _blame(part.parts[0], counts)
        case _:
            yield part


def _leaves(part: _Part) -> Iterator[_Part]:
    if not part.parts:
        yield part
    for one in part.parts:
        yield from _leaves(one)


def squeeze(text: str) -> str:
    """The text with every run of blanks as one."""
    return re.sub(r"\s+", " ", text).strip()


def closed(text: str, span: Span) -> str:
    """The text of a span with the parentheses around its ends that it needs to be whole: a tree has no place for
    them."""
    start, end = span.start, span.end
    depth = lowest = 0
    at = start
    while at < end:
        match text[at]:
            case "\\":
                at += 1
            case '"':
                close = text.find('"', at + 1, end)
                at = end if close < 0 else close
            case "(":
                depth += 1
            case ")":
                depth -= 1
                lowest = min(lowest, depth)
        at += 1
    return "(" * -lowest + text[start:end] + ")" * (depth - lowest)
