"""What `trapline forecast` prints for people."""

from __future__ import annotations

from pathlib import Path

import click

from trapline.cli.render import clean, count_of, print_table
from trapline.detect.finding import iso
from trapline.errors import InputError
from trapline.forecast.model import Expected, Forecast

LOUD = 5
"""Detections whose frequent values are shown."""
TOP_FIELDS = 5
WARNINGS = 10


def print_forecast(found: Forecast, *, shown: bool) -> None:
    """The whole forecast, bounded. `shown`: the patch, too."""
    table(found)
    for one in [one for one in found.detections if one.alerts][:LOUD]:
        _details(one, found)
    if found.patch and shown:
        click.echo()
        click.secho("Filter lines, as a patch to review (write it with --patch FILE; it is not applied)", bold=True)
        for line in found.patch.splitlines():
            click.echo(clean(line))
    _warnings(found)
    click.echo()
    click.echo(_closing(found))


def table(found: Forecast) -> None:
    """A line per detection."""
    rows = [
        (
            one.name,
            _rate(one.a_day(found.span)),
            f"{max((count for _, count in one.days), default=0):,}",
            f"{one.entities:,}{'+' if one.entities_more else ''}",
            f"{one.throttled:,}",
            f"{one.exempt:,}",
            f"{one.runs:,}",
            _ms(one.cost.per_run),
            _per_day(one.cost.cpu_per_run, one.runs / found.span if found.span else 0),
            f"{one.failed:,} failed" if one.failed else "",
        )
        for one in found.detections
    ]
    heads = ("Detection", "Alerts/day", "Most", "Entities", "Throttled", "Exempt", "Runs", "ms/run", "CPU s/day", "")
    print_table(heads, rows, right=set(heads[1:9]))


def _details(one: Expected, found: Forecast) -> None:
    click.echo()
    click.secho(clean(f"{one.name}: {one.alerts:,} alerts, {_rate(one.a_day(found.span))} a day"), bold=True)
    for top in one.top[:TOP_FIELDS]:
        values = ", ".join(f"{_short(value)} ({count:,})" for value, count in top.values)
        more = "+" if top.more else ""
        click.echo(clean(f"  {top.field} ({top.distinct:,}{more}): {values}"))
    if len(one.top) > TOP_FIELDS:
        click.echo(f"  {len(one.top) - TOP_FIELDS:,} more fields: --json")
    for name, count in one.exceptions.items():
        click.echo(clean(f"  the exception '{name}' hid {count:,}"))
    _lines(one)


def _lines(one: Expected) -> None:
    if not one.lines:
        return
    of = f"of {one.looked_at:,}" + (" looked at" if one.looked_at < one.alerts else "")
    for line in one.lines:
        alarm = "; these are all: the detection would have told nothing" if line.everything else ""
        click.echo(clean(f"  filter: {line.text}"))
        click.echo(f"          removes {line.removes:,} {of} ({line.share:.0%}){alarm}")
    if not one.macro:
        click.echo("          its search calls no filter macro: add one to its end, then these lines have a place")


def _warnings(found: Forecast) -> None:
    failed = [one for one in found.detections if one.failed]
    if not failed and not found.warnings:
        return
    click.echo()
    for one in failed[:WARNINGS]:
        click.echo(f"warning: {clean(one.name)}: {count_of(one.failed, 'run')} failed: {clean(one.reason)}", err=True)
    texts = list(dict.fromkeys(str(one) for one in found.warnings))
    for text in texts[:WARNINGS]:
        click.echo(f"warning: {clean(text)}", err=True)
    rest = max(0, len(failed) - WARNINGS) + max(0, len(texts) - WARNINGS)
    if rest:
        click.echo(f"warning: {rest:,} more: --json", err=True)


def _closing(found: Forecast) -> str:
    held = sum(one.throttled for one in found.detections)
    exempt = sum(one.exempt for one in found.detections)
    rate = _rate(found.alerts / found.span if found.span else 0)
    less = f" (of {found.asked_days:g} asked for)" if found.span < found.asked_days - 0.01 else ""
    return (
        f"{iso(found.start)} to {iso(found.end)}, {found.span:.1f} days{less}: "
        f"{count_of(sum(one.runs for one in found.detections), 'run')} of "
        f"{count_of(len(found.detections), 'detection')} in {found.seconds:.1f} s, "
        f"{found.alerts:,} alerts ({rate} a day), "
        f"{held:,} throttled, {exempt:,} exempt"
    )


def write_patch(text: str, path: Path) -> None:
    """Raises InputError where the file cannot be written. An empty patch is not written."""
    if not text:
        return
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise InputError(f"it cannot be written: {error.strerror}", file=str(path), code="forecast.patch") from None


def _rate(a_day: float) -> str:
    return f"{a_day:,.1f}" if a_day >= 0.05 or not a_day else f"{a_day:.3f}"


def _ms(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:,.0f}"


def _per_day(cpu: float | None, runs: float) -> str:
    return "" if cpu is None else f"{cpu * runs:,.1f}"


def _short(text: str, most: int = 40) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
