"""The part of `trapline doctor` that looks at what the scheduler wrote down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from trapline.detect.checkup import Check, duration, fail, names, ok, warn
from trapline.detect.clockgaps import Gap, changes, gaps
from trapline.detect.finding import iso
from trapline.detect.jobs import Job
from trapline.detect.settings import Settings
from trapline.state import figures
from trapline.state.database import HEAD, Database, step
from trapline.state.deliveries import Deliveries
from trapline.state.deliveries import Status as Delivery
from trapline.state.journal import Cursor, Journal, Status
from trapline.times import zone

BACK = 30 * 86_400.0
"""Seconds in which what was left out, and late events, are looked for."""
BEHIND = 600.0
"""Seconds that a search may be behind its schedule."""


def checks(place: str | Path, jobs: Sequence[Job], settings: Settings, now: float, *, running: bool) -> Iterator[Check]:
    """The state database, the runs and the outputs. Raises TraplineError."""
    if isinstance(place, Path) and not place.is_file():
        yield warn("state", "nothing was scheduled yet", "trapline run")
        return
    at = step(place)
    if at != HEAD:
        newer = at is not None and at > HEAD
        text = f"the state database is at step {at}, this Trapline is at {HEAD}"
        if newer:
            yield fail("state", text, "use the newer Trapline")
        else:
            yield warn("state", text, "the next trapline run brings it up to date; keep a copy before")
        return
    database = Database.at(place)
    with database.write():
        pass  # it can be written
    yield ok("state", f"{database.name} is at step {at} and can be written")
    journal = Journal(database)
    cursors = journal.cursors()
    yield _lag(jobs, cursors, settings, now, running)
    yield _failures(journal, jobs, now)
    yield from _left_out(journal, jobs, cursors, settings, now)
    yield from _changes(jobs, settings, now)
    yield from _late(journal, now)
    yield from _deliveries(database)
    waiting = figures.undelivered(database)
    if waiting and not running:
        yield warn("outbox", f"{waiting:,} writes to the store are decided and not made", "trapline run --once")


def _lag(jobs: Sequence[Job], cursors: dict[str, Cursor], settings: Settings, now: float, running: bool) -> Check:
    tz = zone(settings.tz)
    ahead = [job.name for job in jobs if job.name in cursors and cursors[job.name].scheduled > now + 60]
    if ahead:
        last = max(cursors[name].scheduled for name in ahead)
        text = f"{len(ahead):,} searches are accounted for until {iso(last)}, which is to come: {names(ahead)}"
        return fail("lag", text, "nothing runs before; was the clock set back, or --clock run on this store?")
    behind: list[tuple[float, str]] = []
    for job in jobs:
        if job.name in cursors:
            first = next(iter(job.cron.between(cursors[job.name].scheduled, now - job.skew, tz)), None)
            if first is not None and now - first > BEHIND:
                behind.append((now - first, job.name))
    if not behind:
        return ok("lag", f"no search is more than {duration(BEHIND)} behind its schedule")
    longest = max(behind)[0]
    text = f"{len(behind):,} searches are behind, by up to {duration(longest)}: {names([name for _, name in behind])}"
    if longest > settings.lookback:
        todo = f"what is longer ago than {duration(settings.lookback)} (lookback) will be left out; backfill it then"
        return fail("lag", text, todo if running else f"start trapline run; {todo}")
    return warn("lag", text, "it catches up" if running else "start trapline run")


def _failures(journal: Journal, jobs: Sequence[Job], now: float) -> Check:
    known = {job.name for job in jobs}
    totals = [one for one in figures.runs(journal.database, now - 86_400) if one.search in known]
    suspects = sorted({one.search for one in totals if one.status is Status.FAILED})
    runs = sum(one.runs for one in totals if one.status is not Status.SKIPPED)
    broken = []
    for name in suspects:
        last = next((one for one in journal.runs((name,), limit=20) if one.status is not Status.SKIPPED), None)
        if last is not None and last.status is Status.FAILED:
            broken.append(f"{name}: {last.reason}")
    if broken:
        text = f"the last run of {len(broken):,} searches failed: {names(broken)}"
        return fail("runs", text, "trapline runs --failed; when it is mended, trapline backfill -1d..now")
    failed = f"; {len(suspects):,} searches failed and run again" if suspects else ""
    return ok("runs", f"{runs:,} runs in the last day{failed}")


def _left_out(
    journal: Journal, jobs: Sequence[Job], cursors: dict[str, Cursor], settings: Settings, now: float
) -> Iterator[Check]:
    """Times that were left out and have no run that ended well since."""
    tz = zone(settings.tz)
    skipped = journal.runs(earliest=now - BACK, statuses=[Status.SKIPPED])
    of = {job.name: job for job in jobs if job.continuous}
    missing: dict[str, list[float]] = {}
    for name in dict.fromkeys(one.search for one in skipped if one.search in of):
        runs = journal.runs((name,), earliest=now - BACK)
        done = {one.scheduled for one in runs if one.status is Status.DONE}
        since = cursors[name].since if name in cursors else 0.0
        for one in (one for one in runs if one.status is Status.SKIPPED):
            # a span begins after the time that was accounted for before it
            before = [each.scheduled for each in runs if each.scheduled < one.scheduled and each.kind == one.kind]
            start = max([*before, since, now - BACK])
            times = [at for at in of[name].cron.between(start, one.scheduled, tz) if at not in done]
            if times:
                missing.setdefault(name, []).extend(times)
    if not missing:
        yield ok("gaps", f"nothing that was left out in the last {duration(BACK)} is missing")
        return
    count = sum(map(len, missing.values()))
    first, last = min(min(one) for one in missing.values()), max(max(one) for one in missing.values())
    text = f"{count:,} runs of {len(missing):,} searches were left out: {names(list(missing))}"
    yield warn("gaps", text, f"trapline backfill {iso(first)}..{iso(last + 60)}")


def _changes(jobs: Sequence[Job], settings: Settings, now: float) -> Iterator[Check]:
    """What is left out where clocks are put forward or back."""
    tz = zone(settings.tz)
    found: dict[str, list[Gap]] = {}
    for change in changes(tz, now - BACK, now + BACK):
        for job in jobs:
            if missed := gaps(job, change, tz):
                found.setdefault(job.name, []).extend(missed)
    if not found:
        return
    spans = [one for missed in found.values() for one in missed]
    first, last = min(one.start for one in spans), max(one.end for one in spans)
    text = f"{len(found):,} searches leave time out where the clocks change: {names(list(found))}"
    when = f"between {iso(first)} and {iso(last)}"
    yield warn("clock changes", f"{text}; {when}", "trapline hunt over it; a window in days (-1d@d) leaves nothing out")


def _late(journal: Journal, now: float) -> Iterator[Check]:
    late = journal.runs(earliest=now - BACK, late=True)
    if not late:
        yield ok("late events", f"none that a run of the last {duration(BACK)} missed")
        return
    first, last = min(one.scheduled for one in late), max(one.scheduled for one in late)
    text = f"{sum(one.late for one in late):,} events came too late for {len(late):,} runs"
    yield warn("late events", text, f"trapline backfill {iso(first)}..{iso(last + 60)}; a later window avoids it")


def _deliveries(database: Database) -> Iterator[Check]:
    counts = Deliveries(database).counts()
    dead = {name: count[Delivery.DEAD] for name, count in counts.items() if count[Delivery.DEAD]}
    waiting = sum(count[Delivery.WAITING] for count in counts.values())
    if dead:
        text = f"messages were given up: {names([f'{count:,} of {name}' for name, count in dead.items()])}"
        yield warn("deliveries", text, "trapline outputs dead; then trapline outputs retry --output NAME")
    elif counts:
        yield ok("deliveries", f"none was given up, {waiting:,} wait")
