"""`trapline content`: which detections there are, and which of them run here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from trapline.cli.options import content_option, json_option, store_option
from trapline.cli.parts import Parts
from trapline.cli.render import count_of

if TYPE_CHECKING:
    from trapline.content.catalog import Content


_PARTS = {
    "add": "contentadd",
    "convert": "contentconvert",
    "new": "contentnew",
    "schema": "contentschema",
    "stats": "contentread",
    "validate": "contentvalidate",
}


@click.group("content", cls=Parts, parts=_PARTS)
def command() -> None:
    """Content: detections, macros, lookups, stories and the rest; and which detections `trapline run` runs.

    \b
    Examples:
      trapline content add https://github.com/splunk/security_content.git
      trapline content stats
      trapline content list --kind macros
      trapline content enable "Windows Service Create RemComSvc"
    """


@command.command("list")
@content_option
@store_option
@click.option("--enabled", "only", is_flag=True, help="Only those that run here.")
@click.option("--type", "types", metavar="TYPE", multiple=True, help="Only TTP, Anomaly, Hunting or Correlation.")
@click.option(
    "--kind", metavar="KIND", help="Another kind: macros, lookups, stories, data_sources, baselines, removed, ..."
)
@json_option
def list_(
    folders: tuple[str, ...], store: Path, only: bool, types: tuple[str, ...], kind: str | None, as_json: bool
) -> None:
    """List the detections, with their type, score and schedule, or the objects of another kind.

    \b
    Examples:
      trapline content list --enabled
      trapline content list --kind stories
      trapline content list --content ~/security_content --type TTP --json
    """
    from trapline import app
    from trapline.cli.render import print_json, print_table

    content = app.content(folders, store=store)
    if kind is not None and kind != "detections":
        if only or types:
            raise click.UsageError("--enabled and --type are for detections.")
        _list_others(content, kind, as_json=as_json)
        return
    rows = app.listed(content, store, types)
    if only:
        rows = [one for one in rows if one["enabled"]]
    if as_json:
        print_json(rows)
        return
    shown = ["enabled", "name", "type", "score", "cron", "earliest", "latest"]
    table = [
        ["yes" if one["enabled"] else "", *("" if one[key] is None else one[key] for key in shown[1:])] for one in rows
    ]
    print_table(shown, table)
    click.echo(f"{count_of(len(rows), 'detection')}, {sum(bool(one['enabled']) for one in rows):,} enabled")


def _list_others(content: Content, kind: str, *, as_json: bool) -> None:
    from trapline.cli.render import print_json, print_table
    from trapline.content import overview

    wanted = kind.strip().lower().replace("-", "_").replace(" ", "_")
    known = {name: name for name in overview.KIND_NAMES} | {
        name.removesuffix("s"): name for name in overview.KIND_NAMES
    }
    known |= {"story": "stories"}
    if wanted not in known:
        raise click.UsageError(f"'{kind}' is no kind of content. One of: {', '.join(overview.KIND_NAMES)}.")
    rows = [overview.row(one) for one in overview.of_kind(content, known[wanted])]
    if as_json:
        print_json(rows)
        return
    shown = ["name", "status", "generation", "about"]
    print_table(shown, [[one[key] for key in shown] for one in rows])
    click.echo(f"{len(rows):,} {known[wanted].replace('_', ' ')}")


def _switch(
    on: bool, folders: tuple[str, ...], store: Path, names: tuple[str, ...], types: tuple[str, ...], as_json: bool
) -> None:
    from trapline import app
    from trapline.cli.render import print_json

    content = app.content(folders, store=store)
    if not names and not types:
        raise click.UsageError("name detections, or a --type")
    chosen = app.select(content, names, types)
    changed = app.switch(store, chosen, on)
    if as_json:
        print_json({"enabled": on, "detections": [one.name for one in chosen], "changed": changed})
        return
    verb = "enabled" if on else "disabled"
    click.echo(f"{changed:,} {verb}, {len(chosen) - changed:,} were {verb} before")


@command.command("enable")
@click.argument("names", metavar="NAME...", nargs=-1)
@click.option(
    "--type", "types", metavar="TYPE", multiple=True, help="All of a type: TTP, Anomaly, Hunting, Correlation."
)
@content_option
@store_option
@json_option
def enable(
    names: tuple[str, ...], types: tuple[str, ...], folders: tuple[str, ...], store: Path, as_json: bool
) -> None:
    """Let `trapline run` run detections: by name, id or file, or all of a type.

    What is enabled is kept in `enabled.yml` of the store: an upgrade of the content leaves it as it is.

    \b
    Examples:
      trapline content enable "Windows Service Create RemComSvc"
      trapline content enable --content ~/security_content --type TTP
    """
    _switch(True, folders, store, names, types, as_json)


@command.command("disable")
@click.argument("names", metavar="NAME...", nargs=-1)
@click.option(
    "--type", "types", metavar="TYPE", multiple=True, help="All of a type: TTP, Anomaly, Hunting, Correlation."
)
@content_option
@store_option
@json_option
def disable(
    names: tuple[str, ...], types: tuple[str, ...], folders: tuple[str, ...], store: Path, as_json: bool
) -> None:
    """Let `trapline run` leave detections out: by name, id or file, or all of a type.

    \b
    Example:
      trapline content disable "Windows Service Create RemComSvc"
    """
    _switch(False, folders, store, names, types, as_json)
