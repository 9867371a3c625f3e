"""What addtotals and addcoltotals share: a row of sums at the end.

Source: Search Reference, "addtotals", "addcoltotals". Values that are no numbers are passed over.
"""

from __future__ import annotations

from collections.abc import Sequence

from trapline.plan import Agg, Aggregate, Call, Expr, Extend, Filter, Node, Project, Union, call, number, text, visible
from trapline.plan import Col as Column
from trapline.spl.cursor import Name
from trapline.spl.evaluate import as_number
from trapline.spl.wildcard import match_names
from trapline.values import Kind

_ROWS = "_totals_rows"


def summed(names: Sequence[Name], node: Node) -> list[str]:
    """The fields that are added up: those that the patterns match, or all that are not internal."""
    shown = visible(node.schema)
    if not names:
        return shown
    wanted = [one for name in names for one in match_names(name.text, shown if name.wild else node.schema)]
    return list(dict.fromkeys(wanted))


def row_totals(node: Node, fields: Sequence[str], target: str) -> Node:
    """Each row with the sum of its numbers in `fields`; 0 where it has none."""
    total: Expr = number(0)
    for name in fields:
        value = as_number(Column(name, node.schema[name]))
        total = call("add", Kind.NUMBER, total, Call("coalesce", (value, number(0)), Kind.NUMBER))
    return Extend(node, ((target, total),))


def column_totals(node: Node, fields: Sequence[str], labelfield: str | None, label: str) -> Node:
    """One more row, with the sum of each of `fields`, null where none of its values is a number;
    none where there are no rows."""
    sums = tuple(
        (name, Agg("sum", as_number(Column(name, node.schema[name])), Kind.NUMBER))
        for name in fields
        if name != labelfield
    )
    last: Node = Aggregate(node, (), (*sums, (_ROWS, Agg("count_rows", None, Kind.NUMBER))))
    last = Filter(last, call("gt", Kind.BOOL, Column(_ROWS, Kind.NUMBER), number(0)))
    last = Project(last, tuple((name, Column(name, Kind.NUMBER)) for name, _ in sums))
    if labelfield is not None:
        last = Extend(last, ((labelfield, text(label)),))
    return Union((node, last))
