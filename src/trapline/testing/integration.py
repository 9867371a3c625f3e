"""The integration test of a detection: enabled, run by the scheduler, its risk events and notables checked.

The detection runs once on the scheduler's simulated clock, over all time, in a store that holds its attack data; what
comes of it is read back by searches, as an analyst would see it. What is checked is what contentctl 5 checks
(facts/CONTENT.md §5, "Integration"), and for the files of ESCU 6 what its successor checks of findings.
"""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from trapline.content.catalog import Content
from trapline.content.model import Detection, DetectionType, Generation, Notable, RiskObject
from trapline.detect import tokens
from trapline.detect.hunt import profiles
from trapline.detect.jobs import Job, jobs
from trapline.detect.place import RAISED, StorePlace
from trapline.detect.risk import texts
from trapline.detect.run import Profile
from trapline.detect.scheduler import Scheduler, Ticked
from trapline.detect.settings import Override
from trapline.detect.urgency import urgency_of
from trapline.errors import TraplineError, Warn
from trapline.knowledge.kept import Kept
from trapline.knowledge.knowledge import Knowledge
from trapline.knowledge.lookups import LookupFiles
from trapline.plan import Table
from trapline.search import Session
from trapline.state.journal import Journal, Run, Status
from trapline.store import Store, collected
from trapline.testing.model import Failure
from trapline.testing.state import state_of
from trapline.values import Row, to_number, value_text

NEVER = (DetectionType.HUNTING, DetectionType.CORRELATION)
"""Types that have no integration test."""
_OF_RISK = (
    "_time",
    "search_name",
    "analyticstories",
    "annotations.mitre_attack",
    "risk_object",
    "risk_object_type",
    "risk_score",
    "risk_message",
    "threat_object",
    "threat_object_type",
    "contributing_events_search",
)
_OF_NOTABLES = (
    "_time",
    "search_name",
    "rule_title",
    "orig_rule_title",
    "severity",
    "urgency",
    "entity",
    "entity_type",
    "risk_score",
)
_SHOWN = 120
_SOLID = re.compile(r"\S")
_CONTRIBUTING = re.compile(r"\|\s*savedsearch\s+\"(?P<name>[^\"]*)\"\s*\|\s*search\s+(?P<field>\"[^\"]*\"|[^\s=]+)\s*=")
_OVERALL = Override(cron="* * * * *", earliest="0", latest="now", skew=0.0)


@dataclass(slots=True)
class Integrated:
    """What came of the run. `failures` empty: passed. `skipped`: why there is no such test, else ""."""

    failures: list[Failure] = field(default_factory=list)
    risk_events: Sequence[Row] = ()
    """As a search over the store gives them, with the fields of `_OF_RISK` and those of the row that are named by the
    risk objects and their messages."""
    notables: Sequence[Row] = ()
    run: Run | None = None
    warnings: Sequence[Warn] = ()
    skipped: str = ""


def check(
    content: Content,
    detection: Detection,
    store: Store,
    knowledge: Knowledge,
    *,
    kept: Kept | None = None,
    profile: Callable[[Detection], Profile] | None = None,
    make: Callable[[Sequence[Table]], Session] | None = None,
    now: float | None = None,
) -> Integrated:
    """Enable a detection in a throwaway store that holds its attack data, run it, and check what comes of it.

    `profile`: `detect.hunt.profiles(content)`, and `make`: a session over tables, where they are made already. `now`:
    epoch seconds of the run, default the clock; it runs at the next full minute, over everything up to then. The store
    keeps the risk events, the notables and the record of the run, so that a detection is tested there once. Raises
    EngineError where the store or its state database cannot be written.
    """
    if detection.type in NEVER:
        return Integrated(skipped=f"{detection.type.value} detections have no integration test")
    profile = profile or profiles(content)
    made, refused = jobs(content, [detection], profile, lambda _: _OVERALL)
    if not made:
        return Integrated([_failure(one.code, f"it cannot be scheduled: {one.reason}", one.hint) for one in refused])
    session = make or _sessions(content, knowledge, kept, store)
    ran, warnings = _run(store, made[0], knowledge, session, time.time() if now is None else now)
    if ran.status is not Status.DONE:
        return Integrated([_failure("test.run", f"the run failed: {ran.reason}")], run=ran, warnings=warnings)
    found = Integrated(run=ran, warnings=warnings)
    # What else the store holds is not asked for, and would have to be known to each of these searches.
    searches = session(store.snapshot(RAISED).tables)
    only = f"search_name={tokens.quote(made[0].name)} orig_sid={tokens.quote(ran.sid)}"
    found.risk_events = searches.run(f"search index=risk {only} | table {_wanted(detection, _OF_RISK)}").rows
    found.notables = searches.run(f"search index=notable {only} | table {_wanted(detection, _OF_NOTABLES)}").rows
    if made[0].profile.scored:
        found.failures += _risk(detection, made[0].name, found.risk_events, ran)
    if made[0].notable is not None:
        found.failures += _notables(detection, made[0].notable, found.notables, ran)
        risk = f"| from datamodel Risk.All_Risk | search index=notable {only} | table search_name"
        again = searches.run(risk).rows if found.notables else ()
        if again:
            reason = "notables are in the data model Risk.All_Risk, so their scores would count twice"
            hint = "the macro cim_Risk_indexes must not hold the index notable"
            found.failures += _once([_failure("test.notable-is-risk", reason, hint)] * len(again))
    return found


