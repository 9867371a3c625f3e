"""Notables: events of index=notable that findings become, in the field shape of Splunk ES (facts/CONTENT.md §6.4).

The event never changes; status, owner and the like are in the state database (`trapline.state`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trapline.content.model import Detection
from trapline.detect import risk, tokens
from trapline.detect.finding import Finding
from trapline.detect.jobs import Job
from trapline.detect.notablewords import UNDETERMINED, dispositions, statuses
from trapline.state.journal import NewNotable
from trapline.values import Row, Value, compact, value_text

INDEX = "notable"
NEW = 1
"""Status of a notable that nobody has looked at."""
UNASSIGNED = "unassigned"
SEVERITIES = ("informational", "unknown", "low", "medium", "high", "critical")

_TAKEN = frozenset({"orig_sid", "orig_rid"})
"""Fields of the row that the notable's own take the place of, without a copy."""

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
    severity = next((one for one in (own, job.notable.severity) if one in SEVERITIES), detection.severity.value)
    words = {"%name%": detection.name, "%description%": detection.description}
    title, description = (_placed(text, words) for text in (job.notable.title, job.notable.description))
    filled = tokens.fill(title, row).text or detection.name
    about = _about(detection, finding)
    entity, kind = _entity(row, about)
    status, disposition = statuses()[NEW], dispositions()[UNDETERMINED]
    own_fields: Row = {
        "search_name": job.name,
        "rule_name": detection.name,
        "orig_rule_title": title,
        "rule_title": filled,
        "rule_description": tokens.fill(description, row).text,
        "security_domain": detection.security_domain or "threat",
        "severity": severity,
        "urgency": urgency(severity, row if entity is None else {"risk_object": entity, **_of(kind), **row}),
        "status": str(status.number),
        "status_label": status.label,
        "status_group": status.group,
        "owner": UNASSIGNED,
        "disposition": f"disposition:{disposition.number}",
        "disposition_label": disposition.label,
        "orig_action_name": "notable",
        "orig_sid": run.sid,
        "orig_rid": str(rid),
        "info_min_time": "0.000" if run.earliest is None else f"{run.earliest:.3f}",
        "info_max_time": "+Infinity" if run.latest is None else f"{run.latest:.3f}",
        "info_search_time": f"{run.time:.3f}",
    }
    fields = risk.shared(detection, row, job.profile.annotations)
    # What the row has under one of these names stays, as orig_<name>.
    for name in own_fields.keys() & fields.keys() - _TAKEN:
        if f"orig_{name}" not in fields and fields[name] != own_fields[name]:
            fields[f"orig_{name}"] = fields[name]
    # The time of the row is orig_time already; a row without one has that of the run.
    fields = {"orig_time": f"{run.time:.3f}".rstrip("0").rstrip(".")} | fields | own_fields
    for name in ("risk_object", "risk_object_type", "risk_score", "risk_message"):
        if (cell := compact(list(risk.texts(row.get(name))))) is not None:
            fields[name] = cell
    if entity is not None:
        fields |= {"entity": entity, "entity_type": kind or "other"}
        fields = {"risk_object": entity, "risk_object_type": kind or "other"} | fields
    if about is not None and "risk_score" not in fields:
        fields["risk_score"] = str(about.score)
    if job.notable.next_steps:
        fields["next_steps"] = tokens.fill(job.notable.next_steps, row).text
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


def _placed(text: str, words: Mapping[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(word, value)
    return text


def _of(kind: str | None) -> Row:
    return {} if kind is None else {"risk_object_type": kind}


def _about(detection: Detection, finding: Finding) -> risk.Entry | None:
    """The risk object that the notable is about: the entity of the finding (ESCU 6), else the one with the highest
    score."""
    named = {one.field for one in detection.rba.risk_objects if one.finding} if detection.rba is not None else set()
    own = [one for one in finding.risk_objects if one.field in named]
    return max(own or finding.risk_objects, key=lambda one: one.score, default=None)


def _entity(row: Row, about: risk.Entry | None) -> tuple[str | None, str | None]:
    """Whom it is about: the risk object of the row, else that of the finding."""
    for name in ("normalized_risk_object", "risk_object"):
        value = next(risk.texts(row.get(name)), None)
        if value is not None:
            return value, next(risk.texts(row.get("risk_object_type")), None)
    return (about.value, about.type) if about is not None else (None, None)
