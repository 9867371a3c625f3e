"""A name that refers to an object which is not there: detections of a baseline."""

from __future__ import annotations

from collections.abc import Iterator

from trapline.content.model import Baseline
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = True


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    if not isinstance(one, Baseline):
        return
    for place, name in enumerate(one.detections):
        if name not in subject.tree.content.detections:
            near = subject.tree.near("detections", name)
            hint = f"did you mean '{near}'?" if near else "correct the name, or leave it out"
            path = f"{subject.at('detections')}[{place}]"
            yield Report(f"the detection '{name}' is not defined", hint, path, refused=False)
