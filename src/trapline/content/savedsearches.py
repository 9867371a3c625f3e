"""savedsearches.conf: each stanza -> a detection, a baseline or an investigation.

Sources: savedsearches.conf.spec; facts/CONTENT.md §4.2, §4.3 and §4.5 for the keys of Splunk's own content, §3 for what
tells the types apart. Nothing is invented: what a stanza does not say stays empty.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from trapline.content import appkeys, marked
from trapline.content.model import (
    Baseline,
    Deployment,
    Detection,
    DetectionType,
    Drilldown,
    Email,
    Generation,
    Investigation,
    Item,
    Level,
    Notable,
    Phantom,
    Problem,
    Rba,
    RiskObject,
    SavedSearch,
    Schedule,
    Slack,
    Status,
    ThreatObject,
    Throttle,
    unique,
)
from trapline.content.stanza import Stanza, joined
from trapline.errors import InputError

ORIGINAL = "%original_detection_search%"

_WRITES = re.compile(r"\|\s*(?:outputlookup|outputcsv|collect|mcollect|meventcollect)\b", re.IGNORECASE)
_RULE, _TASK = " - Rule", " - Response Task"
_FRAMEWORKS = ("analytic_story", "cve", "data_source", "mitre_attack")
MOST = 400
"""Characters in the name of a saved search, as the state database has it."""
NOTHING = "N/A"
"""The field of an entity that stands for none."""


class _Purpose(StrEnum):
    DETECTION = "detection"
    BASELINE = "support"
    INVESTIGATION = "investigative"


@dataclass(frozen=True, slots=True)
class Story:
    """What analyticstories.conf says of a search beside its own stanza."""

    asset_type: str = ""
    explanation: str = ""


def read(stanzas: Sequence[Stanza], problems: list[Problem], told: Mapping[str, Story]) -> Iterator[Item]:
    """The objects of the stanzas. One that cannot be used is a problem and left out. `told`: by stanza."""
    names = _names(stanzas)
    for keys in stanzas:
        try:
            item = _item(keys, names[keys.name], told.get(keys.name, Story()))
        except InputError as error:
            place = (error.file, error.line, error.field)
            problems.append(Problem(Level.ERROR, error.code, error.reason, *place, error.hint))
            continue
        yield item


def _names(stanzas: Sequence[Stanza]) -> dict[str, str]:
    """What each object is called: `X` of `ESCU - X - Rule`, where that tells it from the others, else as its stanza."""
    short = {keys.name: _short(keys) for keys in stanzas}
    count = Counter(name.lower() for name in short.values())
    return {stanza: name if count[name.lower()] == 1 else stanza for stanza, name in short.items()}


def _short(keys: Stanza) -> str:
    label, dash, rest = keys.name.partition(" - ")
    if not (label and dash and _marked(keys)):
        return keys.name
    match _purpose(keys):
        case _Purpose.DETECTION if not rest.endswith(_RULE):
            return keys.name
        case _Purpose.INVESTIGATION if not rest.endswith(_TASK):
            return keys.name
        case _:
            return rest.removesuffix(_RULE).removesuffix(_TASK).strip() or keys.name


def _marked(keys: Stanza) -> bool:
    """Is it one of a detection app, which names its searches `<label> - <name> - Rule`?"""
    return any(one.startswith(("action.correlationsearch.", "action.escu.")) for one in keys.settings)


def _purpose(keys: Stanza) -> _Purpose:
    """What it is for: as its metadata say; else a search that only writes a table prepares something."""
    kind = keys.text("action.escu.search_type").strip().lower()
    if kind in ("investigative", "contextual"):
        return _Purpose.INVESTIGATION
    if kind in (_Purpose.BASELINE, _Purpose.DETECTION):
        return _Purpose(kind)
    writes = _WRITES.search(keys.text("search")) is not None or appkeys.on(keys, "summary_index")
    return _Purpose.BASELINE if writes and not appkeys.alerts(keys) else _Purpose.DETECTION


def _item(keys: Stanza, name: str, told: Story) -> Item:
    search = keys.text("search").strip()
    if not search or keys.settings["search"].stanza != keys.name:
        hint = "[default] gives one to what has none" if search else "write search = ..."
        raise keys.fail("missing", "this stanza has no search of its own; it is left out", "search", hint)
    if len(keys.name) > MOST:
        raise keys.fail("name", f"the name of a saved search has at most {MOST} characters", "")
    annotations = keys.object("action.correlationsearch.annotations")
    match _purpose(keys):
        case _Purpose.DETECTION:
            return _detection(keys, name, search, annotations, told)
        case _Purpose.BASELINE:
            made = _common(keys, name) | _support(keys, search)
            appkeys.silent(keys)
            deployment = Deployment(
                name=name, type="Baseline", schedule=_schedule(keys), file=keys.head.file, generation=Generation.APP
            )
            return Baseline(**made, deployment=deployment, extra=appkeys.rest(keys))
        case _:
            appkeys.silent(keys)
            appkeys.unscheduled(keys)
            return Investigation(**_common(keys, name), **_support(keys, search), extra=appkeys.rest(keys))


def _support(keys: Stanza, search: str) -> dict[str, Any]:
    return {
        "search": search,
        "how_to_implement": _unless(keys.text("action.escu.how_to_implement"), "none"),
        "known_false_positives": _unless(
            keys.text("action.escu.known_false_positives"), "none", "none at this time", "not defined"
        ),
        "stories": keys.texts("action.escu.analytic_story"),
    }


def _common(keys: Stanza, name: str) -> dict[str, Any]:
    """What every object has, from where Splunk's own content writes it."""
    origin = keys.object("action.correlationsearch.metadata")
    status, description = marked.unmark(keys.text("description"))
    plain = keys.text("action.escu.eli5")
    if status is not Status.PRODUCTION and plain and marked.unmark(plain)[0] is Status.PRODUCTION:
        description = plain
    if str(origin.get("deprecated", "0")) == "1":
        status = Status.DEPRECATED
    changed = keys.day("action.escu.modification_date") or _published(origin.get("publish_time"))
    version = origin.get("detection_version")
    key = "action.correlationsearch.metadata"
    return {
        "name": name,
        "id": str(origin.get("detection_id") or "").strip(),
        "version": (keys.whole(version, key) or 0) if version not in (None, "") else 0,
        "created": keys.day("action.escu.creation_date"),
        "modified": changed,
        "description": description,
        "status": status,
        "file": keys.settings["search"].file,
        "generation": Generation.APP,
        "saved": SavedSearch(keys.name, {key: joined(one.value) for key, one in keys.settings.items()}),
    }


