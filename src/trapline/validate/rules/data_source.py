"""A data source that is not defined, or none at all.

The names are those of files in data_sources/; an entry that combines several has AND between them. contentctl 4
warns, later ones refuse (facts/CONTENT.md §1.6).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from trapline.content.model import Detection, DetectionType, Generation
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = True
APPS = False


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    if not isinstance(one, Detection):
        return
    if not one.data_source_names:
        if subject.in_production and one.type is not DetectionType.CORRELATION:
            hint = "name the data it reads: data_source: [Sysmon EventID 1]"
            yield Report("no data source is named", hint, "data_source", level=Level.NOTE, refused=False)
        return
    for place, entry in enumerate(one.data_source):
        for name in (part.strip() for part in re.split(r"\bAND\b", entry)):
            if name and name not in subject.tree.content.data_sources:
                near = subject.tree.near("data_sources", name)
                hint = f"did you mean '{near}'?" if near else "add a file to data_sources/, or correct the name"
                path = f"data_source[{place}]"
                new = one.generation is not Generation.S1
                yield Report(f"the data source '{name}' is not defined", hint, path, refused=new)
