"""The order of events: newest first."""

from __future__ import annotations

from trapline.plan import Col, Node, Sort, SortKey
from trapline.spl.evaluate import as_number


def newest_first(node: Node) -> Node:
    """Rows by descending `_time`, those without one last; rows of the same time keep their order."""
    kind = node.schema.get("_time")
    return node if kind is None else Sort(node, (SortKey(as_number(Col("_time", kind)), descending=True),))
