"""A new detection from a few answers, with its filter macro, its drilldowns and its test, in any generation of files.

The layout is that of the public tree: `detections/<category>/<file name>.yml` and `macros/<file name>_filter.yml`
(facts/CONTENT.md §1.1 to §1.6). Whether it is right is not decided here: validate it before it is written.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from trapline.content.asfile import text_of
from trapline.content.catalog import calls
from trapline.content.model import (
    AttackData,
    Detection,
    DetectionTest,
    DetectionType,
    Drilldown,
    Generation,
    Macro,
    Observable,
    Rba,
    RiskObject,
    ThreatObject,
    file_stem,
)
from trapline.content.tree import File, put
from trapline.errors import InputError, TraplineError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.\-]*\Z")
"""What a detection can be called: its name makes a file name and the name of a macro."""
LONGEST_NAME = 67
PRODUCTS = ("Splunk Enterprise", "Splunk Enterprise Security", "Splunk Cloud")
_RESULTS = "%original_detection_search% | search {condition}"
_RISK = (
    "| from datamodel Risk.All_Risk | search normalized_risk_object IN ({tokens}) | stats count min(_time) as firstTime"
    ' max(_time) as lastTime values(search_name) as "Search Name" values(risk_message) as "Risk Message" by'
    " normalized_risk_object | `security_content_ctime(firstTime)` | `security_content_ctime(lastTime)`"
)
_VICTIMS = {"user": "User", "system": "Hostname", "other": "Other"}
_ATTACKERS = {
    "ip_address": "IP Address",
    "url": "URL String",
    "process": "Process",
    "process_name": "Process Name",
    "parent_process": "Process",
    "parent_process_name": "Process Name",
    "file_name": "File Name",
    "file_hash": "File Hash",
    "email_address": "Email Address",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What is asked. Empty texts are left out of the files."""

    name: str
    type: DetectionType
    description: str
    search: str
    """SPL; the call of the filter macro is put at its end where it is not there."""
    author: str
    risk: Sequence[RiskObject] = ()
    """Whose risk is raised; the message of the first is that of the detection."""
    threats: Sequence[ThreatObject] = ()
    data_sources: Sequence[str] = ()
    stories: Sequence[str] = ()
    mitre: Sequence[str] = ()
    asset_type: str = "Endpoint"
    security_domain: str = "endpoint"
    category: str = "endpoint"
    """The folder below detections/."""
    how_to_implement: str = ""
    known_false_positives: str = ""
    references: Sequence[str] = ()
    data: str = ""
    """Recorded events of the attack: a URL, or a path below the content folder."""
    source: str = ""
    sourcetype: str = ""


def wants_risk(kind: DetectionType, generation: Generation) -> bool:
    """Whether a detection says whose risk it raises (facts/CONTENT.md §1.4 to §1.6)."""
    match generation:
        case Generation.S1:
            return True
        case Generation.S2:
            return kind in (DetectionType.TTP, DetectionType.ANOMALY)
        case _:
            return kind is not DetectionType.HUNTING


def filter_name(name: str) -> str:
    """The filter macro of a detection."""
    return f"{file_stem(name)}_filter"


def detection(answers: Answers, generation: Generation, day: date) -> Detection:
    """The detection. Raises TraplineError for a name that can be no file name, or a risk object that is wanted."""
    name = answers.name.strip()
    if not NAME.match(name) or len(name) > LONGEST_NAME:
        raise TraplineError(
            f"'{name[:80]}' cannot be the name of a detection",
            hint=f"letters, digits, blanks and - _ . , at most {LONGEST_NAME} characters",
            code="content.new",
        )
    risky = wants_risk(answers.type, generation)
    if risky and not answers.risk:
        raise TraplineError(
            f"a detection of type {answers.type.value} says whose risk it raises",
            hint="name a field of the rows, as dest or user",
            code="content.new",
        )
    rba = _rba(answers, generation) if risky else None
    fields = ("_time", *(one.field for one in answers.risk), *(one.field for one in answers.threats))
    return Detection(
        name=name,
        id=str(uuid.uuid4()),
        version=1,
        created=day,
        modified=day,
        author=answers.author,
        description=answers.description,
        references=tuple(answers.references),
        generation=generation,
        type=answers.type,
        data_source=tuple(answers.data_sources),
        search=_filtered(answers.search, filter_name(name)),
        how_to_implement=answers.how_to_implement,
        known_false_positives=answers.known_false_positives,
        drilldowns=_drilldowns(answers) if answers.type is not DetectionType.HUNTING else (),
        stories=tuple(answers.stories),
        asset_type=answers.asset_type,
        security_domain=answers.security_domain,
        mitre=tuple(answers.mitre),
        products=PRODUCTS,
        required_fields=tuple(dict.fromkeys(fields)) if generation is Generation.S1 else (),
        rba=rba,
        title=rba.message if rba is not None and any(one.finding for one in rba.risk_objects) else "",
        tests=_tests(answers),
        category=answers.category if generation is Generation.S3 else "",
    )


