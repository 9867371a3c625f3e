"""A technique beside one of its own sub-techniques.

The sub-technique says it all: who counts coverage counts twice otherwise. Refused from the second generation on
(facts/CONTENT.md §1.4).
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.content.model import Detection, Generation
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = True


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    if not isinstance(one, Detection):
        return
    for place, text in enumerate(one.mitre):
        below = [other for other in one.mitre if other.startswith(f"{text}.")]
        if below:
            reason = f"{text} stands beside its own sub-technique {', '.join(below)}"
            path = f"{subject.at('mitre_attack_id')}[{place}]"
            old = one.generation is Generation.S1
            level = Level.NOTE if old else None
            yield Report(reason, f"leave {text} out", path, level=level, refused=not old)
