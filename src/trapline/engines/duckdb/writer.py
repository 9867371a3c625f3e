"""DuckDB's SQL as text. sqlglot's writer serves every dialect and every clause: for each SELECT it asks for some thirty
things that our queries never have. The few kinds of nodes that most of a query is made of are written here, as long as
they hold nothing but what is expected of them. Everything else is written there, and so is what people read."""

from __future__ import annotations

from typing import ClassVar

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.generators.duckdb import DuckDBGenerator

_DIALECT = DuckDB()


def text(tree: exp.Expression | exp.Query, *, pretty: bool = False) -> str:
    """SQL as DuckDB reads it, on one line or, `pretty`, for people. The tree is used up: to copy it before took a fifth
    of the time."""
    writer = DuckDBGenerator if pretty else _Writer
    made = writer(dialect=_DIALECT, pretty=pretty, normalize_functions=False, comments=False).generate(tree, copy=False)
    _let_go(tree)
    return made


def _let_go(tree: exp.Expression | exp.Query) -> None:
    """Nodes know their parents, so that a tree stays until the garbage collector comes; that was a quarter of the time
    that queries took to write."""
    waiting: list[exp.Expr] = [tree]
    while waiting:
        for value in waiting.pop().args.values():
            for one in value if isinstance(value, list) else (value,):
                if isinstance(one, exp.Expr):
                    one.parent = None
                    if not one.is_primitive:
                        waiting.append(one)


_CLAUSES = ("where", "group", "order", "limit")
_SELECT = frozenset({"expressions", "from_", "joins", *_CLAUSES})
_SUBQUERY = frozenset({"this", "alias"})
_CAST = frozenset({"this", "to"})
_TYPE = frozenset({"this", "nested"})
_NAME = exp.Identifier
_ORDERED = frozenset({"this", "desc", "nulls_first"})


class _Writer(DuckDBGenerator):
    """On one line. A method says the same as the one that it stands for: tests compare them."""

    _types: ClassVar[dict[object, str]] = {}
    """How types without parameters are written."""

    TRANSFORMS: ClassVar = {kind: one for kind, one in DuckDBGenerator.TRANSFORMS.items() if kind is not exp.Select}

    def select_sql(self, expression: exp.Select) -> str:
        args, write = expression.args, self.sql
        if not args.keys() <= _SELECT or not args.get("from_") or not args.get("expressions"):
            return super().select_sql(expression)
        name = self.identifier_sql
        columns = ", ".join([name(one) if one.__class__ is _NAME else write(one) for one in args["expressions"]])
        clauses = [write(one) for one in args.get("joins") or ()]
        clauses += [write(args[one]) for one in _CLAUSES if args.get(one)]
        return "".join(["SELECT ", columns, " FROM ", write(args["from_"].args["this"]), *clauses])

    def subquery_sql(self, expression: exp.Subquery, sep: str = " AS ") -> str:
        args = expression.args
        if args.keys() != _SUBQUERY or not args["alias"]:
            return super().subquery_sql(expression, sep)
        return f"({self.sql(args['this'])}){sep}{self.sql(args['alias'])}"

    def identifier_sql(self, expression: exp.Identifier) -> str:
        name: str = expression.args["this"]
        if not expression.args.get("quoted") or '"' in name:
            return super().identifier_sql(expression)
        return f'"{name}"'

    def alias_sql(self, expression: exp.Alias) -> str:
        return f"{self.sql(expression.args['this'])} AS {self.sql(expression.args['alias'])}"

    def cast_sql(self, expression: exp.Cast, safe_prefix: str | None = None) -> str:
        args = expression.args
        if safe_prefix or args.keys() != _CAST:
            return super().cast_sql(expression, safe_prefix)
        return f"CAST({self.sql(args['this'])} AS {self.sql(args['to'])})"

    def ordered_sql(self, expression: exp.Ordered) -> str:
        args = expression.args
        if args.keys() != _ORDERED or args["nulls_first"]:  # nulls come last anyway, unless it is said
            return super().ordered_sql(expression)
        return f"{self.sql(args['this'])} {'DESC' if args['desc'] else 'ASC'}"

    def datatype_sql(self, expression: exp.DataType) -> str:
        args = expression.args
        if not args.keys() <= _TYPE or args.get("nested"):
            return super().datatype_sql(expression)
        known = self._types.get(args["this"])
        if known is None:
            known = self._types[args["this"]] = super().datatype_sql(expression)
        return known
