"""A CVE id that is none.

CVE-2024-12345; a CVE has four digits of a year and at least four more (facts/CONTENT.md §1.3, §1.5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from trapline.content.model import Detection, Generation, Story
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = True

FORM = re.compile(r"CVE-[12]\d{3}-\d{4,7}\Z")
TAKEN = re.compile(r"CVE-[12]\d{3}-\d+\Z")
"""What contentctl takes before ESCU 6."""


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    if not isinstance(one, Detection | Story):
        return
    for place, text in enumerate(one.cve):
        if not FORM.match(text):
            taken = one.generation is not Generation.S3 and TAKEN.match(text) is not None
            path = f"{subject.at('cve')}[{place}]"
            yield Report(f"'{text[:40]}' is no CVE id", "write it as CVE-2024-12345", path, refused=not taken)
