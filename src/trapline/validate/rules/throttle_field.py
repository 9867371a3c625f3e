"""A field of throttling is not in the final row: nothing is told apart by it.

Every alert then counts as the same one, and all but the first of a period are held back.
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.content.model import Detection
from trapline.validate.finding import Level, Report
from trapline.validate.rowfield import report
from trapline.validate.subject import Subject

LEVEL = Level.ERROR
REFUSED = True
"""Where the name does not occur in the text of the search either."""


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    if isinstance(one, Detection) and one.throttle is not None:
        for place, name in enumerate(one.throttle.fields):
            path = f"{subject.at('throttling')}.fields[{place}]"
            yield from report(subject, name, path, f"the throttling field '{name}'", "all alerts count as the same")
