"""A data source whose separator is half given, or that no add-on is named for.

separator and separator_value tell one kind of event from the others of a sourcetype (facts/CONTENT.md §1.7).
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.content.model import DataSource
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = False
APPS = False


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    if not isinstance(one, DataSource):
        return
    if bool(one.separator) != bool(one.separator_value):
        there, missing = ("separator", "separator_value") if one.separator else ("separator_value", "separator")
        yield Report(f"{there} is given without {missing}", f"write {missing}: ...", there, level=Level.NOTE)
    for place, ta in enumerate(one.supported_ta):
        if not ta.name or not ta.version:
            what = "version" if ta.name else "name"
            yield Report(f"the add-on has no {what}", f"write {what}: ...", f"supported_TA[{place}]")
