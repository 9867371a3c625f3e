"""`trapline doctor`: is everything well, and what is to be done?"""

from __future__ import annotations

from pathlib import Path

import click

from trapline.cli.options import ADDON_HELP, json_option, store_option


@click.command("doctor")
@store_option
@click.option("--content", "folders", metavar="DIR", multiple=True, help="Content folder on top of the built-in one.")
@click.option("--macros", metavar="FILE", multiple=True, help="Your own macros: macros.conf, YAML or a folder.")
@click.option("--addon", "addons", metavar="DIR", multiple=True, help=ADDON_HELP)
@click.option(
    "--settings",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Your settings. Default: trapline.yml of the store.",
)
@json_option
def command(
    store: Path,
    folders: tuple[str, ...],
    macros: tuple[str, ...],
    addons: tuple[str, ...],
    settings: Path | None,
    as_json: bool,
) -> None:
    """Check settings, content, schedule, store, clock, permissions and outputs, and say what to do. Changes nothing.

    Give it the options that `trapline run` has.

    \b
    Examples:
      trapline doctor
      trapline doctor --json

    \b
    Exit codes: 0 nothing fails, though there may be warnings; 1 something fails.
    """
    from trapline import app
    from trapline.cli.render import clean, print_json
    from trapline.detect.checkup import State

    found = app.doctor(store, settings, folders, macros, addons)
    counts = {state.value: sum(one.state is state for one in found) for state in State}
    if as_json:
        print_json({"counts": counts, "checks": [one.to_json() for one in found]})
    else:
        wide = max(len(one.name) for one in found)
        for one in found:
            click.echo(f"{one.state.value:<4}  {one.name:<{wide}}  {clean(one.text)}")
            if one.todo:
                click.echo(f"{'':<{wide + 8}}-> {clean(one.todo)}")
        click.echo(f"{counts['fail']} fail, {counts['warn']} warnings, {counts['ok']} ok")
    if counts["fail"]:
        raise click.exceptions.Exit(1)
