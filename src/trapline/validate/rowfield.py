"""What rules about fields of the final row share."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import replace

from trapline.content.model import Detection, DetectionType, Generation
from trapline.lint.flow import EVENT
from trapline.validate.finding import Level, Report
from trapline.validate.presence import Presence, presence
from trapline.validate.subject import Subject

MOST = 12
"""So many fields of the row are named."""


def report(subject: Subject, name: str, path: str, what: str, so: str) -> Iterator[Report]:
    """A finding where a field is not in the final row, a note where that cannot be told."""
    refused = _refused(subject, name, path)
    found = list(_followed(subject, name, path, what, so))
    yield from (replace(one, refused=refused) for one in found)
    if refused and not found:
        reason = f"contentctl looks for {what} in the text of the search, where it does not occur"
        yield Report(reason, "name the field in the search: | table ...", path, level=Level.NOTE, refused=True)


def _refused(subject: Subject, name: str, path: str) -> bool:
    """contentctl wants the names of detections in production to occur in the text of the search, in any letter case. It
    does not look at drilldowns, nor at tokens with a dot (facts/CONTENT.md §1.6)."""
    if path.startswith("drilldown") or not subject.in_production or subject.item.generation is Generation.S3:
        return False
    if "." in name and path.endswith("message"):
        return False
    return name.lower() not in subject.search.lower()


def _followed(subject: Subject, name: str, path: str, what: str, so: str) -> Iterator[Report]:
    taken = subject.checked.subject
    if taken is None:
        reason = f"whether {what} is in the result cannot be told: the search cannot be taken apart"
        yield Report(reason, "correct what the compile rule says of the search first", path, level=Level.NOTE)
        return
    told = presence(taken, name)
    match told.presence:
        case Presence.GIVEN:
            return
        case Presence.EVENT:
            yield from _of_event(subject, name, path, what, told.because)
        case Presence.OPEN:
            if name in EVENT:
                return
            reason = f"whether {what} is in the result cannot be told: {told.because} leaves the fields open"
            yield Report(reason, f"end the search with | table or stats that names {name}", path, level=Level.NOTE)
        case Presence.MISSING:
            near = [other for other in told.left if other.lower() == name.lower()]
            near = near or difflib.get_close_matches(name, told.left, 1, 0.75)
            left = f", which has {', '.join(told.left[:MOST])}" if told.left else ""
            more = ", ..." if len(told.left) > MOST else ""
            hint = f"did you mean '{near[0]}'?" if near else f"let {told.because} keep it, or name a field of the row"
            yield Report(f"{what} is not in the final row{left}{more}: {so}", hint, path, level=_level(subject, path))


def _level(subject: Subject, path: str) -> Level | None:
    """Detections that raise no risk may carry a message and observables of the first generation, to no effect."""
    one = subject.item
    raises = isinstance(one, Detection) and one.type in (DetectionType.TTP, DetectionType.ANOMALY)
    if one.generation is Generation.S1 and not raises and path.startswith("tags."):
        return Level.NOTE
    return None


def _of_event(subject: Subject, name: str, path: str, what: str, opened: str) -> Iterator[Report]:
    """Events pass through to the result: the field is there if they have it."""
    one = subject.item
    if name in EVENT or not isinstance(one, Detection):
        return
    sources = one.data_source_names
    known: set[str] = set()
    open_sources = []
    for source in sources:
        fields = subject.tree.fields_of(source)
        if fields is None:
            open_sources.append(source)
        else:
            known |= fields
    if name.lower() in known:
        return
    if not sources or open_sources or opened:
        why = f"{opened} leaves the fields open" if opened else "no data source is named"
        why = f"the fields of {', '.join(open_sources)} are not known" if open_sources else why
        reason = f"whether {what} is in the result cannot be told: events pass through, and {why}"
        yield Report(reason, f"end the search with | table that names {name}", path, level=Level.NOTE)
        return
    near = difflib.get_close_matches(name.lower(), sorted(known), 1, 0.85)
    reason = f"{what} is a field of events, and neither {' nor '.join(sources)} nor an add-on has it"
    yield Report(reason, f"did you mean '{near[0]}'?" if near else None, path, level=Level.WARNING)
