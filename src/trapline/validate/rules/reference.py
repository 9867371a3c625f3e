"""A reference is no URL.

References are links that a reader follows: http:// or https:// and a host (facts/CONTENT.md §1.2).
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = True


def check(subject: Subject) -> Iterator[Report]:
    for place, text in enumerate(subject.item.references):
        if not _is_url(text):
            hint = "write it as https://..., one URL an entry; what is none belongs into the description"
            yield Report(f"'{text[:80]}' is no URL", hint, f"references[{place}]")


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text.strip())
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc) and not any(char.isspace() for char in text.strip())