def _detection(keys: Stanza, name: str, search: str, annotations: dict[str, Any], told: Story) -> Detection:
    common = _common(keys, name)
    of = {
        framework: keys.listed(annotations.get(framework), "action.correlationsearch.annotations")
        for framework in _FRAMEWORKS
    }
    mapped = keys.object("action.escu.mappings")
    rba, title = _rba(keys)
    raises = appkeys.on(keys, "risk")
    notable = _notable(keys)
    kind = _type(keys, annotations, notable is not None, raises)
    if raises and (rba is None or not rba.risk_objects):
        reason = "action.risk is on and names no risk object: its findings raise no risk"
        keys.warn("risk", reason, "action.risk", 'action.risk.param._risk = [{"risk_object_field": ..., ...}]')
    deployment = Deployment(
        name=name,
        type=kind.value,
        schedule=_schedule(keys),
        notable=notable,
        rba=raises or (bool(title) and kind in (DetectionType.TTP, DetectionType.ANOMALY)),
        email=_email(keys),
        slack=_slack(keys),
        phantom=_phantom(keys),
        file=keys.head.file,
        generation=Generation.APP,
    )
    trigger = appkeys.condition(keys)
    on, off = keys.flag("enableSched"), keys.flag("disabled")
    return Detection(
        **common,
        type=kind,
        search=search,
        data_source=of["data_source"],
        how_to_implement=_unless(keys.text("action.escu.how_to_implement"), "none"),
        known_false_positives=_unless(keys.text("action.escu.known_false_positives"), "none"),
        explanation="" if told.explanation in (common["description"], keys.text("description")) else told.explanation,
        drilldowns=_drilldowns(keys, search),
        stories=unique((*keys.texts("action.escu.analytic_story"), *of["analytic_story"])),
        asset_type=told.asset_type,
        security_domain=keys.text("action.notable.param.security_domain").strip(),
        mitre=of["mitre_attack"] or keys.listed(mapped.get("mitre_attack"), "action.escu.mappings"),
        cve=of["cve"],
        atomic_guids=keys.texts("action.escu.atomic_red_team_guids"),
        products=keys.texts("action.escu.product"),
        rba=rba,
        title=title,
        throttle=_throttle(keys),
        deployment=deployment,
        enabled=on and not off and bool(deployment.schedule.cron),
        annotations=annotations,
        trigger=trigger,
        extra=appkeys.rest(keys),
    )


