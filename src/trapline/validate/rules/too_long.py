"""A text is longer than Enterprise Security or contentctl take.

Names of detections: 67 characters, so that the saved search and the copy that Enterprise Security makes of it stay
under 99; other names 99, authors 255, descriptions 10,000 (facts/CONTENT.md §1.2, §4.1).
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.content.model import Detection
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = True


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    limits = (
        ("name", one.name, 67 if isinstance(one, Detection) else 99),
        ("author", one.author, 255),
        ("description", one.description, 10_000),
    )
    for key, text, most in limits:
        if len(text) > most:
            yield Report(f"'{key}' has {len(text):,} characters, more than {most:,}", "shorten it", key)
