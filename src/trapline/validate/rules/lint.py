"""Doubts of the linter about the search.

The findings of `trapline lint`, as lint.<its rule>: docs/lint.md explains each.
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.content.model import Baseline, Detection
from trapline.lint.finding import Severity
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = False

ELSEWHERE = frozenset(("TL000", "TL001", "TL002", "TL003", "TL004"))
"""What stops a search has a rule of its own: compile, macro."""
LEVELS = {Severity.INFO: Level.NOTE, Severity.WARNING: Level.WARNING, Severity.ERROR: Level.ERROR}


def check(subject: Subject) -> Iterator[Report]:
    if not isinstance(subject.item, Detection | Baseline):
        return
    for one in subject.checked.findings:
        if one.code in ELSEWHERE:
            continue
        inside = f" (in the macro `{one.macro}`)" if one.macro else ""
        level = LEVELS[one.severity]
        yield Report(f"{one.code} {one.reason}{inside}", one.hint, "search", one.span, level, rule=f"lint.{one.rule}")
