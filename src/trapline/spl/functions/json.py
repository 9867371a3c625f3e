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


@function("json_object", 0, None)
def _json_object(env: Env, ast: Func) -> Expr:
    return call("json_object", Kind.TEXT, *_pairs(env, ast, ast.args, "key"))


@function("json_array", 0, None)
def _json_array(env: Env, ast: Func) -> Expr:
    return call("json_array", Kind.TEXT, pack([fragment(env, arg) for arg in ast.args]))


@function("json", 1)
def _json(env: Env, ast: Func) -> Expr:
    """The value, if it is valid JSON."""
    value = document(env, ast.args[0])
    return Call("case", (call("json_valid", Kind.BOOL, value), value, NULL), Kind.TEXT)


@function("json_valid", 1)
def _json_valid(env: Env, ast: Func) -> Expr:
    return call("json_valid", Kind.BOOL, document(env, ast.args[0]))


@function("json_extract", 1, None)
def _json_extract(env: Env, ast: Func) -> Expr:
    """The value at a path: text, number, or JSON text; several paths give an array. A path with {} gives an array."""
    paths = pack([env.text(arg) for arg in ast.args[1:]])
    return call("json_extract", Kind.TEXT, document(env, ast.args[0]), paths)


@function("json_extract_exact", 1, None)
def _json_extract_exact(env: Env, ast: Func) -> Expr:
    """As json_extract(), with keys of the object taken literally, dots and all."""
    keys = pack([env.text(arg) for arg in ast.args[1:]])
    return call("json_extract_exact", Kind.TEXT, document(env, ast.args[0]), keys)


def _changing(how: str) -> Callable[[Env, Func], Expr]:
    def lower(env: Env, ast: Func) -> Expr:
        what = "key" if how == "set_exact" else "path"
        paths, values = _pairs(env, ast, ast.args[1:], what)
        return call("json_change", Kind.TEXT, text(how), document(env, ast.args[0]), paths, values)

    lower.__module__ = __name__
    return lower


function("json_set", 3, None)(_changing("set"))
function("json_set_exact", 3, None)(_changing("set_exact"))
function("json_append", 3, None)(_changing("append"))


@function("json_extend", 3, None)
def _json_extend(env: Env, ast: Func) -> Expr:
    """As json_append(), an array one element at a time. A literal may be the array."""
    paths, _ = _pairs(env, ast, ast.args[1:], "path")
    values = pack([_array(env, arg) for arg in ast.args[2::2]])
    return call("json_change", Kind.TEXT, text("extend"), document(env, ast.args[0]), paths, values)


def _array(env: Env, ast: Ast) -> Expr:
    if not isinstance(ast, Str):
        return fragment(env, ast)
    whole = call("json_container", Kind.TEXT, text(ast.value), text("["))
    return Call("coalesce", (whole, fragment(env, ast)), Kind.TEXT)


@function("json_delete", 2, None)
def _json_delete(env: Env, ast: Func) -> Expr:
    keys = pack([env.text(arg) for arg in ast.args[1:]])
    return call("json_delete", Kind.TEXT, document(env, ast.args[0]), keys)


@function("json_keys", 1)
def _json_keys(env: Env, ast: Func) -> Expr:
    return call("json_keys", Kind.TEXT, document(env, ast.args[0]))


@function("json_entries", 1)
def _json_entries(env: Env, ast: Func) -> Expr:
    return call("json_entries", Kind.TEXT, document(env, ast.args[0]))


@function("json_has_key_exact", 2)
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


@function("json_array_to_mv", 1, 2)
def _json_array_to_mv(env: Env, ast: Func) -> Expr:
    """The elements of an array; true() keeps the quotes of texts."""
    return call("json_values", Kind.MULTI, document(env, ast.args[0]), flag_argument(env, ast, 1))
