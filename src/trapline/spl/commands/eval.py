"""eval: computed fields.

Syntax:
    eval <field>=<expression> [, <field>=<expression>]...

Assignments see those to the left of them. `{name}=` takes the name of the field from the value of another one.

Source: Search Reference, "eval".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from trapline.errors import Span, SplError
from trapline.plan import (
    NULL,
    Aggregate,
    Call,
    Col,
    Expr,
    Extend,
    Filter,
    Node,
    call,
    fields_of,
    grown,
    number,
    text,
)
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.spl.evaluate import Env, as_text, unify
from trapline.spl.expr import Ast, Func, Num
from trapline.values import Kind, value_text

_NAME = re.compile(r"[^\s=,\"']+")
_DYNAMIC = re.compile(r"\{([^{}]+)\}")

MAX_NAMES = 512
"""Fields that one `{name}=` makes at most"""


@dataclass(frozen=True, slots=True)
class Eval:
    assignments: tuple[tuple[str, Ast, Span], ...]

    def lower(self, context: Context, source: Node) -> Node:
        """Assignments that do not read each other share one node."""
        node = source
        pending: dict[str, Expr] = {}
        for name, ast, span in self.assignments:
            if _DYNAMIC.search(name):
                node, pending = Extend(node, tuple(pending.items())) if pending else node, {}
                node = self._dynamic(context, node, name, ast, span)
                continue
            env = Env(Extend(node, tuple(pending.items())).schema if pending else node.schema, context)
            value = _printed(env, ast)
            if any(read in pending for read in fields_of(value)):
                node, pending = Extend(node, tuple(pending.items())), {}
                if grown(node):
                    # A long chain of assignments: run what there is, and read the value anew from its fields.
                    node = context.materialise(node, whole=True)
                    value = _printed(Env(node.schema, context), ast)
            pending[name] = value
        return Extend(node, tuple(pending.items()))

    def _dynamic(self, context: Context, source: Node, pattern: str, ast: Ast, span: Span) -> Node:
        """`x_{name}=value`: the value goes to the field that each row names. Rows where a part of the name is null name
        none."""
        env = Env(source.schema, context)
        name, value = _name(env, pattern), _printed(env, ast)
        named = Filter(source, call("is_not_null", Kind.BOOL, name))
        found = [value_text(row["name"]) for row in context.rows(Aggregate(named, (("name", name),), ()))]
        if len(found) > MAX_NAMES:
            raise SplError(
                f"{pattern} would make {len(found):,} fields, more than {MAX_NAMES}",
                span=span,
                hint="filter first, or use chart ... over ... by ...",
                code="name",
            )
        values: list[tuple[str, Expr]] = []
        for one in found:
            if _DYNAMIC.search(one):
                raise SplError(f"the field name {pattern} names itself: a value is {one[:80]}", span=span, code="name")
            old: Expr = Col(one, source.schema[one]) if one in source.schema else NULL
            new, kept = unify([value, old])
            values.append((one, Call("case", (call("eq", Kind.BOOL, name, text(one)), new, kept), new.kind)))
        return Extend(source, tuple(values)) if values else source


def _name(env: Env, pattern: str) -> Expr:
    """A field name with values in it, null where one of them is."""
    name: Expr | None = None
    for place, piece in enumerate(_DYNAMIC.split(pattern)):
        if place % 2 == 0:
            part: Expr = text(piece)
            if not piece:
                continue
        else:
            value = env.field(piece)
            first = call("list_at", Kind.TEXT, value, number(0)) if value.kind is Kind.MULTI else as_text(value)
            part = first
        name = part if name is None else call("concat", Kind.TEXT, name, part)
    assert name is not None
    return name


def _printed(env: Env, ast: Ast) -> Expr:
    """The value that a field gets: round(x, n) is kept with its n decimals, as Splunk prints it."""
    match ast:
        case Func(name="round", args=(_, Num(value=places))) if places > 0:
            return call("fixed", Kind.TEXT, env.number(ast), number(places))
    return env.value(ast)


def parse(cursor: Cursor) -> Eval:
    found: list[tuple[str, Ast, Span]] = []
    while True:
        cursor.skip()
        start = cursor.pos
        name = cursor.string()
        if name is None and cursor.peek() == "'":
            name = cursor.name().text
        if name is None:
            match = _NAME.match(cursor.text, cursor.pos, cursor.end)
            if match is None:
                cursor.fail(f"expected a field name, found {cursor.found()}", hint="eval <field>=<expression>")
            cursor.pos = match.end()
            name = match.group()
        span = cursor.since(start)
        if not name:
            cursor.fail("the name of a field cannot be empty", span, "eval <field>=<expression>")
        if cursor.peek(2) == "==" or not cursor.take("="):
            cursor.fail(f"expected = after {name}, found {cursor.found()}", hint="eval <field>=<expression>")
        found.append((name, cursor.expression(), span))
        if not cursor.take(","):
            return Eval(tuple(found))
