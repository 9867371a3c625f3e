"""`f!=v` leaves out events without the field; `NOT f=v` keeps them.

In a search, `f!=v` holds only where the field is there (Search Manual, "Difference between NOT and !="). An exclusion
written so drops every event that lacks the field, often those of another source or version. No report where the same
search asks for the field anyway, or a command before has grouped by it; nor of `f!=""`, `f!="-"` and their like, which
mean to leave those events out.

Instead: NOT f=v to keep events without the field; f=* f!=v to say that it is required.
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.lint.finding import Report, Severity
from trapline.lint.subject import PLACEHOLDERS, Place, Subject
from trapline.spl import filter as filters

CODE = "TL106"
SEVERITY = Severity.WARNING
ALWAYS = frozenset(
    ("index", "source", "sourcetype", "host", "_time", "_raw", "linecount", "splunk_server", "eventtype")
)
"""Fields that every event has, or whose lack is meant."""
GROUPING = frozenset(("stats", "tstats", "top", "rare", "dedup", "chart"))
FILLING = frozenset(("fillnull", "eval", "lookup", "rex", "spath", "rename"))


def check(subject: Subject) -> Iterator[Report]:
    for place in subject.places:
        tree = getattr(place.stage.command, "tree", None)
        if place.stage.name != "search" or not isinstance(tree, filters.Filter):
            continue
        if any(stage.name in GROUPING or stage.name in FILLING for stage in place.before):
            continue
        yield from _walk(subject, place, tree, frozenset())


def _walk(subject: Subject, place: Place, tree: filters.Filter, required: frozenset[str]) -> Iterator[Report]:
    match tree:
        case filters.And(parts=found):
            required |= {name for one in found for name in _required(one)}
            for one in found:
                yield from _walk(subject, place, one, required)
        case filters.Or(parts=found):
            for one in found:
                yield from _walk(subject, place, one, required)
        case filters.Compare(field=name, op="!=", value=value, span=span):
            if value.lower() in PLACEHOLDERS:
                return
            if name in ALWAYS or name in required or "*" in name or name.startswith("tag") or subject.unknown(span):
                return
            shown = subject.written(span)
            plain = shown.replace("!=", "=", 1)
            yield Report(
                span,
                f"{shown[:60]} leaves out events that have no {name}",
                f"write NOT {plain[:60]} to keep them, or add {name}=* to say that it is required",
            )


def _required(tree: filters.Filter) -> Iterator[str]:
    """Fields that a condition asks for."""
    match tree:
        case filters.Compare(field=name, op="=" | "<" | "<=" | ">" | ">=") | filters.OneOf(field=name):
            yield name
        case filters.Or(parts=found):
            names = [set(_required(one)) for one in found]
            yield from set.intersection(*names)
        case filters.And(parts=found):
            for one in found:
                yield from _required(one)
