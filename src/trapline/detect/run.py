"""Runs detections over a session: rows become findings, findings risk events. One that cannot run stops nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from trapline.content.model import Detection
from trapline.detect import risk
from trapline.detect.finding import Finding, find
from trapline.detect.rank import Ranked, Ranking
from trapline.errors import TraplineError, Warn
from trapline.knowledge.sharing import Sharing
from trapline.search import Query, Result
from trapline.values import Row

KEPT_PER_DETECTION = 1_000
"""Findings that are kept of one detection. All are counted and all raise the risk."""

Progress = Callable[[str, int, int, str], None]
"""(what is being done, how many are done, of how many, the one at hand)."""


class Searcher(Protocol):
    """What runs a search: `trapline.search.Session`."""

    def run(
        self,
        spl: str,
        *,
        earliest: str | float | None = None,
        latest: str | float | None = None,
        now: float | None = None,
    ) -> Result: ...

    def share(
        self, queries: Iterable[Query], *, progress: Callable[[int, int, str], None] | None = None
    ) -> AbstractContextManager[Sharing]:
        """What these searches read of data models is read once, while this lasts."""
        ...


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of a detection beside its file."""

    annotations: Mapping[str, object] = field(default_factory=dict)
    """action.correlationsearch.annotations: lists per framework and some scalars."""
    tactics: tuple[str, ...] = ()
    scored: bool = True
    """Whether its findings become risk events (its deployment says so)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one detection fared. `error` None: it ran."""

    detection: str
    id: str
    rows: int = 0
    kept: int = 0
    seconds: float = 0.0
    error: Warn | None = None

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {"detection": self.detection, "id": self.id, "ran": self.error is None}
        if self.error is not None:
            return body | {"reason": self.error.reason}
        return body | {"rows": self.rows, "seconds": round(self.seconds, 4)}


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset of a data model that several detections read, made once for all of them."""

    name: str
    rows: int
    fields: int
    searches: int
    """Commands that read it."""
    seconds: float

    def to_json(self) -> dict[str, Any]:
        return {
            "dataset": self.name,
            "rows": self.rows,
            "fields": self.fields,
            "searches": self.searches,
            "seconds": round(self.seconds, 4),
        }


@dataclass(slots=True)
class Detected:
    """What a number of detections found."""

    findings: list[Finding] = field(default_factory=list)
    risk_events: list[Row] = field(default_factory=list)
    hosts: list[Ranked] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    warnings: list[Warn] = field(default_factory=list)
    datasets: list[Dataset] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of a run, whatever the detection.

    `now`: epoch seconds, the `_time` of the risk events and what relative times in a search count from. `sid`: prefix
    of the search ids. `keep`: findings kept per detection; what is beyond is counted, ranked and warned about.
    """

    now: float
    sid: str = "hunt"
    label: str = risk.LABEL
    keep: int = KEPT_PER_DETECTION


@dataclass(frozen=True, slots=True)
class Fared:
    """What came of one detection."""

    outcome: Outcome
    warnings: tuple[Warn, ...] = ()
    findings: tuple[Finding, ...] = ()
    risk_events: tuple[Row, ...] = ()
    ranking: Ranking = field(default_factory=Ranking)


def run(
    searcher: Searcher,
    detections: Sequence[Detection],
    profile: Callable[[Detection], Profile],
    order: Order,
    *,
    progress: Progress | None = None,
) -> Detected:
    """Run every detection over all time, one after the other in this process, and collect what it finds."""
    queries = [Query(one.search, now=order.now) for one in detections]
    fared = []
    with searcher.share(queries, progress=None if progress is None else partial(progress, "datasets")) as shared:
        for number, detection in enumerate(detections):
            if progress is not None:
                progress("detections", number, len(detections), detection.name)
            fared.append(one(searcher, detection, profile, order, number))
        datasets = made(shared)
    if progress is not None:
        progress("detections", len(detections), len(detections), "")
    return collected(fared, datasets)


def made(shared: Sharing) -> list[Dataset]:
    """The datasets that a batch shared."""
    return [Dataset(one.name, one.rows, len(one.read), one.uses, one.seconds) for one in shared.found]


