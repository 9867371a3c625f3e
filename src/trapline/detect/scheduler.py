"""The scheduler: runs what is due, and makes what comes of it hold (facts/CONTENT.md §9).

Every run has a time of its schedule, which is its "now"; its window counts from that. All runs of one time are one
tick: they are run, what comes of them is worked out, written to the journal in one transaction, and then put into the
store. A tick that was cut off before the transaction is run again; after it, what is missing in the store is put there.

The searches of a tick may run beside each other (`trapline.detect.crew`); what comes of them is worked out here, in the
order of the tick, whoever ran them. One that writes a table or events runs alone, after those before it and before
those after it. A search that is due again while it runs waits for its turn, as with max_concurrent = 1.
"""

from __future__ import annotations

import hashlib
import re
import time as clock
from bisect import bisect_right
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import tzinfo

from trapline.detect import entries, risk
from trapline.detect.actions import Decided, Exempt, decide
from trapline.detect.crew import Answer, Crew, Task, answers, failure
from trapline.detect.filtering import Filters
from trapline.detect.identity import telling_fields
from trapline.detect.jobs import LOOKBACK, Due, Job, by_time, due
from trapline.detect.late import Lateness
from trapline.detect.notable import Urgency
from trapline.detect.notablequeue import hidden_by
from trapline.detect.place import RAISED, Place
from trapline.detect.risklimits import Limiter, Limits
from trapline.errors import TraplineError, Warn
from trapline.outputs.dispatch import queue
from trapline.outputs.message import Message
from trapline.outputs.output import Output
from trapline.search import Macro
from trapline.spl.parser import parse
from trapline.state.journal import (
    Cursor,
    Journal,
    Kind,
    NewNotable,
    Run,
    Status,
    Throttle,
    Tick,
)
from trapline.state.notables import Notables
from trapline.times import zone
from trapline.values import Row, value_text

MANY = 3
"""So many times of a search ahead make it worth asking first in which minutes there is anything for it."""
LONGEST = 63
"""Runs at most that a search is not asked, where asking has spared none."""
FORGOTTEN = "what they found is not known any more (keep_runs), and would be told again"
TOGETHER = 1.0
"""Seconds for which ticks that find nothing are written down together."""
_OF_RAISED = re.compile(
    rf"\b({'|'.join(RAISED)}|savedsearch|loadjob)\b|index\s*=\s*[\"']?[^\s\"')|]*\*|index\s+in\s*\("
)
"""What in the text of a search, in lower case, may mean such an index: a search that names none sees none of them."""
_WRITES = re.compile(r"\b(outputlookup|outputcsv|collect|savedsearch|map)\b")
"""What in the text of a search, in lower case, may write something that another one reads."""


@dataclass(frozen=True, slots=True)
class Ticked:
    """What a tick did. `time`: of the schedule."""

    time: float
    runs: Sequence[Run]
    risk_events: int = 0
    notables: int = 0
    warnings: Sequence[Warn] = ()
    late: int = 0
    """Runs for whose windows events came late, which were counted now."""
    decided: Mapping[str, Decided] = field(default_factory=dict)
    """What came of the runs that had rows to decide about, by the name of the search."""


@dataclass(slots=True)
class _Ahead:
    """What a search was told about a time range, when the store was in a state. `minutes`: None = cannot be said."""

    earliest: float
    latest: float
    version: object
    minutes: frozenset[float] | None
    pause: int = 0
    """So many runs it is not asked anew after the state has changed."""
    served: bool = False
    """Did it spare a run?"""
    left: int = 0
    """Of the pause."""


