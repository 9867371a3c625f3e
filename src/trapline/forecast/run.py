"""Detections over the history of a store as the scheduler would have run them, without a trace in the store.

The scheduler itself runs, on its simulated clock, over a place that reads the events of the store and puts what it
raises into a throwaway store beside it: risk rules see the risk events of the forecast, and not those of the past.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from trapline.content.catalog import Content, calls, is_filter
from trapline.content.model import Detection
from trapline.detect.actions import Exempt
from trapline.detect.entries import SCHEDULER
from trapline.detect.jobs import Job
from trapline.detect.notable import Urgency
from trapline.detect.place import RAISED
from trapline.detect.run import Progress
from trapline.detect.scheduler import Scheduler, Ticked, reads_raised
from trapline.errors import TraplineError, Warn
from trapline.forecast import noise, patch
from trapline.forecast.model import DAY, Cost, Expected, Forecast, Line
from trapline.forecast.tally import Tally
from trapline.knowledge.sharing import Sharing
from trapline.plan import Table
from trapline.search import Arrivals, Macro, Query, Result, Session
from trapline.state.database import Database
from trapline.state.journal import Journal, Outgoing
from trapline.store import Store, collected
from trapline.times import zone

AFTER = 3_600.0
"""Seconds after the newest event that still belong to the history: windows end some minutes before the run."""
NOISY = 5.0
"""Alerts a day from which filter lines are made for a detection."""
WARNINGS = 100


@dataclass(slots=True)
class _Meter:
    """What searches cost, by their text."""

    of: dict[str, Cost] = field(default_factory=dict)
    shared: Cost = field(default_factory=Cost)

    def spent(self, spl: str | None, begun: tuple[float, float]) -> None:
        seconds, cpu = time.perf_counter() - begun[0], time.process_time() - begun[1]
        old = self.shared if spl is None else self.of.get(spl, Cost())
        new = Cost(old.made + 1, old.seconds + seconds, old.cpu + cpu, max(old.longest, seconds))
        if spl is None:
            self.shared = new
        else:
            self.of[spl] = new


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


@dataclass(slots=True)
class _Metered:
    """A session whose searches are timed."""

    session: Session
    meter: _Meter

    def run(
        self,
        spl: str,
        *,
        earliest: str | float | None = None,
        latest: str | float | None = None,
        now: float | None = None,
    ) -> Result:
        begun = _now()
        try:
            return self.session.run(spl, earliest=earliest, latest=latest, now=now)
        finally:
            self.meter.spent(spl, begun)

    @contextmanager
    def share(
        self, queries: Iterable[Query], *, progress: Callable[[int, int, str], None] | None = None
    ) -> Iterator[Sharing]:
        begun = _now()
        with self.session.share(queries, progress=progress) as sharing:
            self.meter.spent(None, begun)
            yield sharing

    def minutes(self, spl: str, earliest: float, latest: float) -> frozenset[float] | None:
        begun = _now()
        try:
            return self.session.minutes(spl, earliest, latest)
        finally:
            self.meter.spent(None, begun)

    def arrivals(self, spl: str, earliest: float, latest: float, since: float) -> Sequence[Arrivals] | None:
        return self.session.arrivals(spl, earliest, latest, since)


class History:
    """The events of a store that are there now, and what a forecast raises beside it."""

    def __init__(
        self,
        events: Sequence[Table],
        beside: Store,
        make: Callable[[Sequence[Table]], Session],
        meter: _Meter,
        *,
        keep: bool = True,
    ) -> None:
        """`keep`: what is raised is looked at; without it, it is counted only."""
        self._keep = keep
        self._events = tuple(events)
        self._beside = beside
        self._make = make
        self._meter = meter
        self._made: tuple[Table, ...] = ()
        self._session: _Metered | None = None
        self.seen = time.time()

    def refresh(self) -> None:
        """What comes to the store meanwhile is no part of the history."""

    def session(self) -> _Metered:
        if self._session is None:
            self._session = _Metered(self._make((*self._events, *self._made)), self._meter)
        return self._session

    def renew(self) -> None:
        self._session = None

    def version(self) -> object:
        return self._events

    def raised(self) -> object:
        return self._made

    def write(self, ready: Sequence[Outgoing]) -> None:
        """Records of runs are left out: there are as many as runs, and they tell nothing new."""
        wanted = [one for one in ready if one.index != SCHEDULER] if self._keep else []
        for index in dict.fromkeys(one.index for one in wanted):
            portions = [collected.portion(one.source, one.number, one.events) for one in wanted if one.index == index]
            self._beside.append(index, portions)
        if wanted:
            self._made = self._beside.snapshot().tables
            self._session = None


def history(tables: Sequence[Table], days: float, end: float | None, now: float) -> tuple[float, float]:
    """First and last moment of a forecast: epoch seconds. Without `end` it is an hour after the newest event, and not
    after `now`. It starts no earlier than the events. Raises TraplineError for a store without events."""
    events = [one for one in tables if one.index not in RAISED and one.rows]
    oldest = min((one.earliest for one in events if one.earliest is not None), default=None)
    newest = max((one.latest for one in events if one.latest is not None), default=None)
    if oldest is None or newest is None:
        raise TraplineError(
            "the store holds no events, so there is no history",
            hint="read logs in: trapline ingest",
            code="forecast.empty",
        )
    last = min(newest / 1e6 + AFTER, now) if end is None else end
    first = max(last - days * DAY, oldest / 1e6)
    if first >= last:
        raise TraplineError(
            "the store holds no events of that time",
            hint="name another end with --to, or more --days",
            code="forecast.empty",
        )
    return first, last


def forecast(
    content: Content,
    jobs: Sequence[Job],
    tables: Sequence[Table],
    make: Callable[[Sequence[Table], Store], Session],
    *,
    span: tuple[float, float],
    days: float,
    urgency: Urgency,
    macros: dict[str, Macro],
    exempt: Exempt | None = None,
    tz: str = "UTC",
    noisy: float = NOISY,
    own: Sequence[str] = (),
    warnings: Sequence[Warn] = (),
    progress: Progress | None = None,
) -> Forecast:
    """What jobs would have raised from one moment to another, with what exceptions and throttles hold back left out.

    `tables`: of the store. `make`: a session over tables, whose `collect` writes to the store given. `noisy`: alerts a
    day from which filter lines are made, for as many as are beyond. `own`: the user's macro files. A search that cannot
    run is told and stops nothing. Raises EngineError where the temporary folder cannot be written.
    """
    begun = time.perf_counter()
    start, end = span
    zone_ = zone(tz)
    # Simulated, every time of the schedule is run: what catching up leaves out is no part of a forecast.
    ready = [replace(job, continuous=True, skew=0.0) for job in jobs]
    tallies = {job.name: Tally(job.detection, tz) for job in ready}
    meter = _Meter()
    seen: dict[Warn, None] = dict.fromkeys(warnings)
    times = len({at for job in ready for at in job.cron.between(start, end, zone_)}) if progress is not None else 0
    ticks = 0

    def tell(ticked: Ticked) -> None:
        nonlocal ticks
        for run in ticked.runs:
            tallies[run.search].add(run, ticked.decided.get(run.search))
        for warn in ticked.warnings:
            if len(seen) < WARNINGS:
                seen.setdefault(warn)
        ticks += bool(ticked.runs)
        if progress is not None:
            progress("forecast", ticks, times, time.strftime("%Y-%m-%d %H:%M", time.gmtime(ticked.time)))

    with Store.throwaway() as beside:
        place = History(
            [one for one in tables if one.index not in RAISED],
            beside,
            lambda given: make(given, beside),
            meter,
            keep=any(reads_raised(job, macros) or "collect" in job.detection.search for job in ready),
        )
        scheduler = Scheduler(
            place,
            Journal(Database.at(beside.path / "state.db")),
            ready,
            urgency,
            macros=macros,
            exempt=exempt,
            tz=tz,
            simulated=True,
            tell=tell,
        )
        scheduler.begin(start)
        scheduler.advance(end)
    length = (end - start) / DAY
    found = [_expected(tallies[job.name], job, meter, length, noisy) for job in ready]
    found.sort(key=lambda one: (-one.alerts, -one.rows, one.name))
    text, doubts = patch.diff(content, _wanted(content, found), own)
    return Forecast(
        start=start,
        end=end,
        detections=found,
        shared=meter.shared,
        seconds=time.perf_counter() - begun,
        patch=text,
        asked_days=days,
        warnings=[*seen, *doubts],
    )


def _expected(tally: Tally, job: Job, meter: _Meter, length: float, noisy: float) -> Expected:
    detection = job.detection
    target = int(noisy * length)
    lines: list[Line] = []
    if tally.alerts > target:
        share = len(tally.sample) / tally.alerts
        lines = noise.lines(detection, tally.sample, int(target * share))
    return Expected(
        name=detection.name,
        id=detection.id,
        type=detection.type.value,
        cron=job.cron.text,
        runs=tally.runs,
        failed=tally.failed,
        reason=tally.reason,
        rows=tally.rows,
        exempt=tally.exempt,
        throttled=tally.throttled,
        alerts=tally.alerts,
        notables=tally.notables,
        risk_events=tally.risk_events,
        days=sorted(tally.days.items()),
        entities=len(tally.entities),
        entities_more=tally.more_entities,
        cost=meter.of.get(detection.search, Cost()),
        top=tally.top(),
        lines=lines,
        exceptions=dict(tally.exceptions),
        macro=_macro(detection),
        looked_at=len(tally.sample) if lines else 0,
    )


def _macro(detection: Detection) -> str:
    """The filter macro that the search calls."""
    return next((one.name for one in calls(detection.search) if is_filter(detection, one.name)), "")


def _wanted(content: Content, found: Sequence[Expected]) -> dict[str, str]:
    """Filter macros by name, as they would be defined."""
    wanted = {}
    for one in found:
        if one.lines and one.macro:
            known = content.macro_defs.get(one.macro)
            wanted[one.macro] = noise.definition(known.definition if known is not None else None, one.lines)
    return wanted
