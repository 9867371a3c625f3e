"""`trapline runs`: what the scheduler ran."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from trapline.cli.options import json_option, store_option
from trapline.cli.render import count_of

if TYPE_CHECKING:
    from trapline.state.journal import Run


@click.command("runs")
@click.argument("detection", metavar="[DETECTION]", default="")
@store_option
@click.option("--earliest", metavar="TIME", help="From this time of the schedule on, like -24h or 2026-03-01.")
@click.option("--latest", metavar="TIME", help="Until before this time.")
@click.option("--failed", is_flag=True, help="Only runs that failed.")
@click.option("--skipped", is_flag=True, help="Only times that were left out.")
@click.option("--late", is_flag=True, help="Only runs to whose window events came late.")
@click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, metavar="N", help="So many, newest first."
)
@json_option
def command(
    detection: str,
    store: Path,
    earliest: str | None,
    latest: str | None,
    failed: bool,
    skipped: bool,
    late: bool,
    limit: int,
    as_json: bool,
) -> None:
    """Show the runs of scheduled searches: window, duration, rows, findings, and why one failed or was left out.

    \b
    Examples:
      trapline runs --failed
      trapline runs "Windows Service Create RemComSvc" --earliest -7d
      trapline runs --skipped --json

    What was left out is run by `trapline backfill`.
    """
    from trapline import app
    from trapline.cli.render import print_json, print_table
    from trapline.detect.finding import iso

    runs = app.runs(store, detection or None, earliest, latest, failed=failed, skipped=skipped, late=late, limit=limit)
    if as_json:
        print_json([one.to_json() for one in runs])
        return
    names = ["scheduled", "search", "status", "window", "seconds", "rows", "findings", "late", "reason"]
    rows = [
        [
            iso(one.scheduled) or "",
            one.search,
            one.status.value if one.kind.value == "scheduled" else f"{one.status.value} ({one.kind.value})",
            f"{iso(one.earliest) or 'all time'} .. {iso(one.latest) or 'now'}",
            f"{one.seconds:.2f}",
            one.rows,
            one.findings,
            one.late or "",
            "; ".join(filter(None, [_limited(one), one.reason])),
        ]
        for one in runs
    ]
    print_table(names, rows)
    click.echo(count_of(len(rows), "run") + (" (more with --limit)" if len(rows) == limit else ""))


def _limited(run: Run) -> str:
    """What the limits of risk left out of a run."""
    parts = [f"{run.duplicates:,} duplicate risk events left out"] if run.duplicates else []
    return ", ".join(parts + ([f"{run.capped:,} risk scores capped"] if run.capped else []))