@dataclass(slots=True)
class Scheduler:
    """Runs jobs over a place, and writes down in a journal. One per journal at a time: see `trapline.state.lock`."""

    place: Place
    journal: Journal
    jobs: Sequence[Job]
    urgency: Urgency
    watched: Sequence[Job] = ()
    """Searches whose runs late events count for, also those that do not run here; () = `jobs`."""
    macros: Mapping[str, Macro] = field(default_factory=dict)
    filters: Filters | None = None
    """The user's filter macros, which end by themselves; `macros` are those of the moment."""
    exempt: Exempt | None = None
    limits: Limits = field(default_factory=Limits)
    """Of the risk that searches give."""
    outputs: Sequence[Output] = ()
    """Whom notables are sent to: they are queued here, `trapline.outputs.dispatch` sends them."""
    lookback: float = LOOKBACK
    keep_runs: float = 90 * 86_400.0
    """Seconds for which runs, and what was sent, are remembered."""
    tz: str = "UTC"
    simulated: bool = False
    """Runs happen at the time of their schedule, not by the clock."""
    tell: Callable[[Ticked], None] | None = None
    crew: Crew | None = None
    """Who runs the searches beside this process."""
    _ahead: dict[str, _Ahead] = field(default_factory=dict)
    """By search: the minutes that hold something for it."""
    _of_raised: dict[str, bool] = field(default_factory=dict)
    """By search: may it look at the indexes `RAISED`?"""
    _writers: dict[str, bool] = field(default_factory=dict)
    """By search: may it write?"""
    _there: float | None = None
    """Since when it is there; None = it asks only now."""
    _pending: Tick = field(default_factory=Tick)
    _settled: float = field(default_factory=clock.monotonic)
    _arrivals: Lateness = field(default_factory=Lateness)
    _late_runs: int = 0
    """How many runs were found to be late by the last look."""

    def recover(self) -> int:
        """Put into the store what a process that was cut off had decided. Returns the number of events. Raises
        EngineError."""
        return self.journal.deliver(self.place.write)

    def begin(self, moment: float) -> None:
        """Searches that are new start at a moment: later times of their schedule are due. A simulated scheduler is
        there from then on, and misses nothing; what was due before it missed. Raises EngineError."""
        self._there = moment if self.simulated else None
        known = self.journal.cursors()
        new = {job.name: Cursor(moment, moment) for job in self.jobs if job.name not in known}
        if new:
            self.journal.commit(Tick(cursors=new))

    def advance(self, now: float, *, until: Callable[[], bool] = lambda: False) -> int:
        """Run all that is due at a moment, in the order of time; returns the number of runs. `until`: asked between
        ticks, whether to stop. Raises EngineError where the journal or the store cannot be written."""
        self._look()
        zone_ = zone(self.tz)
        cursors = self.journal.cursors()
        wanted = []
        left_out = Tick()
        for job in self.jobs:
            at = cursors.get(job.name)
            if at is None:
                first = job.first(now, zone_)
                at = Cursor(now, now if first is None else first - 1)
            one = due(job, at.scheduled, now, there=self._there, lookback=self.lookback, tz=zone_)
            wanted.append((job, one))
            if one.skipped:
                left_out.runs.append(self._skipped(job, one.skipped, one.reason, zone_))
                left_out.cursors[job.name] = Cursor(at.since, one.skipped[-1])
            cursors[job.name] = at
        if left_out.runs:
            left_out.events.append((entries.SCHEDULER, [entries.ran(one) for one in left_out.runs]))
            self.journal.commit(left_out)
            self._told(Ticked(now, left_out.runs))
        counts = {job.name: len(one.times) for job, one in wanted}
        last = {job.name: one.times[-1] for job, one in wanted if one.times}
        ran = 0
        try:
            for time, ready in by_time(wanted):
                if until():
                    break
                self._look_ahead([job for job in ready if counts[job.name] >= MANY], time, last, zone_)
                ran += self.tick(time, ready, cursors)
        finally:
            self.settle()
        return ran

    def missing(self, start: float, end: float, *, again: bool = False) -> list[tuple[Job, Due]]:
        """The times of the schedules from one moment to another that have no run which ended well, or to whose window
        events came late; all of them to run them `again`. Those are left out for which it is not known any more what
        was found: it would be told again. Raises EngineError."""
        zone_ = zone(self.tz)
        runs = self.journal.runs(earliest=start, latest=end, statuses=[Status.DONE])
        late = {(one.search, one.scheduled) for one in runs if one.late}
        forgotten = self.journal.forgotten()
        done = set() if again else {(one.search, one.scheduled) for one in runs} - late
        found = []
        for job in self.jobs:
            times = tuple(one for one in job.cron.between(start - 1, end - 1, zone_) if (job.name, one) not in done)
            known = bisect_right(times, forgotten.get(job.name, float("-inf")))
            found.append((job, Due(times[known:], times[:known], FORGOTTEN)))
        return found

    def backfill(self, wanted: Sequence[tuple[Job, Due]], *, until: Callable[[], bool] = lambda: False) -> int:
        """Run times of the past; what was found there before is known and not told again. Returns the number of runs.
        Raises EngineError."""
        self._look()
        ran = 0
        try:
            for time, ready in by_time(wanted):
                if until():
                    break
                ran += self.tick(time, ready, {}, Kind.BACKFILL)
        finally:
            self.settle()
        return ran

    def late(self) -> int:
        """Look at the store, and count the events that came to it for windows that were searched before; returns how
        many runs they concern. Raises EngineError."""
        self._look()
        return self._late_runs

    def _look(self) -> None:
        """See what came to the store. What came late is counted before anything is run over it."""
        self.place.refresh()
        self.recover()
        jobs = [job for job in self.watched or self.jobs if not self._reads_raised(job)]
        self._late_runs = self._arrivals.look(jobs, self.journal, self.place)
        if self._late_runs:
            self.recover()
            self._told(Ticked(self.place.seen, (), late=self._late_runs))

    def settle(self) -> None:
        """Make what was decided hold. Raises EngineError."""
        if self._pending.runs:
            tick, self._pending = self._pending, Tick()
            self.journal.commit(tick)
        self.recover()
        self._settled = clock.monotonic()

    def tick(
        self, time: float, ready: Sequence[Job], cursors: Mapping[str, Cursor], kind: Kind = Kind.SCHEDULED
    ) -> int:
        """Run jobs at a time of their schedule. What comes of it holds with `settle` at the latest, and at once where
        something was found. Raises EngineError; then nothing of it holds."""
        self._filter(time if self.simulated else clock.time())
        zone_ = zone(self.tz)
        tick = Tick()
        risk_events = notables = 0
        warnings: list[Warn] = []
        messages: list[Message] = []
        suppressed: set[str] = set()
        of: dict[str, Decided] = {}
        throttles = self.journal.throttles(time) if any(job.throttle for job in ready) else {}
        busy = [job for job in ready if not self._idle(job, time, zone_)]
        log: list[Row] = []
        with closing(self._answers(busy, time, zone_)) as come:
            for job in ready:
                answer = next(come) if job in busy else None
                run, decided = self._run(answer, job, time, kind, throttles, zone_)
                tick.runs.append(run)
                log.append(entries.ran(run, decided))
                if kind is Kind.SCHEDULED:
                    at = cursors.get(job.name)
                    tick.cursors[job.name] = Cursor(at.since if at is not None else time, time)
                if decided is None:
                    continue
                of[job.name] = decided
                log += entries.hidden(run, decided)
                tick.found += decided.found
                tick.throttles += decided.throttles
                tick.scores += decided.scores
                tick.notables += decided.notables
                tick.events += [("risk", decided.risk_events), ("notable", decided.notable_events)]
                risk_events += len(decided.risk_events)
                notables += len(decided.notables)
                warnings += decided.warnings
                if decided.notables and self.outputs:
                    rules = Notables(self.journal.database).suppressions()
                    for one, sent in zip(decided.notables, decided.messages, strict=True):
                        messages.append(sent)
                        if hidden_by(one, rules, clock.time()):
                            suppressed.add(sent.key)
            next(come, None)  # it ends
        if self.crew is not None:
            warnings += self.crew.warnings()
        if messages:
            tick.also.append(
                lambda connection: queue(connection, self.outputs, messages, clock.time(), hidden=suppressed)
            )
        tick.events.append((entries.SCHEDULER, log))
        # Times at which nothing was found may hold together: to run them again costs nothing.
        self._pending.add(tick)
        if tick.found or tick.notables or clock.monotonic() - self._settled > TOGETHER:
            self.settle()
        self._told(Ticked(time, tick.runs, risk_events, notables, warnings, decided=of))
        return len(ready)

    def _answers(self, busy: Sequence[Job], time: float, tz: tzinfo) -> Generator[Answer]:
        """What comes of searches at a time, in their order."""
        if not busy:
            return
        session = self.place.session()
        writers = {job.name for job in busy if self._writes(job)}
        for part in _parts(busy, writers if self.crew is not None and self.crew.worth(len(busy)) else ()):
            tasks = [Task(job.detection.search, *job.window(time, tz), time) for job in part]
            if self.crew is None or part[0].name in writers:
                yield from answers(session, tasks)
            else:
                yield from self.crew.answers(session, tasks)
        if writers and self.crew is not None:
            self.crew.forget()

    def _run(
        self,
        answer: Answer | None,
        job: Job,
        time: float,
        kind: Kind,
        throttles: Mapping[tuple[str, str], Throttle],
        tz: tzinfo,
    ) -> tuple[Run, Decided | None]:
        begun = clock.perf_counter()
        started = self.place.seen
        earliest, latest = job.window(time, tz)
        sid = _sid(job, time, kind, started)

        def ended(status: Status, rows: int = 0, findings: int = 0, reason: str | None = None) -> Run:
            seconds = round(clock.perf_counter() - begun + (0.0 if answer is None else answer.seconds), 6)
            return Run(
                job.name, time, kind, sid, earliest, latest, started, seconds, status, rows, findings, reason=reason
            )

        if answer is None:
            return ended(Status.DONE), None
        result = answer.result
        if result is None:
            return ended(Status.FAILED, reason=answer.failure), None
        known = self.journal.found(job.name, time) if kind is Kind.BACKFILL else {}
        guid = self.journal.id
        try:
            decided = decide(
                job,
                result.rows,
                risk.Run(time if self.simulated else clock.time(), sid, earliest, latest),
                time,
                by=telling_fields(job.detection.search, self.macros) if result.rows else (),
                throttles=throttles,
                known=known,
                guid=guid,
                urgency=self.urgency,
                exempt=self.exempt,
                limit=self._limit(job, time) if result.rows else None,
            )
            if self.outputs:
                decided.messages = [message(one, decided) for one in decided.notables]
        except Exception as error:  # a defect of ours in one search must not stop the others
            return ended(Status.FAILED, reason=failure(error)), None
        decided.warnings += result.warnings
        notes = [str(one) for one in decided.warnings]
        run = ended(Status.DONE, len(result.rows), len(decided.findings), "; ".join(notes)[:2000] or None)
        return replace(run, duplicates=decided.duplicates, capped=decided.capped), decided

    def _filter(self, now: float) -> None:
        """Filters that have ended, or apply by now, make other searches."""
        if self.filters is not None and self.filters.at(now):
            self.macros = self.filters.macros
            self.place.renew()
            self._ahead.clear()
            self._of_raised.clear()
            self._writers.clear()

    def _limit(self, job: Job, time: float) -> Limiter | None:
        reach = self.limits.reach
        if not reach:
            return None
        given = self.journal.scores(job.name, time - reach, time + reach)
        return Limiter(self.limits, job.name, time, given)

    def _skipped(self, job: Job, times: Sequence[float], reason: str, tz: tzinfo) -> Run:
        earliest, _ = job.window(times[0], tz)
        _, latest = job.window(times[-1], tz)
        count = f"{len(times):,} runs are left out: " if len(times) > 1 else ""
        sid = _sid(job, times[-1], Kind.SCHEDULED, times[-1])
        return Run(
            job.name,
            times[-1],
            Kind.SCHEDULED,
            sid,
            earliest,
            latest,
            clock.time(),
            0.0,
            Status.SKIPPED,
            reason=f"{count}{reason}",
        )

    def _look_ahead(self, jobs: Sequence[Job], time: float, last: Mapping[str, float], tz: tzinfo) -> None:
        """Ask once in which minutes of many windows, of a time and all later ones, there is anything for searches."""
        wanted: list[tuple[Job, Task, object, int]] = []
        for job in jobs:
            version = self._version(job)
            known = self._ahead.get(job.name)
            earliest, _ = job.window(time, tz)
            _, latest = job.window(last[job.name], tz)
            if earliest is None or latest is None:
                continue
            pause = 0
            if known is not None and known.earliest <= earliest and latest <= known.latest:
                if known.version == version:
                    continue
                # Where something is raised at each time, to ask costs as much as to run, and spares nothing.
                if known.left:
                    known.left -= 1
                    continue
                pause = 0 if known.served else min(2 * known.pause + 1, LONGEST)
            wanted.append((job, Task(job.detection.search, earliest, latest, time, minutes=True), version, pause))
        if not wanted:
            return
        session, tasks = self.place.session(), [task for _, task, _, _ in wanted]
        found = answers(session, tasks) if self.crew is None else self.crew.answers(session, tasks)
        for (job, task, version, pause), answer in zip(wanted, found, strict=True):
            assert task.earliest is not None
            assert task.latest is not None
            # One that fails says so itself, when it is run.
            self._ahead[job.name] = _Ahead(task.earliest, task.latest, version, answer.minutes, pause, left=pause)

    def _version(self, job: Job) -> object:
        """Another value when what a search may look at has changed."""
        return (self.place.version(), self.place.raised()) if self._reads_raised(job) else self.place.version()

    def _reads_raised(self, job: Job) -> bool:
        """Whether a search may look at what searches of earlier times raise: then it is asked again when something
        was raised."""
        if job.name not in self._of_raised:
            self._of_raised[job.name] = reads_raised(job, self.macros)
        return self._of_raised[job.name]

    def _writes(self, job: Job) -> bool:
        """Whether a search may write what another one reads."""
        if job.name not in self._writers:
            self._writers[job.name] = _named(_WRITES, job, self.macros)
        return self._writers[job.name]

    def _idle(self, job: Job, time: float, tz: tzinfo) -> bool:
        """Whether it is known that a run finds nothing."""
        known = self._ahead.get(job.name)
        if known is None or known.minutes is None or known.version != self._version(job):
            return False
        earliest, latest = job.window(time, tz)
        if earliest is None or latest is None or earliest < known.earliest or latest > known.latest:
            return False
        low = earliest - earliest % 60
        if any(low <= minute < latest for minute in known.minutes):
            return False
        known.served = True
        return True

    def _told(self, ticked: Ticked) -> None:
        if self.tell is not None:
            self.tell(ticked)


