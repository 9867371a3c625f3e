"""One content file's mapping -> one object of the model, whichever generation wrote it (facts/CONTENT.md §0-1).

Every function here takes the keys of a file and returns the object. It raises InputError when the object cannot be used
at all; smaller doubts become warnings in `Fields.problems`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from trapline.content.fields import Fields
from trapline.content.model import (
    AttackData,
    Baseline,
    Dashboard,
    DataSource,
    Deployment,
    Deprecation,
    Detection,
    DetectionTest,
    DetectionType,
    Drilldown,
    Email,
    Generation,
    Investigation,
    Item,
    Lookup,
    Macro,
    Notable,
    Observable,
    Phantom,
    Playbook,
    Rba,
    Removed,
    RiskObject,
    Schedule,
    Slack,
    Status,
    Story,
    SupportedTa,
    ThreatObject,
    Throttle,
    attacker_type,
    victim_type,
)

_Choice = TypeVar("_Choice", bound=StrEnum)

# Keys that the public content carries and nothing reads.
_STRAY = ("datamodel", "data_sources", "type")
_STRAY_TAGS = (
    "CVE",
    "context",
    "dataset",
    "supported_tas",
    "automated_detection_testing",
    "kill_chain_phases",
    "nist",
    "cis20",
)
# Baselines were once scored like detections.
_STRAY_OLD_TAGS = (
    *_STRAY_TAGS,
    "asset_type",
    "confidence",
    "impact",
    "risk_score",
    "message",
    "observable",
    "cve",
)


def generation(keys: Fields) -> Generation:
    """Which generation a detection file is of (facts/CONTENT.md §0)."""
    if any(key in keys for key in ("finding", "intermediate_findings", "creation_date")):
        return Generation.S3
    if "rba" in keys:
        return Generation.S2
    tags = keys.node.value.get("tags") if isinstance(keys.node.value, dict) else None
    has_message = tags is not None and isinstance(tags.value, dict) and "message" in tags.value
    return Generation.S1 if has_message else Generation.S2


def _type(keys: Fields) -> DetectionType:
    """Raises InputError for a type that is not known: what a finding leads to depends on it."""
    text = keys.need("type", among=DetectionType).strip()
    found = _member(DetectionType, text)
    if found is None:
        raise keys.fail("value", f"'{text[:40]}' is not a known type", "type", hint=_near(DetectionType, text))
    return found


def _status(keys: Fields) -> Status:
    """The status; production where none or an unknown one is given."""
    text = keys.text("status", among=Status).strip()
    found = _member(Status, text)
    if found is None and text:
        keys.warn("value", f"'{text[:40]}' is not a known status", "status", hint=_near(Status, text))
    return found or Status.PRODUCTION


def _member(kind: type[_Choice], text: str) -> _Choice | None:
    return next((member for member in kind if member.value.lower() == text.lower()), None)


def _near(kind: type[_Choice], text: str) -> str:
    known = [member.value for member in kind]
    near = difflib.get_close_matches(text, known, 1)
    return f"did you mean '{near[0]}'?" if near else f"one of {', '.join(known)}"


def _item(keys: Fields, newer: tuple[str, ...] = ("status",)) -> dict[str, Any]:
    """What every kind has. `newer`: keys that S1 does not know for this kind, so that S2 wrote the file."""
    name = keys.need("name", hint="every object needs a name").strip()
    s3 = "creation_date" in keys or "modification_date" in keys
    day = None if s3 else keys.day("date")
    gone = keys.child("deprecation_info")
    return {
        "name": name,
        "id": keys.text("id").strip(),
        "version": keys.number("version", 0, 1_000_000) or 0,
        "created": keys.day("creation_date") if s3 else day,
        "modified": keys.day("modification_date") if s3 else day,
        "author": keys.text("author"),
        "description": keys.text("description"),
        "references": keys.texts("references"),
        "status": _status(keys),
        "deprecation": None if gone is None else deprecation(gone),
        "file": keys.file,
        "generation": Generation.S3 if s3 else Generation.S2 if any(key in keys for key in newer) else Generation.S1,
    }


def deprecation(keys: Fields) -> Deprecation:
    found = Deprecation(keys.text("reason"), keys.text("removed_in_version").strip(), keys.texts("replacement_content"))
    keys.unknown(("content",))
    return found


def detection(keys: Fields) -> Detection:
    made = generation(keys)
    flat = made is Generation.S3
    tags = keys if flat else keys.child("tags")
    if tags is None:
        keys.warn("missing", "'tags' is missing: no story, no ATT&CK ids", "tags", hint="add tags with analytic_story")
        tags = keys.nothing("tags")
    common = _item(keys) | {"generation": made}
    kind = _type(keys)
    common["search"] = keys.need("search", hint="a detection is a search").strip()
    rba, title = _rba(keys, tags, made)
    manual = "" if flat else tags.text("manual_test").strip()
    throttling = tags.child("throttling")
    return Detection(
        **common,
        type=kind,
        data_source=keys.texts("data_source"),
        how_to_implement=keys.text("how_to_implement"),
        known_false_positives=keys.text("known_false_positives"),
        explanation=keys.text("explanation"),
        drilldowns=tuple(_drilldown(one) for one in keys.children("drilldown_searches")),
        stories=tags.texts("analytic_story"),
        asset_type=tags.text("asset_type"),
        security_domain=tags.text("security_domain"),
        mitre=tags.texts("mitre_attack_id"),
        cve=tags.texts("cve"),
        atomic_guids=tags.texts("atomic_guid"),
        products=tags.texts("product"),
        groups=tags.texts("threat_group" if flat else "group"),
        required_fields=tags.texts("required_fields"),
        rba=rba,
        title=title,
        tests=_tests(keys, manual, flat),
        manual_test=manual,
        baselines=keys.texts("baselines"),
        throttle=None if throttling is None else _throttle(throttling),
        deployment=_own_deployment(keys, common["name"], kind.value),
        schedule_name=keys.text("schedule"),
        enabled=keys.flag("enabled_by_default"),
        category=keys.text("category") or _category(keys.file),
        extra=_unread(keys, tags),
    )


def _unread(keys: Fields, tags: Fields) -> dict[str, Any]:
    """What of a detection file the model has no place for."""
    extra = keys.unknown(_STRAY)
    return extra if tags is keys else extra | tags.unknown(_STRAY_TAGS, prefix="tags.")


def _category(file: str) -> str:
    """The folder below detections/, else the parent folder."""
    parts = file.replace("\\", "/").split("/")[:-1]
    if "detections" in parts:
        below = parts[len(parts) - parts[::-1].index("detections") :]
        return below[0] if below else ""
    return parts[-1] if parts else ""


def _rba(keys: Fields, tags: Fields, made: Generation) -> tuple[Rba | None, str]:
    """Risk message, objects and score, and the title of an S3 finding."""
    match made:
        case Generation.S1:
            return _rba_s1(tags), ""
        case Generation.S2:
            return _rba_s2(keys), ""
        case _:
            return _rba_s3(keys)


def _rba_s1(tags: Fields) -> Rba:
    message = tags.text("message")
    confidence = tags.number("confidence", 0, 100)
    impact = tags.number("impact", 0, 100)
    stored = tags.number("risk_score", 0, 100)
    risk: list[tuple[str, str]] = []
    threat: list[ThreatObject] = []
    observables: list[Observable] = []
    for one in tags.children("observable"):
        name, kind, roles = one.text("name").strip(), one.text("type").strip(), one.texts("role")
        role = roles[0].strip().lower() if len(roles) == 1 else ""
        if not name:
            one.warn(
                "observable", "an observable without a name is left out", "name", hint="name a field of the results"
            )
        elif role == "victim":
            risk.append((name, victim_type(kind)))
            observables.append(Observable(name, kind, "Victim"))
        elif role == "attacker":
            threat.append(ThreatObject(name, attacker_type(kind)))
            observables.append(Observable(name, kind, "Attacker"))
        else:
            one.warn(
                "observable",
                f"the role of '{name}' is neither Victim nor Attacker; it is left out",
                "role",
                hint="one role per observable: Victim becomes a risk object, Attacker a threat object",
            )
        one.unknown()
    if confidence is None or impact is None:
        tags.warn(
            "score", "without confidence and impact the risk score is 0", "confidence", hint="give both, 0 to 100"
        )
        confidence, impact = confidence or 0, impact or 0
    rba = Rba(message, (), tuple(threat), impact, confidence, stored)
    if stored is not None and stored != rba.score:
        tags.warn(
            "risk-score",
            f"the stored score {stored} is not round({confidence}*{impact}/100) = {rba.score}, which counts",
            "risk_score",
            hint="delete it, or make the three agree",
        )
    objects = tuple(RiskObject(name, kind, rba.score, message) for name, kind in risk)
    return Rba(message, objects, tuple(threat), impact, confidence, stored, tuple(observables))


def _rba_s2(keys: Fields) -> Rba | None:
    block = keys.child("rba")
    if block is None:
        return None
    message = block.text("message")
    risk = [_entity(one, message) for one in block.children("risk_objects")]
    threat = [_threat(one) for one in block.children("threat_objects")]
    block.unknown()
    # contentctl 5 holds them as sets and writes them in this order
    risk.sort(key=lambda one: f"{one.field}{one.type}{one.score}")
    threat.sort(key=lambda one: f"{one.field}{one.type}")
    return Rba(message, tuple(risk), tuple(threat))


def _rba_s3(keys: Fields) -> tuple[Rba | None, str]:
    finding = keys.child("finding")
    middle = keys.child("intermediate_findings")
    threat = tuple(_threat(one) for one in keys.children("threat_objects"))
    risk: list[RiskObject] = []
    title = ""
    if finding is not None:
        title = finding.text("title")
        entity = finding.child("entity")
        if entity is not None:
            risk.append(_entity(entity, title, finding=True))
        finding.unknown()
    if middle is not None:
        risk += [_entity(one, title) for one in middle.children("entities")]
        middle.unknown()
    if finding is None and middle is None and not threat:
        return None, title
    message = title or (risk[0].message if risk else "")
    return Rba(message, tuple(risk), threat), title


def _entity(one: Fields, message: str, *, finding: bool = False) -> RiskObject:
    score = one.number("score", 0, 100)
    if score is None:
        one.warn("score", "without a score the risk is 0", "score", hint="give it a score, 0 to 100")
    found = RiskObject(
        one.text("field").strip(), one.text("type").strip(), score or 0, one.text("message", message), finding
    )
    if not found.field:
        one.warn(
            "risk-object",
            "a risk object without a field can never be filled",
            "field",
            hint="name a field of the results",
        )
    one.unknown()
    return found


def _threat(one: Fields) -> ThreatObject:
    found = ThreatObject(one.text("field").strip(), one.text("type").strip())
    one.unknown()
    return found


def _drilldown(one: Fields) -> Drilldown:
    found = Drilldown(one.text("name"), one.text("search"), one.text("earliest_offset"), one.text("latest_offset"))
    one.unknown()
    return found


def _tests(keys: Fields, manual: str, flat: bool) -> tuple[DetectionTest, ...]:
    out = []
    for one in keys.children("tests"):
        kind = one.text("test_type", "unit") if flat else ("manual" if manual else "unit")
        entries = [attack_data(entry) for entry in one.children("attack_data")]
        data = tuple(entry for entry in entries if entry is not None)
        note = one.text("description") if flat else manual
        expected = one.number("expected_results", 0, 1_000_000_000) if flat else None
        out.append(DetectionTest(one.text("name"), data, kind, note, 1 if expected is None else expected))
        one.unknown(("earliest_time", "latest_time", "pass_condition", "file"))
    return tuple(out)


def attack_data(one: Fields) -> AttackData | None:
    found = AttackData(
        data=one.text("data").strip(),
        source=one.text("source"),
        sourcetype=one.text("sourcetype"),
        index=one.text("custom_index") or one.text("index"),
        host=one.text("host"),
        update_timestamp=one.flag("update_timestamp"),
    )
    one.unknown(("index",))
    if not found.data:
        one.warn("missing", "attack data without 'data' is left out", "data", hint="a URL, or a path below the folder")
        return None
    return found


def _throttle(one: Fields) -> Throttle | None:
    found = Throttle(one.texts("fields"), one.text("period").strip())
    one.unknown()
    try:
        usable = found.seconds > 0 and bool(found.fields)
    except ValueError:
        usable = False
    if not usable:
        one.warn(
            "throttling",
            "throttling needs fields and a period such as 1h; nothing is throttled",
            "period",
            hint="period is <n>s, <n>m, <n>h or <n>d",
        )
        return None
    return found


def _own_deployment(keys: Fields, name: str, kind: str) -> Deployment | None:
    """The inline settings of a detection or baseline."""
    block = keys.child("deployment")
    if block is not None:
        found = _deployment(block, name=name, kind=kind)
        block.unknown(("name", "id", "date", "author", "description", "type", "tags"))
        return found
    custom = keys.child("custom_schedule")
    if custom is None:
        return None
    found = Deployment(name=name, type=kind, schedule=_schedule(custom), file=keys.file, generation=Generation.S3)
    custom.unknown()
    return found


def _schedule(keys: Fields) -> Schedule:
    return Schedule(
        cron=" ".join(keys.need("cron_schedule").split()),
        earliest=keys.text("earliest_time").strip(),
        latest=keys.text("latest_time").strip(),
        window=keys.text("schedule_window", "0").strip(),
    )


def _deployment(keys: Fields, *, name: str, kind: str) -> Deployment:
    block = keys.child("scheduling")
    if block is None:
        raise keys.fail("missing", "'scheduling' is missing", "scheduling", hint="it holds cron_schedule and times")
    schedule = _schedule(block)
    block.unknown()
    actions = keys.child("alert_action")
    actions = actions or keys.nothing("alert_action")
    notable, rba = actions.child("notable"), actions.child("rba")
    found = Deployment(
        name=name,
        type=kind,
        schedule=schedule,
        notable=None
        if notable is None
        else Notable(
            notable.text("rule_title", "%name%"),
            notable.text("rule_description", "%description%"),
            tuple(field.strip() for field in notable.texts("nes_fields")),
        ),
        rba=rba is not None and rba.flag("enabled"),
        email=_email(actions.child("email")),
        slack=_slack(actions.child("slack")),
        phantom=_phantom(actions.child("phantom")),
        tags=keys.plain("tags") or {},
        description=keys.text("description"),
        file=keys.file,
    )
    for one in (notable, rba, actions):
        if one is not None:
            one.unknown()
    return found


def _email(keys: Fields | None) -> Email | None:
    if keys is None:
        return None
    found = Email(keys.text("to"), keys.text("subject"), keys.text("message"))
    keys.unknown()
    return found


def _slack(keys: Fields | None) -> Slack | None:
    if keys is None:
        return None
    found = Slack(keys.text("channel"), keys.text("message"))
    keys.unknown()
    return found


def _phantom(keys: Fields | None) -> Phantom | None:
    if keys is None:
        return None
    found = Phantom(
        keys.text("phantom_server"),
        keys.text("label"),
        keys.text("sensitivity"),
        keys.text("severity"),
        keys.text("cam_workers"),
    )
    keys.unknown()
    return found


def deployment(keys: Fields) -> Deployment:
    """A file of deployments/ (S1, S2)."""
    common = _item(keys)
    found = _deployment(keys, name=common["name"], kind=keys.need("type").strip())
    return replace(found, **common, extra=keys.unknown())


def schedule(keys: Fields) -> Deployment:
    """A file of schedules/ (S3): times only; what a finding leads to is in the detection itself."""
    common = _item(keys)
    kind = common["name"].removeprefix("Default ").strip()
    return Deployment(**common, type=kind, schedule=_schedule(keys), extra=keys.unknown())


def macro(keys: Fields) -> Macro:
    common = _item(keys, ("id", "status"))
    definition = keys.must("definition", hint="'search *' lets everything pass")
    args = tuple(arg.strip() for arg in keys.texts("arguments"))
    common["name"] = re.sub(r"\(\d+\)\Z", "", common["name"])
    return Macro(**common, definition=definition, args=args, extra=keys.unknown())


def lookup(keys: Fields) -> Lookup:
    common = _item(keys, ("lookup_type", "status"))
    kind = keys.text("lookup_type").strip().lower()
    filename, collection = keys.text("filename"), keys.text("collection")
    fields = keys.texts("fields") or tuple(one.strip() for one in keys.text("fields_list").split(",") if one.strip())
    if not kind:
        kind = "kvstore" if collection else "mlmodel" if filename.endswith(".mlmodel") else "csv"
    stem = keys.file.replace("\\", "/").rpartition("/")[2].rpartition(".")[0]
    if kind == "kvstore":
        collection = collection or common["name"]
    else:
        filename = filename or f"{stem or common['name']}.{kind}"
    match_type = keys.texts("match_type")
    return Lookup(
        **common,
        kind=kind,
        filename=filename,
        collection=collection,
        fields=fields,
        default_match=keys.text("default_match"),
        match_type=tuple(part.strip() for text in match_type for part in text.split(",") if part.strip()),
        min_matches=keys.number("min_matches", 0, 1000),
        max_matches=keys.number("max_matches", 1, 1000),
        case_sensitive=keys.flag("case_sensitive_match", default=True),
        case_given=keys.given("case_sensitive_match"),
        filter=keys.text("filter"),
        extra=keys.unknown(),
    )


def story(keys: Fields) -> Story:
    common = _item(keys)
    tags = keys.child("tags") or keys
    return Story(
        **common,
        narrative=keys.text("narrative"),
        category=tags.texts("category"),
        products=tags.texts("product"),
        usecase=tags.text("usecase"),
        cve=tags.texts("cve"),
        groups=tags.texts("threat_group" if "threat_group" in tags else "group"),
        extra=_rest(keys, tags),
    )


def data_source(keys: Fields) -> DataSource:
    common = _item(keys, ("output_fields", "status"))
    supported = []
    for one in keys.children("supported_TA"):
        supported.append(SupportedTa(one.text("name"), one.text("url"), one.text("version")))
        one.unknown()
    return DataSource(
        **common,
        source=keys.text("source"),
        sourcetype=keys.text("sourcetype"),
        separator=keys.text("separator"),
        separator_value=keys.text("separator_value"),
        configuration=keys.text("configuration"),
        supported_ta=tuple(supported),
        fields=keys.texts("fields"),
        output_fields=keys.texts("output_fields"),
        mitre_components=keys.texts("mitre_components"),
        field_mappings=keys.plains("field_mappings"),
        convert_to=keys.plains("convert_to_log_source"),
        example_log=keys.text("example_log"),
        extra=keys.unknown(),
    )


def baseline(keys: Fields) -> Baseline:
    common, found, tags = _supporting(keys)
    found["detections"] = () if tags is None else tags.texts("detections")
    found["deployment"] = _own_deployment(keys, common["name"], "Baseline")
    found["schedule_name"] = keys.text("schedule")
    return Baseline(**common, **found, extra=_rest(keys, tags))


def investigation(keys: Fields) -> Investigation:
    common, found, tags = _supporting(keys)
    return Investigation(**common, **found, extra=_rest(keys, tags))


def _supporting(keys: Fields) -> tuple[dict[str, Any], dict[str, Any], Fields | None]:
    """What baselines and investigations share."""
    common = _item(keys)
    tags = keys.child("tags")
    from_tags = tags or keys
    found = {
        "search": keys.need("search").strip(),
        "how_to_implement": keys.text("how_to_implement"),
        "known_false_positives": keys.text("known_false_positives"),
        "stories": from_tags.texts("analytic_story"),
        "products": from_tags.texts("product"),
        "required_fields": from_tags.texts("required_fields"),
        "security_domain": from_tags.text("security_domain"),
    }
    return common, found, tags


def _rest(keys: Fields, tags: Fields | None) -> dict[str, Any]:
    extra = keys.unknown((*_STRAY, "deployment", "custom_schedule"))
    if tags is not None and tags is not keys:
        extra |= tags.unknown(_STRAY_OLD_TAGS, prefix="tags.")
    return extra


def playbook(keys: Fields) -> Playbook:
    common = _item(keys)
    tags = keys.child("tags") or keys
    files = [path for suffix in (".json", ".py") if (path := _beside(keys.file, suffix))]
    if len(files) < 2:
        keys.warn(
            "beside",
            "a playbook has a .json and a .py of its name beside it; not both are there",
            "name",
            hint="put them into the same folder, under the name of the .yml",
        )
    return Playbook(
        **common,
        type=keys.text("type").strip(),
        how_to_implement=keys.text("how_to_implement"),
        playbook=keys.text("playbook"),
        app_list=keys.texts("app_list"),
        platform_tags=tags.texts("platform_tags"),
        playbook_type=tags.text("playbook_type"),
        vpe_type=tags.text("vpe_type"),
        playbook_fields=tags.texts("playbook_fields"),
        products=tags.texts("product"),
        use_cases=tags.texts("use_cases"),
        defend_technique_ids=tags.texts("defend_technique_id"),
        labels=tags.texts("labels"),
        playbook_outputs=tags.texts("playbook_outputs"),
        stories=tags.texts("analytic_story"),
        detections=tags.texts("detections"),
        files=tuple(files),
        extra=_rest(keys, tags),
    )


def dashboard(keys: Fields) -> Dashboard:
    common = _item(keys)
    theme = keys.text("theme", "light").strip().lower()
    if theme not in ("light", "dark"):
        keys.warn("value", f"'{theme[:40]}' is not a theme", "theme", hint="light or dark")
        theme = "light"
    definition = _beside(keys.file, ".json")
    if not definition:
        keys.warn(
            "beside",
            "a dashboard has a .json of its name beside it; it is not there",
            "name",
            hint="put it into the same folder, under the name of the .yml",
        )
    return Dashboard(**common, theme=theme, definition=definition, extra=keys.unknown())


def _beside(file: str, suffix: str) -> str:
    """The path of the file of the same name with another suffix, "" where there is none."""
    path = Path(file).with_suffix(suffix) if file else None
    return str(path) if path is not None and path.is_file() else ""


def removed(keys: Fields, kind: str) -> Removed:
    """A file below removed/: whatever else it holds is not looked at."""
    common = _item(keys) | {"status": Status.REMOVED}
    return Removed(**common, kind=kind)


def deprecations(keys: Fields) -> dict[str, Deprecation]:
    """A deprecation mapping (S2): lists of entries by kind -> name in lower case -> what is said of it."""
    found: dict[str, Deprecation] = {}
    kinds = list(keys.node.value) if isinstance(keys.node.value, dict) else []
    for kind in kinds:
        for one in keys.children(kind):
            name = one.text("content").strip()
            if not name:
                one.warn("missing", "an entry without 'content' says nothing", "content", hint="the name of the object")
                continue
            found[name.lower()] = deprecation(one)
    return found


KINDS: dict[str, Callable[[Fields], Item]] = {
    "detections": detection,
    "macros": macro,
    "lookups": lookup,
    "stories": story,
    "data_sources": data_source,
    "deployments": deployment,
    "schedules": schedule,
    "baselines": baseline,
    "investigations": investigation,
    "playbooks": playbook,
    "dashboards": dashboard,
}
"""Folder name -> what its files hold."""


def kind_of(keys: Fields) -> str | None:
    """The kind of a file that lies in none of the known folders, by its keys."""
    type_text = keys.node.value.get("type") if isinstance(keys.node.value, dict) else None
    type_name = type_text.value if type_text is not None and isinstance(type_text.value, str) else ""
    if "search" in keys:
        return {"baseline": "baselines", "investigation": "investigations"}.get(type_name.lower(), "detections")
    for key, kind in (
        ("definition", "macros"),
        ("narrative", "stories"),
        ("sourcetype", "data_sources"),
        ("scheduling", "deployments"),
        ("cron_schedule", "schedules"),
        ("filename", "lookups"),
        ("collection", "lookups"),
        ("lookup_type", "lookups"),
    ):
        if key in keys:
            return kind
    return None
