"""`trapline backfill`: windows that were not searched, or not with all their events."""

from __future__ import annotations

from pathlib import Path

import click

from trapline.cli.options import jobs_option, json_option, schedule_options, store_option
from trapline.cli.render import count_of


@click.command("backfill")
@click.argument("span", metavar="FROM..TO")
@store_option
@click.option("--again", is_flag=True, help="Run all times of the schedules again, those that were run well too.")
@click.option("--dry-run", is_flag=True, help="Only count what would be run.")
@schedule_options
@jobs_option
@json_option
def command(
    span: str,
    store: Path,
    again: bool,
    dry_run: bool,
    folders: tuple[str, ...],
    names: tuple[str, ...],
    macros: tuple[str, ...],
    addons: tuple[str, ...],
    file: Path | None,
    jobs: int | None,
    assets: Path | None,
    identities: Path | None,
    as_json: bool,
) -> None:
    """Run times of the schedules between two moments that were left out, failed, or had events come late.

    A finding that is known is not told again: it is known by the values that its search groups by, else by its row.

    \b
    Examples:
      trapline backfill 2026-03-01..2026-03-08 --dry-run
      trapline backfill -7d..now
      trapline backfill -30d..now --again --detection "Windows Service Create RemComSvc"
    """
    from trapline import app
    from trapline.cli.render import print_json
    from trapline.cli.runtext import Running, left_out, simulated_range

    content = app.content(folders, macros, store)
    kept = app.kept(store, create=True)
    knowledge = app.with_lookups(app.knowledge(addons, store), kept, assets, identities)
    settings = app.settings(store, file)
    start, end = simulated_range(span, settings.tz)
    with app.scheduler(
        content,
        knowledge,
        store=store,
        kept=kept,
        settings=settings,
        detections=app.select(content, names) if names else (),
        jobs=jobs,
    ) as (scheduler, warnings):
        if dry_run:
            wanted = scheduler.missing(start, end, again=again)
            counts = {job.name: len(due.times) for job, due in wanted if due.times}
            doubts = left_out(wanted)
            if as_json:
                told = [one.to_json() for one in doubts]
                print_json({"runs": sum(counts.values()), "searches": counts, "warnings": told})
            else:
                for one in doubts:
                    click.echo(f"warning: {one}", err=True)
                searches = count_of(len(counts), "search")
                click.echo(f"{count_of(sum(counts.values()), 'run')} of {searches} would be made")
            return
        Running(scheduler, warnings, as_json=as_json).backfill(start, end, again=again)
