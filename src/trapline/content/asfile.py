"""An object of the model -> the keys of its file, in the generation that the object says it is of.

The counterpart of `shapes`: what is written here reads back as the same object, except `Item.extra`, which is not
written. Empty keys are left out. Nothing is checked and nothing is moved from one generation to another: see `convert`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeAlias

from trapline.content.model import (
    Baseline,
    Dashboard,
    DataSource,
    Deployment,
    Deprecation,
    Detection,
    Drilldown,
    Generation,
    Investigation,
    Item,
    Lookup,
    Macro,
    Playbook,
    Rba,
    Removed,
    RiskObject,
    Schedule,
    Story,
    ThreatObject,
)
from trapline.content.yamltext import Search, dump

Keys: TypeAlias = dict[str, Any]


def text_of(item: Item) -> str:
    """The YAML of an object's file."""
    return dump(keys_of(item))


def keys_of(item: Item) -> Keys:
    """The keys of an object's file, in the order in which they are written there. Raises TypeError for a kind that has
    no file of its own."""
    make = _KINDS.get(type(item))
    if make is None:
        raise TypeError(f"no file for {type(item).__name__}")
    found = _given(_head(item) | make(item))
    if isinstance(item, Detection) and item.generation is not Generation.S3:
        found.setdefault("tags", {})
    return found


def _given(keys: Mapping[str, Any]) -> Keys:
    """Those that say something."""
    return {key: value for key, value in keys.items() if value not in ("", None) and value not in ((), [], {})}


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _head(item: Item) -> Keys:
    s3 = item.generation is Generation.S3
    dates = {"creation_date": _day(item.created), "modification_date": _day(item.modified)}
    with_status = isinstance(item, Detection | Removed) or item.generation is not Generation.S1
    gone = item.deprecation
    return {
        "name": item.name,
        "id": item.id,
        "version": item.version or None,
        **(dates if s3 else {"date": _day(item.modified)}),
        "author": item.author,
        "status": item.status.value if with_status else None,
        "deprecation_info": deprecation(gone) if gone is not None and s3 else None,
    }


def deprecation(found: Deprecation) -> Keys:
    return _given(
        {
            "removed_in_version": found.removed_in_version,
            "reason": found.reason,
            "replacement_content": found.replacement_content,
        }
    )


def _tail(item: Item) -> Keys:
    return {"description": item.description, "references": item.references}


def _detection(item: Detection) -> Keys:
    s3 = item.generation is Generation.S3
    top = {
        "type": item.type.value,
        "description": item.description,
        "data_source": item.data_source,
        "search": Search(item.search),
        "how_to_implement": item.how_to_implement,
        "known_false_positives": item.known_false_positives,
        "explanation": item.explanation,
        "references": item.references,
        "drilldown_searches": [_drilldown(one) for one in item.drilldowns],
    }
    about = {
        "analytic_story": item.stories,
        "threat_group" if s3 else "group": item.groups,
        "asset_type": item.asset_type,
        "cve": item.cve,
        "mitre_attack_id": item.mitre,
        "atomic_guid": item.atomic_guids,
        "product": item.products,
    }
    if s3:
        own = item.deployment
        return (
            top
            | _findings(item)
            | about
            | {
                "category": item.category,
                "security_domain": item.security_domain,
                "enabled_by_default": item.enabled or None,
                "baselines": item.baselines,
                "schedule": "" if own is not None else item.schedule_name,
                "custom_schedule": None if own is None else schedule(own.schedule),
                "tests": _tests(item),
            }
        )
    s1 = item.generation is Generation.S1
    throttle = item.throttle
    # Without a message, even an empty one, the file would be taken for one of S2.
    tags = (
        about
        | {"security_domain": item.security_domain, "required_fields": item.required_fields}
        | (_scores(item.rba) if s1 and item.rba is not None else {})
        | {
            "throttling": None if throttle is None else {"fields": throttle.fields, "period": throttle.period},
            "manual_test": item.manual_test,
        }
    )
    own = item.deployment
    return top | {
        "enabled_by_default": item.enabled or None,
        "rba": _rba(item.rba) if item.rba is not None and not s1 else None,
        "tags": _given(tags) | ({"message": ""} if s1 and item.rba is not None and not item.rba.message else {}),
        "deployment": None if own is None else _actions(own),
        "tests": _tests(item),
    }


