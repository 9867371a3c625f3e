"""The category of a detection is not the folder below detections/ that it lies in.

ESCU 6 writes it into the file, where older content had the folder alone (facts/CONTENT.md §1.5). What lies in
`deprecated` was moved there from the folder of its category.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from trapline.content.model import Detection, Generation
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = True
APPS = False


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    if not isinstance(one, Detection) or one.generation is not Generation.S3:
        return
    written = subject.source.text_at("category").strip()
    folder = _folder(one.file)
    if not written or folder in ("", "deprecated") or written == folder:
        return
    reason = f"the category is '{written[:40]}', and the file lies in detections/{folder}"
    yield Report(reason, f"write category: {folder}, or move the file to detections/{written[:40]}", "category")


def _folder(file: str) -> str:
    """The folder below the last `detections`; empty where the file does not lie in one."""
    parts = Path(file).parts[:-1]
    below = parts[len(parts) - parts[::-1].index("detections") :] if "detections" in parts else ()
    return below[0] if below else ""
