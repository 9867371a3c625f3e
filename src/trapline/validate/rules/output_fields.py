"""A field that a data source promises to the row is not in the search.

From the second generation on `output_fields` of a data source are what every detection over it gives
(facts/CONTENT.md §1.4).
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.content.model import Detection, DetectionType, Generation
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = True
APPS = False


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    if not isinstance(one, Detection) or one.generation is not Generation.S2 or not subject.in_production:
        return
    if one.type in (DetectionType.HUNTING, DetectionType.CORRELATION):
        return
    for name in one.data_source_names:
        source = subject.tree.content.data_sources.get(name)
        missing = [field for field in source.output_fields if field not in one.search] if source else []
        if missing:
            reason = f"the search does not give {', '.join(missing)}, which '{name}' promises (output_fields)"
            yield Report(reason, "add them to BY or values(), or correct the data source", "search")
