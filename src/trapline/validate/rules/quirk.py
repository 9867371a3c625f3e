"""Something that the public content does and that tools stumble over.

A message with a dotted token, which contentctl does not see; a comment in the search; a date with a time; keys that
nobody reads. Nothing has to be done (facts/CONTENT.md §1.6).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from trapline.content.model import Detection, Generation
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject, templates

LEVEL = Level.NOTE
REFUSED = False
APPS = False

BOTH = re.compile(r"\$([^\s$]*\.[^\s$]*)\$")


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    if not isinstance(one, Detection) or one.generation is Generation.S3:
        return
    for path, text in templates(subject):
        for name in dict.fromkeys(BOTH.findall(text)):
            reason = f"contentctl does not see the token ${name}$, because of its dot, and does not check it"
            yield Report(reason, "rename the field to one without a dot, or leave it: the other rules check it", path)
    if "```" in one.search:
        yield Report("the search holds a comment in ```", "put it into the description", "search")
