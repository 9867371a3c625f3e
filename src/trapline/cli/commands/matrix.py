"""`trapline matrix`: every detection over every data set."""

from __future__ import annotations

from pathlib import Path

import click

from trapline.cli.options import ADDON_HELP, json_option

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("matrix")
@click.argument("names", metavar="[NAME|FILE]...", nargs=-1)
@click.option("--data", type=_FOLDER, metavar="DIR", required=True, help="Folder of data sets, one a file.")
@click.option("--map", "mapping", type=_FILE, metavar="FILE", help="TSV, CSV or YAML that says whose data a file is.")
@click.option(
    "--benign",
    metavar="GLOB",
    multiple=True,
    help="Data sets in which nothing is wrong, by their path below DIR; beside those in folders called benign, and "
    "those that DIR/benign.yml lists.",
)
@click.option("--content", "folders", metavar="DIR", multiple=True, help="Content folder on top of the built-in one.")
@click.option("--type", "types", metavar="TYPE", multiple=True, help="Only TTP, Anomaly, Hunting or Correlation.")
@click.option("--macros", metavar="FILE", multiple=True, help="Your own macros: macros.conf, YAML or a folder.")
@click.option("--addon", "addons", metavar="DIR", multiple=True, help=ADDON_HELP)
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="Processes. Default: one a core.")
@click.option("--cache", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Folder of the cache.")
@click.option("--no-cache", is_flag=True, help="Run everything anew, and keep nothing.")
@click.option(
    "--out", "outs", metavar="FILE", multiple=True, type=click.Path(path_type=Path), help="Write .html or .csv."
)
@click.option("--fail-on-benign", is_flag=True, help="Exit with 1 when a detection fires on a benign data set.")
@json_option
def command(
    names: tuple[str, ...],
    data: Path,
    mapping: Path | None,
    benign: tuple[str, ...],
    folders: tuple[str, ...],
    types: tuple[str, ...],
    macros: tuple[str, ...],
    addons: tuple[str, ...],
    jobs: int | None,
    cache: Path | None,
    no_cache: bool,
    outs: tuple[Path, ...],
    fail_on_benign: bool,
    as_json: bool,
) -> None:
    """Run every detection over every data set: which others fire, which never do, which fire where nothing is wrong.

    What a detection found in a data set is kept until one of the two changes, so that a second run is quick.

    \b
    Examples:
      trapline matrix --data ~/attack_data/datasets --content ~/security_content --out matrix.html --out matrix.csv
      trapline matrix my_detection.yml --data samples --benign 'normal/*' --fail-on-benign

    \b
    Exit codes: 0 it ran (--fail-on-benign: 1 where a detection fires on a benign data set), 2 the input is wrong, or no
    data set could be read.
    """
    from trapline import app
    from trapline.cli.hunttext import Progress
    from trapline.cli.matrixtext import print_matrix
    from trapline.cli.render import print_json
    from trapline.testing import matrixpage

    for out in outs:
        matrixpage.check(out)
    content = app.content(folders, macros)
    detections = app.select(content, names, types)
    with Progress() as line:
        found = app.matrix(
            content,
            detections,
            data,
            mapping=mapping,
            benign=benign,
            addon_folders=addons,
            cache=cache,
            cached=not no_cache,
            jobs=jobs,
            progress=line,
        )
    for out in outs:
        matrixpage.write(found, out)
    if as_json:
        print_json(found.to_json())
    else:
        print_matrix(found)
    for out in outs:
        click.echo(f"wrote {out}", err=True)
    if not any(one.events for one in found.ran):
        click.echo("error: no data set could be read\n  hint: --json says why of each", err=True)
        raise SystemExit(2)
    if fail_on_benign and found.false():
        raise SystemExit(1)
