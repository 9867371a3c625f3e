"""`trapline run`: the scheduler."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trapline.cli.options import jobs_option, json_option, schedule_options, store_option

if TYPE_CHECKING:
    from trapline.detect.scheduler import Scheduler
    from trapline.detect.settings import Settings


@click.command("run")
@store_option
@click.option("--once", is_flag=True, help="Run what is due now, then stop.")
@click.option(
    "--clock",
    metavar="FROM..TO",
    help="Simulate: run at once what would have been due after FROM and until TO, TO included. Times as in a search.",
)
@schedule_options
@jobs_option
@click.option(
    "--metrics",
    metavar="[HOST:]PORT",
    help="Serve metrics for Prometheus at /metrics of this port, of 127.0.0.1 unless a host is named.",
)
@click.option("--log-json", is_flag=True, help="Log to stderr, one JSON object a line, instead of lines of text.")
@json_option
def command(
    store: Path,
    once: bool,
    clock: str | None,
    folders: tuple[str, ...],
    names: tuple[str, ...],
    macros: tuple[str, ...],
    addons: tuple[str, ...],
    file: Path | None,
    jobs: int | None,
    metrics: str | None,
    log_json: bool,
    assets: Path | None,
    identities: Path | None,
    as_json: bool,
) -> None:
    """Run the enabled detections on their schedules: risk events, notables, a record of every run.

    Without --once and --clock it goes on until it is stopped (Ctrl-C). It may be killed at any time: what a run found
    is neither lost nor doubled. After an outage the searches catch up, as far back as `lookback` of the settings.
    Notables go to the outputs of the settings (`trapline outputs`); those of a simulation do not.

    \b
    Examples:
      trapline content enable "Windows Service Create RemComSvc"
      trapline run
      trapline run --once
      trapline run --metrics 9100 --log-json
      trapline run --clock 2026-03-01..2026-03-08 --store week

    \b
    Exit codes: 0 it ran, though single searches may have failed (see `trapline runs`); 2 it could not run.
    """
    from trapline import app
    from trapline.cli.runlog import Log
    from trapline.cli.runtext import Running, simulated_range

    content = app.content(folders, macros, store)
    kept = app.kept(store, create=True)
    knowledge = app.with_lookups(app.knowledge(addons, store), kept, assets, identities)
    settings = app.settings(store, file)
    span = simulated_range(clock, settings.tz) if clock is not None else None
    with (
        app.scheduler(
            content,
            knowledge,
            store=store,
            kept=kept,
            settings=settings,
            detections=app.select(content, names) if names else (),
            simulated=span is not None,
            jobs=jobs,
        ) as (scheduler, warnings),
        _metrics(metrics, store, settings, scheduler) as url,
    ):
        running = Running(scheduler, warnings, as_json=as_json, log=Log() if log_json else None)
        if url is not None:
            running.say(f"metrics at {url}")
        if span is not None:
            running.simulate(*span)
        elif once:
            running.once()
        else:
            running.forever()


@contextmanager
def _metrics(place: str | None, store: Path, settings: Settings, scheduler: Scheduler) -> Iterator[str | None]:
    """Serve metrics where they are asked for; gives the URL."""
    if place is None:
        yield None
        return
    from trapline import app
    from trapline.detect.metrics import Watched, scrape
    from trapline.detect.metricserver import address, serving

    database, exempt = scheduler.journal.database, app.exemptions(store, settings)
    watched = Watched(store, lambda: database, scheduler.jobs, exempt, settings.tz)
    with serving(address(place), lambda: scrape(watched, time.time()).text()) as url:
        yield url
