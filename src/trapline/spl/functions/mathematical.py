"""Mathematical functions (Search Reference, "Mathematical functions"), and trigonometric and statistical ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from trapline.errors import SplError
from trapline.plan import NULL, Call, Expr, Lit, call, number, text
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


for _name, _does in {
    "abs": "The number without its sign.",
    "ceil": "The number rounded up.",
    "floor": "The number rounded down.",
    "sqrt": "The square root.",
    "exp": "The number e to a power.",
    "ln": "The natural logarithm.",
}.items():
    function(_name, 1, syntax=f"{_name}(<n>)", does=_does)(_plain(_name))
function("ceiling", 1, same_as="ceil")(_plain("ceil"))

_ANGLES = "Trigonometric and Hyperbolic functions"
for _name, _does in {
    "sin": "The sine of an angle in radians.",
    "cos": "The cosine of an angle in radians.",
    "tan": "The tangent of an angle in radians.",
    "asin": "The angle with that sine, in radians.",
    "acos": "The angle with that cosine, in radians.",
    "atan": "The angle with that tangent, in radians.",
    "sinh": "The hyperbolic sine.",
    "cosh": "The hyperbolic cosine.",
    "tanh": "The hyperbolic tangent.",
    "asinh": "The inverse hyperbolic sine.",
    "acosh": "The inverse hyperbolic cosine.",
    "atanh": "The inverse hyperbolic tangent.",
}.items():
    function(_name, 1, syntax=f"{_name}(<n>)", does=_does, source=_ANGLES)(_plain(_name))

_ARGUMENTS = "Statistical eval functions"


@function("atan2", 2, syntax="atan2(<y>, <x>)", does="The angle of a point, from -pi to pi.", source=_ANGLES)
def _atan2(env: Env, ast: Func) -> Expr:
    return call("atan2", Kind.NUMBER, env.number(ast.args[0]), env.number(ast.args[1]))


@function("hypot", 2, syntax="hypot(<x>, <y>)", does="The longest side of a right triangle.", source=_ANGLES)
def _hypot(env: Env, ast: Func) -> Expr:
    left, right = env.number(ast.args[0]), env.number(ast.args[1])
    squares = call("add", Kind.NUMBER, call("mul", Kind.NUMBER, left, left), call("mul", Kind.NUMBER, right, right))
    return call("sqrt", Kind.NUMBER, squares)


@function("pi", 0, syntax="pi()", does="The number pi.")
def _pi(env: Env, ast: Func) -> Expr:
    return number(math.pi)


@function("pow", 2, syntax="pow(<n>, <power>)", does="A number to a power.")
def _pow(env: Env, ast: Func) -> Expr:
    return call("pow", Kind.NUMBER, env.number(ast.args[0]), env.number(ast.args[1]))


@function("log", 1, 2, syntax="log(<n> [, <base>])", does="A logarithm.", notes="To the base 10 unless given.")
def _log(env: Env, ast: Func) -> Expr:
    base = env.number(ast.args[1]) if len(ast.args) == 2 else number(10)
    return call("log", Kind.NUMBER, env.number(ast.args[0]), base)


@function(
    "round",
    1,
    2,
    syntax="round(<n> [, <digits>])",
    does="A number rounded to so many decimals, none unless given.",
    notes="Half goes away from zero, and decimal counts: round(2.555, 2) is 2.56.",
)
def _round(env: Env, ast: Func) -> Expr:
    places = env.number(ast.args[1]) if len(ast.args) == 2 else number(0)
    if isinstance(places, Lit) and isinstance(places.value, float) and places.value < 0:
        raise SplError(
            "round() cannot round to a negative number of decimals",
            span=ast.args[1].span,
            hint="round(x/100)*100 rounds to hundreds",
            code="function",
        )
    return call("round", Kind.NUMBER, env.number(ast.args[0]), places)


@function(
    "sigfig",
    1,
    syntax="sigfig(<calculation>)",
    does="The result of a calculation, as precise as its operands justify.",
    notes=(
        "Products and quotients have the fewest significant figures of their operands, sums and differences "
        "the fewest decimals. A plain value stays."
    ),
)
def _sigfig(env: Env, ast: Func) -> Expr:
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


@function("random", 0, syntax="random()", does="A random whole number, from 0 to 2^31-1.", source=_ARGUMENTS)
def _random(env: Env, ast: Func) -> Expr:
    return call("random", Kind.NUMBER)


def _extreme(op: str) -> Callable[[Env, Func], Expr]:
    def lower(env: Env, ast: Func) -> Expr:
        """Numbers compare as numbers and are less than any text. A quoted literal is text, also "10"."""
        given = [(value, env.gives_text(arg)) for arg, value in ((arg, env.value(arg)) for arg in ast.args)]
        given = [(value, certain) for value, certain in given if not is_null_literal(value)]
        if not given:
            return NULL
        if all(value.kind is Kind.NUMBER for value, _ in given):
            return Call(f"{op}_number", tuple(value for value, _ in given), Kind.NUMBER)
        plain = _joined([value for value, certain in given if not certain])
        texts = _joined([value for value, certain in given if certain])
        if is_null_literal(texts):
            return call(f"list_{op}", Kind.TEXT, plain)
        return call(f"list_{op}_of", Kind.TEXT, plain, texts)

    lower.__module__ = __name__
    return lower


def _joined(values: Sequence[Expr]) -> Expr:
    """Values as one multivalue; null for none."""
    if not values:
        return Lit(None, Kind.MULTI)
    return Call("list_concat", tuple(as_multi(value) for value in values), Kind.MULTI)


function(
    "max",
    1,
    None,
    syntax="max(<value>, ...)",
    does="The greatest of the arguments.",
    notes="Text is greater than any number.",
    source=_ARGUMENTS,
)(_extreme("max"))
function(
    "min",
    1,
    None,
    syntax="min(<value>, ...)",
    does="The least of the arguments.",
    notes="Text is greater than any number.",
    source=_ARGUMENTS,
)(_extreme("min"))


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


@function(
    "sum",
    1,
    None,
    syntax="sum(<value>, ...)",
    does="The sum of the arguments.",
    notes="Every value of a multivalue counts; a field value that is no number is passed over.",
    source=_ARGUMENTS,
)
def _sum(env: Env, ast: Func) -> Expr:
    return call("list_sum", Kind.NUMBER, Call("list_concat", _lists(env, ast), Kind.MULTI))


@function(
    "avg",
    1,
    None,
    syntax="avg(<value>, ...)",
    does="The average of the arguments.",
    notes="Every value of a multivalue counts; a field value that is no number is passed over.",
    source=_ARGUMENTS,
)
def _avg(env: Env, ast: Func) -> Expr:
    return call("list_avg", Kind.NUMBER, Call("list_concat", _lists(env, ast), Kind.MULTI))


@function("exact", 1, syntax="exact(<calculation>)", does="A calculation without rounding of its literals.")
def _exact(env: Env, ast: Func) -> Expr:
    return replace(env, exact=True).number(ast.args[0])
