"""head: the first rows.

Syntax:
    head [<count> | limit=<count>] [<expression>] [null=<bool>] [keeplast=<bool>]

Options:
    <count> (10): how many rows; all, where there is an expression.
    limit=<count> (10): the same.
    <expression> (none): an eval expression; rows stay up to the first for which it is not true.
    null=<bool> (false): an expression that is null counts as true.
    keeplast=<bool> (false): the first row for which it is not true stays as well.

Source: Search Reference, "head".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.errors import Span
from trapline.plan import (
    Agg,
    Call,
    Col,
    Expr,
    Extend,
    Filter,
    Limit,
    Lit,
    Node,
    Project,
    Window,
    WindowCall,
    call,
    number,
)
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, flag
from trapline.spl.cursor import count as whole
from trapline.spl.evaluate import Env
from trapline.spl.expr import Ast, Field, Num, Str
from trapline.values import Kind

_ENDS, _PLACE = "_head_ends", "_head_place"


@dataclass(frozen=True, slots=True)
class Head:
    count: int | None
    condition: Ast | None = None
    null: bool = False
    """Does a condition that is null count as true?"""
    keeplast: bool = False

    def lower(self, context: Context, source: Node) -> Node:
        node = source if self.condition is None else self._while(context, source, self.condition)
        return node if self.count is None else Limit(node, self.count)

    def _while(self, context: Context, source: Node, condition: Ast) -> Node:
        """The rows up to the first that ends the run, and that row itself with keeplast."""
        true = Env(source.schema, context).condition(condition)
        goes_on: Expr = Call("coalesce", (true, Lit(self.null, Kind.BOOL)), Kind.BOOL)
        ends = Call("case", (goes_on, number(0), number(1)), Kind.NUMBER)
        node: Node = Extend(source, ((_ENDS, ends),))
        seen = Agg("sum", Col(_ENDS, Kind.NUMBER), Kind.NUMBER)
        # keeplast looks at the rows before this one, so that the row which ends the run is still in it.
        node = Window(node, ((_PLACE, WindowCall(seen, current=not self.keeplast)),))
        before = Call("coalesce", (Col(_PLACE, Kind.NUMBER), number(0)), Kind.NUMBER)
        node = Filter(node, call("eq", Kind.BOOL, before, number(0)))
        return Project(node, tuple((name, Col(name, kind)) for name, kind in source.schema.items()))


def parse(cursor: Cursor) -> Head:
    count: int | None = None
    condition: Ast | None = None
    null = keeplast = False
    keeping: Span | None = None
    while not cursor.done():
        match cursor.option(("limit", "null", "keeplast")):
            case ("limit", value, span):
                if count is not None:
                    cursor.fail("head takes one number of rows", span)
                count = whole(value, span)
            case ("null", value, span):
                null = flag(value, span)
            case ("keeplast", value, span):
                keeplast, keeping = flag(value, span), span
            case _ if cursor.at_option():
                cursor.no_option()
            case _:
                start = cursor.here().start
                found = cursor.found()
                given = cursor.integer()
                if given is None and condition is None:
                    condition = _condition(cursor, found)
                    continue
                if given is None or given < 0:
                    cursor.fail(
                        f"expected a number of rows, found {found}", cursor.since(start), "head 20, or head (x>5)"
                    )
                if count is not None:
                    cursor.fail("head takes one number of rows", cursor.since(start))
                count = given
    if condition is None and keeplast:
        cursor.fail("keeplast needs a condition", keeping, hint="head (x>5) keeplast=true")
    if count is None and condition is None:
        count = 10
    return Head(count, condition, null, keeplast)


def _condition(cursor: Cursor, found: str) -> Ast:
    """A condition, in parentheses or not: `head count<5`."""
    bare = cursor.peek() != "("
    if cursor.peek() == "[":
        cursor.fail(f"expected a number of rows, found {found}")
    condition = cursor.expression()
    if bare and isinstance(condition, Field | Num | Str):
        cursor.fail(f"expected a number of rows, found {found}", condition.span, "head 20, or head (x>5)")
    return condition
