"""Risk objects that the type of the detection does not have, or lacks.

TTP and Anomaly raise risk and need one (in the first generation an observable in the role of Victim); Hunting and
Correlation have none. In ESCU 6 a TTP and a Correlation have a finding, an Anomaly has intermediate findings
(facts/CONTENT.md §1.4 to §1.6).
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.content.model import Detection, DetectionType, Generation
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = True
APPS = False

RAISES = frozenset((DetectionType.TTP, DetectionType.ANOMALY))
NEEDS = {
    DetectionType.TTP: (("finding",), ()),
    DetectionType.ANOMALY: (("intermediate_findings",), ("finding",)),
    DetectionType.CORRELATION: (("finding",), ("intermediate_findings",)),
    DetectionType.HUNTING: ((), ("finding", "intermediate_findings", "threat_objects")),
}


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    if not isinstance(one, Detection):
        return
    name = one.type.value
    label = f"an {name}" if name[0] in "AEIOU" else f"a {name}"
    match one.generation:
        case Generation.S3:
            needed, banned = NEEDS[one.type]
            for key in needed:
                if not subject.source.has(key):
                    yield Report(f"{label} needs '{key}'", f"add {key}, or change the type", "type")
            for key in banned:
                if subject.source.has(key):
                    yield Report(f"{label} may have no '{key}'", f"delete {key}, or change the type", key)
        case Generation.S2:
            if one.type in RAISES and (one.rba is None or not one.rba.risk_objects):
                yield Report(f"{label} raises risk and names no risk object", "add rba with risk_objects", "rba")
            elif one.type not in RAISES and one.rba is not None:
                yield Report(f"{label} raises no risk: its rba has no effect", "delete rba, or change the type", "rba")
        case Generation.S1:
            if one.type in RAISES and subject.in_production and not (one.rba and one.rba.risk_objects):
                hint = "give an observable the role Victim: a user or a system"
                yield Report(f"{label} raises risk and no observable is a Victim", hint, "tags.observable")
    fields = [] if one.rba is None else [risk.field for risk in one.rba.risk_objects]
    if one.generation is Generation.S3 and len(set(fields)) < len(fields):
        twice = next(name for name in fields if fields.count(name) > 1)
        yield Report(
            f"the field '{twice}' is an entity twice", "name each field once", "intermediate_findings.entities"
        )
