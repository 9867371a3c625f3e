"""What explaining needs of its surroundings: those of any search, and counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from trapline.plan import Expr, Node
from trapline.spl.command import Context, Pipeline


class Asking(Context, Protocol):
    """A context that can be asked how many rows there are."""

    def stage(self, pipeline: Pipeline, place: int, source: Node | None) -> Node:
        """The plan of one stage over the stages before it."""
        ...

    def count(self, node: Node) -> int:
        """The rows of a plan."""
        ...

    def counts(self, node: Node, tests: Mapping[str, Expr], wanted: Sequence[Expr]) -> list[int]:
        """How many rows each of `wanted` holds for, in one pass; they read the results of `tests` by name."""
        ...
