"""A single text where a list belongs.

It is read as a list of one; contentctl refuses it (facts/CONTENT.md §1.3 to §1.5).
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.content.model import Baseline, Detection, Story
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = True
APPS = False

TOP = ("data_source", "references", "baselines")
TAGS = ("analytic_story", "mitre_attack_id", "cve", "atomic_guid", "product", "required_fields")


def check(subject: Subject) -> Iterator[Report]:
    source = subject.source
    for path in _lists(subject):
        text = source.text_at(path)
        if text.strip():
            key = path.rpartition(".")[2]
            yield Report(f"'{text[:60]}' stands alone where a list belongs", f"write {key}: [{text[:60]}]", path)


def _lists(subject: Subject) -> Iterator[str]:
    """The paths of what is a list of texts."""
    match subject.item:
        case Detection():
            yield from TOP
            yield from map(subject.at, TAGS)
            yield subject.at("throttling") + ".fields"
            for place, _ in enumerate(subject.source.list_at("tags.observable")):
                yield f"tags.observable[{place}].role"
        case Baseline():
            yield "references"
            yield from map(subject.at, ("analytic_story", "product", "required_fields"))
        case Story():
            yield "references"
            yield from map(subject.story_at, ("category", "product"))
        case _:
            return
