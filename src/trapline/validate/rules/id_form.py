"""The id is missing or no UUID.

Macros and lookups of the first generation have none (facts/CONTENT.md §1.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from trapline.content.model import Generation, Lookup, Macro
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = True
APPS = False

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE)


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    if not subject.source.text or (not one.id and isinstance(one, Macro | Lookup) and one.generation is Generation.S1):
        return
    if not one.id:
        yield Report("there is no id", "make one: python -c 'import uuid; print(uuid.uuid4())'", "id")
    elif not UUID.match(one.id):
        yield Report(f"'{one.id[:60]}' is no UUID", "make one: python -c 'import uuid; print(uuid.uuid4())'", "id")
