"""A subsearch whose rows may be cut at a cap.

A subsearch in a search gives at most 10,000 rows, one of append, join and their like at most 50,000, and each runs for
a minute or so. Rows beyond are left out; the result is then wrong without an error.

Instead: bring it to few rows inside the brackets (stats, dedup, head, return), or do without: `stats ... by` over both
kinds of events, or a lookup.
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.errors import Span
from trapline.lint.finding import Report, Severity
from trapline.lint.subject import Subject
from trapline.spl.command import Pipeline, Stage

CODE = "TL104"
SEVERITY = Severity.WARNING
BOUNDED = frozenset(("head", "tail", "top", "rare", "return", "makeresults", "gentimes", "rest"))
"""Commands that give few rows."""
FILES = frozenset(("inputlookup", "inputcsv"))
"""Commands that give as many rows as a file has."""
GROUPED = frozenset(("stats", "tstats", "mstats", "chart", "timechart", "dedup", "uniq", "transaction", "eventcount"))
"""Commands that give one row per group: how many there are is not known."""
RUNS = frozenset(("appendpipe", "foreach", "multisearch", "map"))
"""Commands whose brackets hold no subsearch with a cap."""


def check(subject: Subject) -> Iterator[Report]:
    for place in subject.places:
        if place.outer is None or place.index or place.outer.name in RUNS or subject.unknown(place.stage.span):
            continue
        severity = _risk(place.pipeline)
        if severity is None:
            continue
        names = {stage.name for stage in place.pipeline.stages}
        grows = "one for each group" if names & GROUPED else "a file may have more"
        cap = "10,000" if place.outer.name in ("search", "where", "tstats", "eval") else "50,000"
        first, last = place.pipeline.stages[0].span, place.pipeline.stages[-1].span
        yield Report(
            Span(first.start, last.end),
            f"nothing in this subsearch of {place.outer.name} keeps its rows below the cap of {cap}"
            if severity is Severity.WARNING
            else f"this subsearch of {place.outer.name} is cut at {cap} rows: {grows}",
            "reduce its rows inside the brackets: stats, dedup, head; or use a lookup",
            severity,
        )


def _risk(pipeline: Pipeline) -> Severity | None:
    names = [stage.name for stage in pipeline.stages]
    if any(name in BOUNDED for name in names) or any(_single(stage) for stage in pipeline.stages):
        return None
    return Severity.INFO if any(name in GROUPED | FILES for name in names) else Severity.WARNING


def _single(stage: Stage) -> bool:
    """Aggregates without BY give one row."""
    return stage.name in ("stats", "tstats") and not getattr(stage.command, "by", True)
