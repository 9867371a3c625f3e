"""Comparison and conditional functions (Search Reference, "Comparison and Conditional functions")."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from trapline.errors import SplError
from trapline.plan import FALSE, NULL, TRUE, Call, Col, Expr, Lambda, Lit, call
from trapline.spl.evaluate import Env, as_text, compare, is_null_literal, unify
from trapline.spl.expr import Func
from trapline.spl.functions import function
from trapline.values import Kind


def choose(pairs: Sequence[tuple[Expr, Expr]], otherwise: Expr) -> Expr:
    """CASE: the value of the first true condition; a null condition is not true."""
    values = unify([value for _, value in pairs] + [otherwise])
    args = [part for (condition, _), value in zip(pairs, values, strict=False) for part in (condition, value)]
    return Call("case", (*args, values[-1]), values[0].kind)


@function(
    "if",
    3,
    syntax="if(<condition>, <then>, <else>)",
    does="One of two values, by a condition.",
    notes="A null condition gives the second. Both results are values, or both are conditions.",
)
def _if(env: Env, ast: Func) -> Expr:
    condition, then, otherwise = ast.args
    left, right = env.any(then), env.any(otherwise)
    if Kind.BOOL in (left.kind, right.kind) and left.kind is not right.kind:
        raise SplError("both results of if() must be values or both booleans", span=ast.span, code="boolean")
    if left.kind is Kind.BOOL:
        return call("case", Kind.BOOL, env.condition(condition), left, right)
    return choose([(env.condition(condition), left)], right)


@function(
    "case",
    2,
    None,
    syntax="case(<condition>, <value>, ...)",
    does="The value after the first condition that is true.",
    notes="Null if none is; `true()` as the last condition gives a default.",
)
def _case(env: Env, ast: Func) -> Expr:
    if len(ast.args) % 2:
        raise SplError("case() takes pairs of a condition and a value", span=ast.span, code="function")
    pairs = [
        (env.condition(condition), env.value(value))
        for condition, value in zip(ast.args[::2], ast.args[1::2], strict=True)
    ]
    return choose(pairs, NULL)


@function(
    "validate",
    2,
    None,
    syntax="validate(<condition>, <value>, ...)",
    does="The value after the first condition that is false.",
    notes="Null if none is: the values say what is wrong.",
)
def _validate(env: Env, ast: Func) -> Expr:
    if len(ast.args) % 2:
        raise SplError("validate() takes pairs of a condition and a value", span=ast.span, code="function")
    pairs = [
        (call("not", Kind.BOOL, env.condition(condition)), env.value(value))
        for condition, value in zip(ast.args[::2], ast.args[1::2], strict=True)
    ]
    return choose(pairs, NULL)


@function("coalesce", 1, None, syntax="coalesce(<value>, ...)", does="The first value that is not null.")
def _coalesce(env: Env, ast: Func) -> Expr:
    values = [value for value in map(env.value, ast.args) if not is_null_literal(value)]
    if not values:
        return NULL
    values = unify(values)
    return values[0] if len(values) == 1 else Call("coalesce", tuple(values), values[0].kind)


@function("null", 0, syntax="null()", does="No value.", notes="Assigned to a field, it removes the field.")
def _null(env: Env, ast: Func) -> Expr:
    return NULL


@function("nullif", 2, syntax="nullif(<value>, <value>)", does="The first value, or null where both are equal.")
def _nullif(env: Env, ast: Func) -> Expr:
    left, right = env.value(ast.args[0]), env.value(ast.args[1])
    return choose([(compare("eq", left, right, ast.span), NULL)], left)


@function("true", 0, syntax="true()", does="A condition that is true.")
def _true(env: Env, ast: Func) -> Expr:
    return TRUE


@function("false", 0, syntax="false()", does="A condition that is not true.")
def _false(env: Env, ast: Func) -> Expr:
    return FALSE


@function(
    "in",
    2,
    None,
    syntax="in(<value>, <value>, ...)",
    does="Whether the first value is one of the others.",
    notes="In a condition it is also written `x IN (1, 2)`.",
)
def _in(env: Env, ast: Func) -> Expr:
    return env.within(ast.args[0], ast.args[1:], ast.span)


@function(
    "like",
    2,
    syntax="like(<text>, <pattern>)",
    does="Whether a text fits a pattern of `%` (any text) and `_` (one character).",
    notes="The pattern covers the whole value, and letter case counts. True for any value of a multivalue.",
)
def _like(env: Env, ast: Func) -> Expr:
    value, pattern = env.value(ast.args[0]), env.text(ast.args[1])
    return per_value(value, lambda one: call("like", Kind.BOOL, one, pattern))


@function(
    "match",
    2,
    syntax="match(<text>, <regex>)",
    does="Whether a regular expression finds something in a text.",
    notes="PCRE, not anchored. True for any value of a multivalue.",
)
def _match(env: Env, ast: Func) -> Expr:
    value, pattern = env.value(ast.args[0]), env.pattern(ast.args[1])
    return per_value(value, lambda one: call("regex_match", Kind.BOOL, one, pattern))


@function(
    "cidrmatch",
    2,
    syntax="cidrmatch(<block>, <address>)",
    does="Whether an IP address is in a network.",
    notes="The block is written as 10.0.0.0/8, IPv4 or IPv6. True for any value of a multivalue.",
)
def _cidrmatch(env: Env, ast: Func) -> Expr:
    subnet, address = env.text(ast.args[0]), env.value(ast.args[1])
    return per_value(address, lambda one: call("cidr_match", Kind.BOOL, subnet, one))


@function(
    "searchmatch",
    1,
    syntax="searchmatch(<search>)",
    does="Whether the event matches a search expression.",
    notes="The expression, a literal, has the rules of `search`: letter case is ignored and `*` is a wildcard.",
)
def _searchmatch(env: Env, ast: Func) -> Expr:
    from trapline.spl.filter import lower_text

    return lower_text(env.constant(ast.args[0], "the argument of searchmatch()"), env.schema, env.context, ast.span)


def per_value(value: Expr, test: Callable[[Expr], Expr]) -> Expr:
    """A test of a text, or of any value of a multivalue; null stays null."""
    if is_null_literal(value):
        return Lit(None, Kind.BOOL)
    if value.kind is Kind.MULTI:
        return call("list_any", Kind.BOOL, value, Lambda("_v", test(Col("_v", Kind.TEXT))))
    return test(as_text(value))
