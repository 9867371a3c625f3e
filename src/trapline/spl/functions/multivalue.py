"""Multivalue functions (Search Reference, "Multivalue eval functions")."""

from __future__ import annotations

from trapline.errors import SplError
from trapline.plan import Call, Col, Expr, Lambda, Lit, call, number, text
from trapline.spl.evaluate import Env, as_multi, as_text, is_null_literal
from trapline.spl.expr import Ast, Func, Str, fields_read
from trapline.spl.functions import function
from trapline.spl.functions.json import flag_argument
from trapline.times import span_seconds
from trapline.values import MOST_STEPS, Kind


@function("mvcount", 1, syntax="mvcount(<mv>)", does="How many values there are.", notes="Null where there is none.")
def _mvcount(env: Env, ast: Func) -> Expr:
    return call("list_count", Kind.NUMBER, env.multi(ast.args[0]))


@function("mvappend", 1, None, syntax="mvappend(<value>, ...)", does="All values of the arguments as one multivalue.")
def _mvappend(env: Env, ast: Func) -> Expr:
    values = [as_multi(value) for value in map(env.value, ast.args) if not is_null_literal(value)]
    if not values:
        return Lit(None, Kind.MULTI)
    return Call("list_concat", tuple(values), Kind.MULTI)


@function(
    "mvindex",
    2,
    3,
    syntax="mvindex(<mv>, <start> [, <end>])",
    does="The value at a place, or the values from a place to another.",
    notes="Places count from 0, negative ones from the end; the end is included. Null out of range.",
)
def _mvindex(env: Env, ast: Func) -> Expr:
    values, first = env.multi(ast.args[0]), env.number(ast.args[1])
    if len(ast.args) == 2:
        return call("list_at", Kind.TEXT, values, first)
    return call("list_slice", Kind.MULTI, values, first, env.number(ast.args[2]))


@function(
    "mvjoin",
    2,
    gives_text=True,
    syntax="mvjoin(<mv>, <text>)",
    does="The values as one text, with a text between them.",
)
def _mvjoin(env: Env, ast: Func) -> Expr:
    return call("list_join", Kind.TEXT, env.multi(ast.args[0]), env.text(ast.args[1]))


@function(
    "mvdedup", 1, syntax="mvdedup(<mv>)", does="The values without repeats.", notes="The first of equal values stays."
)
def _mvdedup(env: Env, ast: Func) -> Expr:
    return call("list_dedup", Kind.MULTI, env.multi(ast.args[0]))


@function(
    "mvsort",
    1,
    syntax="mvsort(<mv>)",
    does="The values in order.",
    notes="As text, by code points: 10 before 9, upper case before lower case.",
)
def _mvsort(env: Env, ast: Func) -> Expr:
    return call("list_sort", Kind.MULTI, env.multi(ast.args[0]))


@function("mvreverse", 1, syntax="mvreverse(<mv>)", does="The values in the opposite order.")
def _mvreverse(env: Env, ast: Func) -> Expr:
    return call("list_reverse", Kind.MULTI, env.multi(ast.args[0]))


@function(
    "mvfind",
    2,
    syntax="mvfind(<mv>, <regex>)",
    does="The place of the first value in which a regular expression finds something.",
    notes="Counted from 0; null if there is none.",
)
def _mvfind(env: Env, ast: Func) -> Expr:
    item = Col("_v", Kind.TEXT)
    found = call("regex_match", Kind.BOOL, item, env.pattern(ast.args[1]))
    return call("list_find", Kind.NUMBER, env.multi(ast.args[0]), Lambda("_v", found))


@function(
    "mvzip",
    2,
    3,
    syntax="mvzip(<mv>, <mv> [, <text>])",
    does="The values of two multivalues, paired place by place.",
    notes="A comma joins a pair unless a text is given. It ends with the shorter one.",
)
def _mvzip(env: Env, ast: Func) -> Expr:
    mark = env.text(ast.args[2]) if len(ast.args) == 3 else text(",")
    return call("list_zip", Kind.MULTI, env.multi(ast.args[0]), env.multi(ast.args[1]), mark)


@function(
    "mvrange",
    2,
    3,
    syntax="mvrange(<start>, <end> [, <step>])",
    does="Numbers from a start up to an end, which is not included.",
    notes="The step is 1 unless given, and may be a time span such as 7d. A million values at most: null, and told.",
)
def _mvrange(env: Env, ast: Func) -> Expr:
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
    start, end = env.number(ast.args[0]), env.number(ast.args[1])
    match start, end, step:
        case Lit(value=float(first)), Lit(value=float(last)), Lit(value=float(width)) if width:
            if (last - first) / width > MOST_STEPS:
                raise SplError(
                    f"mvrange() would give more than {MOST_STEPS:,} values",
                    span=ast.span,
                    hint="a greater step, or a nearer end",
                    code="values",
                )
    return call("list_range", Kind.MULTI, start, end, step)


@function(
    "mvfilter",
    1,
    syntax="mvfilter(<condition>)",
    does="The values for which a condition holds.",
    notes="The condition names one field, whose values are meant. Null if none is left.",
)
def _mvfilter(env: Env, ast: Func) -> Expr:
    name = _only_field(ast, ast.args[0])
    item = env.item()
    condition = env.bind(name, item).condition(ast.args[0])
    return call("list_filter", Kind.MULTI, as_multi(env.field(name)), Lambda(item.name, condition))


@function(
    "mvmap",
    2,
    syntax="mvmap(<mv>, <expression>)",
    does="An expression, for each value.",
    notes="In the expression the field stands for one value of it. A result of several values counts as these.",
)
def _mvmap(env: Env, ast: Func) -> Expr:
    name = _only_field(ast, ast.args[0])
    item = env.item()
    body = env.bind(name, item).value(ast.args[1])
    values = as_multi(env.value(ast.args[0]))
    if body.kind is Kind.MULTI and not is_null_literal(body):
        return call("list_flat_map", Kind.MULTI, values, Lambda(item.name, body))
    return call("list_map", Kind.MULTI, values, Lambda(item.name, as_text(body)))


@function(
    "mv_to_json_array",
    1,
    2,
    syntax="mv_to_json_array(<mv> [, <infer types>])",
    does="The values as a JSON array.",
    notes=(
        "Each value becomes a JSON string. With `true()` as second argument a value that is JSON itself (`1`, `true`) "
        "stands as it is, and one that is no JSON becomes null."
    ),
)
def _mv_to_json_array(env: Env, ast: Func) -> Expr:
    return call("json_list", Kind.TEXT, env.multi(ast.args[0]), flag_argument(env, ast, 1))


@function("commands", 1, syntax="commands(<search>)", does="The names of the commands that a search uses.")
def _commands(env: Env, ast: Func) -> Expr:
    return call("commands_of", Kind.MULTI, env.text(ast.args[0]))


_WAY_OUT = {
    "mvmap": "make the values a field first: eval x=..., y=mvmap(x, x*2); the expression may read other fields",
    "mvfilter": "mvmap(x, if(x>y, x, null())) keeps values of x by a condition that reads other fields",
}


def _only_field(ast: Func, where: Ast) -> str:
    names = list(dict.fromkeys(fields_read(where)))
    if len(names) != 1:
        raise SplError(
            f"{ast.name}() must name a single field, not {len(names)}: {', '.join(names) or 'none'}",
            span=ast.span,
            hint=_WAY_OUT[ast.name],
            code="function",
        )
    return names[0]
