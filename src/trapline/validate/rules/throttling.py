"""Throttling that contentctl or Splunk do not take.

The period is a whole number with s, m or h; Splunk takes days, too, and a bare number for seconds. What is no
period is told of when the file is read. Fields hold no blank (facts/CONTENT.md §1.3, §9).
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
    period = one.throttle.period
    if not re.fullmatch(r"\d+[smh]", period):
        hint = "write it as 300s, 60m or 24h"
        reason = f"contentctl does not take the period '{period[:40]}', which Splunk does"
        yield Report(reason, hint, f"{path}.period", level=Level.NOTE)
    for place, name in enumerate(one.throttle.fields):
        if re.search(r"\s", name):
            yield Report(f"the field '{name[:60]}' holds a blank", "one field an entry", f"{path}.fields[{place}]")