def _wanted(detection: Detection, common: Sequence[str]) -> str:
    """The fields to read back: those of every event, and those of the row that are spoken of, for the reasons."""
    rba = detection.rba
    objects = rba.risk_objects if rba is not None else ()
    templates = [rba.message if rba is not None else "", *(one.message for one in objects)]
    told = [name for template in templates for name in tokens.names(template)]
    own = dict.fromkeys([*(one.field for one in objects), *told])
    names = dict.fromkeys([*common, *own, *(f"orig_{name}" for name in own)])
    return " ".join(tokens.quote(name) for name in names)


def _sessions(
    content: Content, knowledge: Knowledge, kept: Kept | None, store: Store
) -> Callable[[Sequence[Table]], Session]:
    macros, searches = content.macros(knowledge.macros), content.searches()
    lookups = LookupFiles(content.lookups, content.fillers)

    def made(tables: Sequence[Table]) -> Session:
        return Session(
            tables=tables,
            macros=macros,
            lookups=lookups,
            knowledge=knowledge,
            kept=kept,
            saved_searches=searches,
            writer=partial(collected.write, store),
        )

    return made


def _run(
    store: Store, job: Job, knowledge: Knowledge, session: Callable[[Sequence[Table]], Session], now: float
) -> tuple[Run, Sequence[Warn]]:
    """One time of the schedule, the first after now. What is in the future of that has not happened yet.

    A place that was made for it has no runs before: nothing can come late, and nothing was cut off."""
    ticks: list[Ticked] = []
    place = StorePlace(store, session)
    scheduler = Scheduler(
        place,
        Journal(state_of(store)),
        [job],
        urgency_of(knowledge, None),
        macros=place.session().macros,
        simulated=True,
        tell=ticks.append,
    )
    scheduler.tick(math.ceil(now / 60) * 60.0, [job], {})
    scheduler.settle()
    runs = [run for tick in ticks for run in tick.runs]
    if len(runs) != 1:
        reason = f"{len(runs)} runs of '{job.detection.name}' where one was due"
        raise TraplineError(reason, hint="a store is for one integration test of a detection", code="test.runs")
    return runs[0], [warn for tick in ticks for warn in tick.warnings]


def _risk(detection: Detection, name: str, events: Sequence[Row], run: Run) -> list[Failure]:
    objects = detection.rba.risk_objects if detection.rba is not None else ()
    if not objects:
        return [
            _failure("test.no-risk-object", "the detection names no risk object", "add one with its field and type")
        ]
    if not events:
        fields = ", ".join(dict.fromkeys(one.field for one in objects))
        return [_failure("test.no-risk", f"no risk event: {_nothing(run)}", f"risk objects are the fields {fields}")]
    failures: list[Failure] = []
    matched: set[RiskObject] = set()
    for event in events:
        failures += _lists(detection, name, event)
        wrong, one = _object(objects, name, event)
        if one is None:
            failures += [] if wrong is None else [wrong]
        else:
            matched.add(one)
            failures += _message(detection, one, event)
    for one in objects:
        if one in matched or any(failure.code in ("test.risk-score", "test.risk-source") for failure in failures):
            continue
        reason = f"no risk event for the risk object {one.field} ({one.type}, {one.score}): no row has a value for it"
        hint = f"let the search return {one.field}, or take it out of the risk objects"
        failures.append(_failure("test.risk-object", reason, hint))
    return _once(failures)


def _nothing(run: Run) -> str:
    """Why a run that did not fail raised nothing."""
    if run.rows == 0:
        return "the scheduled run over all time found nothing"
    rows = f"{run.rows:,} row{'' if run.rows == 1 else 's'}"
    if run.findings == 0:
        return f"none of the {rows} of the run is a finding: they count nothing"
    return f"the run found {rows}, but the field of no risk object has a value in any of them"


def _lists(detection: Detection, name: str, event: Row) -> list[Failure]:
    """What every risk event says of its detection."""
    found = []
    if value_text(event.get("search_name") or "") != name:
        found.append(_differs("search_name", name, event.get("search_name")))
    for key, wanted in (("analyticstories", detection.stories), ("annotations.mitre_attack", detection.mitre)):
        if set(texts(event.get(key))) != set(wanted):
            found.append(_differs(key, ", ".join(sorted(wanted)), ", ".join(sorted(texts(event.get(key))))))
    return found


def _differs(name: str, wanted: object, found: object) -> Failure:
    shown = _short(value_text(found)) if isinstance(found, str | int | float) and found != "" else "nothing"
    reason = f"the field {name} of the risk event is {shown}, where the content says {wanted or 'nothing'}"
    return _failure("test.risk-field", reason)


