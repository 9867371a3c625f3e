"""`trapline hunt`: evidence in, findings and ranked hosts out."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from trapline.cli.options import ADDON_HELP, attack_option, default_store, identity_options, json_option


@click.command("hunt")
@click.argument("evidence", metavar="PATH[::SOURCETYPE[::SOURCE]]...", nargs=-1, required=True)
@click.option("--content", "folders", metavar="DIR", multiple=True, help="Content folder on top of the built-in one.")
@click.option("--detection", "names", metavar="NAME|FILE", multiple=True, help="Run only this one. May be repeated.")
@click.option("--macros", metavar="FILE", multiple=True, help="Your own macros: macros.conf, YAML or a folder.")
@click.option("--addon", "addons", metavar="DIR", multiple=True, help=ADDON_HELP)
@identity_options
@click.option(
    "--store",
    type=click.Path(file_okay=False, path_type=Path),
    default=default_store,
    metavar="DIR",
    help="Store whose lookup tables, assets and identities apply. Nothing is written to it.",
)
@click.option("--type", "types", metavar="TYPE", multiple=True, help="Only TTP, Anomaly, Hunting or Correlation.")
@click.option("--deprecated", is_flag=True, help="Run deprecated detections too.")
@attack_option
@click.option(
    "--limit", type=click.IntRange(1), default=None, metavar="N", help="Findings listed per detection. Default: 1000."
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=None,
    metavar="N",
    help="Processes that run detections. Default: one for a small hunt, else one per core, 4 at most.",
)
@click.option(
    "--out",
    "outs",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Report: .html, .json or .csv.",
)
@click.option("--fail-on-findings", is_flag=True, help="Exit with 1 when something was found.")
@json_option
def command(
    evidence: tuple[str, ...],
    folders: tuple[str, ...],
    names: tuple[str, ...],
    macros: tuple[str, ...],
    addons: tuple[str, ...],
    assets: Path | None,
    identities: Path | None,
    store: Path,
    types: tuple[str, ...],
    deprecated: bool,
    attack_version: str | None,
    limit: int | None,
    jobs: int | None,
    outs: tuple[Path, ...],
    fail_on_findings: bool,
    as_json: bool,
) -> None:
    """Hunt over files, folders and archives: run the content, show findings and hosts by risk.

    Nothing is kept: the events go into a throwaway store. Every detection runs over all time. What cannot be read or
    run is counted and shown, never passed over.

    \b
    Examples:
      trapline hunt ./evidence
      trapline hunt Security.evtx fw.log::cisco:asa --out report.html
      trapline hunt logs.zip --content ~/security_content --macros my_filters.conf --json
      trapline hunt C:\\evidence --detection "Windows Service Create RemComSvc"
      trapline hunt okta.json --content ~/security_content --addon ~/TA-okta
      trapline hunt ./evidence --assets assets.csv --identities identities.csv

    \b
    Exit codes: 0 the hunt ran, with findings or without (--fail-on-findings: 1 with findings);
    2 wrong input, or no event could be read, or no detection could run.
    """
    from trapline import app
    from trapline.cli.hunttext import Progress, print_hunt
    from trapline.cli.render import clean, print_json
    from trapline.detect import evidence as given
    from trapline.detect import report
    from trapline.detect.drilldown import over_risk

    for out in outs:
        report.check(out)  # a path that will not do is an error before the work, not after it
    content = app.content(folders, macros, store)
    detections = app.select(content, names, types, deprecated=deprecated)
    over = [] if names or types else [one for one in detections if over_risk(one)]
    # A hunt makes risk events and has none before: rules over them could only find nothing.
    detections = [one for one in detections if one not in over]
    kept = app.kept(store, writes=False)
    knowledge = app.with_lookups(app.knowledge(addons, store), kept, assets, identities)
    with Progress() as progress:
        result = app.hunt(
            [given.parse(one) for one in evidence],
            content,
            detections,
            knowledge=knowledge,
            kept=kept,
            keep=limit,
            attack_version=app.attack(store, attack_version),
            jobs=jobs,
            progress=progress,
        )
    for out in outs:
        report.write(result, out)
    if as_json:
        print_json(result.to_json())
    else:
        print_hunt(result)
        if over:
            click.echo(f"{len(over):,} rules over risk events are left out: trapline run --clock runs them", err=True)
    for out in outs:
        click.echo(f"wrote {clean(str(out))}", err=True)
    if not result.events:
        click.echo("error: no event was read, so nothing was hunted over\n  hint: see the sources above", err=True)
        sys.exit(2)
    if not result.ran:
        click.echo("error: no detection could run\n  hint: see the warnings above", err=True)
        sys.exit(2)
    if fail_on_findings and result.found:
        sys.exit(1)
