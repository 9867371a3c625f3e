"""Notables: events of index=notable that findings become, in the field shape of Splunk ES (facts/CONTENT.md §6.4).

The event never changes; status, owner and the like are in the state database (`trapline.state`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trapline.detect import risk, tokens
from trapline.detect.finding import Finding
from trapline.detect.jobs import Job
from trapline.knowledge import Knowledge
from trapline.state.journal import NewNotable
from trapline.values import Row, Value, compact, value_text

INDEX = "notable"
NEW = 1
"""Status of a notable that nobody has looked at."""
UNASSIGNED = "unassigned"
UNDETERMINED = 6
"""Disposition of a notable that nobody has judged."""
SEVERITIES = ("informational", "unknown", "low", "medium", "high", "critical")

Urgency = Callable[[str, Mapping[str, Value]], str]
"""The urgency of a severity, given the row (whose hosts and users have a priority)."""


@dataclass(frozen=True, slots=True)
class Raised:
    """A notable: its event and how it begins."""

    event: Row
    state: NewNotable


def notable(job: Job, row: Row, finding: Finding, *, run: risk.Run, rid: int, guid: str, urgency: Urgency) -> Raised:
    """The notable of a finding. `guid`: of the state database, as Splunk has that of the indexer. A field `severity` of
    the row overrides that of the detection, as fields of the row do with risk."""
    assert job.notable is not None
    detection = job.detection
    own = value_text(row.get("severity") or "").strip().lower()
    severity = own if own in SEVERITIES else detection.severity.value
    words = {"%name%": detection.name, "%description%": detection.description}
    title, description = (_placed(text, words) for text in (job.notable.title, job.notable.description))
    filled = tokens.fill(title, row).text or detection.name
    entity, kind = _entity(row, finding)
    fields = risk.shared(detection, row, job.profile.annotations) | {
        "search_name": job.name,
        "rule_name": detection.name,
        "orig_rule_title": title,
        "rule_title": filled,
        "rule_description": tokens.fill(description, row).text,
        "security_domain": detection.security_domain or "threat",
        "severity": severity,
        "urgency": urgency(severity, row),
        "status": str(NEW),
        "owner": UNASSIGNED,
        "orig_action_name": "notable",
        "orig_sid": run.sid,
        "orig_rid": str(rid),
        "orig_time": f"{run.time:.3f}".rstrip("0").rstrip("."),
        "info_min_time": "0.000" if run.earliest is None else f"{run.earliest:.3f}",
        "info_max_time": "+Infinity" if run.latest is None else f"{run.latest:.3f}",
        "info_search_time": f"{run.time:.3f}",
    }
    if entity is not None:
        fields |= {"risk_object": entity} if "risk_object" not in fields else {}
        fields |= {"risk_object_type": kind or "other"} if "risk_object_type" not in fields else {}
    if job.notable.fields:
        fields["nes_fields"] = ",".join(job.notable.fields)
    if finding.drilldowns:
        fields["drilldown_searches"] = json.dumps([one.to_json() for one in finding.drilldowns], ensure_ascii=False)
        first = finding.drilldowns[0]
        fields |= {"drilldown_name": first.name, "drilldown_search": first.search}
        fields |= {"drilldown_earliest": first.earliest, "drilldown_latest": first.latest}
    given: Row = {
        name: cell for name, value in fields.items() if (cell := compact(list(risk.texts(value)))) is not None
    }
    raw = risk.stash(run.time, given)
    # A row that is there twice makes two notables: its place in the result is part of the text.
    digest = hashlib.md5(f"{run.time}{raw}".encode(), usedforsecurity=False).hexdigest()
    event_id = f"{guid}@@notable@@{digest}"
    given |= {"event_id": event_id, "rule_id": event_id}
    event: Row = {"_time": run.time, "index": INDEX, "sourcetype": risk.SOURCETYPE, "source": job.name}
    event |= sorted(given.items())
    event["_raw"] = raw
    state = NewNotable(
        event_id=event_id,
        time=run.time,
        search=job.name,
        title=filled,
        severity=severity,
        urgency=str(given["urgency"]),
        entity=entity,
        entity_type=kind,
        status=NEW,
        owner=UNASSIGNED,
        disposition=UNDETERMINED,
        fields=given,
    )
    return Raised(event, state)


def urgency_of(knowledge: Knowledge | None) -> Urgency:
    """Urgency from the severity and the highest priority of the assets and identities of a row."""

    def urgency(severity: str, row: Mapping[str, Value]) -> str:
        return "low" if severity == "unknown" else severity

    return urgency


def _placed(text: str, words: Mapping[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(word, value)
    return text


def _entity(row: Row, finding: Finding) -> tuple[str | None, str | None]:
    """Whom it is about: the risk object of the row, else the one with the highest score."""
    for name in ("normalized_risk_object", "risk_object"):
        value = next(risk.texts(row.get(name)), None)
        if value is not None:
            return value, next(risk.texts(row.get("risk_object_type")), None)
    if finding.risk_objects:
        most = max(finding.risk_objects, key=lambda one: one.score)
        return most.value, most.type
    return None, None
