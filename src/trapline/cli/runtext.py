"""How `trapline run` shows what the scheduler does."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from trapline.cli.render import clean, count_of, print_json
from trapline.cli.runlog import Failures, Log
from trapline.detect.finding import iso
from trapline.detect.jobs import Due, Job
from trapline.detect.scheduler import Scheduler, Ticked
from trapline.errors import TraplineError, Warn
from trapline.outputs.dispatch import Report, dispatch
from trapline.state.deliveries import Deliveries
from trapline.state.journal import Status
from trapline.times import time_bound, zone

CARE_EVERY = 60.0
"""Seconds between two looks for what can be forgotten."""


def simulated_range(text: str, tz: str) -> tuple[float, float]:
    """FROM..TO as epoch seconds. Raises TraplineError."""
    first, dots, last = text.partition("..")
    if not dots:
        raise TraplineError(
            f"'{text}' is no range of time", hint="write FROM..TO, like 2026-03-01..2026-03-08", code="usage"
        )
    now = time.time()
    start = time_bound(_stamp(first), now, what="the start of --clock", tz=zone(tz))
    end = time_bound(_stamp(last) or "now", now, what="the end of --clock", tz=zone(tz))
    if start is None or end is None or start >= end:
        raise TraplineError(
            f"'{text}' has no time in it", hint="the first moment must be before the second", code="usage"
        )
    return start, end


def _stamp(text: str) -> str | float:
    from datetime import datetime

    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return text.strip()
    return found.timestamp() if found.tzinfo else found.strftime("%m/%d/%Y:%H:%M:%S")


def left_out(wanted: Sequence[tuple[Job, Due]]) -> list[Warn]:
    """A warning where times of the past cannot be run any more."""
    of = {job.name: one for job, one in wanted if one.skipped}
    if not of:
        return []
    count, last = sum(len(one.skipped) for one in of.values()), max(one.skipped[-1] for one in of.values())
    reason = next(iter(of.values())).reason
    return [
        Warn(
            "schedule.forgotten",
            f"{count_of(count, 'run')} of {count_of(len(of), 'search')} until {iso(last)} are left out: {reason}",
            "hunt over that time instead: trapline hunt tells all that is there, and writes nothing",
        )
    ]


@dataclass(slots=True)
class Running:
    """A scheduler at work, and its totals."""

    scheduler: Scheduler
    warnings: Sequence[Warn]
    as_json: bool = False
    log: Log | None = None
    """Takes the place of the lines of text."""
    runs: int = 0
    failed: int = 0
    skipped: int = 0
    findings: int = 0
    risk_events: int = 0
    notables: int = 0
    seconds: float = 0.0
    failures: dict[str, str] = field(default_factory=dict)
    _failing: Failures = field(default_factory=Failures)
    _stop: bool = False
    _progress: Progress | None = None

    def simulate(self, start: float, end: float) -> None:
        """Run a span of time at once."""
        total = len({at for job in self.scheduler.jobs for at in job.cron.between(start, end, zone(self.scheduler.tz))})

        def work() -> None:
            self.scheduler.begin(start)
            self.scheduler.advance(end)

        self._watched(total, work)
        self._end(start, end)

    def backfill(self, start: float, end: float, *, again: bool) -> None:
        """Run what is missing in a span of time."""
        self.scheduler.late()
        wanted = self.scheduler.missing(start, end, again=again)
        self.warnings = [*left_out(wanted), *self.warnings]
        total = len({at for _, due in wanted for at in due.times})
        self._watched(total, lambda: self.scheduler.backfill(wanted))
        self._end(start, end)

    def _watched(self, total: int, work: Callable[[], object]) -> None:
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=self.as_json or self.log is not None or not sys.stderr.isatty(),
        ) as progress:
            task = progress.add_task("schedule", total=total)

            def tell(ticked: Ticked) -> None:
                self._count(ticked)
                if ticked.runs:
                    progress.update(task, advance=1, description=iso(ticked.time) or "")

            self.scheduler.tell = tell
            self._begin()
            begun = time.perf_counter()
            work()
            self.seconds = time.perf_counter() - begun

    def once(self) -> None:
        """Run what is due."""
        self.scheduler.tell = self._line
        self._begin()
        begun = time.perf_counter()
        self._care()
        self.scheduler.advance(time.time())
        self._sent(dispatch(self._deliveries(), self.scheduler.outputs, time.time()))
        self.seconds = time.perf_counter() - begun
        self._end(None, None)

    def forever(self) -> None:
        """Run what is due, whenever it is, until stopped."""
        self.scheduler.tell = self._line
        self._begin()

        def stop(_: int, __: FrameType | None) -> None:
            self._stop = True

        for one in (signal.SIGINT, signal.SIGTERM):
            signal.signal(one, stop)
        begun = time.perf_counter()
        sender = threading.Thread(target=self._send, name="outputs", daemon=True)
        sender.start()
        looked = 0.0
        while not self._stopped():
            if time.monotonic() - looked > CARE_EVERY:
                self._care()
                looked = time.monotonic()
            self.scheduler.advance(time.time(), until=self._stopped)
            # A cron schedule knows minutes; a second late is early enough.
            for _ in range(10):
                if not self._stopped():
                    time.sleep(0.1)
        sender.join(timeout=60)
        self.seconds = time.perf_counter() - begun
        self._end(None, None)

    def _care(self) -> None:
        """Forget what is old."""
        before = time.time() - self.scheduler.keep_runs
        self.scheduler.journal.forget(before)
        self._deliveries().forget(before)

    def _deliveries(self) -> Deliveries:
        return Deliveries(self.scheduler.journal.database)

    def _send(self) -> None:
        """Send what is due, beside the searches: an output that hangs holds up none of them."""
        while not self._stopped():
            try:
                self._sent(dispatch(self._deliveries(), self.scheduler.outputs, time.time()))
            except TraplineError as error:
                self._warn(Warn(error.code, error.reason, error.hint, "outputs"))
            time.sleep(1)

    def _sent(self, report: Report) -> None:
        for warn in report.warnings:
            self._warn(warn)

    def _warn(self, warn: Warn) -> None:
        if self.log is not None:
            self.log.warn(warn)
        else:
            click.echo(f"warning: {clean(str(warn))}", err=True)

    def say(self, text: str) -> None:
        """Tell whoever looks on something of the surroundings."""
        if self.log is not None:
            self.log.write("info", "note", text=text)
        else:
            click.echo(text, err=True)

    def _stopped(self) -> bool:
        return self._stop

    def _begin(self) -> None:
        if self.log is not None:
            for warn in self.warnings:
                self.log.warn(warn)
            self.log.write("info", "start", detections=len(self.scheduler.jobs))
        if self.as_json or self.log is not None:
            return
        for warn in self.warnings[:20]:
            click.echo(f"warning: {clean(str(warn))}", err=True)
        if len(self.warnings) > 20:
            click.echo(f"... and {len(self.warnings) - 20:,} more warnings", err=True)
        click.echo(f"{count_of(len(self.scheduler.jobs), 'detection')} on their schedules", err=True)

    def _count(self, ticked: Ticked) -> None:
        if ticked.late:
            self._late(ticked.late)
        if not ticked.runs:
            return
        if self.log is not None:
            self.log.tick(ticked)
        for run in ticked.runs:
            self.runs += run.status is not Status.SKIPPED
            self.failed += run.status is Status.FAILED
            self.skipped += run.status is Status.SKIPPED
            self.findings += run.findings
            if run.status is Status.FAILED and run.reason:
                self.failures[run.search] = run.reason
        self.risk_events += ticked.risk_events
        self.notables += ticked.notables

    def _late(self, runs: int) -> None:
        if self.log is not None:
            self.log.write("warning", "late", runs=runs, hint="trapline runs --late; trapline backfill")
        elif not self.as_json:
            text = f"events came late for {count_of(runs, 'run')}: see trapline runs --late, and run trapline backfill"
            click.echo(text, err=True)

    def _line(self, ticked: Ticked) -> None:
        """A line per tick; one that found nothing is short. Why a search failed is told once."""
        self._count(ticked)
        if not self.as_json and self.log is None:
            for run in ticked.runs:
                self.failures.pop(run.search, None)  # not again at the end
                if self._failing.new(run):
                    click.echo(f"warning: {clean(run.search)}: {clean(run.reason or 'it failed')}", err=True)
        findings = sum(one.findings for one in ticked.runs)
        failed = sum(one.status is Status.FAILED for one in ticked.runs)
        skipped = sum(one.status is Status.SKIPPED for one in ticked.runs)
        if self.as_json or self.log is not None or not ticked.runs:
            return
        parts = [count_of(len(ticked.runs) - skipped, "search"), count_of(findings, "finding")]
        parts += [count_of(ticked.notables, "notable")] if ticked.notables else []
        parts += [f"{failed:,} failed"] if failed else []
        parts += [f"{skipped:,} skipped"] if skipped else []
        click.echo(f"{iso(ticked.time)}  {', '.join(parts)}")

    def _end(self, start: float | None, end: float | None) -> None:
        if self.log is not None:
            left_out = {"failures", "warnings"}
            totals = {name: value for name, value in self.to_json(start, end).items() if name not in left_out}
            self.log.write("info", "stop", **totals)
        if self.as_json:
            print_json(self.to_json(start, end))
        if self.as_json or self.log is not None:
            return
        for search, reason in self.failures.items():
            click.echo(f"warning: {clean(search)}: {clean(reason)}", err=True)
        span = f"{iso(start)} to {iso(end)}: " if start is not None else ""
        click.echo(
            f"{span}{count_of(self.runs, 'run')} in {self.seconds:.1f} s, {self.failed:,} failed, "
            f"{self.skipped:,} skipped; {count_of(self.findings, 'finding')}, "
            f"{count_of(self.risk_events, 'risk event')}, {count_of(self.notables, 'notable')}"
        )

    def to_json(self, start: float | None, end: float | None) -> dict[str, Any]:
        return {
            "from": iso(start),
            "to": iso(end),
            "detections": len(self.scheduler.jobs),
            "runs": self.runs,
            "failed": self.failed,
            "skipped": self.skipped,
            "findings": self.findings,
            "risk_events": self.risk_events,
            "notables": self.notables,
            "seconds": round(self.seconds, 3),
            "failures": self.failures,
            "warnings": [one.to_json() for one in self.warnings],
        }
