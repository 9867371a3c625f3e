"""What the app says of an object beyond its file: names of stanzas, data models, technologies, risk, texts.

The rules are those of facts/CONTENT.md §1.3, §1.4, §2 and §4.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from trapline.content import marked, yamlfile
from trapline.content.enrich import DEFAULT_ATTACK, Enriched, enrich
from trapline.content.model import (
    Baseline,
    Detection,
    DetectionType,
    Drilldown,
    Generation,
    Investigation,
    Item,
    Removed,
    RiskObject,
    Story,
    ThreatObject,
    attacker_type,
    victim_type,
)

MAX_STANZA = 81
"""ES names a clone `<domain> - <stanza> - Rule` and allows 99 characters."""

_DATA_MODELS = (
    "Endpoint",
    "Network_Traffic",
    "Authentication",
    "Change",
    "Change_Analysis",
    "Email",
    "Network_Resolution",
    "Network_Sessions",
    "UEBA",
    "Updates",
    "Vulnerabilities",
    "Web",
    "Risk",
    "Splunk_Audit",
)
_FIELD = re.compile(r"%([A-Za-z_]+)%")


def rule_stanza(label: str, detection: Detection) -> str:
    """One that comes from an app keeps its name, here and below."""
    return detection.saved.name if detection.saved is not None else f"{label} - {detection.name} - Rule"


def baseline_stanza(label: str, baseline: Baseline) -> str:
    return baseline.saved.name if baseline.saved is not None else f"{label} - {baseline.name}"


def task_stanza(label: str, task: Investigation) -> str:
    return task.saved.name if task.saved is not None else f"{label} - {task.name} - Response Task"


def named(label: str, one: Item) -> str:
    """What an object is called in the app."""
    match one:
        case Detection():
            return rule_stanza(label, one)
        case Baseline():
            return baseline_stanza(label, one)
        case Investigation():
            return task_stanza(label, one)
        case Removed(kind="detections"):
            return f"{label} - {one.name} - Rule"
        case Removed(kind="baselines"):
            return f"{label} - {one.name}"
        case Removed(kind="investigations"):
            return f"{label} - {one.name} - Response Task"
        case _:
            return one.name


def data_models(search: str) -> list[str]:
    """By name as a plain text, as contentctl does: `Web` is found in more than data models."""
    return [name for name in _DATA_MODELS if name in search]


def named_models(one: Baseline | Investigation) -> list[str]:
    """Those that the file of a baseline or investigation names, else by its search."""
    given = one.extra.get("datamodel")
    if isinstance(given, list):
        return [name for name in given if isinstance(name, str)]
    return data_models(one.search)


def technologies(search: str) -> list[str]:
    """The products that may have sent what the search reads, sorted."""
    return sorted({name for text, names in _technologies().items() if text in search for name in names})


@lru_cache(maxsize=1)
def _technologies() -> dict[str, list[str]]:
    path = Path(__file__).resolve().parent / "data" / "technologies.yml"
    found: dict[str, list[str]] = yamlfile.parse(path.read_text(encoding="utf-8"), str(path))[0].plain()
    return found


def enriched(detection: Detection, attack: str | None) -> Enriched:
    """With the version of ATT&CK, or without ATT&CK (None): then no kill chain phases."""
    found = enrich(detection, attack or DEFAULT_ATTACK)
    return found if attack is not None else replace(found, kill_chain=(), threat_actors=(), warnings=())


def warned(item: Detection | Baseline | Story, kind: str) -> str:
    """The description; what is not production says so first. `kind`: what it is called, `detection`."""
    return marked.mark(item.description, item.status, kind)


def drilldowns(detection: Detection, original: str) -> list[dict[str, str]]:
    """As ES reads them. `original` takes the place of %original_detection_search%."""
    return [_drilldown(one, original) for one in detection.drilldowns]


def _drilldown(one: Drilldown, original: str) -> dict[str, str]:
    found = {"name": one.name, "search": one.search.replace("%original_detection_search%", original)}
    if one.earliest:
        found["earliest_offset"] = one.earliest
    if one.latest:
        found["latest_offset"] = one.latest
    return found


def risk_entries(detection: Detection) -> list[dict[str, str | int]]:
    """`action.risk.param._risk` of S1 and S2: risk and threat objects, in S1 in the order of the file."""
    rba = detection.rba
    if rba is None:
        return []
    if rba.observables:
        return [
            {"risk_object_field": one.name, "risk_object_type": victim_type(one.type), "risk_score": rba.score}
            if one.role.lower() == "victim"
            else threat_entry(ThreatObject(one.name, attacker_type(one.type)))
            for one in rba.observables
        ]
    return [*map(risk_entry, rba.risk_objects), *map(threat_entry, rba.threat_objects)]


def threat_entry(one: ThreatObject) -> dict[str, str | int]:
    return {"threat_object_field": one.field, "threat_object_type": one.type}


def risk_entry(one: RiskObject) -> dict[str, str | int]:
    return {"risk_object_field": one.field, "risk_object_type": one.type, "risk_score": one.score}


def finding_of(detection: Detection) -> tuple[RiskObject | None, list[RiskObject]]:
    """The entity of the finding and those of intermediate findings. What an S1 or S2 file has is shared out as
    Splunk's own port to S3 does it: of a TTP or Correlation the first user, else the first, is the finding's."""
    if detection.rba is None or detection.type is DetectionType.HUNTING:
        return None, []
    objects = list(detection.rba.risk_objects)
    first = next((one for one in objects if one.finding), None)
    if detection.generation is not Generation.S3 and detection.type in (DetectionType.TTP, DetectionType.CORRELATION):
        first = next((one for one in objects if one.type == "user"), objects[0] if objects else None)
    rest = [one for one in objects if one is not first]
    return first, [] if detection.type is DetectionType.CORRELATION else rest


def filled(text: str, detection: Detection) -> tuple[str, list[str]]:
    """The text with %field% replaced from the detection, and the names of those that it does not have."""
    rba = detection.rba
    values: dict[str, Any] = {
        "name": detection.name,
        "id": detection.id,
        "version": detection.version,
        "date": detection.modified,
        "author": detection.author,
        "description": detection.description,
        "type": detection.type.value,
        "status": detection.status.value,
        "search": detection.search,
        "how_to_implement": detection.how_to_implement,
        "known_false_positives": detection.known_false_positives,
        "message": rba.message if rba is not None else "",
        "risk_score": rba.score if rba is not None else "",
        "impact": rba.impact if rba is not None else "",
        "confidence": rba.confidence if rba is not None else "",
        "severity": detection.severity.value,
        "asset_type": detection.asset_type,
        "security_domain": detection.security_domain,
        "analytic_story": detection.stories,
        "mitre_attack_id": detection.mitre,
        "cve": detection.cve,
        "product": detection.products,
        "data_source": detection.data_source,
        "source": detection.category,
        "references": detection.references,
    }
    missing: list[str] = []

    def value(found: re.Match[str]) -> str:
        if found[1] not in values:
            missing.append(found[1])
            return found[0]
        one = values[found[1]]
        return ", ".join(one) if isinstance(one, tuple) else "" if one is None else str(one)

    return _FIELD.sub(value, text), missing