def _drilldown(one: Drilldown) -> Keys:
    return {
        "name": one.name,
        "search": one.search,
        "earliest_offset": one.earliest or None,
        "latest_offset": one.latest or None,
    }


def _scores(rba: Rba) -> Keys:
    return {
        "confidence": rba.confidence,
        "impact": rba.impact,
        "risk_score": rba.stored_score,
        "message": rba.message or None,
        "observable": [{"name": one.name, "type": one.type, "role": [one.role]} for one in rba.observables],
    }


def _rba(rba: Rba) -> Keys:
    return {
        "message": rba.message,
        "risk_objects": [_entity(one) for one in rba.risk_objects],
        "threat_objects": [_threat(one) for one in rba.threat_objects],
    }


def _entity(one: RiskObject) -> Keys:
    return {"field": one.field, "type": one.type, "score": one.score}


def _threat(one: ThreatObject) -> Keys:
    return {"field": one.field, "type": one.type}


def _findings(item: Detection) -> Keys:
    rba = item.rba
    if rba is None:
        return {}
    entity = next((_entity(one) for one in rba.risk_objects if one.finding), None)
    middle = [_entity(one) | {"message": one.message} for one in rba.risk_objects if not one.finding]
    finding = _given({"title": item.title, "entity": entity})
    return {
        "finding": finding,
        "intermediate_findings": {"entities": middle} if middle else None,
        "threat_objects": [_threat(one) for one in rba.threat_objects],
    }


def _tests(item: Detection) -> list[Keys]:
    s3 = item.generation is Generation.S3
    found = []
    for test in item.tests:
        keys: Keys = {"name": test.name}
        if s3:
            keys |= {"test_type": "unit" if test.kind == "manual" else test.kind, "description": test.note}
        keys["attack_data"] = [
            _given(
                {
                    "data": one.data,
                    "source": one.source,
                    "sourcetype": one.sourcetype,
                    "index" if s3 else "custom_index": one.index,
                    "host": one.host,
                    "update_timestamp": one.update_timestamp or None,
                }
            )
            for one in test.attack_data
        ]
        if s3:
            keys["expected_results"] = test.expected_results if test.expected_results != 1 else None
        found.append(_given(keys))
    return found


def schedule(found: Schedule) -> Keys:
    return {
        "cron_schedule": found.cron,
        "earliest_time": found.earliest,
        "latest_time": found.latest,
        "schedule_window": found.window,
    }


def _actions(item: Deployment) -> Keys:
    notable, email, slack, phantom = item.notable, item.email, item.slack, item.phantom
    actions = {
        "notable": None
        if notable is None
        else _given(
            {
                "rule_title": notable.title,
                "rule_description": notable.description,
                "nes_fields": notable.fields,
            }
        ),
        "rba": {"enabled": True} if item.rba else None,
        "email": None if email is None else {"to": email.to, "subject": email.subject, "message": email.message},
        "slack": None if slack is None else {"channel": slack.channel, "message": slack.message},
        "phantom": None
        if phantom is None
        else {
            "cam_workers": phantom.cam_workers,
            "label": phantom.label,
            "phantom_server": phantom.server,
            "sensitivity": phantom.sensitivity,
            "severity": phantom.severity,
        },
    }
    return _given({"scheduling": schedule(item.schedule), "alert_action": _given(actions), "tags": dict(item.tags)})


def _deployment(item: Deployment) -> Keys:
    if item.generation is Generation.S3:
        return _tail(item) | schedule(item.schedule)
    return {"type": item.type} | _tail(item) | _actions(item)


def _macro(item: Macro) -> Keys:
    return _tail(item) | {"definition": Search(item.definition) or None, "arguments": item.args}


