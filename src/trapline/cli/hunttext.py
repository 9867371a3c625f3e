"""What `hunt` and `demo` print for people: findings, ranked risk objects, sources, warnings, progress."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from trapline.cli.render import clean, count_of, print_table

if TYPE_CHECKING:
    from trapline.detect.finding import Finding
    from trapline.detect.hunt import HuntResult, Source
    from trapline.errors import Warn

FINDINGS_SHOWN = 50
MESSAGE_SHOWN = 200
"""Characters of a message; a message may hold a whole script."""
OBJECTS_SHOWN = 20
SOURCES_SHOWN = 25
REASONS_SHOWN = 10
WARNINGS_SHOWN = 10


def print_hunt(result: HuntResult) -> None:
    """The whole result as text, bounded; what is left out is counted and the way to see it named."""
    _findings(result)
    _hosts(result)
    _sources(result)
    _warnings(result)
    click.echo()
    click.echo(_closing(result))


def _findings(result: HuntResult) -> None:
    if not result.found:
        return
    click.secho(f"Findings ({result.found:,})", bold=True)
    ordered = sorted(result.findings, key=lambda one: -one.score)
    rows = [row for finding in ordered[:FINDINGS_SHOWN] for row in _finding_rows(finding)]
    print_table(("Time (UTC)", "Detection", "Risk object", "Score", "Message"), rows, right={"Score"}, wrap=True)
    _rest(result.found - FINDINGS_SHOWN, "findings")
    click.echo()


def _finding_rows(finding: Finding) -> Sequence[tuple[str, str, str, str, str]]:
    from trapline.detect.finding import number

    when = _time(finding.time)
    message = " ".join(finding.message.split())
    if len(message) > MESSAGE_SHOWN:
        message = message[: MESSAGE_SHOWN - 1] + "…"
    if not finding.risk_objects:
        return [(when, finding.detection, "", "0", message)]
    first, *others = finding.risk_objects
    return [
        (when, finding.detection, first.value, str(number(first.score)), message),
        *(("", "", one.value, str(number(one.score)), "") for one in others),
    ]


def _hosts(result: HuntResult) -> None:
    from trapline.detect.finding import number

    if not result.hosts:
        return
    click.secho(f"Who is at risk ({len(result.hosts):,})", bold=True)
    rows = [
        (one.risk_object, one.type, number(one.score), f"{one.findings:,}", _few(one.detections), _few(one.tactics))
        for one in result.hosts[:OBJECTS_SHOWN]
    ]
    columns = ("Risk object", "Type", "Score", "Findings", "Detections", "Tactics")
    print_table(columns, rows, right={"Score", "Findings"})
    _rest(len(result.hosts) - OBJECTS_SHOWN, "risk objects")
    click.echo()


def _sources(result: HuntResult) -> None:
    """Every source while they are few; else sums per format, and the sources that something is to be said about."""
    folder = result.folder
    below = f", below {clean(folder)}" if folder else ""
    click.secho(f"Sources ({len(result.sources):,}{below})", bold=True)
    listed = result.sources
    if len(listed) > SOURCES_SHOWN:
        _formats(listed)
        listed = [one for one in listed if one.lost or one.bad_records or one.note]
        listed.sort(key=lambda one: not (one.lost or one.bad_records))
        if not listed:
            return
        click.echo()
    columns = ["Source", "Format", "Events", "Bad", "First (UTC)", "Last (UTC)"]
    rows: list[list[object]] = []
    notes = []
    for one in listed[:SOURCES_SHOWN]:
        why = "; ".join(f"{count:,} {reason}" for reason, count in one.bad.items())
        notes.append("; ".join(part for part in (why, one.note) if part))
        counts = (f"{one.events:,}", f"{one.bad_records:,}")
        rows.append([_tail(one.name[len(folder) :]), one.format, *counts, _time(one.first), _time(one.last)])
    if any(notes):
        columns.append("Note")
        rows = [[*row, note] for row, note in zip(rows, notes, strict=True)]
    print_table(columns, rows, right={"Events", "Bad"})
    _rest(len(listed) - SOURCES_SHOWN, "sources with something to say" if listed is not result.sources else "sources")


def _formats(sources: Sequence[Source]) -> None:
    groups: dict[str, list[Source]] = {}
    for one in sources:
        groups.setdefault(one.format or "not read", []).append(one)
    rows = []
    for name, members in sorted(groups.items(), key=lambda item: -len(item[1])):
        first = min((one.first for one in members if one.first is not None), default=None)
        last = max((one.last for one in members if one.last is not None), default=None)
        events, bad = sum(one.events for one in members), sum(one.bad_records for one in members)
        rows.append((name, f"{len(members):,}", f"{events:,}", f"{bad:,}", _time(first), _time(last)))
    columns = ("Format", "Files", "Events", "Bad", "First (UTC)", "Last (UTC)")
    print_table(columns, rows, right={"Files", "Events", "Bad"})


def _tail(name: str, most: int = 60) -> str:
    """A name cut on its left: what tells files apart is at their end."""
    return name if len(name) <= most else "…" + name[-most + 1 :]


def _warnings(result: HuntResult) -> None:
    """What could not run by reason, then the other warnings, alike ones once with the number of places."""
    if not result.warnings:
        return
    click.echo()
    click.secho(f"Warnings ({len(result.warnings):,})", bold=True)
    why = result.not_runnable
    for reason, count in why[:REASONS_SHOWN]:
        click.echo(f"  {count:>5,} not runnable: {clean(reason)}")
    if len(why) > REASONS_SHOWN:
        rest = sum(count for _, count in why[REASONS_SHOWN:])
        click.echo(f"  {rest:>5,} not runnable for {len(why) - REASONS_SHOWN:,} other reasons")
    alike: dict[tuple[str, str], list[Warn]] = {}
    for one in result.warnings:
        if not one.code.startswith(("detect.not-runnable", "detect.defect")):
            alike.setdefault((one.code, one.reason), []).append(one)
    for same in list(alike.values())[:WARNINGS_SHOWN]:
        more = f" [and {len(same) - 1:,} more like this]" if len(same) > 1 else ""
        click.echo(f"  {clean(str(same[0]))}{more}")
    if len(alike) > WARNINGS_SHOWN:
        click.echo(f"  ... {len(alike) - WARNINGS_SHOWN:,} more kinds of warning")
    if why or len(alike) < len(result.warnings) or len(alike) > WARNINGS_SHOWN:
        click.echo("  each of them with its detection: --json or --out report.html")


def _closing(result: HuntResult) -> str:
    what = count_of(result.found, "finding")
    if result.hosts:
        what += f", {count_of(len(result.hosts), 'risk object')}"
    read = f"{count_of(result.events, 'event')} from {count_of(len(result.sources), 'source')}"
    bad = f" ({count_of(result.bad_records, 'bad record')})" if result.bad_records else ""
    ran = f"ran {result.ran:,} of {count_of(result.selected, 'detection')}"
    if result.ran < result.selected:
        ran += f", {result.selected - result.ran:,} could not (see the warnings)"
    return f"{what}. Read {read}{bad}; {ran}. {result.took}."


def _rest(count: int, what: str) -> None:
    if count > 0:
        click.echo(f"... {count:,} more {what}: --json or --out report.html")


def _few(texts: Sequence[str], most: int = 3) -> str:
    shown = ", ".join(texts[:most])
    return f"{shown}, +{len(texts) - most}" if len(texts) > most else shown


def _time(seconds: float | None) -> str:
    from trapline.detect.finding import iso

    return (iso(None if seconds is None else int(seconds)) or "").replace("T", " ").removesuffix("Z")


class Progress:
    """One line on stderr that is written over, on a terminal only. Use as a context manager."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._last = 0.0
        self._wide = 0

    def __call__(self, stage: str, done: int, total: int, label: str) -> None:
        now = time.monotonic()
        if not self._shown or (now - self._last < 0.1 and done != total):
            return
        self._last = now
        of = f"{100 * done // total:3d}%" if total else "    "
        width = shutil.get_terminal_size((80, 24)).columns - 1
        self._write(f"{stage} {of} {clean(label)}"[:width])

    def _write(self, text: str) -> None:
        sys.stderr.write("\r" + text.ljust(self._wide) + ("\r" if not text else ""))
        sys.stderr.flush()
        self._wide = len(text)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._wide:
            self._write("")
