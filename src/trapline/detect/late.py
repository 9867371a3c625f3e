"""Late events: those that came to the store after the windows in which they lie were searched.

The scheduler works over the store as it was at a moment. Whenever it looks again, what has come is told from what was
there by the stamp that each append has (`_indextime`, microseconds), and counted for the runs that are written down
already: none of them can have seen it. What was there is written down in the same transaction, so that an event counts
once, also over restarts and kills.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trapline.detect import entries
from trapline.detect.jobs import Job
from trapline.detect.place import Place
from trapline.search import Arrivals
from trapline.state.journal import Arrived, Journal, Run, Status, Tick
from trapline.values import Row

SLACK = 120.0
"""Seconds that an append may take from its stamp to the moment from which it is seen in the store."""
_ALWAYS = (-1e10, 1e11)
"""All times that an event may have: epoch seconds."""


@dataclass(slots=True)
class Lateness:
    """Counts late events, once each."""

    _of: object = None
    """The state of the store that was looked at last."""

    def look(self, jobs: Sequence[Job], journal: Journal, place: Place) -> int:
        """Count what came to the store since the last look for the runs of searches; how many runs it concerns. Raises
        EngineError."""
        version = place.version()
        if version == self._of:
            return 0
        before, session = journal.arrived(), place.session()
        since = (place.seen if before is None else before.until) - SLACK
        here = session.arrivals("index=*", *_ALWAYS, since) or ()
        there = frozenset() if before is None else before.stamps
        came = [one for one in here if _stamp(one) not in there]
        counted: list[tuple[Run, int]] = []
        if before is not None and came:
            span = (min(one.minute for one in came), max(one.minute for one in came) + 60)

            def fresh(search: str) -> Sequence[Arrivals]:
                """Of what came, that which a search looks at; all of it where that cannot be said."""
                try:
                    found = session.arrivals(search, *span, since)
                except Exception:  # it says so itself, when it is run; the others go on
                    found = None
                return came if found is None else [one for one in found if _stamp(one) not in there]

            for job in jobs:
                counted += _counted(journal, job, span, fresh)
        stamps = there | {_stamp(one) for one in here}
        kept = frozenset(one for one in stamps if one >= (place.seen - SLACK) * 1e6)
        log: list[Row] = [entries.late(run, count, place.seen) for run, count in counted]
        late = {run.sid: count for run, count in counted}
        tick = Tick(events=[(entries.SCHEDULER, log)])
        journal.note_arrived(Arrived(place.seen, kept), late, tick)
        self._of = version
        return len(counted)


def _counted(
    journal: Journal, job: Job, span: tuple[float, float], fresh: Callable[[str], Sequence[Arrivals]]
) -> list[tuple[Run, int]]:
    """The runs of a search whose windows have something of what came, and how much."""
    runs = journal.runs((job.name,), statuses=[Status.DONE], over=span)
    # Of several looks at a window the last one counts.
    touched = {one.scheduled: one for one in sorted(runs, key=lambda one: one.started)}
    came = fresh(job.detection.search) if touched else ()
    counts = [(run, sum(one.count for one in came if _within(one, run))) for run in touched.values()]
    return [(run, count) for run, count in counts if count]


def _within(one: Arrivals, run: Run) -> bool:
    after = run.earliest is None or one.minute + 60 > run.earliest
    return after and (run.latest is None or one.minute < run.latest)


def _stamp(one: Arrivals) -> int:
    return round(one.arrived * 1e6)
