"""The JSON files of contentctl's API (facts/CONTENT.md §4.4): what web sites and tools read of a release.

S1 has the names `detections.json`, ...; later ones end in `_v2` and have `rba` in the place of observables.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trapline.content.catalog import Content, calls
from trapline.content.enrich import mappings
from trapline.content.model import (
    Baseline,
    Deployment,
    Detection,
    Generation,
    Investigation,
    Item,
    Lookup,
    Macro,
    Story,
)
from trapline.splunkapp import derive
from trapline.splunkapp.searches import Place


@dataclass
class Chosen:
    """The objects that an app holds."""

    content: Content
    place: Place
    detections: list[Detection]
    stories: list[Story]
    baselines: list[Baseline]
    tasks: list[Investigation]
    lookups: list[Lookup]
    macros: list[Macro]

    def members(self) -> dict[str, list[str]]:
        """The stanzas of each story's detections and response tasks, by its name in lower case."""
        found: dict[str, list[str]] = {}
        label = self.place.label
        for one in self.detections:
            for name in one.stories:
                found.setdefault(name.lower(), []).append(derive.rule_stanza(label, one))
        for task in self.tasks:
            for name in task.stories:
                found.setdefault(name.lower(), []).append(derive.task_stanza(label, task))
        return found


def write(folder: Path, chosen: Chosen, form: Generation, version_name: str, made: datetime) -> None:
    """All files, for the version of the app. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    end = "" if form is Generation.S1 else "_v2"
    version = {"name": f"v{version_name}", "published_at": f"{made.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    macros = {one.key: one for one in chosen.macros}
    for name, rows in (
        ("detections", [_detection(one, chosen, form, macros) for one in chosen.detections]),
        ("stories", _stories(chosen)),
        ("baselines", [_support(one) for one in chosen.baselines]),
        ("response_tasks", [_task(one) for one in chosen.tasks]),
        ("lookups", [_lookup(one) for one in chosen.lookups]),
        ("macros", [_macro(one) for one in chosen.macros]),
        ("deployments", [_deployment(one) for one in chosen.content.deployments]),
    ):
        _file(folder / f"{name}{end}.json", {name: rows})
    _file(folder / "version.json", {"version": version})


def _file(path: Path, value: dict[str, Any]) -> None:
    path.write_bytes((json.dumps(value, indent=2) + "\n").encode("utf-8", "replace"))


def _common(one: Item) -> dict[str, Any]:
    return {
        "name": one.name,
        "author": one.author,
        "date": one.modified.isoformat() if one.modified else None,
        "version": one.version,
        "id": one.id,
        "description": one.description,
        "references": list(one.references),
    }


def _detection(one: Detection, chosen: Chosen, form: Generation, macros: dict[str, Macro]) -> dict[str, Any]:
    place = chosen.place
    enriched = derive.enriched(one, place.attack)
    maps = mappings(one, enriched)
    rba = one.rba
    tags: dict[str, Any] = {
        "analytic_story": list(one.stories),
        "asset_type": one.asset_type,
        "cis20": maps.get("cis20", []),
        "kill_chain_phases": maps.get("kill_chain_phases", []),
        "nist": maps.get("nist", []),
        "security_domain": one.security_domain,
        "mitre_attack_id": list(one.mitre),
        "mitre_attack_enrichments": [] if place.attack is None else _techniques(enriched.techniques),
    }
    out = _common(one)
    if form is Generation.S1:
        tags |= {
            "observable": [
                {"name": seen.name, "type": seen.type, "role": [seen.role]}
                for seen in (() if rba is None else rba.observables)
            ],
            "message": "" if rba is None else rba.message,
            "risk_score": 0 if rba is None else rba.score,
            "risk_severity": one.severity.value,
        }
    elif rba is not None:
        out["rba"] = {
            "message": rba.message,
            "risk_objects": [{"field": obj.field, "type": obj.type, "score": obj.score} for obj in rba.risk_objects],
            "threat_objects": [{"field": obj.field, "type": obj.type} for obj in rba.threat_objects],
        }
    notable = chosen.content.deployment_of(one).notable
    keys = dict.fromkeys(call.key for call in calls(one.search))
    words = set(one.search.replace("|", " ").replace("[", " ").split())
    return out | {
        "tags": tags,
        "type": one.type.value,
        "search": one.search,
        "how_to_implement": one.how_to_implement,
        "known_false_positives": one.known_false_positives,
        "datamodel": derive.data_models(one.search),
        "source": one.category,
        "nes_fields": None if notable is None else ",".join(notable.fields),
        "macros": [_macro(macros[key]) for key in keys if key in macros],
        "lookups": [_lookup(lookup) for lookup in chosen.lookups if lookup.name in words],
    }


def _techniques(found: Iterable[tuple[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "mitre_attack_id": id_,
            "mitre_attack_technique": one.name,
            "mitre_attack_tactics": [tactic.name for tactic in one.tactics],
            "mitre_attack_groups": list(one.groups),
        }
        for id_, one in found
        if one is not None
    ]


def _stories(chosen: Chosen) -> list[dict[str, Any]]:
    rules: dict[str, list[Detection]] = {}
    baselines: dict[str, list[str]] = {}
    tasks: dict[str, list[str]] = {}
    for one in chosen.detections:
        for name in one.stories:
            rules.setdefault(name.lower(), []).append(one)
    for kind, items in ((baselines, chosen.baselines), (tasks, chosen.tasks)):
        for item in items:
            for name in item.stories:
                kind.setdefault(name.lower(), []).append(item.name)
    out = []
    for story in chosen.stories:
        key = story.name.lower()
        members = rules.get(key, [])
        enriched = [derive.enriched(one, chosen.place.attack) for one in members]
        out.append(
            _common(story)
            | {
                "narrative": story.narrative,
                "author_name": story.author.partition(",")[0].strip() or "no",
                "author_company": story.author.partition(",")[2].strip() or "no",
                "tags": {
                    "category": list(story.category),
                    "product": list(story.products),
                    "usecase": story.usecase,
                    "kill_chain_phases": sorted({phase for one in enriched for phase in one.kill_chain}),
                    "datamodels": sorted({name for one in members for name in derive.data_models(one.search)}),
                    "cve": list(story.cve),
                },
                "detection_names": [derive.rule_stanza(chosen.place.label, one) for one in members],
                "investigation_names": tasks.get(key, []),
                "baseline_names": baselines.get(key, []),
                "detections": [
                    {
                        "name": one.name,
                        "source": one.category,
                        "type": one.type.value,
                        "tags": [
                            {"mitre_attack_technique": technique.name}
                            for _, technique in (found.techniques if chosen.place.attack else ())
                            if technique is not None
                        ],
                    }
                    for one, found in zip(members, enriched, strict=True)
                ],
            }
        )
    return out


def _support(one: Baseline) -> dict[str, Any]:
    return _common(one) | {
        "type": "Baseline",
        "datamodel": derive.named_models(one),
        "search": one.search,
        "how_to_implement": one.how_to_implement,
        "known_false_positives": one.known_false_positives,
        "tags": {
            "analytic_story": list(one.stories),
            "detections": list(one.detections),
            "product": list(one.products),
            "required_fields": list(one.required_fields),
            "security_domain": one.security_domain,
        },
    }


def _task(one: Investigation) -> dict[str, Any]:
    return _common(one) | {
        "type": "Investigation",
        "datamodel": derive.named_models(one),
        "search": one.search,
        "how_to_implement": one.how_to_implement,
        "known_false_positives": one.known_false_positives,
        "inputs": list(one.inputs),
        "lowercase_name": one.stem,
        "tags": {
            "analytic_story": list(one.stories),
            "product": list(one.products),
            "required_fields": list(one.required_fields),
            "security_domain": one.security_domain,
        },
    }


def _lookup(one: Lookup) -> dict[str, Any]:
    return {
        "name": one.name,
        "description": one.description,
        "filename": one.filename or None,
        "collection": one.collection or None,
        "fields_list": ", ".join(one.fields) or None,
        "default_match": one.default_match or None,
        "match_type": ", ".join(one.match_type) or None,
        "min_matches": one.min_matches,
        "case_sensitive_match": "true" if one.case_sensitive else "false",
    }


def _macro(one: Macro) -> dict[str, Any]:
    found: dict[str, Any] = {"name": one.name, "definition": one.definition, "description": one.description}
    if one.args:
        found["arguments"] = list(one.args)
    return found


def _deployment(one: Deployment) -> dict[str, Any]:
    schedule = one.schedule
    return _common(one) | {
        "scheduling": {
            "cron_schedule": schedule.cron,
            "earliest_time": schedule.earliest,
            "latest_time": schedule.latest,
            "schedule_window": schedule.window,
        },
        "rba": {"enabled": one.rba},
        "tags": {"type": one.type},
    }
