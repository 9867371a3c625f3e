"""head: the first rows.

Synopsis: `head [<count> | limit=<count> | (<eval-expression>)] [null=<bool>] [keeplast=<bool>]`. Search Reference,
"head". With an expression: the rows before the first for which it is not true. With a count as well, whichever ends
first.
"""

from __future__ import annotations

from dataclasses import dataclass

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
from trapline.spl.expr import Ast
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
    start = cursor.here().start
    while not cursor.done():
        match cursor.option(("limit", "null", "keeplast")):
            case ("limit", value, span):
                count = whole(value, span)
            case ("null", value, span):
                null = flag(value, span)
            case ("keeplast", value, span):
                keeplast = flag(value, span)
            case _ if cursor.at_option() and condition is not None:
                cursor.no_option()
            case _ if cursor.peek() == "(" and condition is None:
                condition = cursor.expression()
            case _:
                found = cursor.found()
                given = cursor.integer()
                if given is None or given < 0:
                    cursor.fail(f"expected a number of rows, found {found}", hint="head 20, or head (x>5)")
                count = given
    if condition is None and (null or keeplast):
        cursor.fail("null and keeplast need a condition", cursor.since(start), hint="head (x>5) keeplast=true")
    if count is None and condition is None:
        count = 10
    return Head(count, condition, null, keeplast)
