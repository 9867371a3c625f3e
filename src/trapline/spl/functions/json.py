"""JSON functions (Search Reference, "JSON functions").

JSON is text in a field. As an argument, a field or result that holds an object or array is that object or array, one
that looks like a number is a number, a quoted literal is always text. Results have no blanks; what is not valid JSON
gives null. Paths: spath's, with places counted from 0.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from trapline.errors import SplError
from trapline.plan import FALSE, NULL, TRUE, Call, Expr, Lit, call, text
from trapline.spl.evaluate import Env, as_text, is_null_literal
from trapline.spl.expr import Ast, Binary, Field, Func, Str
from trapline.spl.functions import function
from trapline.values import Kind

_TEXT_FUNCTIONS = frozenset(
    (
        "lower",
        "upper",
        "trim",
        "ltrim",
        "rtrim",
        "replace",
        "substr",
        "tostring",
        "printf",
        "strftime",
        "mvjoin",
        "urldecode",
        "md5",
        "sha1",
        "sha256",
        "sha512",
        "typeof",
    )
)
"""Functions whose result is text whatever it looks like."""

EMPTY = Lit((), Kind.MULTI)


def fragment(env: Env, ast: Ast) -> Expr:
    """An argument as JSON text; null is `null`."""
    value = env.any(ast)
    if is_null_literal(value):
        return text("null")
    match value:
        case Lit(kind=Kind.TEXT, value=str() as literal):
            return text(json.dumps(literal, ensure_ascii=False))
    match value.kind:
        case Kind.BOOL:
            otherwise = text("null")
            return Call(
                "case", (value, text("true"), call("not", Kind.BOOL, value), text("false"), otherwise), Kind.TEXT
            )
        case Kind.NUMBER:
            written = as_text(value)
        case Kind.MULTI:
            # A multivalue of one is a single value.
            single = call("json_fragment", Kind.TEXT, call("list_single", Kind.TEXT, value), TRUE)
            written = Call("coalesce", (single, call("json_list", Kind.TEXT, value, FALSE)), Kind.TEXT)
        case _:
            written = call("json_fragment", Kind.TEXT, value, Lit(not _is_text(ast), Kind.BOOL))
    return Call("coalesce", (written, text("null")), Kind.TEXT)


def _is_text(ast: Ast) -> bool:
    match ast:
        case Str() | Binary(op="."):
            return True
        case Func(name=name):
            return name in _TEXT_FUNCTIONS
    return False


def pack(values: Sequence[Expr]) -> Expr:
    """Texts as one list."""
    return Call("list_pack", tuple(values), Kind.MULTI) if values else Lit(None, Kind.MULTI)


def _pairs(env: Env, ast: Func, args: Sequence[Ast], what: str) -> tuple[Expr, Expr]:
    """Arguments `name, value, name, value ...` as two lists."""
    if len(args) % 2:
        raise SplError(f"{ast.name}() takes pairs of a {what} and a value", span=ast.span, code="function")
    return pack([env.text(arg) for arg in args[::2]]), pack([fragment(env, arg) for arg in args[1::2]])


def document(env: Env, ast: Ast) -> Expr:
    """An argument that is JSON as it stands."""
    return env.text(ast)


@function("json_object", 0, None, syntax="json_object([<key>, <value>]...)", does="A JSON object.")
def _json_object(env: Env, ast: Func) -> Expr:
    return call("json_object", Kind.TEXT, *_pairs(env, ast, ast.args, "key"))


@function("json_array", 0, None, syntax="json_array([<value>]...)", does="A JSON array.")
def _json_array(env: Env, ast: Func) -> Expr:
    return call("json_array", Kind.TEXT, pack([fragment(env, arg) for arg in ast.args]))


@function("json", 1, syntax="json(<text>)", does="The text, if it is valid JSON.", notes="Null if it is not.")
def _json(env: Env, ast: Func) -> Expr:
    value = document(env, ast.args[0])
    return Call("case", (call("json_valid", Kind.BOOL, value), value, NULL), Kind.TEXT)


@function("json_valid", 1, syntax="json_valid(<text>)", does="Whether a text is valid JSON.")
def _json_valid(env: Env, ast: Func) -> Expr:
    return call("json_valid", Kind.BOOL, document(env, ast.args[0]))


@function(
    "json_extract",
    1,
    None,
    syntax="json_extract(<json> [, <path>]...)",
    does="What is at a path of a JSON document.",
    notes=(
        "Text, a number, or JSON text. Several paths, or a path with `{}`, give an array; without a path it "
        "is the document."
    ),
)
def _json_extract(env: Env, ast: Func) -> Expr:
    paths = pack([env.text(arg) for arg in ast.args[1:]])
    return call("json_extract", Kind.TEXT, document(env, ast.args[0]), paths)


@function(
    "json_extract_exact",
    1,
    None,
    syntax="json_extract_exact(<json> [, <key>]...)",
    does="The value of a key of a JSON object.",
    notes="The key is taken literally, dots and all. Several keys give an array.",
)
def _json_extract_exact(env: Env, ast: Func) -> Expr:
    keys = pack([env.text(arg) for arg in ast.args[1:]])
    return call("json_extract_exact", Kind.TEXT, document(env, ast.args[0]), keys)


def _changing(how: str) -> Callable[[Env, Func], Expr]:
    def lower(env: Env, ast: Func) -> Expr:
        what = "key" if how == "set_exact" else "path"
        paths, values = _pairs(env, ast, ast.args[1:], what)
        return call("json_change", Kind.TEXT, text(how), document(env, ast.args[0]), paths, values)

    lower.__module__ = __name__
    return lower


function(
    "json_set",
    3,
    None,
    syntax="json_set(<json>, <path>, <value>, ...)",
    does="The document with other values at paths.",
)(_changing("set"))
function(
    "json_set_exact",
    3,
    None,
    syntax="json_set_exact(<json>, <key>, <value>, ...)",
    does="The object with other values of keys.",
    notes="Keys are taken literally, dots and all.",
)(_changing("set_exact"))
function(
    "json_append",
    3,
    None,
    syntax="json_append(<json>, <path>, <value>, ...)",
    does="The document with values added to the arrays at paths.",
    notes="An array is added as one element.",
)(_changing("append"))


@function(
    "json_extend",
    3,
    None,
    syntax="json_extend(<json>, <path>, <array>, ...)",
    does="The document with the elements of arrays added to the arrays at paths.",
    notes="A literal may be the array.",
)
def _json_extend(env: Env, ast: Func) -> Expr:
    paths, _ = _pairs(env, ast, ast.args[1:], "path")
    values = pack([_array(env, arg) for arg in ast.args[2::2]])
    return call("json_change", Kind.TEXT, text("extend"), document(env, ast.args[0]), paths, values)


def _array(env: Env, ast: Ast) -> Expr:
    if not isinstance(ast, Str):
        return fragment(env, ast)
    whole = call("json_container", Kind.TEXT, text(ast.value), text("["))
    return Call("coalesce", (whole, fragment(env, ast)), Kind.TEXT)


@function("json_delete", 2, None, syntax="json_delete(<json>, <key>, ...)", does="The document without some keys.")
def _json_delete(env: Env, ast: Func) -> Expr:
    keys = pack([env.text(arg) for arg in ast.args[1:]])
    return call("json_delete", Kind.TEXT, document(env, ast.args[0]), keys)


@function("json_keys", 1, syntax="json_keys(<json>)", does="The keys of a JSON object, as an array.")
def _json_keys(env: Env, ast: Func) -> Expr:
    return call("json_keys", Kind.TEXT, document(env, ast.args[0]))


@function(
    "json_entries",
    1,
    syntax="json_entries(<json>)",
    does="The keys and values of a JSON object, as an array of objects.",
)
def _json_entries(env: Env, ast: Func) -> Expr:
    return call("json_entries", Kind.TEXT, document(env, ast.args[0]))


@function(
    "json_has_key_exact",
    2,
    syntax="json_has_key_exact(<json>, <key>)",
    does="Whether a JSON object has a key.",
    notes="The key is taken literally, dots and all.",
)
def _json_has_key_exact(env: Env, ast: Func) -> Expr:
    return call("json_has_key", Kind.BOOL, document(env, ast.args[0]), env.text(ast.args[1]))


def flag_argument(env: Env, ast: Func, place: int) -> Expr:
    """An optional boolean argument, false unless given."""
    if len(ast.args) <= place:
        return FALSE
    given = ast.args[place]
    match given:
        case Field(name=name) | Str(value=name) if name.lower() in ("true", "false") and name not in env.schema:
            return Lit(name.lower() == "true", Kind.BOOL)
    return env.condition(given)


@function(
    "json_array_to_mv",
    1,
    2,
    syntax="json_array_to_mv(<json> [, <quoted>])",
    does="A multivalue of the elements of a JSON array.",
    notes="With `true()`, texts keep their quotes.",
)
def _json_array_to_mv(env: Env, ast: Func) -> Expr:
    return call("json_values", Kind.MULTI, document(env, ast.args[0]), flag_argument(env, ast, 1))
