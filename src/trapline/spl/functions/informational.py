"""Informational functions (Search Reference, "Informational functions")."""

from __future__ import annotations

from collections.abc import Callable

from trapline.plan import FALSE, TRUE, Expr, Lit, call, text
from trapline.spl.evaluate import Env, as_number, is_null_literal
from trapline.spl.expr import Ast, Func, Num, Str
from trapline.spl.functions import function
from trapline.spl.functions.comparison import choose
from trapline.values import Kind


@function("isnull", 1, syntax="isnull(<value>)", does="Whether there is no value.")
def _isnull(env: Env, ast: Func) -> Expr:
    return call("is_null", Kind.BOOL, env.any(ast.args[0]))


@function("isnotnull", 1, syntax="isnotnull(<value>)", does="Whether there is a value.")
def _isnotnull(env: Env, ast: Func) -> Expr:
    return call("is_not_null", Kind.BOOL, env.any(ast.args[0]))


def is_number(env: Env, ast: Ast) -> Expr:
    """A number, or a field value that looks like one; a quoted literal never is."""
    value = env.any(ast)
    if env.gives_text(ast) or value.kind is Kind.BOOL or is_null_literal(value):
        return FALSE
    return call("is_not_null", Kind.BOOL, as_number(value))


@function("isnum", 1, syntax="isnum(<value>)", does="Whether it is a number.")
def _isnum(env: Env, ast: Func) -> Expr:
    return is_number(env, ast.args[0])


@function("isint", 1, syntax="isint(<value>)", does="Whether it is a whole number.")
def _isint(env: Env, ast: Func) -> Expr:
    value = env.any(ast.args[0])
    if env.gives_text(ast.args[0]) or value.kind is Kind.BOOL or is_null_literal(value):
        return FALSE
    whole = as_number(value)
    return call("is_true", Kind.BOOL, call("eq", Kind.BOOL, whole, call("floor", Kind.NUMBER, whole)))


@function("isstr", 1, syntax="isstr(<value>)", does="Whether it is a text, and no number.")
def _isstr(env: Env, ast: Func) -> Expr:
    value = env.any(ast.args[0])
    if value.kind is Kind.BOOL:
        return FALSE
    not_number = call("not", Kind.BOOL, is_number(env, ast.args[0]))
    return call("and", Kind.BOOL, call("is_not_null", Kind.BOOL, value), not_number)


@function(
    "isdouble",
    1,
    syntax="isdouble(<value>)",
    does="Whether it is a number with a fraction.",
    notes="A literal that is written with one counts, such as 1.0.",
)
def _isdouble(env: Env, ast: Func) -> Expr:
    match ast.args[0]:
        case Num(written=written) if "." in written:
            return TRUE
        case Str():
            return FALSE
    value = env.any(ast.args[0])
    if value.kind is Kind.BOOL or is_null_literal(value):
        return FALSE
    amount = as_number(value)
    return call("is_true", Kind.BOOL, call("ne", Kind.BOOL, amount, call("floor", Kind.NUMBER, amount)))


def _container(mark: str) -> Callable[[Env, Func], Expr]:
    """A text that is JSON of that kind."""

    def lower(env: Env, ast: Func) -> Expr:
        value = env.any(ast.args[0])
        if value.kind is not Kind.TEXT or is_null_literal(value):
            return FALSE
        return call("is_not_null", Kind.BOOL, call("json_container", Kind.TEXT, value, text(mark)))

    lower.__module__ = __name__
    return lower


function("isarray", 1, syntax="isarray(<value>)", does="Whether it is a JSON array.")(_container("["))
function("isobject", 1, syntax="isobject(<value>)", does="Whether it is a JSON object.")(_container("{"))


@function(
    "isbool",
    1,
    syntax="isbool(<value>)",
    does="Whether it is a truth value.",
    notes="A field never holds one; conditions and `true()` do.",
)
def _isbool(env: Env, ast: Func) -> Expr:
    return Lit(env.any(ast.args[0]).kind is Kind.BOOL, Kind.BOOL)


@function("ismv", 1, syntax="ismv(<value>)", does="Whether it is a multivalue.", notes="With two values at the least.")
def _ismv(env: Env, ast: Func) -> Expr:
    value = env.any(ast.args[0])
    if value.kind is not Kind.MULTI:
        return FALSE
    return call(
        "is_true", Kind.BOOL, call("gt", Kind.BOOL, call("list_count", Kind.NUMBER, value), Lit(1.0, Kind.NUMBER))
    )


@function(
    "typeof",
    1,
    gives_text=True,
    syntax="typeof(<value>)",
    does="What kind a value is of: Number, String, Boolean or Invalid.",
    notes="A null value is Invalid.",
)
def _typeof(env: Env, ast: Func) -> Expr:
    value = env.any(ast.args[0])
    if value.kind is Kind.BOOL:
        return text("Boolean")
    return choose(
        [
            (call("is_null", Kind.BOOL, value), text("Invalid")),
            (is_number(env, ast.args[0]), text("Number")),
        ],
        text("String"),
    )
