"""Which tests contentctl would not run, and why (facts/CONTENT.md §1.6)."""

from __future__ import annotations

from trapline.content.catalog import Content
from trapline.content.model import Baseline, Detection, DetectionTest, DetectionType, Status


def baselines_of(content: Content, detection: Detection) -> list[Baseline]:
    """The baselines that name a detection as theirs."""
    wanted = detection.name.lower()
    return [one for one in content.baselines if any(name.strip().lower() == wanted for name in one.detections)]


def skipped(content: Content, detection: Detection) -> str:
    """Why no test of a detection is run; "" where they are."""
    if detection.status is not Status.PRODUCTION:
        return f"the detection is {detection.status.value}"
    if detection.type is DetectionType.CORRELATION:
        return "the detection is a Correlation: it reads risk events, not attack data"
    needed = baselines_of(content, detection)
    if needed:
        names = ", ".join(f"'{one.name}'" for one in needed)
        return f"the detection needs what a baseline prepares: {names}; a test file can run them in order"
    return ""


def untested(test: DetectionTest) -> str:
    """Why a test is not run; "" where it is."""
    if test.kind == "unit":
        return ""
    return f"the test is {test.kind}" + (f": {test.note.strip()}" if test.note.strip() else "")
