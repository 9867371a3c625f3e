"""Pieces of DuckDB's SQL trees: types, literals, calls."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import cast

from sqlglot import exp

from trapline.plan import Lit
from trapline.values import Kind

Tree = exp.Expression

TYPES: Mapping[Kind, str] = {Kind.TEXT: "VARCHAR", Kind.NUMBER: "DOUBLE", Kind.MULTI: "VARCHAR[]", Kind.BOOL: "BOOLEAN"}


@cache
def _parsed(name: str) -> exp.DataType:
    return exp.DataType.build(name, dialect="duckdb")


def sql_type(name: str) -> exp.DataType:
    """A type by its SQL name; parsed once."""
    return _parsed(name).copy()


def macro(name: str, *args: Tree) -> Tree:
    return exp.Anonymous(this=f"spl_{name}", expressions=list(args))


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
