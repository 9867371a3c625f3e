"""`trapline metrics`: figures of a store and its scheduler for Prometheus."""

from __future__ import annotations

from pathlib import Path

import click

from trapline.cli.options import json_option, store_option


@click.command("metrics")
@click.option("--content", "folders", metavar="DIR", multiple=True, help="Content folder on top of the built-in one.")
@click.option(
    "--settings",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Your settings. Default: trapline.yml of the store.",
)
@store_option
@json_option
def command(folders: tuple[str, ...], settings: Path | None, store: Path, as_json: bool) -> None:
    """Print metrics in the text format of Prometheus: lag, run times, findings, notables, outputs, size of the store.

    `trapline run --metrics 9100` serves the same at http://127.0.0.1:9100/metrics.

    \b
    Examples:
      trapline metrics
      trapline metrics > /var/lib/node_exporter/trapline.prom

    \b
    Exit codes: 0 all of it; 3 a part could not be read, which trapline_part_ok says too.
    """
    import time

    from trapline import app
    from trapline.cli.render import clean, print_json
    from trapline.detect.metrics import scrape

    found = scrape(app.watched(app.content(folders, store=store), store, app.settings(store, settings)), time.time())
    if as_json:
        print_json(
            [
                {
                    "name": one.name,
                    "help": one.help,
                    "samples": [{"labels": dict(a), "value": b} for a, b in one.samples],
                }
                for one in found.metrics
            ]
        )
    else:
        click.echo(found.text().encode("utf-8", "replace").decode(), nl=False)
    for name, reason in found.errors.items():
        click.echo(f"warning: {name}: {clean(reason)}", err=True)
    if found.errors:
        raise click.exceptions.Exit(3)
