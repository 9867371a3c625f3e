"""enabled_by_default where it must not be.

Only detections in production of the types TTP, Anomaly and Correlation may run without being asked (facts/CONTENT.md
§1.6).
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
    if not isinstance(one, Detection) or not one.enabled:
        return
    if one.type is DetectionType.HUNTING or not subject.in_production:
        what = f"a {one.type.value} detection" if subject.in_production else f"a detection that is {one.status.value}"
        yield Report(f"{what} cannot be enabled by default", "delete the key", "enabled_by_default")
