"""The search needs what content does not hold: a model, a table that a baseline fills, a geographic database.

Nothing is wrong with it. Where it is to run, that has to be there.
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.content.model import Baseline, Detection
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.NOTE
REFUSED = False

CODES = frozenset(("lookup", "geoip", "model"))


def check(subject: Subject) -> Iterator[Report]:
    if not isinstance(subject.item, Detection | Baseline):
        return
    compiled = subject.compiled
    for warn in compiled.warnings:
        if warn.code in CODES:
            yield Report(warn.reason, warn.hint, "search")
    if compiled.error is not None and compiled.error.code in CODES - {"lookup"}:
        yield Report(compiled.error.reason, compiled.error.hint, "search")
