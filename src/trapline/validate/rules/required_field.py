"""A key that every object of the kind has is missing or empty.

Which keys those are: facts/CONTENT.md §1.2 to §1.7. how_to_implement and known_false_positives of detections hold at
least four characters.
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.content.model import (
    Baseline,
    Dashboard,
    DataSource,
    Deployment,
    Detection,
    Generation,
    Investigation,
    Lookup,
    Macro,
    Playbook,
    Story,
)
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = True
APPS = False

COMMON = ("author", "version")
TEXTS = ("how_to_implement", "known_false_positives")


def check(subject: Subject) -> Iterator[Report]:
    one, source = subject.item, subject.source
    if not source.text:
        return
    for key in _needed(subject):
        if not source.has(key) or (source.text_at(key) == "" and not source.list_at(key)):
            what = "empty" if source.has(key) else "missing"
            yield Report(f"'{key}' is {what}", f"write {key}: ...", key, refused=not source.has(key))
    if isinstance(one, Detection):
        for key in TEXTS:
            text = source.text_at(key).strip()
            if 0 < len(text) < 4:
                yield Report(f"'{key}' says nothing: '{text}'", "say it in a sentence", key)
    if one.version < 1 and subject.flat and source.has("version"):
        yield Report("versions count from 1", "write version: 1", "version")


def _needed(subject: Subject) -> tuple[str, ...]:
    one = subject.item
    dates = ("creation_date", "modification_date") if subject.flat else ("date",)
    match one:
        case Detection():
            needed = ("analytic_story", "asset_type", "product", "security_domain")
            keys = (*COMMON, *dates, "status", "description", *TEXTS, *map(subject.at, needed))
            if one.generation is Generation.S1:
                keys += ("tags.message", "tags.confidence", "tags.impact", "tags.observable")
            return keys
        case Baseline():
            return (*COMMON, *dates, "type", "description")
        case Investigation():
            return (*COMMON, *dates, "type")
        case Story():
            tags = ("category", "product", "usecase")
            return (*COMMON, *dates, "description", "narrative", *map(subject.story_at, tags))
        case Macro() | Lookup():
            return ("description",) if one.generation is Generation.S1 else (*COMMON, *dates, "description")
        case DataSource():
            return (*COMMON, *dates, "source", "sourcetype")
        case Deployment():
            return ("type",) if not subject.flat else ()
        case Playbook() | Dashboard():
            return (*COMMON, *dates, "description")
        case _:
            return COMMON
