"""Date and time functions (Search Reference, "Date and Time functions"). Times are epoch seconds."""

from __future__ import annotations

import re

from trapline.errors import SplError
from trapline.plan import Expr, Lit, call, number, text
from trapline.spl.evaluate import Env
from trapline.spl.expr import Func
from trapline.spl.functions import function
from trapline.times import shift
from trapline.values import Kind

_MONTH = re.compile(r"%[mbBh]")
_DAY = re.compile(r"%[deEjsDFcx+]")


@function("now", 0)
def _now(env: Env, ast: Func) -> Expr:
    """When the search started, or its scheduled time."""
    return number(env.context.now)


@function("time", 0)
def _time(env: Env, ast: Func) -> Expr:
    """The wall clock. One reading per search: within a search it does not move."""
    return number(env.context.clock)


@function("relative_time", 2)
def _relative_time(env: Env, ast: Func) -> Expr:
    base, modifier = env.number(ast.args[0]), env.text(ast.args[1])
    if isinstance(modifier, Lit) and isinstance(modifier.value, str):
        if shift(0, modifier.value) is None:
            raise SplError(f"'{modifier.value}' is not a time modifier", span=ast.args[1].span, code="time")
        if isinstance(base, Lit) and isinstance(base.value, float):
            moved = shift(base.value, modifier.value, env.context.tz)
            return Lit(moved, Kind.NUMBER)
    return call("time_shift", Kind.NUMBER, base, modifier)


@function("strftime", 2, gives_text=True)
def _strftime(env: Env, ast: Func) -> Expr:
    return call("time_format", Kind.TEXT, env.number(ast.args[0]), env.text(ast.args[1]))


@function("strptime", 2)
def _strptime(env: Env, ast: Func) -> Expr:
    """Null for a text that does not fit, and for a format with a month but no day (strptime page)."""
    pattern = env.constant(ast.args[1], "the format of strptime()")
    if _MONTH.search(pattern) and not _DAY.search(pattern):
        return Lit(None, Kind.NUMBER)
    return call("time_parse", Kind.NUMBER, env.text(ast.args[0]), text(pattern), number(env.context.now))