def _type(keys: Stanza, annotations: dict[str, Any], notable: bool, risk: bool) -> DetectionType:
    """As the annotations say; else by what it leads to, as the deployments of ESCU do (facts/CONTENT.md §3)."""
    listed = annotations.get("type_list")
    said = annotations.get("type") or (listed[0] if isinstance(listed, list) and listed else "")
    found = next((one for one in DetectionType if one.value.lower() == str(said).strip().lower()), None)
    if found is not None:
        return found
    if said:
        known = ", ".join(one.value for one in DetectionType)
        reason = f"the type '{str(said)[:40]}' is not known; what it leads to tells the type"
        keys.warn("value", reason, "action.correlationsearch.annotations", f"one of {known}")
    match notable, risk:
        case True, True:
            return DetectionType.TTP
        case False, True:
            return DetectionType.ANOMALY
        case True, False:
            return DetectionType.CORRELATION
        case _:
            return DetectionType.HUNTING


def _schedule(keys: Stanza) -> Schedule:
    earliest, latest = keys.text("dispatch.earliest_time").strip(), keys.text("dispatch.latest_time").strip()
    for key, value in (("dispatch.earliest_time", earliest), ("dispatch.latest_time", latest)):
        if value.lower().startswith("rt"):
            keys.warn("realtime", f"'{value[:40]}' is a real-time window: it cannot be scheduled here", key, "-5m@m")
    return Schedule(
        cron=" ".join(keys.text("cron_schedule").split()),
        earliest=earliest,
        latest=latest,
        window=keys.text("schedule_window", "0").strip(),
        continuous=not keys.flag("realtime_schedule", True),
    )


# --- what a finding leads to -------------------------------------------------------------------------------------


def _rba(keys: Stanza) -> tuple[Rba | None, str]:
    """Risk and threat objects with their message, and the title of a finding that has an entity (ESCU 6)."""
    risk, threat = "action.risk.param._risk", []
    message = keys.text(f"{risk}_message")
    objects: list[RiskObject] = []
    title = ""
    for one in keys.objects("action.notable.param._entities"):
        if one.get("risk_object_field", NOTHING) != NOTHING:
            title = keys.text("action.notable.param.rule_title")
            objects += _objects(keys, one, title, "action.notable.param._entities", finding=True)
    for one in keys.objects(risk):
        if "threat_object_field" in one:
            threat.append(ThreatObject(_word(one, "threat_object_field"), _word(one, "threat_object_type") or "other"))
        elif "risk_object_field" in one:
            objects += _objects(keys, one, message, risk)
        else:
            keys.warn(
                "risk",
                "an entry names neither a risk object nor a threat object; it is left out",
                risk,
                "give it risk_object_field",
            )
    single, kind, score = (keys.text(f"{risk}_{name}").strip() for name in ("object", "object_type", "score"))
    if single and not objects:  # the form of Enterprise Security before 6
        entry = {"risk_object_field": single, "risk_object_type": kind, "risk_score": score or None}
        objects += _objects(keys, entry, message, f"{risk}_score")
    if not (objects or threat or message):
        return None, ""
    return Rba(message or title, tuple(objects), tuple(threat)), title


def _objects(keys: Stanza, one: dict[str, Any], message: str, key: str, *, finding: bool = False) -> list[RiskObject]:
    name, kind = _word(one, "risk_object_field"), _word(one, "risk_object_type")
    if not name:
        keys.warn("risk-object", "a risk object without a field is left out", key, "give it risk_object_field")
        return []
    score = one.get("risk_score")
    number = None if score is None else keys.whole(score, key)
    if score is None:
        keys.warn("score", f"'{name[:40]}' has no score: its risk is 0", key, "give it a score")
    return [RiskObject(name, kind or "other", number or 0, _word(one, "risk_message") or message, finding)]


