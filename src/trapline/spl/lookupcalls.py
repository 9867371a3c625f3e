"""lookup() inside of expressions (Search Reference, "Comparison and conditional functions").

`lookup("table", json_object("field", value, ...), json_array("output", ...))` is a join, which an expression cannot be:
the commands that take expressions join the table first, and the expression then reads the fields of the join.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from trapline.errors import SplError
from trapline.plan import Col, Extend, Node, Project
from trapline.spl.command import Context
from trapline.spl.evaluate import Env
from trapline.spl.expr import Ast, Binary, Field, Func, In, Str, Unary
from trapline.spl.lookups import Pair, lower_lookup

PREFIX = "_lookup_call_"


def has_lookup(ast: Ast) -> bool:
    """Does the expression look something up?"""
    return any(isinstance(one, Func) and one.name == "lookup" for one in _walk(ast))


def _walk(ast: Ast) -> Iterator[Ast]:
    yield ast
    match ast:
        case Unary(operand=operand):
            yield from _walk(operand)
        case Binary(left=left, right=right):
            yield from _walk(left)
            yield from _walk(right)
        case In(item=item, choices=choices):
            for one in (item, *choices):
                yield from _walk(one)
        case Func(args=args):
            for one in args:
                yield from _walk(one)


def joined(context: Context, source: Node, ast: Ast) -> tuple[Node, Ast]:
    """The rows with what the expression looks up, and the expression over them. `without` takes the fields off again.
    Raises SplError."""
    match ast:
        case Func(name="lookup"):
            return _joined(context, source, ast)
        case Func(args=args):
            parts: list[Ast] = []
            for arg in args:
                source, part = joined(context, source, arg)
                parts.append(part)
            return source, replace(ast, args=tuple(parts))
        case Unary(operand=operand):
            source, operand = joined(context, source, operand)
            return source, replace(ast, operand=operand)
        case Binary(left=left, right=right):
            source, left = joined(context, source, left)
            source, right = joined(context, source, right)
            return source, replace(ast, left=left, right=right)
        case In(item=item, choices=choices):
            source, item = joined(context, source, item)
            found: list[Ast] = []
            for choice in choices:
                source, one = joined(context, source, choice)
                found.append(one)
            return source, replace(ast, item=item, choices=tuple(found))
    return source, ast


def without(node: Node) -> Node:
    """The rows without the fields of joins."""
    kept = [(name, Col(name, kind)) for name, kind in node.schema.items() if not name.startswith(PREFIX)]
    return node if len(kept) == len(node.schema) else Project(node, tuple(kept))


def _joined(context: Context, source: Node, ast: Func) -> tuple[Node, Ast]:
    match ast.args:
        case (Str(value=table), Func(name="json_object", args=pairs), Func(name="json_array", args=outputs)) if (
            pairs and outputs and len(pairs) % 2 == 0
        ):
            pass
        case _:
            raise _malformed(ast)
    own = f"{PREFIX}{sum(name.startswith(PREFIX) for name in source.schema)}_"
    on: list[Pair] = []
    for place, (field, value) in enumerate(zip(pairs[::2], pairs[1::2], strict=True)):
        if not isinstance(field, Str):
            raise _malformed(ast)
        source, inner = joined(context, source, value)
        key = f"{own}k{place}"
        source = Extend(source, ((key, Env(source.schema, context).value(inner)),))
        on.append(Pair(field.value, key, field.span))
    found: list[Pair] = []
    for place, output in enumerate(outputs):
        if not isinstance(output, Str):
            raise _malformed(ast)
        found.append(Pair(output.value, f"{own}o{place}", output.span))
    try:
        source = lower_lookup(context, source, context.lookup(table), on, found, keep=False)
    except SplError as error:
        error.span = error.span or ast.args[0].span
        raise
    fields = tuple(Field(pair.name, pair.span) for pair in found)
    members = tuple(part for pair, one in zip(found, fields, strict=True) for part in (Str(pair.field, pair.span), one))
    nothing = Func("isnull", (Func("coalesce", fields, ast.span),), ast.span)
    return source, Func("if", (nothing, Func("null", (), ast.span), Func("json_object", members, ast.span)), ast.span)


def _malformed(ast: Func) -> SplError:
    return SplError(
        "lookup() takes a table, a json_object of fields and values, and a json_array of output fields",
        span=ast.span,
        hint='lookup("assets", json_object("ip", src), json_array("owner"))',
        code="function",
    )
