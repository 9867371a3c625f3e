"""Drilldowns that Enterprise Security or contentctl do not take, or too few of them.

A detection in production that is not for hunting has two, one of which holds %original_detection_search%; a name has
five characters (facts/CONTENT.md §1.3, §1.6).
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.content.model import Detection, DetectionType
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = True
APPS = False


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    if not isinstance(one, Detection):
        return
    for place, drilldown in enumerate(one.drilldowns):
        path = f"drilldown_searches[{place}]"
        if len(drilldown.name) < 5:
            hint = "say what it shows: View the detection results for $dest$"
            yield Report(f"'{drilldown.name}' is too short a name", hint, f"{path}.name")
        if not drilldown.search.strip():
            yield Report("the drilldown has no search", "write search: ...", f"{path}.search")
        for key in ("earliest_offset", "latest_offset"):
            if subject.source.get(f"{path}.{key}") is None:
                yield Report(f"the drilldown has no {key}", f"write {key}: $info_min_time$, or null", f"{path}.{key}")
    if one.type is DetectionType.HUNTING or not subject.in_production:
        return
    if len(one.drilldowns) < 2:
        hint = "one for the results (%original_detection_search%), one for the risk events of the same object"
        there = "one drilldown" if one.drilldowns else "no drilldown"
        yield Report(f"there is {there}, where two are wanted", hint, "drilldown_searches")
    elif not any("%original_detection_search%" in drilldown.search for drilldown in one.drilldowns):
        hint = "search: '%original_detection_search% | search dest = \"$dest$\"'"
        yield Report("no drilldown shows the results themselves", hint, "drilldown_searches")
