"""A field that the search reads and that none of its data sources has.

The fields of events are those that the files of the data sources list and those that add-ons make of them. Told for
searches that read events themselves; what tstats reads is named by data models. Data sources list what was seen in
one event, so a field that is rarely there is found too, which is why it is a note.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from trapline.content.model import Detection
from trapline.validate.eventfields import read_fields
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.NOTE
REFUSED = False


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    if not isinstance(one, Detection) or not one.data_source_names or subject.checked.subject is None:
        return
    known: set[str] = set()
    for name in one.data_source_names:
        fields = subject.tree.fields_of(name)
        if fields is None:
            return  # what a source without fields has is not known
        known |= fields
    names = " and ".join(one.data_source_names)
    for name, span in read_fields(subject.checked.subject):
        if name.lower() in known:
            continue
        near = difflib.get_close_matches(name.lower(), sorted(known), 1, 0.85)
        hint = f"did you mean '{near[0]}'?" if near else "name the source that has it, or correct the field"
        yield Report(f"'{name}' is no field of {names}, by its file or by the add-ons", hint, "search", span)
