"""A detection in production without a test.

Not asked of Correlation, nor where tags.manual_test says why there is none (facts/CONTENT.md §1.6).
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.content.model import Detection, DetectionType
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = True
APPS = False


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    if not isinstance(one, Detection) or not subject.in_production or one.type is DetectionType.CORRELATION:
        return
    if one.tests or subject.source.has("tags.manual_test"):
        return
    hint = "add a test with attack_data (data, source, sourcetype), or say in tags.manual_test why there is none"
    yield Report("there is no test", hint, "tests")
