"""Conversion functions (Search Reference, "Conversion functions")."""

from __future__ import annotations

from trapline.errors import SplError
from trapline.plan import FALSE, TRUE, Call, Expr, Lit, call, number, text
from trapline.spl.evaluate import Env, as_number, as_text, is_null_literal
from trapline.spl.expr import Ast, Func, Str
from trapline.spl.functions import function
from trapline.values import Kind

_FORMATS = ("binary", "commas", "duration", "hex")


@function(
    "tostring",
    1,
    2,
    gives_text=True,
    syntax='tostring(<value> [, "hex"|"binary"|"commas"|"duration"])',
    does="A value as text.",
    notes=(
        "A condition gives True or False. `hex` begins with 0x, `commas` groups thousands and rounds to two decimals, "
        "`duration` takes seconds and gives [D+]HH:MM:SS. A format is for numbers: text stays as it is."
    ),
)
def _tostring(env: Env, ast: Func) -> Expr:
    value = env.any(ast.args[0])
    if len(ast.args) == 1 or value.kind is Kind.BOOL or isinstance(ast.args[0], Str):
        return as_text(value)
    wanted = ast.args[1]
    if isinstance(wanted, Str) and wanted.value.lower() not in _FORMATS:
        raise SplError(
            f"tostring() has no format '{wanted.value}'",
            span=wanted.span,
            hint="one of: " + ", ".join(_FORMATS),
            code="function",
        )
    formatted = call("number_format", Kind.TEXT, as_number(value), env.text(wanted))
    return formatted if value.kind is Kind.NUMBER else Call("coalesce", (formatted, as_text(value)), Kind.TEXT)


@function(
    "ipmask", 2, gives_text=True, syntax='ipmask("<mask>", <ip>)', does="The part of an IPv4 address that a mask keeps."
)
def _ipmask(env: Env, ast: Func) -> Expr:
    return call("ip_mask", Kind.TEXT, env.text(ast.args[0]), env.text(ast.args[1]))


@function(
    "toarray",
    1,
    syntax="toarray(<value>)",
    does="A JSON array.",
    notes="Of a text that is one, or of a multivalue, whose values become what they look like; null for any other.",
)
def _toarray(env: Env, ast: Func) -> Expr:
    value = env.value(ast.args[0])
    if value.kind is Kind.MULTI and not is_null_literal(value):
        return call("json_list", Kind.TEXT, value, TRUE)
    return call("json_container", Kind.TEXT, as_text(value), text("["))


@function(
    "toobject", 1, syntax="toobject(<text>)", does="A JSON object.", notes="Of a text that is one; null for any other."
)
def _toobject(env: Env, ast: Func) -> Expr:
    return call("json_container", Kind.TEXT, env.text(ast.args[0]), text("{"))


@function(
    "tobool",
    1,
    syntax="tobool(<value>)",
    does="A truth value.",
    notes="Knows true, True, false, False, and numbers, of which all but 0 are true; null for any other.",
)
def _tobool(env: Env, ast: Func) -> Expr:
    value = env.any(ast.args[0])
    if value.kind is Kind.BOOL:
        return value
    written, amount = as_text(value), as_number(value)
    is_true = Call("in", (written, text("true"), text("True")), Kind.BOOL)
    is_false = Call("in", (written, text("false"), text("False")), Kind.BOOL)
    branches = (is_true, TRUE, is_false, FALSE)
    if isinstance(ast.args[0], Str):
        return Call("case", (*branches, Lit(None, Kind.BOOL)), Kind.BOOL)
    return Call("case", (*branches, call("ne", Kind.BOOL, amount, number(0))), Kind.BOOL)


@function(
    "todouble",
    1,
    2,
    syntax="todouble(<value> [, <base>])",
    does="A number.",
    notes="Null for what is none. The base is 10 unless given, 2 to 36.",
)
def _todouble(env: Env, ast: Func) -> Expr:
    return _number(env, ast)


@function(
    "toint",
    1,
    2,
    syntax="toint(<value> [, <base>])",
    does="A whole number.",
    notes="Rounded down; null for what is no number. The base is 10 unless given, 2 to 36.",
)
def _toint(env: Env, ast: Func) -> Expr:
    return call("floor", Kind.NUMBER, _number(env, ast))


@function(
    "tomv",
    1,
    syntax="tomv(<json array>)",
    does="A multivalue of the elements of a JSON array.",
    notes="A multivalue stays as it is; null for other text.",
)
def _tomv(env: Env, ast: Func) -> Expr:
    value = env.value(ast.args[0])
    if value.kind is Kind.MULTI:
        return value
    return call("json_values", Kind.MULTI, as_text(value), FALSE)


def _number(env: Env, ast: Func) -> Expr:
    value = env.value(ast.args[0])
    if len(ast.args) == 1 or value.kind is Kind.NUMBER:
        return as_number(value)
    return call("number_in_base", Kind.NUMBER, as_text(value), _base(env, ast.args[1]))


def _base(env: Env, ast: Ast) -> Expr:
    """The base of a number. Raises SplError for a literal that is none."""
    base = env.number(ast)
    if isinstance(base, Lit) and isinstance(base.value, int | float) and not _is_base(base.value):
        raise SplError("the base of a number is a whole one from 2 to 36", span=ast.span, hint="16", code="function")
    return base


def _is_base(value: float) -> bool:
    return 2 <= value <= 36 and value == int(value)


@function(
    "tonumber",
    1,
    2,
    syntax="tonumber(<text> [, <base>])",
    does="The number that a text says.",
    notes="Null for what is none, blanks around it included. The base is 10 unless given, 2 to 36.",
)
def _tonumber(env: Env, ast: Func) -> Expr:
    if len(ast.args) == 1:
        return env.number(ast.args[0])
    return call("number_in_base", Kind.NUMBER, env.text(ast.args[0]), _base(env, ast.args[1]))
