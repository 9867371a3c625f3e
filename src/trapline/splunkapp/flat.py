"""savedsearches.conf and analyticstories.conf in the form of ESCU 6, S3 (facts/CONTENT.md §4.5).

Keys are ordered when the file is written. Booleans are 1 and 0, JSON is compact, lists are sorted.
"""

from __future__ import annotations

from typing import Any

from trapline.content.enrich import annotations_of, mappings
from trapline.content.model import Baseline, Detection, RiskObject, Schedule
from trapline.splunkapp import derive
from trapline.splunkapp.conf import Stanza, compact_text
from trapline.splunkapp.searches import Place, condition, metadata, suppress


def detection(one: Detection, place: Place) -> Stanza:
    """A detection. Raises TraplineError when no deployment or schedule says when it runs."""
    deployment = place.content.deployment_of(one)
    enriched = derive.enriched(one, place.attack)
    name = derive.rule_stanza(place.label, one)
    out = Stanza(name)
    schedule = _scheduled(out, derive.warned(one, "detection"), one, place)
    out.add("alert.digest_mode", 1)
    out.add("allow_skew", "100%")
    out.add("counttype", "number of events")
    condition(out, one)
    out.add("realtime_schedule", 0 if schedule.continuous else 1)
    suppress(out, one, 1)
    finding, middle = derive.finding_of(one)
    if not deployment.rba and one.rba is not None and one.generation.value != "S3":
        middle = []
    wanted = deployment.notable is not None
    entries = [derive.risk_entry(entity) | {"risk_message": entity.message} for entity in sorted(middle, key=_order)]
    threats = one.rba.threat_objects if one.rba is not None else ()
    named = [derive.threat_entry(threat) for threat in sorted(threats, key=lambda threat: (threat.field, threat.type))]
    if middle:
        out.add("action.risk", 1)
        out.add("action.risk.param._risk", compact_text([*entries, *named]))
        out.add("action.risk.param._risk_message", min(middle, key=lambda one: (*_order(one), one.message)).message)
        out.add("action.risk.param._risk_score", 0)
        out.add("action.risk.param.verbose", 0)
    if wanted:
        if not middle and named:
            out.add("action.risk.param._risk", compact_text(named))
        out.add("action.notable", 1)
        out.add("action.notable.param.rule_title", _title(one, deployment.notable.title if deployment.notable else ""))
        out.add("action.notable.param._entities", compact_text([derive.risk_entry(finding)] if finding else []))
        out.add("action.notable.param.nes_fields", "user,dest")
        out.add("action.notable.param.rule_description", one.description)
        out.add("action.notable.param.security_domain", one.security_domain)
        out.add("action.notable.param.severity", one.severity.value)
    out.add("action.correlationsearch.enabled", 1)
    out.add("action.correlationsearch.detection_type", "ebd")
    out.add("action.correlationsearch.label", name)
    out.add("action.correlationsearch.annotations", compact_text(sorted_lists(annotations_of(one, enriched))))
    out.add("action.correlationsearch.metadata", compact_text(metadata(one)))
    if one.drilldowns:
        searches = derive.drilldowns(one, f'| savedsearch "{name}"')
        out.add("action.notable.param.drilldown_searches", compact_text(searches))
    return out


def _order(one: RiskObject) -> tuple[str, str, int]:
    return one.field, one.type, one.score


def _title(one: Detection, given: str) -> str:
    """S3 has a title of its own; before, the message says what was found."""
    if one.title:
        return one.title
    message = one.rba.message if one.rba is not None else ""
    return message or derive.filled(given, one)[0]


def baseline(one: Baseline, place: Place) -> Stanza:
    out = Stanza(derive.baseline_stanza(place.label, one))
    _scheduled(out, derive.warned(one, "baseline"), one, place)
    return out


def _scheduled(out: Stanza, description: str, one: Detection | Baseline, place: Place) -> Schedule:
    schedule = place.content.deployment_of(one).schedule
    out.add("description", description)
    out.add("cron_schedule", schedule.cron)
    out.add("dispatch.earliest_time", schedule.earliest)
    out.add("dispatch.latest_time", schedule.latest)
    out.add("schedule_window", schedule.window)
    out.add("disabled", 1)
    out.add("enableSched", 1)
    out.add("is_visible", 0)
    out.add("search", one.search)
    return schedule


def sorted_lists(found: dict[str, Any]) -> dict[str, Any]:
    return {key: sorted(value) if isinstance(value, list) else value for key, value in found.items()}


def story_rule(one: Detection, place: Place) -> Stanza:
    """What analyticstories.conf says of a detection."""
    enriched = derive.enriched(one, place.attack)
    out = Stanza(f"savedsearch://{derive.rule_stanza(place.label, one)}")
    out.add("type", "detection")
    out.add("asset_type", one.asset_type)
    out.add("confidence", "medium")
    out.add("how_to_implement", one.how_to_implement or "none")
    out.add("annotations", compact_text(sorted_lists(dict(mappings(one, enriched)))))
    out.add("known_false_positives", one.known_false_positives)
    used = derive.technologies(one.search)
    out.add("providing_technologies", compact_text(used) if used else "null")
    out.add("explanation", derive.warned(one, "detection"))
    return out
