"""savedsearches.conf: detections, baselines and response tasks as scheduled searches (facts/CONTENT.md §4.2, §4.3).

The keys and their order are those of contentctl 4 for S1 and contentctl 5 for S2. S3 is another form: `flat`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from trapline.content.catalog import Content
from trapline.content.enrich import annotations_of, mappings
from trapline.content.model import (
    Baseline,
    Deployment,
    Detection,
    DetectionType,
    Generation,
    Investigation,
    Level,
    Problem,
    Relation,
    SavedSearch,
    Trigger,
)
from trapline.splunkapp import derive
from trapline.splunkapp.conf import Stanza, json_text


@dataclass(slots=True)
class Place:
    """What is known while stanzas are written."""

    content: Content
    label: str
    attack: str | None
    """The version of ATT&CK; None: without."""
    problems: list[Problem] = field(default_factory=list)

    def doubt(self, code: str, reason: str, file: str, key: str, hint: str | None = None) -> None:
        self.problems.append(Problem(Level.WARNING, code, reason, file, field=key, hint=hint))


def first_stanza() -> Stanza:
    """[default] of S2 and S3: what ES finds in the place of a search that a later version does not have."""
    found = Stanza("default")
    found.add("disabled", 1)
    found.add("description", "This search is not in this version of the app.")
    found.add("search", '| makeresults | eval text = "This search is not in this version of the app."')
    return found


def as_read(saved: SavedSearch) -> Stanza:
    """A search of an app, key by key as it was."""
    return Stanza(saved.name, dict(saved.settings))


def detection(one: Detection, place: Place, form: Generation) -> Stanza:
    """A detection in the form of S1 or S2. Raises TraplineError when no deployment says when it runs."""
    deployment = place.content.deployment_of(one)
    enriched = derive.enriched(one, place.attack)
    schedule = deployment.schedule
    late = form is not Generation.S1
    name = derive.rule_stanza(place.label, one)
    out = Stanza(name)
    out.add("action.escu", 0)
    out.add("action.escu.enabled", 1)
    out.add("description", derive.warned(one, "detection"))
    out.add("action.escu.mappings", json_text(mappings(one, enriched)))
    out.add("action.escu.data_models", json_text(derive.data_models(one.search)))
    out.add("action.escu.eli5", derive.warned(one, "detection") if late else one.description)
    out.add("action.escu.how_to_implement", one.how_to_implement or "none")
    out.add("action.escu.known_false_positives", one.known_false_positives or "None")
    _dates(out, one)
    out.add("action.escu.confidence", "high")
    out.add("action.escu.search_type", "detection")
    out.add("action.escu.product", json_text(list(one.products)))
    if one.atomic_guids:
        out.add("action.escu.atomic_red_team_guids", json_text(list(one.atomic_guids)))
    used = derive.technologies(one.search)
    out.add("action.escu.providing_technologies", json_text(used) if used else "null")
    out.add("action.escu.analytic_story", json_text(sorted(one.stories)))
    if deployment.rba and one.rba is not None:
        out.add("action.risk", 1)
        out.add("action.risk.param._risk_message", one.rba.message)
        out.add("action.risk.param._risk", json_text(derive.risk_entries(one)))
        out.add("action.risk.param._risk_score", 0)
        out.add("action.risk.param.verbose", 0)
    out.add("cron_schedule", schedule.cron)
    out.add("dispatch.earliest_time", schedule.earliest)
    out.add("dispatch.latest_time", schedule.latest)
    out.add("action.correlationsearch.enabled", 1)
    if late:
        out.add("action.correlationsearch.detection_type", "ebd")
    out.add("action.correlationsearch.label", name)
    out.add(
        "action.correlationsearch.annotations",
        json_text(annotations_of(one, enriched) | {"analytic_story": sorted(one.stories)}),
    )
    out.add("action.correlationsearch.metadata", json_text(metadata(one)))
    out.add("schedule_window", schedule.window)
    _notable(out, one, deployment, place, late)
    _actions(out, one, deployment, place, late)
    out.add("alert.digest_mode", 1)
    out.add("disabled", not one.enabled)
    out.add("enableSched", 1)
    out.add("allow_skew", "100%")
    out.add("counttype", "number of events")
    condition(out, one)
    out.add("realtime_schedule", 0 if schedule.continuous else 1)
    out.add("is_visible", False)
    suppress(out, one, True)
    out.add("search", one.search)
    out.add("action.notable.param.drilldown_searches", json_text(derive.drilldowns(one, one.search)))
    return out


def metadata(one: Detection) -> dict[str, str | float]:
    """What ES keeps of the origin; `publish_time` is that of the last change, 00:00 UTC."""
    return {
        "deprecated": "1" if one.status.value == "deprecated" else "0",
        "detection_id": one.id,
        "detection_version": str(one.version),
        "publish_time": one.published or 0.0,
    }


def condition(out: Stanza, one: Detection) -> None:
    """How many results make an alert."""
    trigger = one.trigger or Trigger(Relation.MORE, 0)
    out.add("relation", trigger.relation.value)
    out.add("quantity", trigger.quantity)


def suppress(out: Stanza, one: Detection, on: bool | int) -> None:
    """Throttling."""
    if one.throttle is not None:
        out.add("alert.suppress", on)
        out.add("alert.suppress.fields", ",".join(one.throttle.fields))
        out.add("alert.suppress.period", one.throttle.period)


def _dates(out: Stanza, one: Detection | Baseline | Investigation) -> None:
    out.add("action.escu.creation_date", one.created.isoformat() if one.created else "")
    out.add("action.escu.modification_date", one.modified.isoformat() if one.modified else "")


def _notable(out: Stanza, one: Detection, deployment: Deployment, place: Place, late: bool) -> None:
    notable = deployment.notable
    if notable is None:
        return
    out.add("action.notable", 1)
    if late:
        nothing = {"risk_object_field": "N/A", "risk_object_type": "N/A", "risk_score": 0}
        out.add("action.notable.param._entities", json_text([nothing]))
    if notable.fields:
        out.add("action.notable.param.nes_fields", ",".join(notable.fields))
    title = _filled(notable.title, one, place)
    correlated = one.type is DetectionType.CORRELATION and not title.startswith("RBA: ")
    out.add("action.notable.param.rule_description", _filled(notable.description, one, place))
    out.add("action.notable.param.rule_title", f"RBA: {title}" if correlated else title)
    out.add("action.notable.param.security_domain", one.security_domain)
    out.add("action.notable.param.severity", notable.severity or one.severity.value)


def _actions(out: Stanza, one: Detection, deployment: Deployment, place: Place, late: bool) -> None:
    """Mail, Slack and SOAR, as the deployment has them."""

    def add(key: str, text: str) -> None:
        out.add(key, _filled(text, one, place) if text else None)

    email, slack, phantom = deployment.email, deployment.slack, deployment.phantom
    if email is not None:
        if late:  # contentctl 4 leaves this key out
            out.add("action.email", 1)
        add("action.email.subject.alert", email.subject)
        add("action.email.to", email.to)
        add("action.email.message.alert", email.message)
        out.add("action.email.useNSSubject", 1)
    if slack is not None:
        out.add("action.slack", 1)
        add("action.slack.param.channel", slack.channel)
        add("action.slack.param.message", slack.message)
    if phantom is not None:
        out.add("action.sendtophantom", 1)
        add("action.sendtophantom.param._cam_workers", phantom.cam_workers)
        add("action.sendtophantom.param.label", phantom.label)
        add("action.sendtophantom.param.phantom_server", phantom.server)
        add("action.sendtophantom.param.sensitivity", phantom.sensitivity)
        add("action.sendtophantom.param.severity", phantom.severity)


def _filled(text: str, one: Detection, place: Place) -> str:
    found, missing = derive.filled(text, one)
    for name in missing:
        place.doubt("build.field", f"the deployment asks for %{name}%, which a detection does not have", one.file, name)
    return found


def baseline(one: Baseline, place: Place, form: Generation) -> Stanza:
    """A baseline in the form of S1 or S2."""
    schedule = place.content.deployment_of(one).schedule
    text = one.description if form is Generation.S1 else derive.warned(one, "baseline")
    out = Stanza(derive.baseline_stanza(place.label, one))
    out.add("action.escu", 0)
    out.add("action.escu.enabled", 1)
    out.add("action.escu.search_type", "support")
    out.add("description", text)
    _dates(out, one)
    out.add("action.escu.analytic_story", json_text(sorted(one.stories)))
    out.add("action.escu.data_models", json_text(derive.named_models(one)))
    out.add("cron_schedule", schedule.cron)
    out.add("enableSched", 1)
    out.add("dispatch.earliest_time", schedule.earliest)
    out.add("dispatch.latest_time", schedule.latest)
    out.add("schedule_window", schedule.window)
    out.add("action.escu.providing_technologies", json_text(derive.technologies(one.search)))
    out.add("action.escu.eli5", text)
    out.add("action.escu.how_to_implement", one.how_to_implement or "none")
    out.add("disabled", True)
    out.add("is_visible", False)
    out.add("search", one.search)
    return out


def task(one: Investigation, place: Place) -> Stanza:
    """A response task: an investigation, which no schedule runs."""
    out = Stanza(derive.task_stanza(place.label, one))
    out.add("action.escu", 0)
    out.add("action.escu.enabled", 1)
    out.add("action.escu.search_type", "investigative")
    out.add("description", one.description)
    _dates(out, one)
    out.add("action.escu.analytic_story", json_text(sorted(one.stories)))
    out.add("action.escu.earliest_time_offset", 3600)
    out.add("action.escu.latest_time_offset", 86400)
    out.add("action.escu.providing_technologies", "[]")
    out.add("action.escu.data_models", json_text(derive.named_models(one)))
    out.add("action.escu.eli5", one.description)
    out.add("action.escu.how_to_implement", "none")
    out.add("action.escu.known_false_positives", "None at this time")
    out.add("disabled", True)
    out.add("schedule_window", "auto")
    out.add("is_visible", False)
    out.add("search", one.search)
    return out
