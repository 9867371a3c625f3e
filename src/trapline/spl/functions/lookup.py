"""lookup(), which reads a lookup table in an expression (Search Reference, "Comparison and Conditional functions")."""

from __future__ import annotations

import json
from collections.abc import Sequence

from trapline.errors import SplError, Unsupported
from trapline.plan import Call, Col, Expr, Lambda, Lit, call, text
from trapline.spl.evaluate import Env
from trapline.spl.expr import Ast, Func, Str
from trapline.spl.functions import function
from trapline.spl.lookups import Lookup, Match, cell_values
from trapline.values import Kind, compact

MOST_KEYS = 10_000
"""Keys of a table that an expression can hold; the lookup command has no such bound."""
_MARK = "\x1f"


@function(
    "lookup",
    3,
    syntax='lookup(<table>, json_object("<field>", <value>, ...), json_array("<output>", ...))',
    does="What a lookup table says of values, as a JSON object.",
)
def _lookup(env: Env, ast: Func) -> Expr:
    name = env.constant(ast.args[0], "the lookup table of lookup()")
    try:
        table = env.context.lookup(name)
    except SplError as error:
        error.span = error.span or ast.args[0].span
        raise
    fields, values = _inputs(ast.args[1])
    outputs = [_literal(one) for one in _call(ast.args[2], "json_array")]
    for field, place in [*((one, ast.args[1].span) for one in fields), *((one, ast.args[2].span) for one in outputs)]:
        if table.fields and field not in table.fields:
            raise SplError(f"the lookup '{name}' has no field '{field}'", span=place, code="lookup-field")
    exact = all(table.match.get(one, Match.EXACT) is Match.EXACT for one in fields)
    if not exact or table.compute is not None or table.temporal is not None:
        what = "matches by wildcards, networks or time" if table.compute is None else "computes its rows"
        raise Unsupported(
            f"lookup() in '{name}', which {what}, is not supported yet",
            span=ast.span,
            hint="use the lookup command",
        )
    found = table.finder(fields).index
    if len(found) > MOST_KEYS:
        raise Unsupported(
            f"lookup() in '{name}', which has more than {MOST_KEYS:,} keys, is not supported yet",
            span=ast.span,
            hint="use the lookup command",
        )
    key: Expr | None = None
    for value in map(env.text, values):
        key = value if key is None else _joined(key, value)
    assert key is not None
    if not table.case_sensitive:
        key = call("lower", Kind.TEXT, key)
    keys = Lit(tuple(_MARK.join(one) for one in found), Kind.MULTI)
    results = Lit(tuple(_json(table, rows[: table.max_matches], outputs) for rows in found.values()), Kind.MULTI)
    if not found:
        return Lit(None, Kind.TEXT)
    same = Lambda("_k", call("eq", Kind.BOOL, Col("_k", Kind.TEXT), key))
    return call("list_at", Kind.TEXT, results, call("list_find", Kind.NUMBER, keys, same))


def _joined(one: Expr, other: Expr) -> Expr:
    return Call("concat", (Call("concat", (one, text(_MARK)), Kind.TEXT), other), Kind.TEXT)


def _inputs(ast: Ast) -> tuple[list[str], list[Ast]]:
    args = _call(ast, "json_object")
    if not args or len(args) % 2:
        raise SplError(
            "json_object() in lookup() takes pairs of a field and a value",
            span=ast.span,
            hint='json_object("user", user)',
            code="function",
        )
    return [_literal(one) for one in args[::2]], list(args[1::2])


def _call(ast: Ast, name: str) -> Sequence[Ast]:
    if not isinstance(ast, Func) or ast.name != name:
        raise Unsupported(
            f"lookup() with something else than {name}(...) is not supported yet", span=ast.span, hint=f"{name}(...)"
        )
    return ast.args


def _literal(ast: Ast) -> str:
    if not isinstance(ast, Str):
        raise Unsupported("a field of lookup() must be a literal", span=ast.span)
    return ast.value


def _json(table: Lookup, rows: Sequence[int], outputs: Sequence[str]) -> str:
    body: dict[str, object] = {}
    for name in outputs:
        value = compact([one for number in rows for one in cell_values(table.rows[number].get(name))])
        if value is not None:
            body[name] = value
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
