"""From the stanzas of an app to YAML: what convert has to see to before its own rules (`content.convert`)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath

from trapline.content.carrying import Carrying, Code, has_risk, threats
from trapline.content.enrich import enrich, mappings
from trapline.content.model import (
    Baseline,
    Deployment,
    Detection,
    DetectionType,
    Generation,
    Item,
    Lookup,
    Macro,
    Rba,
    Status,
    Story,
)

_CARRIED = frozenset(("analytic_story", "cve", "data_source", "mitre_attack", "type", "type_list"))
"""Annotations that keys of YAML say, too."""
_DERIVED = ("cis20", "kill_chain_phases", "nist")
"""Annotations that follow from other keys of YAML."""


def prepared(item: Item, carrying: Carrying) -> Item:
    """The object without what only an app has, with a note on all of that. One of a YAML file stays as it is."""
    if item.generation is not Generation.APP:
        return item
    match item:
        case Detection():
            item = _detection(item, carrying)
        case Baseline():
            item = replace(item, saved=None, deployment=_deployment(item, carrying))
        case Macro():
            carrying.lost("iseval", item.iseval, f"{carrying.to} has no macros that are computed")
            carrying.lost("validation", item.validation)
            carrying.lost("errormsg", item.errormsg)
        case Lookup() if item.name == item.filename:
            name = PurePath(item.name).name.removesuffix(".gz").removesuffix(".csv")
            carrying.note(Code.CHANGED, "name", f"the table '{item.name}' had no definition; it is called '{name}' now")
            item = replace(item, name=name)
        case Story():
            _wanted(carrying, category=item.category, product=item.products, usecase=item.usecase)
        case _:
            pass
    carrying.item = item
    return item


def _detection(item: Detection, carrying: Carrying) -> Detection:
    plain = replace(item, saved=None)
    if item.rule_name != plain.rule_name:
        reason = f"its saved search was '{item.rule_name}'; an app that is built calls it by its name"
        carrying.note(Code.CHANGED, "saved search", reason, "trapline build --label")
    _annotations(item, carrying)
    trigger = item.trigger
    if trigger is not None:
        reason = f"it alerted on a number of results {trigger.relation} {trigger.quantity}; any result is a finding now"
        carrying.note(Code.CHANGED, "condition", reason, "write it into the search: | eventstats count | where ...")
    throttle = item.throttle
    if throttle is not None and not throttle.fields:
        carrying.lost("throttling", True, "throttling without fields has no place: it needs fields")
        throttle = None
    _wanted(
        carrying,
        analytic_story=item.stories,
        asset_type=item.asset_type,
        security_domain=item.security_domain,
        product=item.products,
        how_to_implement=item.how_to_implement,
        known_false_positives=item.known_false_positives,
        tests=item.type is DetectionType.CORRELATION or item.status is not Status.PRODUCTION,
        category=item.category or carrying.to is not Generation.S3,
    )
    return replace(plain, throttle=throttle, deployment=_deployment(item, carrying), annotations={}, trigger=None)


def _wanted(carrying: Carrying, **given: object) -> None:
    """Notes what the new generation wants and the app does not say."""
    for key, value in given.items():
        if not value:
            carrying.note(Code.BY_HAND, key, f"{carrying.to} wants '{key}', which the app does not say")


def _annotations(item: Detection, carrying: Carrying) -> None:
    plain = replace(item, generation=carrying.to)
    made = mappings(plain, enrich(plain))
    for name, value in item.annotations.items():
        key = f"annotations.{name[:60]}"
        if name in _DERIVED:
            said = sorted(str(one) for one in value) if isinstance(value, list) else [str(value)]
            now = sorted(made.get(name, []))
            if said != now:
                carrying.note(
                    Code.CHANGED, key, f"it was {', '.join(said) or 'empty'}, and follows from the rest now: {now}"
                )
        elif name not in _CARRIED:
            carrying.lost(key, value not in (None, "", []), f"{carrying.to} has no place for this annotation")


def _deployment(item: Detection | Baseline, carrying: Carrying) -> Deployment | None:
    """Its own settings; None where they are those of its type, or where it is not scheduled."""
    own = item.deployment
    if own is None:
        return None
    if not own.schedule.cron:
        carrying.note(Code.CHANGED, "schedule", "it was not scheduled; it has the times of its type now")
        return None
    if not own.schedule.continuous:
        carrying.lost("realtime_schedule", True, "runs that were missed are caught up with")
    own = replace(own, schedule=replace(own.schedule, continuous=True), generation=Generation.S2)
    if isinstance(item, Baseline):
        usual = carrying.content.deployments.get("ESCU Default Configuration Baseline")
        return None if usual is not None and usual.schedule == own.schedule else own
    notable = own.notable
    if notable is not None:
        plain = replace(item, deployment=None).severity.value
        if notable.severity and notable.severity != plain:
            reason = f"its severity was {notable.severity}; it goes by the score now: {plain}"
            carrying.note(Code.CHANGED, "severity", reason)
        carrying.lost("next_steps", notable.next_steps)
        title = "%name%" if notable.title in (item.name, f"RBA: {item.name}") else notable.title
        text = "%description%" if notable.description == item.description else notable.description
        own = replace(own, notable=replace(notable, title=title, description=text, severity="", next_steps=""))
    usual = carrying.content.deployments.get(f"ESCU Default Configuration {item.type.value}")
    same = usual is not None and _says(usual) == _says(own)
    return None if same else own


def _says(one: Deployment) -> tuple[object, ...]:
    return one.schedule, one.notable, one.rba, one.email, one.slack, one.phantom


def s2(item: Detection, carrying: Carrying) -> Detection:
    """The risk of a detection as S2 has it: one message, types of threats that it knows."""
    rba = item.rba
    if rba is None:
        if has_risk(item.type):
            carrying.note(Code.BY_HAND, "rba", f"a {item.type} detection has an rba block from S2 on")
        return replace(item, generation=Generation.S2)
    if not has_risk(item.type):
        carrying.lost("rba", True, f"a {item.type} detection has no risk objects in S2")
        return replace(item, rba=None, generation=Generation.S2)
    message = rba.message or next((one.message for one in rba.risk_objects if one.message), "")
    for one in rba.risk_objects:
        if one.message != message:
            carrying.lost("rba.message", True, f"the message of '{one.field}' is its own; S2 has one for all")
        if not 1 <= one.score <= 100:
            carrying.note(
                Code.BY_HAND, "rba.risk_objects", f"the score of '{one.field}' is {one.score}; 1 to 100 will do"
            )
        if one.type not in ("user", "system", "other"):
            reason = f"'{one.field}' is of type '{one.type}'; user, system and other will do"
            carrying.note(Code.BY_HAND, "rba.risk_objects", reason)
    if not message.strip():
        carrying.note(Code.BY_HAND, "rba.message", "the risk message is empty")
    risk = sorted(
        (replace(one, message=message) for one in rba.risk_objects), key=lambda one: f"{one.field}{one.type}{one.score}"
    )
    threat = tuple(threats(rba.threat_objects, carrying, "rba.threat_objects"))
    return replace(item, rba=Rba(message, tuple(risk), threat), generation=Generation.S2)


def s3(item: Detection, carrying: Carrying) -> Detection:
    """A detection of an app of ESCU 6, whose finding is what it was."""
    carrying.lost("enabled_by_default", item.enabled, "S3 ships every detection disabled")
    carrying.lost("throttling", item.throttle, "S3 has no throttling: set it in Enterprise Security")
    own = item.deployment
    named = "" if own is not None else "Default EventBasedDetection"
    return replace(
        item, enabled=False, throttle=None, explanation="", schedule_name=named, generation=Generation.S3,
        deployment=None if own is None else replace(own, generation=Generation.S3),
    )  # fmt: skip
