"""A status that the kind cannot have, or that its folder contradicts.

Detections are production, experimental or deprecated; stories and baselines production or deprecated; all other kinds
production (facts/CONTENT.md §1.2). What lies in a folder `deprecated` is deprecated.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from trapline.content.model import Baseline, Detection, Status, Story
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = True
APPS = False

ALLOWED = {
    Detection: (Status.PRODUCTION, Status.EXPERIMENTAL, Status.DEPRECATED),
    Story: (Status.PRODUCTION, Status.DEPRECATED),
    Baseline: (Status.PRODUCTION, Status.DEPRECATED),
}


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    if not isinstance(one, Detection | Story | Baseline):
        return
    allowed = ALLOWED[type(one)]
    if one.status not in allowed:
        words = ", ".join(status.value for status in allowed)
        yield Report(f"the status cannot be {one.status.value}", f"one of {words}", "status")
    if not subject.source.has("status"):
        return  # of detections the rule required-field tells it; stories and baselines had none before
    folder = "deprecated" in Path(one.file).parts
    if folder and one.status is not Status.DEPRECATED:
        yield Report(
            f"it lies in a folder deprecated, and its status is {one.status.value}",
            "write status: deprecated, or move the file",
            "status",
        )
