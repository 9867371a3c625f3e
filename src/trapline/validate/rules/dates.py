"""A date is in the future, or the change before the making.

A file that has none is told of by the rule required-field (facts/CONTENT.md §1.1, §1.5).
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = True
APPS = False


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    today = subject.tree.today
    keys = ("creation_date", "modification_date") if subject.flat else ("date", "date")
    for key, day in dict(zip(keys, (one.created, one.modified), strict=True)).items():
        if day is not None and day > today:
            yield Report(f"{day} is in the future", f"today is {today}", key)
    if subject.flat and one.created and one.modified and one.modified < one.created:
        reason = f"it was changed on {one.modified}, before it was made on {one.created}"
        yield Report(reason, "correct one of the dates", "modification_date")
