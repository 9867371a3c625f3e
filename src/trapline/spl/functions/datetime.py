"""Date and time functions (Search Reference, "Date and Time functions"). Times are epoch seconds."""

from __future__ import annotations

from trapline.errors import SplError
from trapline.plan import Expr, Lit, call, number
from trapline.spl.evaluate import Env
from trapline.spl.expr import Func
from trapline.spl.functions import function
from trapline.times import shift
from trapline.values import Kind


@function(
    "now",
    0,
    syntax="now()",
    does="When the search started, in epoch seconds.",
    notes="In a scheduled search, the minute that it was scheduled for.",
)
def _now(env: Env, ast: Func) -> Expr:
    return number(env.context.now)


@function(
    "time",
    0,
    syntax="time()",
    does="The clock, in epoch seconds.",
    notes="Read once per search: within a search it does not move.",
)
def _time(env: Env, ast: Func) -> Expr:
    return number(env.context.clock)


@function(
    "relative_time",
    2,
    syntax="relative_time(<time>, <modifier>)",
    does="A time moved by a time modifier, such as -1d@d.",
)
def _relative_time(env: Env, ast: Func) -> Expr:
    base, modifier = env.number(ast.args[0]), env.text(ast.args[1])
    if isinstance(modifier, Lit) and isinstance(modifier.value, str):
        if shift(0, modifier.value) is None:
            raise SplError(
                f"'{modifier.value}' is not a time modifier",
                span=ast.args[1].span,
                hint="a macro in quotes is not expanded: leave out the quotes around it"
                if "`" in modifier.value
                else "such as -1d@d, +2h or @w1",
                code="time",
            )
        if isinstance(base, Lit) and isinstance(base.value, float):
            moved = shift(base.value, modifier.value, env.context.tz)
            return Lit(moved, Kind.NUMBER)
    return call("time_shift", Kind.NUMBER, base, modifier)


@function("strftime", 2, gives_text=True, syntax="strftime(<time>, <format>)", does="A time as text.")
def _strftime(env: Env, ast: Func) -> Expr:
    return call("time_format", Kind.TEXT, env.number(ast.args[0]), env.text(ast.args[1]))


@function(
    "strptime",
    2,
    syntax="strptime(<text>, <format>)",
    does="The time that a text says, in epoch seconds.",
    notes="Null for a text that does not fit, and for a format with a month but no day.",
)
def _strptime(env: Env, ast: Func) -> Expr:
    form = env.text(ast.args[1])
    return call("time_parse", Kind.NUMBER, env.text(ast.args[0]), form, number(env.context.now))
