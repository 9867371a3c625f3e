"""What a run over some detections tells of the content that was read for it."""

from __future__ import annotations

from collections.abc import Iterable

from trapline.content.catalog import Content
from trapline.content.model import Detection, Level, Problem
from trapline.errors import Warn


def concerning(content: Content, detections: Iterable[Detection]) -> tuple[list[Problem], list[Warn]]:
    """The problems that concern a run over these detections, and a count of the others: doubts about the files of
    detections that do not run. What cost an object always concerns."""
    others = {one.file for one in content.detections} - {one.file for one in detections}
    kept = [one for one in content.problems if one.level is Level.ERROR or one.file not in others]
    rest = len(content.problems) - len(kept)
    if not rest:
        return kept, []
    what = "1 warning concerns a detection" if rest == 1 else f"{rest:,} warnings concern detections"
    return kept, [Warn("content.others", f"{what} that did not run", "trapline content validate lists all")]


def told(content: Content, detections: Iterable[Detection]) -> list[Warn]:
    """Both as warnings."""
    kept, rest = concerning(content, detections)
    return [*(one.to_warn() for one in kept), *rest]
