"""An eval expression without an event, as an eval macro is."""

from __future__ import annotations

from trapline.errors import SplError
from trapline.plan import Extend
from trapline.spl.command import Context, Pipeline
from trapline.spl.cursor import Cursor
from trapline.spl.evaluate import Env
from trapline.spl.expr import parse_expression
from trapline.values import Kind


def text_of(context: Context, expression: str) -> str:
    """The text that an expression gives; each field is null in it. Raises SplError where it gives none; EngineError."""

    def refuse(start: int, end: int) -> Pipeline:
        raise SplError("a subsearch cannot stand here")

    cursor = Cursor(expression, 0, len(expression), refuse)
    ast = parse_expression(cursor)
    cursor.finish()
    value = Env({}, context).value(ast)
    rows = context.rows(Extend(context.given([{_ONLY: ""}]), ((_TEXT, value),)))
    found = rows[0].get(_TEXT)
    if value.kind is not Kind.TEXT or not isinstance(found, str):
        given = "null" if found is None else "a number" if value.kind is Kind.NUMBER else "several values"
        raise SplError(f"its definition must be an eval expression that gives a text, and gives {given}", code="macro")
    return found


_ONLY, _TEXT = "_only", "_text"
