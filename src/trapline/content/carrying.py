"""An object on its way to another generation of files, and the notes on what cannot be carried over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from trapline.content.catalog import Content
from trapline.content.model import DetectionType, Generation, Item, Level, Problem, ThreatObject
from trapline.content.types import THREAT_TYPES

_THREAT_ALIASES = {
    "email address": "email_address",
    "email": "email_address",
    "registry key": "registry_path",
    "registry value": "registry_value_text",
    "hostname": "system",
    "endpoint": "system",
    "uniform resource locator": "url",
    "user name": "user",
}
"""Types that S1 knows under another name (S1 takes any observable type in lower case)."""


class Code(StrEnum):
    """What a note is about."""

    LOST = "lost"
    """The new generation has no place for it."""
    CHANGED = "changed"
    """It is carried over, and means something else now."""
    ADDED = "added"
    """The new generation wants it, the old one has none, and a value was made."""
    BY_HAND = "by-hand"
    """The new generation wants it and nothing can be made: the new file is not complete."""


@dataclass(slots=True)
class Carrying:
    """One object on its way. Its notes go to `notes`."""

    item: Item
    to: Generation
    content: Content
    notes: list[Problem]
    day: date
    author: str

    def note(self, code: Code, field: str, reason: str, hint: str | None = None) -> None:
        level = Level.ERROR if code is Code.BY_HAND else Level.WARNING
        app = self.item.generation is Generation.APP  # its file holds all objects
        file = self.item.name if app or not self.item.file else self.item.file
        self.notes.append(Problem(level, code.value, reason, file, None, field, hint))

    def lost(self, field: str, given: object, reason: str = "") -> None:
        """Notes that a key that says something has no place."""
        if given:
            self.note(Code.LOST, field, reason or f"{self.to} has no '{field.rpartition('.')[2]}'")


def threats(objects: Iterable[ThreatObject], carrying: Carrying, field: str) -> Iterable[ThreatObject]:
    """Those whose type the new generation knows, in its order, each once."""
    known = THREAT_TYPES[carrying.to]
    found: dict[ThreatObject, None] = {}
    for one in objects:
        kind = one.type if one.type in known else _THREAT_ALIASES.get(one.type, one.type)
        if kind not in known:
            reason = f"the threat object '{one.field}' is of type '{one.type}', which {carrying.to} does not know"
            carrying.note(Code.LOST, field, f"{reason}; it is left out")
            continue
        if kind != one.type:
            carrying.note(Code.CHANGED, field, f"the type '{one.type}' of '{one.field}' is called '{kind}' now")
        found[ThreatObject(one.field, kind)] = None
    if carrying.to is Generation.S3:
        return found
    return sorted(found, key=lambda one: f"{one.field}{one.type}")


def has_risk(kind: DetectionType) -> bool:
    return kind in (DetectionType.TTP, DetectionType.ANOMALY)
