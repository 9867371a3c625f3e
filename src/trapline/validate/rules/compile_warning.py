"""The search compiles with a warning: it would run, with a doubt.

The warnings that `trapline search` shows with the rows, except those about tables that others supply (rule needs).
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.content.model import Baseline, Detection
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = False

ELSEWHERE = frozenset(("lookup", "geoip", "lookup-empty"))


def check(subject: Subject) -> Iterator[Report]:
    if not isinstance(subject.item, Detection | Baseline):
        return
    for warn in subject.compiled.warnings:
        if warn.code not in ELSEWHERE:
            yield Report(warn.reason, warn.hint, "search")
