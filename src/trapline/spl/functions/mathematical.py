"""Mathematical, trigonometric and statistical eval functions (Search Reference, pages of these names)."""

from __future__ import annotations

import math
from collections.abc import Callable

from trapline.errors import Unsupported
from trapline.plan import NULL, Call, Expr, call, number
from trapline.spl.evaluate import Env, as_multi, as_number, as_text, is_null_literal
from trapline.spl.expr import Func
from trapline.spl.functions import function
from trapline.values import Kind


def _plain(op: str) -> Callable[[Env, Func], Expr]:
    """A function of one number that the engine has."""

    def lower(env: Env, ast: Func) -> Expr:
        return call(op, Kind.NUMBER, env.number(ast.args[0]))

    lower.__module__ = __name__
    return lower


for _name, _op in {
    "abs": "abs",
    "ceil": "ceil",
    "ceiling": "ceil",
    "floor": "floor",
    "sqrt": "sqrt",
    "exp": "exp",
    "ln": "ln",
    "sin": "sin",
    "cos": "cos",
    "tan": "tan",
    "asin": "asin",
    "acos": "acos",
    "atan": "atan",
    "sinh": "sinh",
    "cosh": "cosh",
    "tanh": "tanh",
    "asinh": "asinh",
    "acosh": "acosh",
    "atanh": "atanh",
}.items():
    function(_name, 1)(_plain(_op))


@function("atan2", 2)
def _atan2(env: Env, ast: Func) -> Expr:
    return call("atan2", Kind.NUMBER, env.number(ast.args[0]), env.number(ast.args[1]))


@function("hypot", 2)
def _hypot(env: Env, ast: Func) -> Expr:
    left, right = env.number(ast.args[0]), env.number(ast.args[1])
    squares = call("add", Kind.NUMBER, call("mul", Kind.NUMBER, left, left), call("mul", Kind.NUMBER, right, right))
    return call("sqrt", Kind.NUMBER, squares)


@function("pi", 0)
def _pi(env: Env, ast: Func) -> Expr:
    return number(math.pi)


@function("pow", 2)
def _pow(env: Env, ast: Func) -> Expr:
    return call("pow", Kind.NUMBER, env.number(ast.args[0]), env.number(ast.args[1]))


@function("log", 1, 2)
def _log(env: Env, ast: Func) -> Expr:
    """Base 10 unless given."""
    base = env.number(ast.args[1]) if len(ast.args) == 2 else number(10)
    return call("log", Kind.NUMBER, env.number(ast.args[0]), base)


@function("round", 1, 2)
def _round(env: Env, ast: Func) -> Expr:
    """Half away from zero, of the decimal that prints: round(2.555,2) is 2.56."""
    places = env.number(ast.args[1]) if len(ast.args) == 2 else number(0)
    return call("round", Kind.NUMBER, env.number(ast.args[0]), places)


@function("sigfig", 1)
def _sigfig(env: Env, ast: Func) -> Expr:
    raise Unsupported("sigfig() is not supported: it depends on how literals were written", span=ast.span)


@function("random", 0)
def _random(env: Env, ast: Func) -> Expr:
    """0 to 2^31-1."""
    return call("random", Kind.NUMBER)


def _extreme(op: str) -> Callable[[Env, Func], Expr]:
    def lower(env: Env, ast: Func) -> Expr:
        values = [value for value in map(env.value, ast.args) if not is_null_literal(value)]
        if not values:
            return NULL
        if all(value.kind is Kind.NUMBER for value in values):
            return Call(f"{op}_number", tuple(values), Kind.NUMBER)
        packed = [value if value.kind is Kind.MULTI else as_multi(value) for value in values]
        return call(f"list_{op}", Kind.TEXT, Call("list_concat", tuple(packed), Kind.MULTI))

    lower.__module__ = __name__
    return lower


function("max", 1, None)(_extreme("max"))
function("min", 1, None)(_extreme("min"))


@function("sum", 1, None)
def _sum(env: Env, ast: Func) -> Expr:
    """Non-numbers are passed over."""
    packed = [as_multi(as_text(as_number(env.value(arg)))) for arg in ast.args]
    return call("list_sum", Kind.NUMBER, Call("list_concat", tuple(packed), Kind.MULTI))


@function("avg", 1, None)
def _avg(env: Env, ast: Func) -> Expr:
    packed = [as_multi(as_text(as_number(env.value(arg)))) for arg in ast.args]
    return call("list_avg", Kind.NUMBER, Call("list_concat", tuple(packed), Kind.MULTI))


@function("exact", 1)
def _exact(env: Env, ast: Func) -> Expr:
    return env.number(ast.args[0])
