"""Blanks around the search, or backticks that nobody can pair.

ESCU 6 takes no blanks at either end; four backticks and more in a row end no macro and no comment (facts/CONTENT.md
§1.5, §1.6).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from trapline.content.model import Baseline, Detection, Generation
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = True
APPS = False


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    if not isinstance(one, Detection | Baseline):
        return
    raw = subject.source.text_at("search")
    if one.generation is Generation.S3 and raw != raw.strip():
        yield Report("blanks stand before or after the search", "use |- for a block, and delete them", "search")
    if re.search(r"`{4,}", raw):
        yield Report("four or more backticks stand in a row", "a comment has three, a macro one", "search")
