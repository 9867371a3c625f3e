"""A term or value that begins with a wildcard.

The index is asked for terms by their beginning: with a leading `*` every event has to be read. As a bare term that is
nearly always avoidable. In a field value it is common in detections (`process="*mimikatz*"`), so that is a remark only.

Instead: give the whole term, or let other terms of the search narrow the events first.
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.errors import Span
from trapline.lint.finding import Report, Severity
from trapline.lint.subject import Subject, conditions
from trapline.spl import filter as filters

CODE = "TL103"
SEVERITY = Severity.WARNING


def check(subject: Subject) -> Iterator[Report]:
    for place in subject.places:
        for one in conditions(place.stage):
            match one:
                case filters.Term(value=value, span=span) if _leading(value):
                    yield Report(
                        span, f"the term {value[:60]} begins with a wildcard", "give the beginning of the term"
                    )
                case filters.Compare(field=name, op="=" | "!=", value=value, span=span) if _leading(value):
                    yield _value(span, name)
                case filters.OneOf(field=name, values=values, span=span) if any(map(_leading, values)):
                    yield _value(span, name)


def _leading(value: str) -> bool:
    return value.startswith("*") and bool(value.strip("*"))


def _value(span: Span, name: str) -> Report:
    return Report(
        span,
        f"a value of {name} begins with a wildcard: the index cannot narrow the events by it",
        "let other conditions narrow them, such as an event code or a source",
        Severity.INFO,
    )
