"""Conversion functions (Search Reference, "Conversion functions")."""

from __future__ import annotations

from trapline.errors import SplError
from trapline.plan import Expr, call, text
from trapline.spl.evaluate import Env, as_text
from trapline.spl.expr import Func
from trapline.spl.functions import function
from trapline.values import Kind

_FORMATS = {"hex": "hex", "commas": "commas", "duration": "duration", "binary": "binary"}


@function("tostring", 1, 2)
def _tostring(env: Env, ast: Func) -> Expr:
    """A value as text; a boolean as True or False; a number as hex, commas (2 decimals) or duration (D+HH:MM:SS)."""
    value = env.any(ast.args[0])
    if len(ast.args) == 1 or value.kind is Kind.BOOL:
        return as_text(value)
    wanted = env.constant(ast.args[1], "the format of tostring()").lower()
    if wanted not in _FORMATS:
        raise SplError(
            f"tostring() has no format '{wanted}'",
            span=ast.args[1].span,
            hint="one of: " + ", ".join(sorted(_FORMATS)),
            code="function",
        )
    return call("number_format", Kind.TEXT, env.number(ast.args[0]), text(wanted))


@function("tonumber", 1, 2)
def _tonumber(env: Env, ast: Func) -> Expr:
    """A text as number, null where it is none; a base of 2 to 36 may be given."""
    if len(ast.args) == 1:
        return env.number(ast.args[0])
    return call("number_in_base", Kind.NUMBER, env.text(ast.args[0]), env.number(ast.args[1]))
