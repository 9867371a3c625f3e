"""Pieces of DuckDB's SQL trees: types, literals, calls."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import cast

from sqlglot import exp

from trapline.engines.duckdb.macros import MACROS
from trapline.plan import Lit
from trapline.values import Kind

Tree = exp.Expression

TYPES: Mapping[Kind, str] = {Kind.TEXT: "VARCHAR", Kind.NUMBER: "DOUBLE", Kind.MULTI: "VARCHAR[]", Kind.BOOL: "BOOLEAN"}


@cache
def _parsed(name: str) -> exp.DataType:
    return exp.DataType.build(name, dialect="duckdb")


def sql_type(name: str) -> exp.DataType:
    """A type by its SQL name; parsed once. A plain one is made anew, which is less than to copy it."""
    known = _parsed(name)
    return known.copy() if known.expressions else exp.DataType(**known.args)


HEAVY = 2_000
"""Pieces of SQL, once macros are written out, from which on an argument that a macro names more than once is bound
first: nested calls would write it out again and again, and the engine would not come to the end of reading them."""


def macro(name: str, *args: Tree) -> Tree:
    """A call of the macro spl_<name>. What its SQL comes to is noted on the tree."""
    uses = _uses().get(name, ())
    measured = [_measured(arg) for arg in args]
    often = [uses[place] if place < len(uses) else 1 for place in range(len(args))]
    heavy = [place for place, (weight, _) in enumerate(measured) if often[place] > 1 and weight > HEAVY]
    depth = max((depth for _, depth in measured), default=0)
    given = list(args)
    for place in heavy:
        given[place] = exp.Column(this=exp.Identifier(this=f"bound_{depth + 1}_{place}"))
    tree: Tree = exp.Anonymous(this=f"spl_{name}", expressions=given)
    total = 1 + sum(weight * (1 if at in heavy else often[at]) for at, (weight, _) in enumerate(measured))
    for place in heavy:
        bound = exp.Lambda(this=tree, expressions=[exp.Identifier(this=f"bound_{depth + 1}_{place}")])
        made = native("list_transform", exp.Array(expressions=[args[place]]), bound)
        tree = native("list_extract", made, exp.Literal.number(1))
    tree.meta[_MEASURE] = (total, depth + (1 if heavy else 0))
    return tree


_MEASURE = "measure"
_PARAMETERS = re.compile(r"(\w+)(?:\(([^)]*)\))? AS (.*)", re.DOTALL)


@cache
def _uses() -> Mapping[str, tuple[int, ...]]:
    """How often the SQL of each macro names each of its parameters, at least: what a macro in it repeats counts."""
    found: dict[str, tuple[int, ...]] = {}
    for body in MACROS:
        match = _PARAMETERS.match(body)
        assert match is not None
        names = [name.strip() for name in (match[2] or "").split(",")]
        found[match[1]] = tuple(_named(match[3], name, found) for name in names)
    return found


def _named(body: str, name: str, known: Mapping[str, tuple[int, ...]]) -> int:
    plain = len(re.findall(rf"\b{name}\b", body))
    for inner in re.findall(rf"spl_(\w+)\({name}\)", body):
        plain += known.get(inner, (1,))[0] - 1
    return plain


def _measured(tree: Tree) -> tuple[int, int]:
    """The pieces that a tree comes to when its macros are written out, and how deep bound arguments nest in it."""
    weight = depth = 0
    waiting = [tree]
    while waiting:
        one = waiting.pop()
        known = one.meta.get(_MEASURE) if one._meta else None
        if known is not None:
            weight, depth = weight + known[0], max(depth, known[1])
            continue
        weight += 1
        waiting.extend(one.iter_expressions())
    return weight, depth


def native(name: str, *args: Tree) -> Tree:
    return exp.Anonymous(this=name, expressions=list(args))


def literal(lit: Lit) -> Tree:
    match lit.value:
        case None:
            return exp.Cast(this=exp.Null(), to=sql_type(TYPES[lit.kind]))
        case bool(value):
            return exp.true() if value else exp.false()
        case str(value):
            return exp.Literal.string(value)
        case tuple(values):
            return exp.Array(expressions=[exp.Literal.string(value) for value in values])
        case value:
            text = repr(float(value))
            if text in ("inf", "-inf", "nan"):
                return cast("Tree", exp.Cast(this=exp.Literal.string(text), to=sql_type("DOUBLE")))
            positive = exp.Cast(this=exp.Literal.number(text.lstrip("-")), to=sql_type("DOUBLE"))
            return exp.Neg(this=positive) if text.startswith("-") else positive