def _word(one: dict[str, Any], name: str) -> str:
    value = one.get(name)
    return value.strip() if isinstance(value, str) else ""


_NOTABLE = "action.notable.param."


def _notable(keys: Stanza) -> Notable | None:
    found = Notable(
        title=keys.text(f"{_NOTABLE}rule_title") or "%name%",
        description=keys.text(f"{_NOTABLE}rule_description") or "%description%",
        fields=keys.names(f"{_NOTABLE}nes_fields"),
        severity=keys.text(f"{_NOTABLE}severity").strip().lower(),
        next_steps=_steps(keys),
    )
    for name, usual in _NEW.items():
        said = keys.text(f"{_NOTABLE}{name}").strip()
        if said.lower() not in ("", usual):
            reason = f"a new notable begins as every other; {name} = {said[:40]} has no effect"
            keys.warn("unsupported", reason, f"{_NOTABLE}{name}", "delete the key, or leave it for Splunk")
    return found if appkeys.on(keys, "notable") else None


_NEW = {"default_owner": "unassigned", "default_status": "1", "default_disposition": "disposition:6"}
"""How a notable begins, whatever its search says."""


def _steps(keys: Stanza) -> str:
    """What is to be done next: a text, or {"version": 1, "data": text}."""
    text = keys.text(f"{_NOTABLE}next_steps")
    if not text.lstrip().startswith("{"):
        return text
    data = keys.object(f"{_NOTABLE}next_steps").get("data")
    return data if isinstance(data, str) else text


def _drilldowns(keys: Stanza, search: str) -> tuple[Drilldown, ...]:
    """As a list, or the single one of Enterprise Security before 7.2."""
    key = f"{_NOTABLE}drilldown_searches"
    found = [
        Drilldown(
            _word(one, "name"), _original(_word(one, "search"), search, keys.name),
            _word(one, "earliest_offset"), _word(one, "latest_offset"),
        )
        for one in keys.objects(key)
    ]  # fmt: skip
    text = {name: keys.text(f"{_NOTABLE}drilldown_{name}") for name in ("name", "search")}
    times = [keys.text(f"{_NOTABLE}drilldown_{name}") for name in ("earliest_offset", "latest_offset")]
    if not found and text["search"]:
        found.append(Drilldown(text["name"], _original(text["search"], search, keys.name), *times))
    return tuple(found)


def _original(text: str, search: str, stanza: str) -> str:
    """The detection's own search at its begin as the word that stands for it."""
    for own in (search, f'| savedsearch "{stanza}"'):
        if text.startswith(own):
            return ORIGINAL + text[len(own) :]
    return text


def _throttle(keys: Stanza) -> Throttle | None:
    found = Throttle(keys.names("alert.suppress.fields"), keys.text("alert.suppress.period").strip())
    if not keys.flag("alert.suppress"):
        return None
    try:
        usable = found.seconds > 0
    except ValueError:
        usable = False
    if not usable:
        reason = "throttling needs a period; nothing is throttled"
        keys.warn("throttling", reason, "alert.suppress.period", "<n>s, <n>m, <n>h or <n>d")
        return None
    return found


def _email(keys: Stanza) -> Email | None:
    subject = keys.text("action.email.subject.alert") or keys.text("action.email.subject")
    found = Email(keys.text("action.email.to"), subject, keys.text("action.email.message.alert"))
    return found if appkeys.on(keys, "email") else None


def _slack(keys: Stanza) -> Slack | None:
    found = Slack(keys.text("action.slack.param.channel"), keys.text("action.slack.param.message"))
    return found if appkeys.on(keys, "slack") else None


def _phantom(keys: Stanza) -> Phantom | None:
    names = ("phantom_server", "label", "sensitivity", "severity", "_cam_workers")
    found = Phantom(*(keys.text(f"action.sendtophantom.param.{name}") for name in names))
    return found if appkeys.on(keys, "sendtophantom") else None


# --- values ------------------------------------------------------------------------------------------------------


def _unless(text: str, *nothing: str) -> str:
    """The text, "" where it only says that there is none."""
    return "" if text.strip().lower() in nothing else text


def _published(value: Any) -> date | None:
    if not isinstance(value, int | float) or not value:
        return None
    try:
        return datetime.fromtimestamp(value, UTC).date()
    except (ValueError, OverflowError, OSError):
        return None
