"""`trapline forecast`: what detections would have raised over the history of a store."""

from __future__ import annotations

from pathlib import Path

import click

from trapline.cli.options import ADDON_HELP, identity_options, json_option, store_option


@click.command("forecast")
@click.argument("names", metavar="[NAME|FILE]...", nargs=-1)
@click.option("--enabled", is_flag=True, help="The detections that are enabled, beside those named. Default: these.")
@click.option(
    "--days", type=click.FloatRange(0, 3_660, min_open=True), default=7.0, metavar="N", help="Days. Default: 7."
)
@click.option("--to", "end", metavar="TIME", help="End, as in a search. Default: an hour after the newest event.")
@click.option(
    "--noisy",
    type=click.FloatRange(0),
    default=None,
    metavar="N",
    help="Alerts a day that are too many: propose filter lines for what is beyond. Default: 5.",
)
@click.option(
    "--patch",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the filter lines there, as a patch of your macros to review. It is not applied.",
)
@store_option
@click.option("--content", "folders", metavar="DIR", multiple=True, help="Content folder on top of the built-in one.")
@click.option("--macros", metavar="FILE", multiple=True, help="Your own macros: macros.conf, YAML or a folder.")
@click.option("--addon", "addons", metavar="DIR", multiple=True, help=ADDON_HELP)
@click.option(
    "--settings",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Your settings. Default: trapline.yml of the store.",
)
@identity_options
@json_option
def command(
    names: tuple[str, ...],
    enabled: bool,
    days: float,
    end: str | None,
    noisy: float | None,
    patch: Path | None,
    store: Path,
    folders: tuple[str, ...],
    macros: tuple[str, ...],
    addons: tuple[str, ...],
    file: Path | None,
    assets: Path | None,
    identities: Path | None,
    as_json: bool,
) -> None:
    """Run detections over the history of the store as their schedules would have, and show what to expect.

    Alerts a day, distinct entities, what throttling and your exceptions hold back, run time and processor time, the
    most frequent values, and lines for the filter macros that would remove the noise. Nothing is written to the store.

    \b
    Examples:
      trapline forecast --days 30
      trapline forecast "Windows Service Create RemComSvc" --days 7
      trapline forecast --enabled new_detection.yml --content ~/security_content
      trapline forecast --days 14 --macros macros.conf --patch quieter.patch
      git apply --directory=/ quieter.patch        after reading it

    \b
    Exit codes: 0 the forecast is made, though single searches may have failed; 2 it cannot be made.
    """
    from trapline import app
    from trapline.cli.forecasttext import print_forecast, write_patch
    from trapline.cli.hunttext import Progress
    from trapline.cli.render import print_json

    content = app.content(folders, macros)
    kept = app.kept(store, writes=False)
    knowledge = app.with_lookups(app.knowledge(addons, store), kept, assets, identities)
    chosen = app.select(content, names) if names else []
    if names and enabled:
        chosen = list({one.name: one for one in [*app.enabled(content, store), *chosen]}.values())
    with Progress() as progress:
        found = app.forecast(
            content,
            knowledge,
            store=store,
            days=days,
            end=end,
            kept=kept,
            settings=app.settings(store, file),
            detections=chosen,
            noisy=noisy,
            macros=macros,
            progress=progress,
        )
    if patch is not None:
        write_patch(found.patch, patch)
    if as_json:
        print_json(found.to_json())
    else:
        print_forecast(found, shown=patch is None)
    if patch is not None:
        click.echo(f"wrote {patch}" if found.patch else "no filter lines to propose: no patch is written", err=True)
