"""Content from one generation of files to another, object by object, with a note on all that cannot be carried over.

Rules: facts/CONTENT.md §1.3-1.5 and §1.7. Nothing is invented: what the new generation wants and the old one does not
have is an error in the notes, to be written by hand, and what the new one has no place for is a warning.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeVar

from trapline.content import fromapp
from trapline.content.carrying import Carrying, Code, has_risk, threats
from trapline.content.catalog import DEFAULT_SCHEDULE, Content
from trapline.content.model import (
    Baseline,
    Deployment,
    Detection,
    DetectionTest,
    DetectionType,
    Generation,
    Investigation,
    Item,
    Lookup,
    Problem,
    Rba,
    Removed,
    RiskObject,
    Schedule,
    Severity,
    Status,
    Story,
)
from trapline.errors import InputError, TraplineError

T = TypeVar("T", bound=Item)

_IDS = uuid.UUID("8f2b7a9e-6d0c-5b51-9c7e-0d4b1f6a2c33")
"""Namespace of the ids that are made for objects without one, so that they are the same every time."""


@dataclass(frozen=True, slots=True)
class Converted:
    """The objects of a tree in one generation, each with the object that it was made from, and all notes."""

    items: tuple[tuple[Item | None, Item], ...]
    """Objects that had none before (schedules of S3) come with None."""
    notes: tuple[Problem, ...]


def convert(
    tree: Content, to: Generation, content: Content | None = None, *, day: date | None = None, author: str = ""
) -> Converted:
    """All objects of a tree in the generation `to`, which is S2 or S3, with the default schedules or deployments of
    that generation where the tree has none.

    `content`: the tree on top of what is beside it, to resolve names in (default: the tree itself). `day`: date of
    what had none (default: today). `author`: author of what had none. Objects that are of this generation already come
    as they are. Raises InputError for S1, whose scores nothing else has.
    """
    if to is Generation.S1:
        raise InputError(
            "nothing can be converted to S1: confidence, impact and observables are in no other generation",
            file="",
            hint="--to s2 or --to s3",
            code="content.convert",
        )
    notes: list[Problem] = []
    made: list[tuple[Item | None, Item]] = []
    content, day = content or tree, day or date.today()
    for item in (*tree.items(), *tree.removed):
        if item.generation is to or isinstance(item, Removed):
            made.append((item, item))
            continue
        carrying = Carrying(item, to, content, notes, day, author)
        made += [(item, found) for found in _convert(item, carrying)]
    runs = _schedules if to is Generation.S3 else _deployments
    made += [(None, one) for one in runs(tree, content, day, author, notes)]
    return Converted(tuple(made), tuple(notes))


def _convert(item: Item, carrying: Carrying) -> list[Item]:
    for key in item.extra:
        if key == "type" and not isinstance(item, Story):
            continue  # what kind it is, which the new file says too
        carrying.lost(key, True, "nothing knows this key; it is left out")
    item = fromapp.prepared(item, carrying)
    match item:
        case Detection():
            return [_common(_detection(item, carrying), carrying)]
        case Lookup():
            return [_common(_lookup(item, carrying), carrying)]
        case Baseline():
            return [_common(_baseline(item, carrying), carrying)]
        case Investigation():
            carrying.note(
                Code.LOST, "kind", f"{carrying.to} has no investigations; its name and id go to removed/investigations"
            )
            kept = Removed(
                name=item.name,
                id=item.id,
                version=item.version,
                created=item.created,
                modified=item.modified,
                author=item.author,
                description=item.description,
                references=item.references,
                status=Status.REMOVED,
                generation=item.generation,
                kind="investigations",
            )
            return [_common(kept, carrying)]
        case Deployment() if carrying.to is Generation.S3:
            carrying.lost("email", item.email)
            carrying.lost("slack", item.slack)
            carrying.lost("phantom", item.phantom)
            carrying.lost("tags", item.tags)
            return []  # schedules are made for all deployments together
        case Deployment():
            return []  # the schedules of S3: S2's deployments say more, and detections carry what differs
        case _:
            return [_common(item, carrying)]


def _common(item: T, carrying: Carrying) -> T:
    """What every kind has to have from S2 on: id, version, dates, author."""
    to = carrying.to
    found = replace(item, generation=to, extra={})
    if not found.id:
        made = str(uuid.uuid5(_IDS, f"{type(item).__name__}/{found.name.lower()}"))
        carrying.note(Code.ADDED, "id", "it had no id; one was made from its name")
        found = replace(found, id=made)
    if not found.version:
        found = replace(found, version=1)
        carrying.note(Code.ADDED, "version", "it had no version; 1 is written")
    if not found.author:
        if carrying.author:
            found = replace(found, author=carrying.author)
            carrying.note(Code.ADDED, "author", f"it had no author; '{carrying.author}' is written")
        else:
            carrying.note(Code.BY_HAND, "author", f"{to} wants an author", "say whom with --author")
    if found.modified is None:
        carrying.note(Code.ADDED, "date", f"it had no date; {carrying.day} is written")
        found = replace(found, modified=carrying.day)
    if to is Generation.S3:
        if carrying.item.generation is not Generation.S3 and item.modified and item.created in (None, item.modified):
            carrying.note(
                Code.CHANGED, "creation_date", "one date is all there was; it is written as creation_date too"
            )
        found = replace(found, created=found.created or found.modified)
        gone = carrying.content.deprecation_of(item)
        if item.status is Status.DEPRECATED and gone is None:
            carrying.note(Code.BY_HAND, "deprecation_info", "what is deprecated says why in S3; no reason is known")
        found = replace(found, deprecation=gone)
    else:
        if found.created is not None and found.created != found.modified:
            carrying.lost("creation_date", True, "S2 has one date; that of the last change is written")
        if found.deprecation is not None:
            carrying.note(Code.CHANGED, "deprecation_info", "S2 has it in removed/deprecation_mapping.YML")
        found = replace(found, created=found.modified, deprecation=None)
    return found


# --- detections --------------------------------------------------------------------------------------------------


def _detection(item: Detection, carrying: Carrying) -> Detection:
    found = replace(item, version=item.version + 1)
    match item.generation:
        case Generation.S1:
            found = _from_s1(found, carrying)
        case Generation.APP:
            if found.rba is not None and any(one.finding for one in found.rba.risk_objects):  # an app of ESCU 6
                return fromapp.s3(found, carrying) if carrying.to is Generation.S3 else _from_s3(found, carrying)
            found = fromapp.s2(found, carrying)
    if carrying.to is Generation.S3:
        return _to_s3(found, carrying)
    return _from_s3(found, carrying) if item.generation is Generation.S3 else found


def _from_s1(item: Detection, carrying: Carrying) -> Detection:
    """S1 -> S2: observables become risk and threat objects, each risk object with the score of the whole."""
    carrying.lost("tags.required_fields", item.required_fields)
    item = replace(item, tests=tuple(_plain_data(test, at, carrying) for at, test in enumerate(item.tests)))
    rba = item.rba
    if rba is not None:
        scored = f"confidence {rba.confidence} and impact {rba.impact}"
        carrying.lost("tags.confidence", True, f"{scored} are gone; the score {rba.score} is in the risk objects")
        if not has_risk(item.type):
            carrying.lost(
                "tags.message",
                rba.message or rba.observables,
                f"a {item.type} detection has no message, objects or score from S2 on",
            )
            if item.severity is not Severity.HIGH:
                carrying.note(
                    Code.CHANGED, "severity", f"severity was {item.severity.value}; without a score it is high"
                )
            item = replace(item, rba=None)
        else:
            threat = tuple(threats(rba.threat_objects, carrying, "tags.observable"))
            risk = sorted(rba.risk_objects, key=lambda one: f"{one.field}{one.type}{one.score}")
            if not risk:
                carrying.note(Code.BY_HAND, "rba.risk_objects", "no observable is a Victim; one risk object is needed")
            if not rba.message.strip():
                carrying.note(Code.BY_HAND, "rba.message", "the risk message is empty")
            if rba.score == 0 and risk:
                carrying.note(Code.BY_HAND, "rba.risk_objects", "the score is 0; S2 wants 1 to 100")
            item = replace(item, rba=Rba(rba.message, tuple(risk), threat))
    elif has_risk(item.type):
        carrying.note(Code.BY_HAND, "rba", f"a {item.type} detection has an rba block from S2 on")
    return replace(item, required_fields=(), generation=Generation.S2)


def _plain_data(test: DetectionTest, at: int, carrying: Carrying) -> DetectionTest:
    """The test without what the new generation refuses in its data."""
    if any(one.update_timestamp for one in test.attack_data):
        carrying.lost(f"tests[{at}].attack_data.update_timestamp", True)
    data = tuple(replace(one, update_timestamp=False) for one in test.attack_data)
    if carrying.to is Generation.S3:
        carrying.lost(f"tests[{at}].attack_data.host", any(one.host for one in data))
        data = tuple(replace(one, host="") for one in data)
    return replace(test, attack_data=data)


def _to_s3(item: Detection, carrying: Carrying) -> Detection:
    carrying.lost("explanation", item.explanation)
    carrying.lost("enabled_by_default", item.enabled, "S3 ships every detection disabled")
    if item.throttle is not None:
        carrying.lost("tags.throttling", True, "S3 has no throttling: set it in Enterprise Security")
    before = item
    title, rba = _findings(item, carrying)
    default, own = _schedule(item, carrying)
    found = replace(
        item,
        rba=rba,
        title=title,
        explanation="",
        enabled=False,
        throttle=None,
        manual_test="",
        tests=_tests(item, carrying),
        deployment=own,
        schedule_name=default,
        baselines=tuple(one.name for one in carrying.content.baselines_of(item)),
        generation=Generation.S3,
    )
    if before.rba is not None and rba is not None and before.severity is not found.severity:
        carrying.note(
            Code.CHANGED,
            "severity",
            f"severity goes by the finding's score now: {found.severity.value}, it was {before.severity.value}",
        )
    if not item.stories:
        carrying.note(Code.BY_HAND, "analytic_story", "S3 wants a detection to be in a story")
    if set(item.products) != {"Splunk Enterprise", "Splunk Enterprise Security", "Splunk Cloud"}:
        carrying.note(
            Code.BY_HAND,
            "product",
            "S3 wants Splunk Enterprise, Splunk Enterprise Security and Splunk Cloud, no more and no less",
        )
    return found


def _findings(item: Detection, carrying: Carrying) -> tuple[str, Rba | None]:
    """Title and risk of an S3 detection by its type (facts/CONTENT.md §1.5)."""
    rba = item.rba
    match item.type:
        case DetectionType.HUNTING:
            carrying.lost("rba", rba, "a Hunting detection has no findings in S3")
            return "", None
        case DetectionType.CORRELATION:
            if rba is None or not rba.risk_objects:
                carrying.note(
                    Code.BY_HAND,
                    "finding",
                    "a Correlation makes a finding in S3; which field is its entity, and its score, is not known",
                    "finding: {title, entity: {field: risk_object, type, score}}",
                )
                return "", None
    if rba is None:
        return "", None  # noted before
    objects: list[RiskObject] = []
    for one in rba.risk_objects:
        if any(one.field == other.field for other in objects):
            carrying.lost("rba.risk_objects", True, f"'{one.field}' is named twice; S3 takes a field once")
        else:
            objects.append(replace(one, message=rba.message, finding=False))
    title = ""
    if item.type is not DetectionType.ANOMALY and objects:
        first = next((one for one in objects if one.type == "user"), objects[0])
        objects.remove(first)
        title = rba.message
        objects.insert(0, replace(first, finding=True))
        if item.type is DetectionType.CORRELATION and len(objects) > 1:
            carrying.lost("rba.risk_objects", True, "a Correlation has one entity in S3; the others are left out")
            del objects[1:]
    threat = tuple(threats(rba.threat_objects, carrying, "rba.threat_objects"))
    return title, Rba(title or (objects[0].message if objects else ""), tuple(objects), threat)


def _tests(item: Detection, carrying: Carrying) -> tuple[DetectionTest, ...]:
    found = []
    for at, test in enumerate(item.tests):
        made = _plain_data(test, at, carrying)
        if test.kind == "manual":
            made = replace(test, kind="experimental", note=item.manual_test or test.note)
        found.append(made)
    if item.manual_test and not item.tests:
        found.append(DetectionTest("Manual test", (), "experimental", item.manual_test))
    return tuple(found)


def _schedule(item: Detection | Baseline, carrying: Carrying) -> tuple[str, Deployment | None]:
    """The name of the default schedule, or a schedule of its own where it runs at other times."""
    kind = "Baseline" if isinstance(item, Baseline) else "TTP"
    default = DEFAULT_SCHEDULE[isinstance(item, Baseline)]
    try:
        runs = carrying.content.deployment_of(carrying.item if isinstance(carrying.item, type(item)) else item)
    except TraplineError as error:
        carrying.note(Code.BY_HAND, "schedule", error.reason)
        return default, None
    own = item.deployment
    if own is not None:
        carrying.lost("deployment.alert_action", own.email or own.slack or own.phantom)
        notable = own.notable
        if notable is not None and (notable.title, notable.description) != ("%name%", "%description%"):
            carrying.lost("deployment.alert_action.notable", True, "title and description of its own notable are gone")
    usual = _usual(carrying.content, kind)
    if usual is not None and usual == runs.schedule:
        return default, None
    if usual is None and own is None:
        return default, None
    schedule = Deployment(
        name=item.name,
        type=item.type.value if isinstance(item, Detection) else "Baseline",
        schedule=runs.schedule,
        file=item.file,
        generation=Generation.S3,
    )
    return "", schedule


def _usual(content: Content, kind: str) -> Schedule | None:
    """When detections (TTP) or baselines run that say nothing: the schedule of S3, else the deployment of S2."""
    found = content.deployments.get(DEFAULT_SCHEDULE[kind == "Baseline"])
    found = found or content.deployments.get(f"ESCU Default Configuration {kind}")
    found = found or next((one for one in content.deployments if one.type == kind), None)
    return None if found is None else found.schedule


def _schedules(tree: Content, content: Content, day: date, author: str, notes: list[Problem]) -> list[Deployment]:
    """The default schedules of S3, made from the deployments of S2 where the tree has none but needs them."""
    made: list[Deployment] = []
    for kind, needed in (("TTP", tree.detections), ("Baseline", tree.baselines)):
        name = DEFAULT_SCHEDULE[kind == "Baseline"]
        usual = _usual(content, kind)
        if usual is None or name in content.deployments or not len(needed):
            continue
        about = "baselines" if kind == "Baseline" else "detections"
        new = Deployment(
            name=name,
            type=name.removeprefix("Default "),
            schedule=usual,
            author=author or "Trapline",
            description=f"When {about} run that have no schedule of their own.",
        )
        made.append(_common(new, Carrying(new, Generation.S3, content, notes, day, author)))
    return made


def _deployments(tree: Content, content: Content, day: date, author: str, notes: list[Problem]) -> list[Deployment]:
    """The default deployments of S2, with the times of the schedules of S3, where the tree has none but needs them."""
    made: list[Deployment] = []
    kinds = [one.type.value for one in tree.detections] + ["Baseline"] * min(len(tree.baselines), 1)
    for kind in dict.fromkeys(kinds):
        name = f"ESCU Default Configuration {kind}"
        base = content.deployments.get(name)
        schedule = tree.deployments.get(DEFAULT_SCHEDULE[kind == "Baseline"])
        if base is None or name in tree.deployments or schedule is None:
            continue
        new = replace(base, schedule=schedule.schedule, file="", author=base.author or author or "Trapline")
        made.append(_common(new, Carrying(new, Generation.S2, content, notes, day, author)))
    return made


def _from_s3(item: Detection, carrying: Carrying) -> Detection:
    """S3 -> S2."""
    rba = item.rba
    if rba is not None:
        message = item.title or rba.message
        for one in rba.risk_objects:
            if one.message != message:
                carrying.lost(
                    "intermediate_findings", True, f"the message of '{one.field}' is its own; S2 has one for all"
                )
            if one.score == 0:
                carrying.note(Code.BY_HAND, "rba.risk_objects", f"the score of '{one.field}' is 0; S2 wants 1 to 100")
        if has_risk(item.type):
            risk = [replace(one, message=message, finding=False) for one in rba.risk_objects]
            risk.sort(key=lambda one: f"{one.field}{one.type}{one.score}")
            made = Rba(message, tuple(risk), tuple(threats(rba.threat_objects, carrying, "threat_objects")))
            if made.score != rba.score:
                carrying.note(
                    Code.CHANGED,
                    "severity",
                    f"it went by the finding's score {rba.score}, now by the highest, {made.score}",
                )
            if item.type is DetectionType.TTP and not any(one.finding for one in rba.risk_objects):
                carrying.note(Code.CHANGED, "finding", "it had no finding; in S2 a TTP makes a notable")
            rba = made
        else:
            carrying.lost("finding", True, f"a {item.type} detection has no risk objects in S2")
            rba = None
    elif has_risk(item.type):
        carrying.note(Code.BY_HAND, "rba", f"a {item.type} detection has an rba block in S2")
    return replace(
        item,
        rba=rba,
        title="",
        tests=_tests_s2(item, carrying),
        manual_test=_manual(item),
        deployment=_deployment_s2(item, carrying),
        schedule_name="",
        baselines=(),
        generation=Generation.S2,
    )


def _manual(item: Detection) -> str:
    """Why all tests are made by hand, where none of them can be run."""
    by_hand = [one for one in item.tests if one.kind != "unit"]
    return (by_hand[0].note or by_hand[0].name) if by_hand and len(by_hand) == len(item.tests) else ""


def _tests_s2(item: Detection, carrying: Carrying) -> tuple[DetectionTest, ...]:
    manual = _manual(item)
    found = []
    for at, test in enumerate(item.tests):
        if test.expected_results != 1:
            carrying.lost(f"tests[{at}].expected_results", True)
        if test.kind != "unit" and not manual:
            carrying.lost(f"tests[{at}]", True, f"the test '{test.name}' is experimental: S2 has that for all or none")
            continue
        if manual and test.note != manual:
            carrying.lost(f"tests[{at}].description", True, "S2 has one reason for all tests")
        if manual and not test.attack_data:
            continue
        kept = _plain_data(test, at, carrying)
        kind = "manual" if manual else "unit"
        found.append(replace(kept, kind=kind, note=manual, expected_results=1))
    return tuple(found)


def _deployment_s2(item: Detection | Baseline, carrying: Carrying) -> Deployment | None:
    """The inline deployment of an object that runs at other times than S2's default for its type."""
    kind = item.type.value if isinstance(item, Detection) else "Baseline"
    named = carrying.content.deployments.get(item.schedule_name) if item.schedule_name else None
    runs = item.deployment or named
    if item.deployment is None and item.schedule_name.lower() == DEFAULT_SCHEDULE[kind == "Baseline"].lower():
        return None
    if item.schedule_name and runs is None:
        carrying.note(Code.BY_HAND, "schedule", f"there is no schedule '{item.schedule_name}'")
        return None
    if runs is None:
        return None
    usual = carrying.content.deployments.get(f"ESCU Default Configuration {kind}")
    if usual is not None and usual.schedule == runs.schedule and item.deployment is None:
        return None
    base = usual or Deployment(name=item.name, type=kind, schedule=runs.schedule, rba=kind in ("TTP", "Anomaly"))
    return Deployment(
        name=item.name,
        type=kind,
        schedule=runs.schedule,
        notable=base.notable,
        rba=base.rba,
        file=item.file,
    )