def macro(answers: Answers, generation: Generation, day: date) -> Macro:
    """Its filter macro, which lets everything pass until somebody redefines it."""
    old = generation is Generation.S1  # macros have neither id, author nor date there
    return Macro(
        name=filter_name(answers.name.strip()),
        id="" if old else str(uuid.uuid4()),
        version=0 if old else 1,
        created=None if old else day,
        modified=None if old else day,
        author="" if old else answers.author,
        description="Lets everything pass. Redefine it to drop results that are known to be harmless.",
        generation=generation,
        definition="search *",
    )


def files(answers: Answers, generation: Generation, day: date) -> tuple[File, File]:
    """The files of the detection and of its macro. Raises TraplineError, as `detection` does."""
    category = answers.category.strip()
    if not re.fullmatch(r"[A-Za-z0-9_\-]+", category):
        raise TraplineError(
            f"'{category[:80]}' cannot be a folder below detections/",
            hint="letters, digits, - and _, as endpoint or network",
            code="content.new",
        )
    one = detection(answers, generation, day)
    return (
        File(f"detections/{category}/{file_stem(one.name)}.yml", text_of(one)),
        File(f"macros/{one.filter_macro}.yml", text_of(macro(answers, generation, day))),
    )


def write(made: Sequence[File], folder: Path) -> None:
    """Write the files below a folder. Raises InputError, before anything is written, where one of that name is there
    already, wherever below detections/ or macros/ it lies."""
    for one in made:
        kind, name = one.path.split("/")[0], Path(one.path).name
        there = next((found for found in sorted((folder / kind).rglob("*")) if found.name.lower() == name), None)
        if there is not None:
            raise InputError(
                "this file is there already; nothing is overwritten",
                file=str(there),
                hint="give the detection another name, or change that file",
                code="content.new",
            )
    for one in made:
        put(one, folder)


def _filtered(search: str, name: str) -> str:
    text = search.strip()
    return text if name in [call.key for call in calls(text)] else f"{text} | `{name}`"


def _rba(answers: Answers, generation: Generation) -> Rba:
    risk, threats = tuple(answers.risk), tuple(answers.threats)
    message = risk[0].message
    if generation is Generation.S3 and answers.type is not DetectionType.ANOMALY:
        return Rba(message, (replace(risk[0], finding=True), *risk[1:]), threats)
    if generation is not Generation.S1:
        return Rba(message, risk, threats)
    seen = [Observable(one.field, _VICTIMS.get(one.type, "Other"), "Victim") for one in risk]
    seen += [Observable(one.field, _ATTACKERS.get(one.type, "Other"), "Attacker") for one in threats]
    # The score of this generation is confidence times impact.
    score = max(one.score for one in risk)
    return Rba(message, risk, threats, impact=score, confidence=100, stored_score=score, observables=tuple(seen))


def _drilldowns(answers: Answers) -> tuple[Drilldown, ...]:
    fields = [one.field for one in answers.risk]
    if not fields:
        return ()
    whom = " and ".join(f"${one}$" for one in fields)
    results = _RESULTS.format(condition=" ".join(f'{one} = "${one}$"' for one in fields))
    risk = _RISK.format(tokens=", ".join(f'"${one}$"' for one in fields))
    return (
        Drilldown(f"View the detection results for {whom}", results, "$info_min_time$", "$info_max_time$"),
        Drilldown(f"View risk events for the last 7 days for {whom}", risk, "7d", "0"),
    )


def _tests(answers: Answers) -> tuple[DetectionTest, ...]:
    if not answers.data:
        return ()
    data = AttackData(answers.data, answers.source, answers.sourcetype)
    return (DetectionTest("True Positive Test", (data,)),)
