"""Multivalue functions (Search Reference, "Multivalue eval functions")."""

from __future__ import annotations

from trapline.errors import SplError
from trapline.plan import Call, Col, Expr, Lambda, Lit, call, number, text
from trapline.spl.evaluate import Env, as_multi, as_text, is_null_literal
from trapline.spl.expr import Ast, Func, Str, fields_read
from trapline.spl.functions import function
from trapline.spl.functions.json import flag_argument
from trapline.times import span_seconds
from trapline.values import Kind


@function("mvcount", 1)
def _mvcount(env: Env, ast: Func) -> Expr:
    """How many values; null for none."""
    return call("list_count", Kind.NUMBER, env.multi(ast.args[0]))


@function("mvappend", 1, None)
def _mvappend(env: Env, ast: Func) -> Expr:
    values = [as_multi(value) for value in map(env.value, ast.args) if not is_null_literal(value)]
    if not values:
        return Lit(None, Kind.MULTI)
    return Call("list_concat", tuple(values), Kind.MULTI)


@function("mvindex", 2, 3)
def _mvindex(env: Env, ast: Func) -> Expr:
    """0-based, negative from the end, the end included; null out of range."""
    values, first = env.multi(ast.args[0]), env.number(ast.args[1])
    if len(ast.args) == 2:
        return call("list_at", Kind.TEXT, values, first)
    return call("list_slice", Kind.MULTI, values, first, env.number(ast.args[2]))


@function("mvjoin", 2, gives_text=True)
def _mvjoin(env: Env, ast: Func) -> Expr:
    return call("list_join", Kind.TEXT, env.multi(ast.args[0]), env.text(ast.args[1]))


@function("mvdedup", 1)
def _mvdedup(env: Env, ast: Func) -> Expr:
    """Keeps the first of equal values."""
    return call("list_dedup", Kind.MULTI, env.multi(ast.args[0]))


@function("mvsort", 1)
def _mvsort(env: Env, ast: Func) -> Expr:
    """By code points."""
    return call("list_sort", Kind.MULTI, env.multi(ast.args[0]))


@function("mvreverse", 1)
def _mvreverse(env: Env, ast: Func) -> Expr:
    return call("list_reverse", Kind.MULTI, env.multi(ast.args[0]))


@function("mvfind", 2)
def _mvfind(env: Env, ast: Func) -> Expr:
    """The index of the first value that a PCRE matches."""
    item = Col("_v", Kind.TEXT)
    found = call("regex_match", Kind.BOOL, item, env.pattern(ast.args[1]))
    return call("list_find", Kind.NUMBER, env.multi(ast.args[0]), Lambda("_v", found))


@function("mvzip", 2, 3)
def _mvzip(env: Env, ast: Func) -> Expr:
    """Pairs, joined by a comma unless given; ends with the shorter."""
    mark = env.text(ast.args[2]) if len(ast.args) == 3 else text(",")
    return call("list_zip", Kind.MULTI, env.multi(ast.args[0]), env.multi(ast.args[1]), mark)


@function("mvrange", 2, 3)
def _mvrange(env: Env, ast: Func) -> Expr:
    """Numbers from a start to an end, which is not included; the step may be a time span."""
    step: Expr = number(1)
    if len(ast.args) == 3:
        given = ast.args[2]
        if isinstance(given, Str):
            seconds = span_seconds(given.value)
            if seconds is None or seconds <= 0:
                raise SplError(f"'{given.value}' is not a step", span=given.span, hint="such as 7d", code="function")
            step = number(seconds)
        else:
            step = env.number(given)
    return call("list_range", Kind.MULTI, env.number(ast.args[0]), env.number(ast.args[1]), step)


@function("mvfilter", 1)
def _mvfilter(env: Env, ast: Func) -> Expr:
    """The values for which a condition on that one field holds; null if none."""
    name = _only_field(ast, ast.args[0])
    condition = env.bind(name, Col("_v", Kind.TEXT)).condition(ast.args[0])
    return call("list_filter", Kind.MULTI, as_multi(env.field(name)), Lambda("_v", condition))


@function("mvmap", 2, 3)
def _mvmap(env: Env, ast: Func) -> Expr:
    """An expression for each value of a field."""
    name = _only_field(ast, ast.args[0])
    body = as_text(env.bind(name, Col("_v", Kind.TEXT)).value(ast.args[1]))
    return call("list_map", Kind.MULTI, as_multi(env.value(ast.args[0])), Lambda("_v", body))


@function("mv_to_json_array", 1, 2)
def _mv_to_json_array(env: Env, ast: Func) -> Expr:
    """A JSON array of texts; with true() of what the values are as JSON, those that are none being null."""
    return call("json_list", Kind.TEXT, env.multi(ast.args[0]), flag_argument(env, ast, 1))


@function("commands", 1)
def _commands(env: Env, ast: Func) -> Expr:
    """The commands that a search text uses."""
    return call("commands_of", Kind.MULTI, env.text(ast.args[0]))


def _only_field(ast: Func, where: Ast) -> str:
    names = list(dict.fromkeys(fields_read(where)))
    if len(names) != 1:
        raise SplError(
            f"{ast.name}() must name a single field, not {len(names)}: {', '.join(names) or 'none'}",
            span=ast.span,
            code="function",
        )
    return names[0]
