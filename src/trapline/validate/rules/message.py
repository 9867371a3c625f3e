"""A risk message or title that does not read well: `$` without its partner, or no token at all.

An odd `$` makes tokens of the wrong words; a message without a token is the same for every finding. From ESCU 6 on
both are refused (facts/CONTENT.md §1.5, §1.6).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from trapline.content.model import Generation
from trapline.detect.tokens import TOKEN
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject, templates

LEVEL = Level.WARNING
REFUSED = True


def check(subject: Subject) -> Iterator[Report]:
    new = subject.item.generation is Generation.S3
    for path, text in templates(subject):
        between = text.split("$")[1::2]
        if text.count("$") % 2:
            yield Report("it has an odd number of $", "write tokens as $field$", path, refused=new)
        elif blank := next((part for part in between if not part or re.search(r"\s", part)), None):
            reason = f"'${blank[:60]}$' is no token, for it holds a blank"
            yield Report(reason, "write tokens as $field$", path, refused=new)
        elif not TOKEN.search(text):
            hint = "name whom and what it is about: $user$ on $dest$"
            yield Report("it has no token, so all findings read the same", hint, path, level=Level.NOTE, refused=new)
