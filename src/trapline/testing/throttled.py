"""Whether the throttling of a detection holds: three runs on the scheduler's own clock over the same events."""

from __future__ import annotations

import math

from trapline.content.model import Detection
from trapline.detect.jobs import jobs
from trapline.detect.place import StorePlace
from trapline.detect.scheduler import Scheduler, Ticked
from trapline.detect.settings import Override
from trapline.detect.urgency import urgency_of
from trapline.state.journal import Journal
from trapline.store import Store
from trapline.testing.model import Failure
from trapline.testing.place import Surroundings
from trapline.testing.state import state_of

_OVERALL = Override(cron="* * * * *", earliest="0", latest="now", skew=0.0)


def throttled(detection: Detection, around: Surroundings, store: Store, now: float) -> list[Failure]:
    """The first run must raise something, one within the period nothing, one after it something again. Raises
    TraplineError where the store or its state database cannot be written."""
    made, refused = jobs(around.content, [detection], around.profile, lambda _: _OVERALL)
    if not made:
        return [Failure(f"it cannot be scheduled: {one.reason}", one.hint, code="schedule") for one in refused]
    job = made[0]
    assert job.throttle is not None
    ticks: list[Ticked] = []
    journal = Journal(state_of(store))
    scheduler = Scheduler(
        StorePlace(store, around.over(store)),
        journal,
        [job],
        urgency_of(around.knowledge, None),
        macros=around.macros,
        simulated=True,
        tell=ticks.append,
    )
    start = math.ceil(now / 60) * 60.0
    period = job.throttle.seconds
    for moment in (start, start + period / 2, start + period):
        scheduler.tick(moment, [job], journal.cursors())
        scheduler.settle()
        scheduler.place.refresh()
    failed = next((run for tick in ticks for run in tick.runs if run.reason and run.status.value == "failed"), None)
    if failed is not None:
        return [Failure(f"a scheduled run failed: {failed.reason}", code="schedule")]
    first, second, third = (tick.risk_events + tick.notables for tick in ticks)
    fields = ", ".join(job.throttle.fields)
    if not first:
        hint = "its deployment makes neither risk events nor notables of it" if ticks[0].runs[0].findings else None
        return [Failure("the first run raises nothing that could be throttled", hint, code="throttled")]
    if second:
        reason = f"a run {period / 2:g} s later raises {second:,} events again, within the period of {period:,} s"
        return [Failure(reason, f"are the throttling fields ({fields}) in the rows, and alike?", code="throttled")]
    if not third:
        return [Failure(f"a run after the period of {period:,} s still raises nothing", None, code="throttled")]
    return []
