"""Throttling that contentctl or Splunk do not take.

The period is a whole number with s, m or h; fields hold no blank (facts/CONTENT.md §1.3).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from trapline.content.model import Detection
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = True


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    if not isinstance(one, Detection) or one.throttle is None:
        return
    path = subject.at("throttling")
    if not re.fullmatch(r"\d+[smh]", one.throttle.period):
        hint = "write it as 300s, 60m or 24h"
        yield Report(f"contentctl does not take the period '{one.throttle.period[:40]}'", hint, f"{path}.period")
    for place, name in enumerate(one.throttle.fields):
        if re.search(r"\s", name):
            yield Report(f"the field '{name[:60]}' holds a blank", "one field an entry", f"{path}.fields[{place}]")