def reads_raised(job: Job, macros: Mapping[str, Macro]) -> bool:
    """Whether a search may look at the indexes that the scheduler itself writes to."""
    return _named(_OF_RAISED, job, macros)


def _named(what: re.Pattern[str], job: Job, macros: Mapping[str, Macro]) -> bool:
    """Whether a pattern is in the text of a search, its macros expanded, in lower case."""
    try:
        text = parse(job.detection.search, macros).text.lower()
    except TraplineError:
        return False  # it says so itself, when it is run
    return what.search(text) is not None


def _parts(jobs: Sequence[Job], alone: Collection[str]) -> list[list[Job]]:
    """Jobs in their order; each of those named `alone` is a part of its own."""
    parts: list[list[Job]] = []
    joins = False
    for job in jobs:
        if joins and job.name not in alone:
            parts[-1].append(job)
        else:
            parts.append([job])
        joins = job.name not in alone
    return parts


def message(notable: NewNotable, decided: Decided) -> Message:
    """A notable as outputs send it."""
    finding = next((one for one in decided.findings if str(one.rid) == notable.fields.get("orig_rid")), None)
    return Message.of(
        notable.event_id,
        time=notable.time,
        title=notable.title,
        severity=notable.severity,
        urgency=notable.urgency,
        search=notable.search,
        description=value_text(notable.fields.get("rule_description") or ""),
        entity=notable.entity,
        entity_type=notable.entity_type,
        body=notable.fields,
        drilldowns=[one.texts() for one in finding.drilldowns] if finding is not None else [],
    )


def _sid(job: Job, time: float, kind: Kind, started: float) -> str:
    stem = "".join(one if one.isalnum() else "_" for one in job.detection.name)
    stem += f"_{hashlib.sha256(job.name.encode()).hexdigest()[:8]}"  # names may differ in other characters only
    again = f"_{started:.6f}" if kind is Kind.BACKFILL else ""
    return f"scheduler__{stem}_at_{time:.0f}{again}"
