"""Text functions (Search Reference, "Text functions"). On a multivalue they work on every value."""

from __future__ import annotations

import re
from collections.abc import Callable

from trapline.plan import Col, Expr, Lambda, Lit, call, number, text
from trapline.spl.evaluate import Env, as_text, is_null_literal
from trapline.spl.expr import Func, Str
from trapline.spl.functions import function
from trapline.values import Kind

REST = 2.0**31 - 1
"""A length that no text exceeds."""
MOST_WIDTH = 1000
"""The width and precision of printf, at most; the engine's function has the same bound."""
_WIDTHS = re.compile(r"%[-+ 0#']*(?:\d+\.)?(\d+)")


def each(value: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """A text function, applied to every value of a multivalue."""
    if value.kind is Kind.MULTI and not is_null_literal(value):
        return call("list_map", Kind.MULTI, value, Lambda("_v", change(Col("_v", Kind.TEXT))))
    return change(as_text(value))


@function("len", 1, syntax="len(<text>)", does="How many characters a text has.")
@function("length", 1, same_as="len")
def _len(env: Env, ast: Func) -> Expr:
    return call("length", Kind.NUMBER, env.text(ast.args[0]))


@function("lower", 1, gives_text=True, syntax="lower(<text>)", does="The text in lower case.")
def _lower(env: Env, ast: Func) -> Expr:
    return each(env.value(ast.args[0]), lambda one: call("lower", Kind.TEXT, one))


@function("upper", 1, gives_text=True, syntax="upper(<text>)", does="The text in upper case.")
def _upper(env: Env, ast: Func) -> Expr:
    return each(env.value(ast.args[0]), lambda one: call("upper", Kind.TEXT, one))


@function(
    "substr",
    2,
    3,
    gives_text=True,
    syntax="substr(<text>, <start> [, <length>])",
    does="A piece of a text.",
    notes="The start counts from 1, a negative one from the end; without a length, all that follows.",
)
def _substr(env: Env, ast: Func) -> Expr:
    start = env.number(ast.args[1])
    length = env.number(ast.args[2]) if len(ast.args) == 3 else number(REST)
    return each(env.value(ast.args[0]), lambda one: call("substr", Kind.TEXT, one, start, length))


@function(
    "replace",
    3,
    gives_text=True,
    syntax="replace(<text>, <regex>, <replacement>)",
    does="The text with every match of a regular expression replaced.",
    notes=r"PCRE; \1 and the like in the replacement are groups.",
)
def _replace(env: Env, ast: Func) -> Expr:
    pattern, new = env.pattern(ast.args[1]), env.text(ast.args[2])
    return each(env.value(ast.args[0]), lambda one: call("regex_replace", Kind.TEXT, one, pattern, new))


def _trim(op: str) -> Callable[[Env, Func], Expr]:
    def lower(env: Env, ast: Func) -> Expr:
        marks = env.text(ast.args[1]) if len(ast.args) == 2 else text(" \t")
        return each(env.value(ast.args[0]), lambda one: call(op, Kind.TEXT, one, marks))

    lower.__module__ = __name__
    return lower


function(
    "trim",
    1,
    2,
    gives_text=True,
    syntax="trim(<text> [, <characters>])",
    does="The text without characters at both ends.",
    notes="Blanks and tabs unless given.",
)(_trim("trim"))
function(
    "ltrim",
    1,
    2,
    gives_text=True,
    syntax="ltrim(<text> [, <characters>])",
    does="The text without characters at its start.",
    notes="Blanks and tabs unless given.",
)(_trim("ltrim"))
function(
    "rtrim",
    1,
    2,
    gives_text=True,
    syntax="rtrim(<text> [, <characters>])",
    does="The text without characters at its end.",
    notes="Blanks and tabs unless given.",
)(_trim("rtrim"))


@function("urldecode", 1, gives_text=True, syntax="urldecode(<text>)", does="The text with `%41` and the like decoded.")
def _urldecode(env: Env, ast: Func) -> Expr:
    return each(env.value(ast.args[0]), lambda one: call("url_decode", Kind.TEXT, one))


@function(
    "split",
    2,
    syntax="split(<text>, <delimiter>)",
    does="The pieces of a text, as a multivalue.",
    notes="An empty delimiter cuts every character.",
    source="Multivalue eval functions",
)
def _split(env: Env, ast: Func) -> Expr:
    return call("split", Kind.MULTI, env.text(ast.args[0]), env.text(ast.args[1]))


@function(
    "spath",
    2,
    syntax="spath(<text>, <path>)",
    does="The values at a path of JSON or XML.",
    notes="Paths are those of the command `spath`. Null for none.",
)
def _spath(env: Env, ast: Func) -> Expr:
    return call("spath", Kind.MULTI, env.multi(ast.args[0]), env.text(ast.args[1]))


@function(
    "printf",
    1,
    None,
    gives_text=True,
    syntax='printf("<format>" [, <value>]...)',
    does="Values in a format, as in C.",
    notes="A width or precision counts as 1,000 where it is more.",
    source="Conversion functions",
)
def _printf(env: Env, ast: Func) -> Expr:
    args = [env.text(arg) for arg in ast.args[1:]]
    match ast.args[0]:
        case Str(value=pattern) if any(int(digits) > MOST_WIDTH for digits in _WIDTHS.findall(pattern)):
            env.context.warnings.add(
                "printf", f"printf: a width or precision over {MOST_WIDTH:,} counts as {MOST_WIDTH:,}"
            )
    packed = call("list_pack", Kind.MULTI, *args) if args else Lit(None, Kind.MULTI)
    return call("printf", Kind.TEXT, env.text(ast.args[0]), packed)
