"""The log of `trapline run` for machines: one JSON object a line on stderr."""

from __future__ import annotations

import json
import time
from typing import Any

import click

from trapline.detect.finding import iso
from trapline.detect.scheduler import Ticked
from trapline.errors import Warn
from trapline.state.journal import Run, Status

MOST_TEXT = 2_000
"""Characters of a text."""


class Failures:
    """Which failures are known: a search that cannot run here fails each time for the same reason."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def new(self, run: Run) -> bool:
        """Whether a run failed, and not as the one before it did."""
        if run.status is Status.DONE:
            self._known.pop(run.search, None)
        if run.status is not Status.FAILED:
            return False
        before = self._known.get(run.search)
        self._known[run.search] = run.reason or ""
        return before != self._known[run.search]


class Log:
    """Writes entries with `time`, `level` (info, warning, error), `event` and what it is about. A failure is an error
    once, until the search fails for another reason or runs again; its repetitions are info."""

    def __init__(self) -> None:
        self.failures = Failures()

    def write(self, level: str, event: str, **fields: object) -> None:
        entry = {"time": iso(time.time()), "level": level, "event": event}
        entry |= {name: _cut(value) for name, value in fields.items() if value is not None}
        # ASCII only: what is odd in a name from a log cannot act on a terminal.
        click.echo(json.dumps(entry, ensure_ascii=True, default=str), err=True)

    def warn(self, warn: Warn) -> None:
        self.write("warning", "warning", **warn.to_json())

    def tick(self, ticked: Ticked) -> None:
        """A tick, and each of its runs that is more than well."""
        for run in ticked.runs:
            new = self.failures.new(run)
            if run.status is not Status.DONE or run.reason:
                self._run(run, repeated=run.status is Status.FAILED and not new)
        self.write(
            "info",
            "tick",
            scheduled=iso(ticked.time),
            runs=sum(one.status is not Status.SKIPPED for one in ticked.runs),
            failed=sum(one.status is Status.FAILED for one in ticked.runs),
            skipped=sum(one.status is Status.SKIPPED for one in ticked.runs),
            seconds=round(sum(one.seconds for one in ticked.runs), 3),
            findings=sum(one.findings for one in ticked.runs),
            risk_events=ticked.risk_events,
            notables=ticked.notables,
        )

    def _run(self, run: Run, *, repeated: bool) -> None:
        level, event = {
            Status.DONE: ("warning", "run.warning"),
            Status.FAILED: ("error", "run.failed"),
            Status.SKIPPED: ("warning", "run.skipped"),
        }[run.status]
        self.write(
            "info" if repeated else level,
            event,
            search=run.search,
            sid=run.sid,
            scheduled=iso(run.scheduled),
            earliest=iso(run.earliest),
            latest=iso(run.latest),
            seconds=run.seconds,
            findings=run.findings,
            reason=run.reason,
            repeated=True if repeated else None,
        )


def _cut(value: Any) -> Any:
    return value[:MOST_TEXT] if isinstance(value, str) else value
