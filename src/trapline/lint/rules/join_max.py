"""join keeps one matching row of the subsearch unless max says otherwise.

The default is max=1: where several rows of the subsearch match, all but the first are dropped. That is harmless where
the subsearch has one row for each combination of the join fields.

Instead: max=0 for all matches, max=1 to say that one is meant; or `stats ... by` the fields over both kinds of events.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from trapline.errors import Span
from trapline.lint.finding import Report, Severity
from trapline.lint.subject import Subject, parts
from trapline.spl.command import Pipeline

CODE = "TL105"
SEVERITY = Severity.WARNING
KEEPS = frozenset(
    ("eval", "rename", "fields", "table", "sort", "search", "where", "fillnull", "convert", "lookup", "rex")
)
"""Commands that do not make more rows of one."""


def check(subject: Subject) -> Iterator[Report]:
    for place in subject.places:
        stage = place.stage
        if stage.name != "join" or subject.unknown(stage.span):
            continue
        inner = next((one for one in parts(stage.command, Pipeline) if isinstance(one, Pipeline)), None)
        end = stage.span.end if inner is None else inner.stages[0].span.start
        options = subject.text[stage.span.start : end].partition("[")[0]
        if re.search(r"(?i)\bmax\s*=", options):
            continue
        keys = {right for _, right in getattr(stage.command, "pairs", ())}
        if inner is not None and _unique(inner, keys):
            continue
        yield Report(
            Span(stage.span.start, stage.span.start + len("join")),
            "join without max keeps only the first matching row of the subsearch",
            "write max=0 for all of them, or max=1 if one is meant",
        )


def _unique(pipeline: Pipeline, keys: set[str]) -> bool:
    """Has the subsearch one row for each combination of the keys?"""
    for stage in reversed(pipeline.stages):
        match stage.name:
            case "stats" | "tstats":
                by = {name.text.rpartition(".")[2] for name in getattr(stage.command, "by", ())}
                return by <= keys
            case "dedup":
                return {name.text for name in getattr(stage.command, "names", ())} <= keys
            case name if name not in KEEPS:
                return False
    return False