# --- other kinds -------------------------------------------------------------------------------------------------


def _lookup(item: Lookup, carrying: Carrying) -> Lookup:
    if item.generation not in (Generation.S1, Generation.APP):
        return item
    carrying.lost("filter", item.filter)
    if item.kind == "kvstore":
        if item.collection != item.name:
            carrying.note(
                Code.CHANGED, "collection", f"the collection '{item.collection}' is called as the lookup from S2 on"
            )
        fields = (
            item.fields if item.fields[:1] == ("_key",) else ("_key", *(one for one in item.fields if one != "_key"))
        )
        if fields != item.fields:
            carrying.note(Code.CHANGED, "fields", "the fields of a KV store begin with _key from S2 on")
        return replace(item, filter="", collection=item.name, fields=fields)
    stem, _, suffix = item.filename.replace("\\", "/").rpartition("/")[2].rpartition(".")
    carrying.lost("fields_list", item.fields, "S2 takes the fields from the head of the file")
    if stem != item.stem:
        carrying.note(
            Code.CHANGED, "filename", f"'{item.filename}' is called as its .yml from S2 on", "rename what refers to it"
        )
    return replace(item, filter="", fields=(), filename=f"{item.stem}.{suffix or item.kind}", folder="")


def _baseline(item: Baseline, carrying: Carrying) -> Baseline:
    carrying.lost("tags.required_fields", item.required_fields)
    if carrying.to is Generation.S3:
        default, own = _schedule(item, carrying)
        known = {one.name.lower() for one in carrying.content.detections}
        for name in item.detections:
            if name.lower() not in known:
                carrying.lost("tags.detections", True, f"there is no detection '{name}' to name this baseline")
        return replace(
            item, required_fields=(), detections=(), deployment=own, schedule_name=default, version=item.version + 1
        )
    if item.generation is Generation.S3:
        named = tuple(
            one.name
            for one in carrying.content.detections
            if any(name.lower() == item.name.lower() for name in one.baselines)
        )
        return replace(
            item,
            detections=item.detections or named,
            required_fields=(),
            deployment=_deployment_s2(item, carrying),
            schedule_name="",
            version=item.version + 1,
        )
    return replace(item, required_fields=(), version=item.version + 1)
