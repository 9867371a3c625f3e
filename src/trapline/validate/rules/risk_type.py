"""A type of a risk or threat object, or of an observable, that there is none of.

From the second generation on risk objects are user, system or other, with a score of 1 to 100, and threat objects
have one of a list of types; observables of the first have theirs (facts/CONTENT.md §1.3 to §1.5).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from trapline.content.model import Detection, Generation
from trapline.content.types import OBSERVABLE_TYPES, RISK_TYPES, THREAT_TYPES
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = True
APPS = False


def check(subject: Subject) -> Iterator[Report]:
    one, source = subject.item, subject.source
    if not isinstance(one, Detection):
        return
    if one.generation is Generation.S1:
        for place, _ in enumerate(source.list_at("tags.observable")):
            yield from _known(subject, f"tags.observable[{place}].type", OBSERVABLE_TYPES)
        return
    entities = ("rba.risk_objects",) if one.generation is Generation.S2 else ("intermediate_findings.entities",)
    paths = [f"{name}[{place}]" for name in entities for place, _ in enumerate(source.list_at(name))]
    if one.generation is Generation.S3 and source.has("finding.entity"):
        paths.append("finding.entity")
    for path in paths:
        yield from _known(subject, f"{path}.type", RISK_TYPES)
        score = source.text_at(f"{path}.score").strip()
        if one.generation is Generation.S2 and score in ("0", ""):
            yield Report(f"a score of {score or 'nothing'} raises no risk", "from 1 to 100", f"{path}.score")
    threats = "rba.threat_objects" if one.generation is Generation.S2 else "threat_objects"
    types = THREAT_TYPES[one.generation]
    for place, _ in enumerate(source.list_at(threats)):
        yield from _known(subject, f"{threats}[{place}].type", types)


def _known(subject: Subject, path: str, types: tuple[str, ...]) -> Iterator[Report]:
    text = subject.source.text_at(path).strip()
    if text in types:
        return
    near = difflib.get_close_matches(text, types, 1)
    hint = f"did you mean '{near[0]}'?" if near else f"one of {', '.join(types)}"
    yield Report(f"'{text[:60]}' is no type here" if text else "there is no type", hint, path)
