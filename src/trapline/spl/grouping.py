"""What eventstats and streamstats share: rows with a null by-value pass without the new fields."""

from __future__ import annotations

from collections.abc import Sequence

from trapline.plan import NULL, Call, Col, Expr, Extend, Lit, Node, call, either
from trapline.values import Kind


def blank_without_group(before: Node, after: Node, added: Sequence[str], by: Sequence[str]) -> Node:
    """`after` with the added fields as they were `before` in rows where one of the by-fields is null."""
    if not by:
        return after
    missing = [name for name in by if name not in before.schema]
    nulls: list[Expr] = [call("is_null", Kind.BOOL, Col(n, before.schema[n])) for n in by if n not in missing]
    nulls += [call("is_null", Kind.BOOL, NULL) for _ in missing]
    lacking = either(nulls)
    values: list[tuple[str, Expr]] = []
    for name in added:
        kind = after.schema[name]
        values.append((name, Call("case", (lacking, Lit(None, kind), Col(name, kind)), kind)))
    return Extend(after, tuple(values))
