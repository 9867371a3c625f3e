"""Stages lowered without rows, to see what they read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from trapline.errors import SplError
from trapline.plan import (
    Expanded,
    Limit,
    Node,
    Scan,
    Schema,
)
from trapline.search.context import DependsOnRowsError, SearchContext
from trapline.spl.command import Pipeline, Stage
from trapline.values import Row

if TYPE_CHECKING:
    from trapline.engines.duckdb import Output


class Looking(SearchContext):
    """Lowers stages to see what they read. Runs and changes nothing; a field that may be there is there."""

    def __init__(self, own: SearchContext, clock: float | None = None) -> None:
        super().__init__(
            own.session, own.engine, own._now, own._clock if clock is None else clock, own.earliest, own.latest
        )
        self.delimiters = dict(own.delimiters)
        self.filled = own.filled
        self.formats = dict(own.formats)

    def run(self, node: Node) -> Output:
        raise DependsOnRowsError

    def count(self, node: Node) -> int:
        raise DependsOnRowsError

    def apply(
        self, node: Node, function: Callable[[list[Row]], Iterable[Row]], label: str, like: Node | None = None
    ) -> Node:
        raise DependsOnRowsError

    def materialise(self, node: Node, *, whole: bool = False) -> Node:
        return node


class Asking(Looking):
    """Lowers a search to see which events it looks at: the rows of a join or append are not needed for that."""

    def reading(self, pipeline: Pipeline) -> Node | None:
        """The plan of a search as far as it can be lowered without rows; None where what is left may make rows of
        none."""
        node: Node | None = None
        for place, stage in enumerate(pipeline.stages):
            try:
                node = self._stage(stage, node, nested=False)
            except SplError:
                return None
            except DependsOnRowsError:
                return node if all(map(_gives_none_of_none, pipeline.stages[place:])) else None
        return node

    def capped(self, node: Node, limit: int, what: str) -> Node:
        return Limit(node, limit)


class Reading(Looking):
    """Sees also through what Python does with the rows. Its plans read what a run reads, and are not to be run. Where a
    run holds rows, a plan of its own begins."""

    def __init__(self, own: SearchContext) -> None:
        super().__init__(own)
        self.parts: list[tuple[Node, set[str]]] = []
        """The plans that such rows come from, those that are read by others first; and which of their fields are."""

    def _settled(self, node: Node) -> Node:
        return self.materialise(node)

    def materialise(self, node: Node, *, whole: bool = False) -> Node:
        read: set[str] = set()
        self.parts.append((node, read))
        return noting(node.schema, read)

    def apply(
        self, node: Node, function: Callable[[list[Row]], Iterable[Row]], label: str, like: Node | None = None
    ) -> Node:
        return super().apply(node, function, label) if like is None else like


def noting(schema: Schema, read: set[str]) -> Scan:
    """Events with these fields, which notes those that are read."""

    def expand(scan: Scan, need: frozenset[str]) -> Expanded:
        read.update(need)
        return Expanded(replace(scan, expand=None), lasting=False)

    return Scan(schema, (), expand=expand)


_NONE_OF_NONE = frozenset(
    {
        "bin",
        "convert",
        "dedup",
        "eval",
        "eventstats",
        "fieldformat",
        "fields",
        "fillnull",
        "foreach",
        "head",
        "iplocation",
        "join",
        "lookup",
        "makemv",
        "mvexpand",
        "nomv",
        "rangemap",
        "regex",
        "rename",
        "replace",
        "reverse",
        "rex",
        "search",
        "sort",
        "spath",
        "strcat",
        "streamstats",
        "table",
        "tail",
        "transaction",
        "where",
        "xmlkv",
    }
)
"""Commands that give no row where they read none."""


def _gives_none_of_none(stage: Stage) -> bool:
    grouped = stage.name == "stats" and bool(getattr(stage.command, "by", ()))
    return grouped or stage.name in _NONE_OF_NONE
