"""Which techniques of ATT&CK detections name, and the same as a layer of the ATT&CK Navigator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trapline.content import enrich
from trapline.content.enrich import Attack, Tactic, Technique
from trapline.content.model import Detection, DetectionType
from trapline.errors import Warn

LAYER_VERSION = "4.5"
NAVIGATOR_VERSION = "5.1.0"
"""A Navigator that reads layers of that version; it must be at least 4.9.0 (ATT&CK Navigator, "Layer File Format
Definition", version 4.5)."""
_COLOURS = ["#d7efe4", "#62b391", "#0b5e46"]


@dataclass(frozen=True, slots=True)
class Coverage:
    """Detections by technique id, those of revoked ids at their successors."""

    attack: Attack
    detections: Mapping[str, tuple[Detection, ...]]
    """By the very id; a technique does not have those of its sub-techniques (`below`)."""
    warnings: tuple[Warn, ...]

    def of(self, technique: str) -> tuple[Detection, ...]:
        return self.detections.get(technique, ())

    def below(self, technique: str) -> tuple[Detection, ...]:
        """Those of a technique and of its sub-techniques, each once."""
        found = {one.name: one for one in self.of(technique)}
        for sub in self.subs(technique):
            found |= {one.name: one for one in self.of(sub.id)}
        return tuple(found.values())

    def subs(self, technique: str) -> list[Technique]:
        return [one for id_, one in self.attack.techniques.items() if id_.startswith(f"{technique}.")]

    def tactics(self) -> list[tuple[Tactic, list[Technique]]]:
        """The matrix: each tactic with its techniques that are no sub-technique, by name."""
        found: dict[str, list[Technique]] = {short: [] for short in enrich.tactics()}
        names: dict[str, Tactic] = {}
        for one in self.attack.techniques.values():
            if "." in one.id:
                continue
            for tactic in one.tactics:
                names[tactic.shortname] = tactic
                found.setdefault(tactic.shortname, []).append(one)
        return [(names[short], sorted(ones, key=lambda one: one.name)) for short, ones in found.items() if ones]


def coverage(detections: Iterable[Detection], version: str | Attack = enrich.DEFAULT_ATTACK) -> Coverage:
    """Raises TraplineError for a version that there is no table of. An id that it does not have is a warning."""
    table = enrich.attack(version)
    found: dict[str, dict[str, Detection]] = {}
    warnings = []
    for detection in detections:
        for written in detection.mitre:
            technique, warn = table.resolve(written)
            if technique is not None:
                found.setdefault(technique.id, {})[detection.name] = detection
            if warn is not None:
                warnings.append(Warn(warn.code, warn.reason, warn.hint, detection.name))
    ordered = {id_: tuple(found[id_].values()) for id_ in sorted(found)}
    return Coverage(table, ordered, tuple(warnings))


def layer(of: Coverage, name: str, described: str = "") -> dict[str, Any]:
    """A layer of the Navigator: the score of a technique is the number of detections that name this very id."""
    techniques = [_technique(of, id_, found) for id_, found in of.detections.items()]
    most = max((one["score"] for one in techniques), default=0)
    return {
        "name": name,
        "versions": {
            "attack": of.attack.version.partition(".")[0],
            "navigator": NAVIGATOR_VERSION,
            "layer": LAYER_VERSION,
        },
        "domain": "enterprise-attack",
        "description": described,
        "sorting": 3,
        "layout": {
            "layout": "side",
            "showID": True,
            "showName": True,
            "showAggregateScores": True,
            "countUnscored": False,
            "aggregateFunction": "sum",
            "expandedSubtechniques": "none",
        },
        "hideDisabled": False,
        "techniques": techniques,
        "gradient": {"colors": _COLOURS, "minValue": 0, "maxValue": max(most, 1)},
        "legendItems": [],
        "metadata": [
            {"name": "ATT&CK version", "value": of.attack.version},
            {"name": "Detections", "value": str(len({one.name for ones in of.detections.values() for one in ones}))},
            {"name": "Techniques", "value": str(len(techniques))},
        ],
        "showTacticRowBackground": False,
        "selectTechniquesAcrossTactics": True,
        "selectSubtechniquesWithParent": False,
        "selectVisibleTechniques": False,
    }


def _technique(of: Coverage, id_: str, found: Sequence[Detection]) -> dict[str, Any]:
    types = [(kind.value, sum(one.type is kind for one in found)) for kind in DetectionType]
    subs = of.subs(id_)
    body = {
        "techniqueID": id_,
        "score": len(found),
        "comment": "\n".join(one.name for one in found),
        "enabled": True,
        "metadata": [{"name": name, "value": str(count)} for name, count in types if count]
        + [{"name": "Detection", "value": one.name} for one in found],
        "links": [],
    }
    # The format has it for techniques with sub-techniques only.
    return body | {"showSubtechniques": any(sub.id in of.detections for sub in subs)} if subs else body
