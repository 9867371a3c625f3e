"""eval: computed fields.

Synopsis: `eval <field>=<expression> [, <field>=<expression>]...`. Search Reference, "eval". Assignments run from
left to right and see earlier ones; `{name}=` takes the field's name from a field's value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from trapline.errors import Span, Unsupported
from trapline.plan import Expr, Extend, Node, fields_of
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.spl.evaluate import Env
from trapline.spl.expr import Ast

_NAME = re.compile(r"[^\s=,\"']+")
_DYNAMIC = re.compile(r"\{[^}]+\}")


@dataclass(frozen=True, slots=True)
class Eval:
    assignments: tuple[tuple[str, Ast, Span], ...]

    def lower(self, context: Context, source: Node) -> Node:
        """Assignments that do not read each other share one node."""
        node = source
        pending: dict[str, Expr] = {}
        for name, ast, span in self.assignments:
            if _DYNAMIC.search(name):
                raise Unsupported(
                    "a field name taken from a field's value is not supported yet", span=span, hint="name the field"
                )
            env = Env(Extend(node, tuple(pending.items())).schema if pending else node.schema, context)
            value = env.value(ast)
            if any(read in pending for read in fields_of(value)):
                node, pending = Extend(node, tuple(pending.items())), {}
            pending[name] = value
        return Extend(node, tuple(pending.items()))


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
        if cursor.peek(2) == "==" or not cursor.take("="):
            cursor.fail(f"expected = after {name}, found {cursor.found()}", hint="eval <field>=<expression>")
        found.append((name, cursor.expression(), span))
        if not cursor.take(","):
            return Eval(tuple(found))
