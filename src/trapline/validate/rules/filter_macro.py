"""The filter macro is not called, so that nobody can except what is harmless in his place.

Every detection ends in `` `<file name>_filter` ``. A file for it is not needed: without one it lets everything pass
(facts/CONTENT.md §1.6).
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.content.catalog import calls
from trapline.content.model import Detection
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = True


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    if not isinstance(one, Detection):
        return
    names = [call.key for call in calls(one.search)]
    if one.filter_macro in names:
        return
    other = [name for name in names if name.endswith("_filter")]
    reason = f"the filter macro `{one.filter_macro}` is not called"
    if other:
        reason += f", but `{other[0]}` is"
    yield Report(reason, f"end the search with | `{one.filter_macro}`", "search")
