"""A token of a drilldown is not in the final row: the follow-up search finds nothing."""

from __future__ import annotations

from collections.abc import Iterator

from trapline.content.model import Detection
from trapline.validate.finding import Level, Report
from trapline.validate.rowfield import report
from trapline.validate.subject import Subject, tokens

LEVEL = Level.ERROR
REFUSED = False


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    if not isinstance(one, Detection):
        return
    told: set[tuple[str, str]] = set()
    for place, drilldown in enumerate(one.drilldowns):
        for key, text in (("search", drilldown.search), ("name", drilldown.name)):
            for name in tokens(text):
                path = f"drilldown_searches[{place}].{key}"
                if (drilldown.name, name) not in told:
                    told.add((drilldown.name, name))
                    yield from report(subject, name, path, f"the token ${name}$", "the follow-up search finds nothing")
