"""Searches as they are taken apart, kept for sessions that run the same ones over one store after another."""

from __future__ import annotations

from collections.abc import Sequence
from operator import is_

from trapline.knowledge.sharing import Reader, readers
from trapline.spl.command import Pipeline

MOST = 10_000
"""Searches."""


class Parsed:
    """Searches by their text. They hold for the same macros and the same knowledge: for other ones all are forgotten.
    A search whose text depends on more than that is not to be put here."""

    def __init__(self) -> None:
        self._over: Sequence[object] = ()
        self._known: dict[str, Pipeline] = {}
        self._readers: dict[int, tuple[Pipeline, tuple[Reader, ...]]] = {}

    def get(self, spl: str, over: Sequence[object]) -> Pipeline | None:
        """`over`: the objects that it depends on."""
        return self._known.get(spl) if self._is_over(over) else None

    def put(self, spl: str, over: Sequence[object], pipeline: Pipeline) -> None:
        if not self._is_over(over) or len(self._known) >= MOST:
            self._over = tuple(over)
            self._known.clear()
            self._readers.clear()
        self._known[spl] = pipeline

    def _is_over(self, over: Sequence[object]) -> bool:
        return len(over) == len(self._over) and all(map(is_, over, self._over))

    def readers(self, pipeline: Pipeline) -> tuple[Reader, ...]:
        """The commands of a search that read datasets."""
        known = self._readers.get(id(pipeline))
        if known is None or known[0] is not pipeline:
            known = (pipeline, tuple(readers(pipeline)))
            if len(self._readers) < MOST:
                self._readers[id(pipeline)] = known
        return known[1]
