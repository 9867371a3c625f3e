"""Mathematical, trigonometric and statistical eval functions (Search Reference, pages of these names)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from trapline.errors import SplError
from trapline.plan import NULL, Call, Expr, call, number, text
from trapline.spl.evaluate import Env, as_multi, as_number, as_text, is_null_literal
from trapline.spl.expr import Ast, Binary, Func, Num, Str
from trapline.spl.functions import function
from trapline.values import Kind, number_text


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
    """The result of a calculation with the precision that its operands justify: products and quotients have the fewest
    significant figures of them, sums and differences the fewest decimals. A plain value stays."""
    return _justified(replace(env, exact=True), ast.args[0]).value


@dataclass(frozen=True, slots=True)
class _Justified:
    """A number with how precisely it is known, both per row."""

    value: Expr
    figures: Expr
    decimals: Expr


def _justified(env: Env, ast: Ast) -> _Justified:
    match ast:
        case Num(value=literal, written=written):
            return _known(number(literal), text(written or number_text(literal)))
        case Binary(op="*" | "/" as op, left=left, right=right):
            one, other = _justified(env, left), _justified(env, right)
            value = call("mul" if op == "*" else "div", Kind.NUMBER, one.value, other.value)
            figures = call("min_number", Kind.NUMBER, one.figures, other.figures)
            rounded = call("round_significant", Kind.NUMBER, value, figures)
            return _Justified(rounded, figures, call("decimals", Kind.NUMBER, as_text(rounded)))
        case Binary(op="+" | "-" as op, left=left, right=right):
            one, other = _justified(env, left), _justified(env, right)
            value = call("add" if op == "+" else "sub", Kind.NUMBER, one.value, other.value)
            places = call("min_number", Kind.NUMBER, one.decimals, other.decimals)
            rounded = call("round", Kind.NUMBER, value, places)
            return _Justified(rounded, call("significant", Kind.NUMBER, as_text(rounded)), places)
    given = env.value(ast)
    return _known(as_number(given), as_text(given))


def _known(value: Expr, written: Expr) -> _Justified:
    figures = call("significant", Kind.NUMBER, written)
    return _Justified(value, figures, call("decimals", Kind.NUMBER, written))


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


def _lists(env: Env, ast: Func) -> tuple[Expr, ...]:
    """The arguments as multivalues. A quoted literal is text, also where it looks like a number, and an error."""
    for arg in ast.args:
        if isinstance(arg, Str):
            raise SplError(
                f'{ast.name}() takes numbers, not the text "{arg.value[:40]}"',
                span=arg.span,
                hint="write the number without quotes, or tonumber(...)",
                code="function",
            )
    return tuple(as_multi(env.value(arg)) for arg in ast.args)


@function("sum", 1, None)
def _sum(env: Env, ast: Func) -> Expr:
    """Every value of a multivalue counts; a field value that is no number is passed over."""
    return call("list_sum", Kind.NUMBER, Call("list_concat", _lists(env, ast), Kind.MULTI))


@function("avg", 1, None)
def _avg(env: Env, ast: Func) -> Expr:
    return call("list_avg", Kind.NUMBER, Call("list_concat", _lists(env, ast), Kind.MULTI))


@function("exact", 1)
def _exact(env: Env, ast: Func) -> Expr:
    """No rounding of literals in it."""
    return replace(env, exact=True).number(ast.args[0])
