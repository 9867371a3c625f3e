"""`trapline build`: content as a Splunk app."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from trapline.cli.options import json_option
from trapline.cli.render import count_of

EPOCH = "SOURCE_DATE_EPOCH"


def _moment(_: click.Context, __: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        if value.isascii() and value.isdigit():
            return datetime.fromtimestamp(int(value), UTC)
        found = datetime.fromisoformat(value)
    except (ValueError, OverflowError, OSError):
        raise click.BadParameter(f"'{value[:40]}' is no time; write 2024-10-23 or epoch seconds") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


@click.command("build")
@click.option(
    "--content",
    "folders",
    metavar="DIR",
    multiple=True,
    help="Content folder; several are laid on each other. Default: the built-in library.",
)
@click.option(
    "--out",
    metavar="DIR",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the app goes: DIR/<appid>/ and DIR/<appid>-<version>.tar.gz.",
)
@click.option("--label", help="What saved searches begin with. Default: that of contentctl.yml, else ESCU.")
@click.option("--app-version", "version", metavar="X.Y.Z", help="Version of the app. Default: that of contentctl.yml.")
@click.option(
    "--generation",
    type=click.Choice(["s1", "s2", "s3"]),
    help="The form of everything. Default: of each object its own.",
)
@click.option(
    "--attack",
    "attack",
    metavar="VERSION",
    help="Version of ATT&CK for kill chain phases, or none. Default: the newest.",
)
@click.option(
    "--build-time",
    "made",
    metavar="TIME",
    envvar=EPOCH,
    callback=_moment,
    help=f"Time of the build, ISO or epoch seconds. Default: ${EPOCH}, else the day of the newest object.",
)
@click.option("--api", is_flag=True, help="Also DIR/api/*.json, as contentctl writes them.")
@click.option("--no-archive", is_flag=True, help="Only the folder, no .tar.gz.")
@click.option("--strict", is_flag=True, help="Exit code 1 when anything is doubtful, not only when an object is lost.")
@json_option
def command(
    folders: tuple[str, ...],
    out: Path,
    label: str | None,
    version: str | None,
    generation: str | None,
    attack: str | None,
    made: datetime | None,
    api: bool,
    no_archive: bool,
    strict: bool,
    as_json: bool,
) -> None:
    """Build a Splunk app from content, as contentctl does: savedsearches.conf, macros.conf, lookups, stories.

    app_template/ and contentctl.yml (or build.yml) of the content folder are used where they are. The same content and
    options give the same bytes. Exit code 1: an object could not be built and is not in the app.

    \b
    Examples:
      trapline build --content ~/security_content --out dist
      trapline build --out dist --label ACME --app-version 1.2.0 --api
    """
    from trapline.content.enrich import DEFAULT_ATTACK
    from trapline.content.enrich import attack as table
    from trapline.content.model import Generation
    from trapline.splunkapp.build import Options, build

    chosen = None if attack == "none" else attack or DEFAULT_ATTACK
    if chosen is not None:
        table(chosen)
    options = Options(
        out=out,
        label=label,
        version=version,
        generation=Generation(generation.upper()) if generation else None,
        attack=chosen,
        made=made,
        api=api,
        pack=not no_archive,
    )
    tell = (lambda text: click.echo(f"\r\x1b[K{text} ...", nl=False, err=True)) if sys.stderr.isatty() else None
    built = build(folders, options, tell)
    if tell is not None:
        click.echo("\r\x1b[K", nl=False, err=True)
    _show(built, as_json)
    lost = [one for one in built.problems if one.level.value == "error"]
    sys.exit(1 if lost or (strict and built.problems) else 0)


def _show(built: Any, as_json: bool) -> None:
    from trapline.cli.render import clean, print_json, print_table

    counts = built.counts
    if as_json:
        print_json(
            {
                "app": str(built.app),
                "archive": str(built.archive) if built.archive else None,
                "appid": built.settings.appid,
                "version": built.settings.version,
                "label": built.settings.label,
                "generation": built.form.value,
                "built": built.made.isoformat(),
                "counts": counts,
                "problems": [one.to_json() for one in built.problems],
            }
        )
        return
    for one in built.problems:
        click.echo(clean(f"{one.level.value}: {one.to_warn()}"), err=True)
    confs = [[name, f"{counts[name]:,}"] for name in counts if name.endswith(".conf")]
    print_table(["file", "stanzas"], confs, right=["stanzas"])
    click.echo(
        f"{count_of(counts['detections'], 'detection')}, {count_of(counts['baselines'], 'baseline')}, "
        f"{counts['response tasks']:,} response tasks, {counts['tables']:,} lookup tables; form {built.form.value}"
    )
    click.echo(clean(f"app: {built.app}"))
    if built.archive is not None:
        click.echo(clean(f"archive: {built.archive}"))
