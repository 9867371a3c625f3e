"""The fields that a search reads from events themselves: before a command leaves only certain fields."""

from __future__ import annotations

import re
from collections.abc import Iterator

from trapline.errors import Span
from trapline.lint.flow import EVENT, NULL, names_in
from trapline.lint.subject import Subject, conditions
from trapline.spl import expr as asts
from trapline.spl import filter as filters
from trapline.spl.command import Stage, is_generating, takes_rows
from trapline.validate.presence import ANY

READING = frozenset(("search", "where", "stats"))
"""Commands that read fields and, as long as events pass, make none. What others name may be of their own making."""
OPENING = frozenset(("spath", "extract", "kv", "xpath", "rex", "multikv", "lookup", "tags", "eventtype"))
"""Commands that make fields which they do not name."""
_WORD = re.compile(r"[\w.{}]+")
TIMES = frozenset(("earliest", "latest", "_index_earliest", "_index_latest", "starttime", "endtime", "timeformat"))


def read_fields(subject: Subject) -> Iterator[tuple[str, Span]]:
    """Name and place in the search as written, each name once. Only names that the text has, not those of macros."""
    made: set[str] = set()
    told: set[str] = set()
    steps = subject.flow.steps
    if not steps or not subject.pipeline.stages:
        return
    first = subject.pipeline.stages[0].command
    if is_generating(first) and not takes_rows(first):
        return
    for step in steps:
        if step.before and ANY not in step.before:
            return
        if step.stage.name in OPENING:
            return
        if step.stage.name not in READING:
            if step.open:
                return
            made |= set(_WORD.findall(subject.text[step.stage.span.start : step.stage.span.end]))
            continue
        for name, span in _names(step.stage):
            if name in told or name in made or name in EVENT or name in NULL or name.lower() in TIMES:
                continue
            if "*" in name or "{" in name or name.startswith(("date_", "_", "tag::")):
                continue
            if not subject.origin.whole(span):
                told.add(name)
                yield name, subject.origin.written(span)


def _names(stage: Stage) -> Iterator[tuple[str, Span]]:
    for one in conditions(stage):
        if isinstance(one, filters.Compare | filters.OneOf):
            yield one.field, one.span
    for name in names_in(stage.command):
        if isinstance(name, asts.Field):
            yield name.name, name.span
