"""One search as rules see it: its stages, also those of subsearches, and the text they came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from trapline.errors import Span
from trapline.lint.flow import Flow, follow
from trapline.lint.walk import within
from trapline.spl import expr as asts
from trapline.spl import filter as filters
from trapline.spl.command import Pipeline, Stage
from trapline.spl.origin import Origin

PLACEHOLDERS = frozenset(("", "-", "unknown", "null", "none", "n/a"))
"""Values, in lower case, that stand for "there is none": who excludes them means to exclude a missing field too, and
they are written in one letter case."""


@dataclass(frozen=True, slots=True)
class Place:
    """A stage and where it stands: at `index` of `pipeline`, which is the subsearch of `outer`, or the search itself
    (None)."""

    stage: Stage
    index: int
    pipeline: Pipeline
    outer: Stage | None

    @property
    def before(self) -> tuple[Stage, ...]:
        return self.pipeline.stages[: self.index]

    @property
    def after(self) -> tuple[Stage, ...]:
        return self.pipeline.stages[self.index + 1 :]


class Subject:
    """A parsed search. `text` is the search after macro expansion; `holes` are places of it that stand for something
    unknown. `also`: names of fields that are followed besides those that the search reads."""

    def __init__(
        self, pipeline: Pipeline, origin: Origin, holes: tuple[Span, ...], also: frozenset[str] = frozenset()
    ) -> None:
        self.pipeline = pipeline
        self.text = pipeline.text
        self.origin = origin
        self.holes = holes
        self.also = also

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Every stage, those of subsearches after the one they stand in."""
        return tuple(_places(self.pipeline, None))

    @cached_property
    def flow(self) -> Flow:
        """The fields after each command."""
        return follow(self.pipeline, self.holes, self.also)

    def unknown(self, span: Span) -> bool:
        """Does a place touch something unknown?"""
        return any(hole.start < span.end and span.start < hole.end for hole in self.holes)

    def written(self, span: Span) -> str:
        """The text of a place after macro expansion."""
        return self.text[span.start : span.end]


def _places(pipeline: Pipeline, outer: Stage | None) -> Iterator[Place]:
    for index, stage in enumerate(pipeline.stages):
        yield Place(stage, index, pipeline, outer)
        for inner in parts(stage.command, Pipeline):
            if isinstance(inner, Pipeline) and inner.text is pipeline.text:
                yield from _places(inner, stage)


def parts(value: object, *kinds: type) -> Iterator[object]:
    """The objects of some types inside a parsed command, outermost first; subsearches keep theirs to themselves."""
    return iter(within(value, kinds))


def conditions(stage: Stage) -> Iterator[filters.Filter]:
    """The search expressions of a stage: every node, outermost first."""
    for one in parts(
        stage.command,
        filters.Not,
        filters.And,
        filters.Or,
        filters.Compare,
        filters.OneOf,
        filters.Term,
        filters.Time,
        filters.SubFilter,
    ):
        if isinstance(one, filters.Filter):
            yield one


def calls(stage: Stage) -> Iterator[asts.Func]:
    """The calls of eval functions in a stage."""
    for one in parts(stage.command, asts.Func):
        if isinstance(one, asts.Func):
            yield one
