"""The id of an atomic test that is no UUID."""

from __future__ import annotations

from collections.abc import Iterator

from trapline.content.model import Detection
from trapline.validate.finding import Level, Report
from trapline.validate.rules.id_form import UUID
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = True


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    if not isinstance(one, Detection):
        return
    for place, text in enumerate(one.atomic_guids):
        if not UUID.match(text):
            hint = "the auto_generated_guid of the test in Atomic Red Team"
            yield Report(f"'{text[:60]}' is no UUID", hint, f"{subject.at('atomic_guid')}[{place}]")
