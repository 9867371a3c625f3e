"""sort cuts at 10,000 rows before a command that needs all of them.

Without a count sort gives at most 10,000 rows. What comes after it and looks at many rows (streamstats, transaction,
stats, dedup) then works on a part of them, without an error.

Instead: sort 0 ..., which keeps all rows.
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.errors import Span
from trapline.lint.finding import Report, Severity
from trapline.lint.subject import Subject
from trapline.spl.command import Stage

CODE = "TL107"
SEVERITY = Severity.WARNING
_NEEDS_ALL = """
    streamstats stats eventstats chart timechart transaction dedup delta autoregress accum filldown mvcombine
    outputlookup outputcsv collect addtotals addcoltotals cluster anomalydetection outlier top rare trendline
    xyseries
"""
NEEDS_ALL = frozenset(_NEEDS_ALL.split())
BOUNDED = frozenset(("head", "tail", "top", "rare", "makeresults"))
GROUPED = frozenset(("stats", "tstats", "chart", "timechart"))
STOPS = frozenset(("head", "tail"))


def check(subject: Subject) -> Iterator[Report]:
    for place in subject.places:
        stage = place.stage
        if stage.name != "sort" or getattr(stage.command, "limit", 0) is not None or subject.unknown(stage.span):
            continue
        before = [one.name for one in place.before]
        if any(name in BOUNDED for name in before) or any(_single(one) for one in place.before):
            continue
        needing = _needing(place.after)
        if needing is None:
            continue
        grouped = any(name in GROUPED for name in before)
        yield Report(
            Span(stage.span.start, stage.span.start + len("sort")),
            f"sort keeps 10,000 rows, and {needing} after it needs all of them",
            "write sort 0",
            Severity.INFO if grouped else None,
        )


def _needing(after: tuple[Stage, ...]) -> str | None:
    for one in after:
        if one.name in STOPS:
            return None
        if one.name in NEEDS_ALL:
            return one.name
    return None


def _single(stage: Stage) -> bool:
    return stage.name in ("stats", "tstats") and not getattr(stage.command, "by", True)
