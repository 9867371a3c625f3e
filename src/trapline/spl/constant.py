"""An eval expression without an event: the definition of an eval macro, and the validation of a macro's arguments."""

from __future__ import annotations

from collections.abc import Mapping

from trapline.errors import SplError
from trapline.plan import Call, Expr, Extend, text
from trapline.spl.command import Context, Pipeline
from trapline.spl.cursor import Cursor
from trapline.spl.evaluate import Env
from trapline.spl.expr import Ast, parse_expression
from trapline.values import Kind, Value


def text_of(context: Context, expression: str, given: Mapping[str, str]) -> str:
    """The text that an expression gives; a field that is not `given` is null in it. Raises SplError where it gives
    none; EngineError."""
    value = Env(_schema(given), context).value(_parsed(expression))
    found = _evaluated(context, value, given)
    if value.kind is not Kind.TEXT or not isinstance(found, str):
        raise SplError(
            f"its definition must be an eval expression that gives a text, and gives {_named(found)}", code="macro"
        )
    return found


def validity_of(context: Context, expression: str, given: Mapping[str, str]) -> bool | str | None:
    """What a validation says of arguments: of a condition, whether it is true; else the text that it gives, None where
    it is null. Raises SplError where it gives something else; EngineError."""
    value = Env(_schema(given), context).any(_parsed(expression))
    if value.kind is Kind.BOOL:
        told = Call("case", (value, text("yes"), text("no")), Kind.TEXT)
        return _evaluated(context, told, given) == "yes"
    found = _evaluated(context, value, given)
    if found is None or isinstance(found, str):
        return found
    raise SplError(f"it must give a boolean or a text, and gives {_named(found)}", code="macro")


def _parsed(expression: str) -> Ast:
    def refuse(start: int, end: int) -> Pipeline:
        raise SplError("a subsearch cannot stand here")

    cursor = Cursor(expression, 0, len(expression), refuse)
    ast = parse_expression(cursor)
    cursor.finish()
    return ast


def _schema(given: Mapping[str, str]) -> dict[str, Kind]:
    return dict.fromkeys(given, Kind.TEXT)


def _evaluated(context: Context, value: Expr, given: Mapping[str, str]) -> Value | None:
    rows = context.rows(Extend(context.given([{_ONLY: "", **given}]), ((_TEXT, value),)))
    return rows[0].get(_TEXT)


def _named(found: Value | None) -> str:
    return "null" if found is None else "several values" if isinstance(found, list) else "a number"


_ONLY, _TEXT = "_only", "_text"
