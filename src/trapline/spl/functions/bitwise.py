"""Bitwise functions (Search Reference, "Bitwise functions"): whole numbers from 0 to 2^53-1, null for any other."""

from __future__ import annotations

from collections.abc import Callable

from trapline.plan import Expr, call, number
from trapline.spl.evaluate import Env
from trapline.spl.expr import Func
from trapline.spl.functions import function
from trapline.values import Kind

LARGEST = 2**53 - 1


def _fold(op: str) -> Callable[[Env, Func], Expr]:
    """One operation over all arguments, from left to right."""

    def lower(env: Env, ast: Func) -> Expr:
        values = [env.number(arg) for arg in ast.args]
        result = values[0]
        for value in values[1:]:
            result = call(op, Kind.NUMBER, result, value)
        return result

    lower.__module__ = __name__
    return lower


function("bit_and", 2, None, syntax="bit_and(<n>, <n>, ...)", does="The bits that all numbers have.")(_fold("bit_and"))
function("bit_or", 2, None, syntax="bit_or(<n>, <n>, ...)", does="The bits that any of the numbers has.")(
    _fold("bit_or")
)
function("bit_xor", 2, None, syntax="bit_xor(<n>, <n>, ...)", does="The bits that an odd number of the numbers has.")(
    _fold("bit_xor")
)


@function(
    "bit_not",
    1,
    2,
    syntax="bit_not(<n> [, <mask>])",
    does="The bits that a number does not have, of 53 or of those of a mask.",
)
def _bit_not(env: Env, ast: Func) -> Expr:
    mask = env.number(ast.args[1]) if len(ast.args) == 2 else number(LARGEST)
    return call("bit_not", Kind.NUMBER, env.number(ast.args[0]), mask)


@function(
    "bit_shift_left",
    2,
    syntax="bit_shift_left(<n>, <bits>)",
    does="The bits moved to the left.",
    notes="Bits beyond the 53rd are lost.",
)
def _bit_shift_left(env: Env, ast: Func) -> Expr:
    return call("bit_left", Kind.NUMBER, env.number(ast.args[0]), env.number(ast.args[1]))


@function("bit_shift_right", 2, syntax="bit_shift_right(<n>, <bits>)", does="The bits moved to the right.")
def _bit_shift_right(env: Env, ast: Func) -> Expr:
    return call("bit_right", Kind.NUMBER, env.number(ast.args[0]), env.number(ast.args[1]))
