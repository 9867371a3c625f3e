"""What `trapline matrix` prints for people."""

from __future__ import annotations

import click

from trapline.cli.render import clean, count_of, print_table
from trapline.testing.matrix import Matrix

SETS = 60
LINES = 25


def print_matrix(found: Matrix) -> None:
    """A line per data set, then what is odd, bounded."""
    rows = []
    for at, (one, ran) in enumerate(zip(found.sets, found.ran, strict=True)):
        fired = found.fired(at)
        own = f"{sum(name in fired for name in one.tests)} of {len(one.tests)}" if one.tests else ""
        others = sum(name not in one.tests for name in fired)
        note = "benign" if one.benign else ran.note
        rows.append((one.name, f"{ran.events:,}", own, f"{others:,}" if ran.events else "", f"{ran.seconds:.1f}", note))
    heads = ("Data set", "Events", "Own tests", "Others", "s", "")
    print_table(heads, rows[:SETS], right={"Events", "Own tests", "Others", "s"})
    _rest(len(rows) - SETS, "data sets")
    false, missed, never, broken = found.false(), found.missed(), found.never(), found.broken()
    if false:
        lines = [f"{name}: {', '.join(found.sets[at].name for at in places)}" for name, places in false.items()]
        _lines("Fire where nothing is wrong", lines)
    if missed:
        _lines("Find nothing in their own tests", [f"{name}: {found.sets[at].name}" for name, at in missed])
    if broken:
        _lines("Cannot run", [f"{name}: {reason}" for name, reason in broken.items()])
    for warn in list(dict.fromkeys(map(str, found.warnings)))[:LINES]:
        click.echo(f"warning: {clean(warn)}", err=True)
    fired_at_all = sum(bool(where) for where in found.by_detection().values())
    click.echo()
    click.echo(
        f"{count_of(len(found.detections), 'detection')} over {count_of(len(found.sets), 'data set')} "
        f"in {found.seconds:.1f} s "
        f"({found.cached:,} of {found.pairs:,} results known from before): {fired_at_all:,} fired, "
        f"{len(false):,} on benign ones, {len(never):,} never, {len(broken):,} cannot run"
    )


def _lines(title: str, lines: list[str]) -> None:
    click.echo()
    click.secho(f"{title} ({len(lines):,})", bold=True)
    for line in lines[:LINES]:
        click.echo(f"  {clean(line)}")
    _rest(len(lines) - LINES, "lines")


def _rest(count: int, what: str) -> None:
    if count > 0:
        click.echo(f"  … {count:,} more {what}: --json or --out FILE.html")