def collected(fared: Iterable[Fared], datasets: list[Dataset]) -> Detected:
    """What a number of detections found, in their order."""
    found = Detected(datasets=datasets)
    ranking = Ranking()
    seen: dict[Warn, None] = {}
    for this in fared:
        found.outcomes.append(this.outcome)
        found.findings += this.findings
        found.risk_events += this.risk_events
        ranking.take(this.ranking)
        seen.update(dict.fromkeys(this.warnings))
    found.hosts = ranking.ranked()
    found.warnings = list(seen)
    return found


def one(
    searcher: Searcher,
    detection: Detection,
    profile: Callable[[Detection], Profile],
    order: Order,
    number: int,
) -> Fared:
    """Run one detection, the `number`-th of those asked for. What goes wrong is in the outcome, nothing is raised."""
    started = time.perf_counter()
    this = risk.Run(time=order.now, sid=f"{order.sid}.{number}")
    try:
        known = profile(detection)
        result = searcher.run(detection.search, now=order.now)
    except TraplineError as error:
        warn = Warn(f"detect.not-runnable.{error.code}", error.reason, error.hint, detection.name)
        return Fared(Outcome(detection.name, detection.id, error=warn), (warn,))
    except Exception as error:  # a defect of ours in one of 1,700 detections must not cost the other 1,699
        reason = f"internal error, {type(error).__name__}: {_first_line(str(error))}"
        warn = Warn("detect.defect", reason, "please report it with the detection's file", detection.name)
        return Fared(Outcome(detection.name, detection.id, error=warn), (warn,))
    warnings = [_placed(one, detection.name) for one in result.warnings]
    rows = [row for row in result.rows if not says_nothing(row)]
    if len(rows) < len(result.rows):
        warnings.append(
            Warn(
                "detect.empty-row",
                "the search gives a row that counts nothing even when no event matches; it is not taken as a finding",
                "let the search end in a condition such as | where count > 0",
                detection.name,
            )
        )
    trigger = detection.trigger
    if trigger is not None and rows and not trigger.met(len(rows)):
        reason = f"{len(rows):,} results are no finding: it alerts on a number of results {trigger.relation} "
        warnings.append(Warn("detect.condition", f"{reason}{trigger.quantity:,}", None, detection.name))
        rows = []
    keep = order.keep
    ranking = Ranking()
    findings: list[Finding] = []
    risk_events: list[Row] = []
    for rid, row in enumerate(rows):
        finding, doubts = find(
            detection, row, rid=rid, run=this, tactics=known.tactics, scored=known.scored, listed=rid < keep
        )
        warnings += [one for one in doubts if one not in warnings]
        ranking.add(finding)
        if rid < keep:
            findings.append(finding)
            risk_events += risk.events(
                detection,
                row,
                finding.risk_objects,
                rid=rid,
                run=this,
                annotations=known.annotations,
                label=order.label,
            )
    total = len(rows)
    if total > keep:
        warnings.append(
            Warn(
                "detect.capped",
                f"{total:,} findings, of which the first {keep:,} are listed; all of them count in the ranking",
                "raise --limit, or narrow the detection with its filter macro",
                detection.name,
            )
        )
    seconds = time.perf_counter() - started
    outcome = Outcome(detection.name, detection.id, total, min(total, keep), seconds)
    return Fared(outcome, tuple(warnings), tuple(findings), tuple(risk_events), ranking)


def says_nothing(row: Row) -> bool:
    """Whether a row only counts nothing: what `stats count` without a by clause gives over no events."""
    return all(value in (0, "0", "") for value in row.values())


def _first_line(text: str, most: int = 200) -> str:
    line = text.strip().partition("\n")[0]
    return line if len(line) <= most else line[:most] + "..."


def _placed(warn: Warn, detection: str) -> Warn:
    return warn if warn.where else Warn(warn.code, warn.reason, warn.hint, detection)


def reasons(outcomes: Iterable[Outcome]) -> list[tuple[str, int]]:
    """Why detections could not run, each reason with the number of them, the most frequent first."""
    counts: dict[str, int] = {}
    for one in outcomes:
        if one.error is not None:
            counts[one.error.reason] = counts.get(one.error.reason, 0) + 1
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
