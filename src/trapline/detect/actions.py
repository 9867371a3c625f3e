"""From the rows of a run to what is done about them: risk events, notables, throttling (facts/CONTENT.md §6 and §9).

All of it is worked out before anything is written, so that a tick of the scheduler holds wholly or not at all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from trapline.detect import notable, risk
from trapline.detect.finding import Finding, find
from trapline.detect.jobs import Job
from trapline.detect.risklimits import Limiter
from trapline.detect.run import says_nothing
from trapline.errors import Warn
from trapline.outputs.message import Message
from trapline.state.journal import Found, NewNotable, Score, Throttle
from trapline.values import Row

MOST = 50_000
"""Rows of a run that actions are taken for (alert_actions.conf, maxresults)."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """What an exception hid of a run: how many rows, and some of them."""

    exception: str
    count: int
    samples: list[Row]


@dataclass(frozen=True, slots=True)
class Exempted:
    """The rows of a run that no exception covers, what was hidden of the others, and what is doubtful."""

    kept: list[Row]
    hidden: list[Hidden] = field(default_factory=list)
    warnings: list[Warn] = field(default_factory=list)


Exempt = Callable[[Job, Sequence[Row], float], Exempted]
"""Takes out the rows that the user's exceptions cover at the time of a run."""


@dataclass(slots=True)
class Decided:
    """What comes of a run."""

    risk_events: list[Row] = field(default_factory=list)
    notable_events: list[Row] = field(default_factory=list)
    notables: list[NewNotable] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    """What outputs are to send of the notables."""
    found: list[Found] = field(default_factory=list)
    throttles: list[Throttle] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    duplicates: int = 0
    """Risk events that the settings leave out."""
    capped: int = 0
    """Risk events whose score the settings lower."""
    findings: list[Finding] = field(default_factory=list)
    held_back: int = 0
    """Findings that a throttle held back."""
    exempt: int = 0
    hidden: list[Hidden] = field(default_factory=list)
    """Of these, what each exception hid; one row may be hidden by several."""
    known: int = 0
    """Findings of a second look that the first had."""
    changed: int = 0
    """Of those, how many look otherwise now."""
    warnings: list[Warn] = field(default_factory=list)


def decide(
    job: Job,
    rows: Sequence[Row],
    run: risk.Run,
    scheduled: float,
    *,
    by: Sequence[str],
    throttles: Mapping[tuple[str, str], Throttle],
    known: Mapping[str, str],
    guid: str,
    urgency: notable.Urgency,
    exempt: Exempt | None = None,
    limit: Limiter | None = None,
) -> Decided:
    """What comes of the rows of a run. `by`: the fields that tell its findings apart, () = all. `throttles`: those that
    the time falls into. `known`: findings of an earlier look at the same window. `limit`: of the risk that it gives.
    Times are epoch seconds."""
    made = Decided()
    real = [row for row in rows if not says_nothing(row)]
    if exempt is not None:
        exempted = exempt(job, real, run.time)
        made.exempt, made.hidden = len(real) - len(exempted.kept), exempted.hidden
        made.warnings += exempted.warnings
        real = exempted.kept
    if job.detection.trigger is not None and not job.detection.trigger.met(len(real)):
        real = []
    if len(real) > MOST:
        made.warnings.append(
            Warn(
                "schedule.capped",
                f"{len(real):,} findings, of which the first {MOST:,} are acted on",
                "narrow the detection with its filter macro, then run trapline backfill --again over the window",
                job.detection.name,
            )
        )
        real = real[:MOST]
    seen: dict[str, int] = {}
    held: dict[str, Throttle] = {}
    for rid, row in enumerate(real):
        key = _key(row, by)
        seen[key] = seen.get(key, 0) + 1
        if seen[key] > 1:
            key = _hash([key, str(seen[key])])
        content = _hash(row)
        if key in known:
            made.known += 1
            made.changed += known[key] != content
            continue
        made.found.append(Found(job.name, scheduled, key, content))
        if _throttled(job, row, scheduled, throttles, held):
            made.held_back += 1
            continue
        finding, doubts = find(
            job.detection, row, rid=rid, run=run, tactics=job.profile.tactics, scored=job.profile.scored
        )
        made.warnings += [one for one in doubts if one not in made.warnings]
        made.findings.append(finding)
        entries = finding.risk_objects if limit is None else limit(finding.risk_objects)
        made.risk_events += risk.events(
            job.detection, row, entries, rid=rid, run=run, annotations=job.profile.annotations
        )
        if job.notable is not None:
            raised = notable.notable(job, row, finding, run=run, rid=rid, guid=guid, urgency=urgency)
            made.notable_events.append(raised.event)
            made.notables.append(raised.state)
    made.throttles = list(held.values())
    if limit is not None:
        made.scores, made.duplicates, made.capped = limit.made, limit.duplicates, limit.capped
    return made


def _throttled(
    job: Job, row: Row, scheduled: float, throttles: Mapping[tuple[str, str], Throttle], held: dict[str, Throttle]
) -> bool:
    """Whether an alert for these values is held back. It starts with the first one and later ones do not extend it.
    Without fields the whole search is throttled: its first run takes all its rows, later ones none. Only throttles
    whose time the run falls into count: a look at the past is throttled as if it had come in its turn."""
    if job.throttle is None:
        return False
    key = _hash({name: sorted(risk.texts(row.get(name))) for name in job.throttle.fields})
    if key in held:
        return bool(job.throttle.fields)
    last = throttles.get((job.name, key))
    if last is not None and (last.since < scheduled or job.throttle.fields):
        return True
    held[key] = Throttle(job.name, key, scheduled, scheduled + job.throttle.seconds)
    return False


def _key(row: Row, by: Sequence[str]) -> str:
    names = [name if name in row else name.rpartition(".")[2] for name in by]
    if names and all(name in row for name in names):
        return _hash({name: row[name] for name in names})
    return _hash(row)


def _hash(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
