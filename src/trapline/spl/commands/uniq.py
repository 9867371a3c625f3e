"""uniq: without the rows that equal the one before them.

Syntax:
    uniq

Source: Search Reference, "uniq".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import (
    Agg,
    Col,
    Expr,
    Filter,
    Node,
    Project,
    Window,
    WindowCall,
    both,
    call,
    either,
    number,
)
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.values import Kind

_PLACE = "_uniq"


@dataclass(frozen=True, slots=True)
class Uniq:
    def lower(self, context: Context, source: Node) -> Node:
        source = context.materialise(source)
        fields = source.schema
        before = {name: f"_uniq_{place}" for place, name in enumerate(fields)}
        calls = [(before[n], WindowCall(Agg("lag", Col(n, kind), kind, (1.0,)))) for n, kind in fields.items()]
        node: Node = Window(source, (*calls, (_PLACE, WindowCall(Agg("row_number", None, Kind.NUMBER)))))
        same: list[Expr] = []
        for name, kind in fields.items():
            own, last = Col(name, kind), Col(before[name], kind)
            nulls = both([call("is_null", Kind.BOOL, own), call("is_null", Kind.BOOL, last)])
            same.append(either([nulls, call("is_true", Kind.BOOL, call("eq", Kind.BOOL, own, last))]))
        first = call("eq", Kind.BOOL, Col(_PLACE, Kind.NUMBER), number(1))
        node = Filter(node, either([first, call("not", Kind.BOOL, both(same))]))
        return Project(node, tuple((name, Col(name, kind)) for name, kind in fields.items()))


def parse(cursor: Cursor) -> Uniq:
    cursor.finish()
    return Uniq()