def _lookup(item: Lookup) -> Keys:
    s1 = item.generation is Generation.S1
    on = item.case_sensitive
    case: object = (("true" if on else "false") if s1 else on) if item.case_given else None
    kvstore = item.kind == "kvstore"
    where: Keys = (
        {
            "filename": "" if kvstore else item.filename,
            "collection": item.collection,
            "fields_list": ", ".join(item.fields),
        }
        if s1
        else {"lookup_type": item.kind, "fields": item.fields}
    )
    return (
        _tail(item)
        | where
        | {
            "default_match": item.default_match,
            "match_type": ", ".join(item.match_type) if s1 else item.match_type,
            "min_matches": item.min_matches,
            "max_matches": item.max_matches,
            "case_sensitive_match": case,
            "filter": item.filter,
        }
    )


def _story(item: Story) -> Keys:
    s3 = item.generation is Generation.S3
    tags = _given(
        {
            "category": item.category,
            "threat_group" if s3 else "group": item.groups,
            "cve": item.cve,
            "product": item.products,
            "usecase": item.usecase,
        }
    )
    head = {"description": item.description, "narrative": item.narrative, "references": item.references}
    return head | (tags if s3 else {"tags": tags})


def _data_source(item: DataSource) -> Keys:
    supported = [_given({"name": one.name, "url": one.url, "version": one.version}) for one in item.supported_ta]
    return _tail(item) | {
        "mitre_components": item.mitre_components,
        "source": item.source,
        "sourcetype": item.sourcetype,
        "separator": item.separator,
        "separator_value": item.separator_value,
        "configuration": item.configuration,
        "supported_TA": supported,
        "fields": item.fields,
        "output_fields": item.output_fields,
        "field_mappings": item.field_mappings,
        "convert_to_log_source": item.convert_to,
        "example_log": item.example_log,
    }


def _baseline(item: Baseline) -> Keys:
    s3 = item.generation is Generation.S3
    own = item.deployment
    about = {
        "analytic_story": item.stories,
        "detections": item.detections,
        "product": item.products,
        "required_fields": item.required_fields,
        "security_domain": item.security_domain,
    }
    keys = (
        {"type": "" if s3 else "Baseline", "description": item.description}
        | _search(item)
        | {"references": item.references}
    )
    if not s3:
        return keys | {"tags": _given(about), "deployment": None if own is None else _actions(own)}
    return (
        keys
        | about
        | {
            "schedule": "" if own is not None else item.schedule_name,
            "custom_schedule": None if own is None else schedule(own.schedule),
        }
    )


def _search(item: Baseline | Investigation) -> Keys:
    return {
        "search": Search(item.search),
        "how_to_implement": item.how_to_implement,
        "known_false_positives": item.known_false_positives,
    }


def _investigation(item: Investigation) -> Keys:
    tags = {
        "analytic_story": item.stories,
        "product": item.products,
        "required_fields": item.required_fields,
        "security_domain": item.security_domain,
    }
    head: Keys = {"type": "Investigation", "description": item.description}
    return head | _search(item) | {"references": item.references, "tags": _given(tags)}


def _playbook(item: Playbook) -> Keys:
    tags = {
        "platform_tags": item.platform_tags,
        "playbook_type": item.playbook_type,
        "vpe_type": item.vpe_type,
        "playbook_fields": item.playbook_fields,
        "product": item.products,
        "use_cases": item.use_cases,
        "defend_technique_id": item.defend_technique_ids,
        "labels": item.labels,
        "playbook_outputs": item.playbook_outputs,
        "analytic_story": item.stories,
        "detections": item.detections,
    }
    return {
        "type": item.type,
        **_tail(item),
        "playbook": item.playbook,
        "how_to_implement": item.how_to_implement,
        "app_list": item.app_list,
        "tags": _given(tags),
    }


def _dashboard(item: Dashboard) -> Keys:
    return _tail(item) | {"theme": item.theme if item.theme != "light" else ""}


_KINDS: dict[type[Item], Callable[[Any], Keys]] = {
    Detection: _detection,
    Macro: _macro,
    Lookup: _lookup,
    Story: _story,
    DataSource: _data_source,
    Deployment: _deployment,
    Baseline: _baseline,
    Investigation: _investigation,
    Playbook: _playbook,
    Dashboard: _dashboard,
    Removed: _tail,
}
