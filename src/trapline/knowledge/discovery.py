"""Names of fields that are in the data: found by a look at all the events, before a search is compiled."""

from __future__ import annotations

from collections.abc import Sequence

from trapline.knowledge.steps import hoist
from trapline.plan import (
    FALSE,
    TRUE,
    Agg,
    Aggregate,
    Call,
    Col,
    Expand,
    Expr,
    Extend,
    Node,
    Scan,
    Schema,
    Table,
    both,
    call,
    either,
    text,
)
from trapline.spl.command import Context
from trapline.values import Kind

MOST = 512
"""limits.conf [kv] maxcols: names that are taken, those of most events first."""

_NAMES = "_names"


def discover(context: Context, tables: Sequence[Table], stored: Schema, pairs: Expr) -> tuple[str, ...]:
    """The names in pairs, an expression over the stored fields of these tables. Warns where there are too many."""
    scan = Scan(stored, tuple(tables))
    hoisted: dict[Expr, str] = {}
    value = hoist(call("pairs_values", Kind.MULTI, pairs, text("")), hoisted)
    node: Node = scan
    for one, name in hoisted.items():
        node = Extend(node, ((name, one),))
    assert isinstance(value, Call)
    each = Expand(Extend(node, ((_NAMES, call("pairs_names", Kind.MULTI, value.args[0])),)), _NAMES)
    counted = Aggregate(each, ((_NAMES, Col(_NAMES, Kind.TEXT)),), (("count", Agg("count_rows", None, Kind.NUMBER)),))
    found = {str(row[_NAMES]): float(str(row["count"])) for row in context.rows(counted)}
    names = sorted(found, key=lambda name: (-found[name], name))
    if len(names) > MOST:
        context.warnings.add(
            "fields-cut",
            f"events have {len(names):,} field names in their text; the {MOST} most frequent are fields, as in Splunk",
            hint="name what you want in an EXTRACT- or with rex",
        )
    return tuple(name for name in names[:MOST] if not name.startswith("_"))


def is_table(wanted: Sequence[tuple[str, str]], tables: Sequence[Table]) -> Expr:
    """Which events are of these (index, sourcetype), among those of `tables`."""
    if not wanted:
        return FALSE
    if {(one.index, one.sourcetype) for one in tables} <= set(wanted):
        return TRUE
    return either([both([_equals("sourcetype", sourcetype), _equals("index", index)]) for index, sourcetype in wanted])


def _equals(name: str, value: str) -> Expr:
    return call("eq", Kind.BOOL, Col(name, Kind.TEXT), text(value))
