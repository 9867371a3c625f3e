"""Jobs: detections as the scheduler runs them, with the schedule and actions of their deployment and the user's own.

Source: savedsearches.conf.spec (cron_schedule, dispatch.earliest_time, realtime_schedule, schedule_window,
allow_skew, alert.suppress); facts/CONTENT.md §3 and §9.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, tzinfo

from trapline.content.catalog import Content
from trapline.content.model import Detection, Notable, Throttle
from trapline.detect import cron
from trapline.detect.cron import Cron
from trapline.detect.run import Profile
from trapline.detect.settings import Override
from trapline.errors import TraplineError, Warn
from trapline.times import time_bound

LOOKBACK = 86_400.0
"""Seconds that a continuous search catches up at most (limits.conf, max_continuous_scheduled_search_lookback)."""
_SKEWED = ("* * * * *", "*/", "0 * * * *", "0 */", "0 0 * * *")
"""Schedules whose runs may be moved within their period; of others only within the minute (facts/CONTENT.md §9)."""


@dataclass(frozen=True, slots=True)
class Job:
    """A detection on its schedule."""

    name: str
    """Of its saved search: `ESCU - <name> - Rule`."""
    detection: Detection
    cron: Cron
    earliest: str
    latest: str
    continuous: bool = True
    """Every time of the schedule is run, late ones too (realtime_schedule = 0)."""
    flexible: bool = False
    """It may wait for others (schedule_window)."""
    skew: float = 0.0
    """Seconds after its time at which it runs; its window stays."""
    notable: Notable | None = None
    throttle: Throttle | None = None
    profile: Profile = field(default_factory=Profile)

    def window(self, scheduled: float, tz: tzinfo = UTC) -> tuple[float | None, float | None]:
        """The time range of a run: epoch seconds, None = open. Raises SplError for a bound that is no time."""
        earliest = time_bound(self.earliest or None, scheduled, what="earliest", tz=tz) or None
        latest = time_bound(self.latest or None, scheduled, what="latest", tz=tz)
        return earliest, scheduled if latest is None else latest

    def first(self, now: float, tz: tzinfo = UTC) -> float | None:
        """The last time of the schedule that is not after now; None where there is none in eight years."""
        span = 7_200.0
        while span < 8 * 366 * 86_400:
            times = list(self.cron.between(now - span, now, tz))
            if times:
                return times[-1]
            span *= 4
        return None


@dataclass(frozen=True, slots=True)
class Due:
    """What a job has to do: times to run, and those that are left out, with the reason."""

    times: tuple[float, ...]
    skipped: tuple[float, ...] = ()
    reason: str = ""


def due(
    job: Job, after: float, now: float, *, there: float | None = None, lookback: float = LOOKBACK, tz: tzinfo = UTC
) -> Due:
    """The times of a schedule after the one that was last accounted for, until now.

    All are run for which the scheduler is there, which it is from the moment `there`, default now. Of those before it a
    continuous search runs all but those longer ago than `lookback`; another one only the last of all.
    """
    there = now if there is None else there
    times = tuple(one for one in job.cron.between(after, now - job.skew, tz))
    if job.continuous:
        kept = tuple(one for one in times if one >= there - lookback)
        reason = f"longer ago than the {lookback / 3600:g} hours that a continuous search catches up"
    else:
        kept = tuple(one for one in times if one + job.skew > there) or times[-1:]
        reason = "the scheduler was not there, or busy; a search with realtime_schedule does not catch up"
    return Due(kept, times[: len(times) - len(kept)], reason)


def jobs(
    content: Content,
    detections: Iterable[Detection],
    profile: Callable[[Detection], Profile],
    overrides: Callable[[Detection], Override | None] = lambda _: None,
    *,
    tz: tzinfo = UTC,
) -> tuple[list[Job], list[Warn]]:
    """The jobs of detections, by name, and why others cannot be scheduled."""
    made: list[Job] = []
    refused: list[Warn] = []
    for detection in detections:
        try:
            job = _job(content, detection, profile(detection), overrides(detection) or Override())
            job.window(0.0, tz)
        except TraplineError as error:
            refused.append(Warn(f"schedule.{error.code}", error.reason, error.hint, detection.name))
        else:
            made.append(job)
    return sorted(made, key=lambda one: one.name), refused


def _job(content: Content, detection: Detection, profile: Profile, own: Override) -> Job:
    deployment = content.deployment_of(detection)
    schedule = deployment.schedule
    times = cron.parse(own.cron or schedule.cron)
    name = detection.rule_name
    return Job(
        name=name,
        detection=detection,
        cron=times,
        earliest=schedule.earliest if own.earliest is None else own.earliest,
        latest=schedule.latest if own.latest is None else own.latest,
        continuous=schedule.continuous if own.continuous is None else own.continuous,
        flexible=schedule.window.strip() not in ("", "0"),
        skew=_skew(name, times, own.skew),
        notable=_notable(deployment.notable, own.notable),
        throttle=own.throttle or detection.throttle,
        profile=profile,
    )


def _notable(given: Notable | None, wanted: bool | None) -> Notable | None:
    if wanted is None:
        return given
    return (given or Notable("%name%", "%description%")) if wanted else None


def _skew(name: str, times: Cron, share: float) -> float:
    """A moment within the period (allow_skew as a share of it) that is always the same for a search."""
    if not share:
        return 0.0
    skewed = times.text in _SKEWED or any(times.text.startswith(one) for one in _SKEWED if one.endswith("/"))
    period = times.period(0.0) if skewed else 60.0
    place = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64
    return float(int(place * share * period))


def by_time(wanted: Iterable[tuple[Job, Due]]) -> Iterator[tuple[float, list[Job]]]:
    """Runs in the order in which they are made: by time, those that may wait after the others."""
    at: dict[float, list[Job]] = {}
    for job, one in wanted:
        for time in one.times:
            at.setdefault(time, []).append(job)
    for time in sorted(at):
        yield time, sorted(at[time], key=lambda job: (job.flexible, job.name))