def _object(objects: Sequence[RiskObject], name: str, event: Row) -> tuple[Failure | None, RiskObject | None]:
    """The risk object that an event is about, told by the field in contributing_events_search."""
    text = value_text(event.get("contributing_events_search") or "")
    found = _CONTRIBUTING.search(text)
    if found is None or found["name"] != name:
        reason = f"contributing_events_search does not name the detection: {_short(text)}"
        return _failure("test.contributing", reason), None
    where = found["field"].strip('"')
    named = [one for one in objects if one.field == where]
    if not named:
        own = ", ".join(dict.fromkeys(one.field for one in objects))
        hint = "do not return risk_object from the search: it takes the place of all of them" * (where == "risk_object")
        reason = f"a risk event is about the field {where}, which is none of the risk objects ({own})"
        return _failure("test.risk-source", reason, hint or None), None
    kind = value_text(event.get("risk_object_type") or "")
    score = to_number(value_text(event.get("risk_score") or ""))
    for one in named:
        if one.type == kind and score == one.score:
            return None, one
    wanted = " or ".join(f"{one.type} with {one.score}" for one in named)
    had = "nothing" if score is None else f"{score:g}"
    hint = "a field risk_score or risk_object_type of the row overrides what the detection says"
    return _failure("test.risk-score", f"a risk event for {where} is {kind} with {had}, not {wanted}", hint), None


def _message(detection: Detection, one: RiskObject, event: Row) -> list[Failure]:
    """The message, against its template: each token stands for some text that is not blank."""
    message = value_text(event.get("risk_message") or "")
    template = one.message or (detection.rba.message if detection.rba is not None else "")
    failures = []
    for token in tokens.names(template):
        # A value may look like a token: only one that the row has no value for was not replaced.
        valued = any(texts(event.get(token))) or any(texts(event.get(f"orig_{token}")))
        if f"${token}$" in message and not valued:
            reason = f"the token ${token}$ of the message has no value: {_short(message)}"
            hint = f"the row has no field {token}: let the search return it, or correct the token"
            failures.append(_failure("test.token", reason, hint))
    if not failures and template and not made_from(message, template):
        wanted = f"the message is {_short(message)}, which is not made from {_short(template)}"
        hint = "a token may have stood for blanks, or a field risk_message of the row takes the place of the message"
        failures.append(_failure("test.message", wanted, hint))
    return failures


def made_from(message: str, template: str) -> bool:
    """Whether a message is a template in which each token became some text with something in it that is not blank.

    The parts between the tokens are looked for from left to right, each at its first place: that finds them if they are
    there, and takes no longer for a hostile value."""
    first, *rest = tokens.TOKEN.split(template)[::2]
    if not rest:
        return message == template
    if not message.startswith(first):
        return False
    at = len(first)
    for number, part in enumerate(rest):
        solid = _SOLID.search(message, at)
        if solid is None:
            return False
        if number == len(rest) - 1:
            return message.endswith(part) and len(message) - len(part) >= solid.end()
        at = message.find(part, solid.end())
        if at < 0:
            return False
        at += len(part)
    return False


def _notables(detection: Detection, wanted: Notable, notables: Sequence[Row], run: Run) -> list[Failure]:
    failures = []
    if not notables:
        failures.append(
            _failure("test.no-notable", f"no notable: {_nothing(run)}" if not run.findings else "no notable")
        )
    finding = next((one for one in detection.rba.risk_objects if one.finding), None) if detection.rba else None
    if detection.generation is Generation.S3 and finding is not None:
        for event in notables:
            failures += _finding(wanted, finding, event)
    return _once(failures)


def _finding(wanted: Notable, finding: RiskObject, event: Row) -> list[Failure]:
    """What ESCU 6 says of a finding, in its notable."""
    score = to_number(value_text(event.get("risk_score") or ""))
    same = {
        "orig_rule_title": (wanted.title, value_text(event.get("orig_rule_title") or "")),
        "entity": (" or ".join(texts(event.get(finding.field))), value_text(event.get("entity") or "")),
        "entity_type": (finding.type, value_text(event.get("entity_type") or "")),
        "risk_score": (f"{finding.score:g}", "" if score is None else f"{score:g}"),
    }
    found = []
    for name, (right, is_) in same.items():
        if is_ not in (right.split(" or ") if name == "entity" else (right,)):
            had, says = _short(is_) or "empty", _short(right) or "nothing"
            found.append(_failure("test.finding", f"{name} of the notable is {had}, where the finding says {says}"))
    return found


def _failure(code: str, reason: str, hint: str | None = None) -> Failure:
    return Failure(reason, hint, code=code)


def _once(failures: Iterable[Failure]) -> list[Failure]:
    """Each failure once, with the number of events that have it."""
    counts = Counter(failures)
    return [replace(one, details=(f"so in {count:,} events",)) if count > 1 else one for one, count in counts.items()]


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
