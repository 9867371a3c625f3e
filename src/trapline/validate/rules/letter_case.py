"""A word of a closed set in other letters than contentctl knows: `type: ttp`.

It is read as it is meant: the type and the status of an object, the role of an observable (facts/CONTENT.md §1.2,
§1.3).
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.content.model import Baseline, Detection, DetectionType, Status, Story
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = True
APPS = False

TYPES = tuple(one.value for one in DetectionType)
STATES = tuple(one.value for one in Status)
ROLES = ("Victim", "Attacker")


def check(subject: Subject) -> Iterator[Report]:
    for path, words in _closed(subject):
        text = subject.source.text_at(path)
        meant = next((word for word in words if word.lower() == text.strip().lower()), None)
        if meant is not None and text != meant:
            yield Report(f"'{text[:40]}' is written {meant}", f"write {meant}", path)


def _closed(subject: Subject) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(path, the words that can stand there)."""
    match subject.item:
        case Detection():
            yield "type", TYPES
            yield "status", STATES
            for place, _ in enumerate(subject.source.list_at("tags.observable")):
                yield f"tags.observable[{place}].role[0]", ROLES
        case Baseline() | Story():
            yield "status", STATES
        case _:
            return
