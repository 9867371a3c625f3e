"""`trapline test`: detections against recorded attack data."""

from __future__ import annotations

from pathlib import Path

import click

from trapline.cli.options import ADDON_HELP, json_option, store_option

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command("test")
@click.argument("names", metavar="[NAME|FILE]...", nargs=-1)
@click.option(
    "--content",
    "folders",
    metavar="DIR",
    multiple=True,
    help="Content folder on top of the built-in one and of what `content add` put into the store; without names all "
    "of it is tested. Default: the one that a FILE is in, else all.",
)
@store_option
@click.option("--type", "types", metavar="TYPE", multiple=True, help="Only TTP, Anomaly, Hunting or Correlation.")
@click.option("--data", type=_FOLDER, metavar="DIR", multiple=True, help="A mirror of the attack data, or a part.")
@click.option("--map", "mapping", type=_FILE, metavar="FILE", help="TSV, CSV or YAML that says where data sets are.")
@click.option("--fetch", is_flag=True, help="Fetch data that is named by a URL and not here, once, into a cache.")
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where to. Default: $TRAPLINE_DATA_CACHE, else trapline/attack_data in your caches.",
)
@click.option("--refresh", is_flag=True, help="Fetch again what has changed at its server. Implies --fetch.")
@click.option(
    "--allow-host", "hosts", metavar="HOST", multiple=True, help="A server of your network that may be asked."
)
@click.option("--fetch-limit", type=click.FloatRange(0, min_open=True), metavar="MB", help="The largest file: 2000.")
@click.option("--need-data", is_flag=True, help="Data that is not there is an error, not a reason to skip a test.")
@click.option("--every", is_flag=True, help="Run what contentctl skips, too: experimental, manual, Correlation, ...")
@click.option("--no-integration", is_flag=True, help="Only validation and unit tests.")
@click.option("--macros", metavar="FILE", multiple=True, help="Your own macros: macros.conf, YAML or a folder.")
@click.option("--addon", "addons", metavar="DIR", multiple=True, help=ADDON_HELP)
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="Processes. Default: one a core.")
@click.option(
    "--timeout",
    type=click.FloatRange(1),
    metavar="SECONDS",
    help="Of one detection. Default: 300. Without effect on four or fewer, and with --jobs 1.",
)
@click.option(
    "--out",
    "outs",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Report: .yml (contentctl's summary), .xml (JUnit), .html or .json. May be repeated.",
)
@click.option("--changed", "since", metavar="REF", help="Only what the difference to a ref of git touches.")
@click.option("--watch", "watching", is_flag=True, help="Then test what each saved file touches, until Ctrl-C.")
@click.option("--verbose", is_flag=True, help="Show what is doubtful about tests that passed, too.")
@json_option
def command(
    names: tuple[str, ...],
    folders: tuple[str, ...],
    store: Path,
    types: tuple[str, ...],
    data: tuple[Path, ...],
    mapping: Path | None,
    fetch: bool,
    cache: Path | None,
    refresh: bool,
    hosts: tuple[str, ...],
    fetch_limit: float | None,
    need_data: bool,
    every: bool,
    no_integration: bool,
    macros: tuple[str, ...],
    addons: tuple[str, ...],
    jobs: int | None,
    timeout: float | None,
    outs: tuple[Path, ...],
    since: str | None,
    watching: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Test detections: the content, their searches over attack data, what their schedules raise.

    Each test runs in a store of its own, over all cores. A test that fails says which clause removed the last row, and
    what the data holds instead. Without names: all detections of the content folders.

    \b
    Examples:
      trapline test "Windows Service Create RemComSvc"
      trapline test --content ~/security_content --data ~/attack_data --out test_results/summary.yml --out tests.html
      trapline test --content ~/security_content --fetch "Detect RTLO In Process"
      trapline test detections/endpoint/my_detection.yml --map my_data.yml
      trapline test --content . --changed main --out tests.xml
      trapline test --content . --changed HEAD --watch

    \b
    Exit codes: 0 nothing failed, 1 a test failed or none could run, 2 the input is wrong, 3 something outside failed.
    With --changed 0 also where nothing has changed; with --watch those of the last run.
    """
    from trapline import app
    from trapline.cli.testwatch import Asking, watch
    from trapline.testing import download, reports
    from trapline.testing.runner import Options

    for out in outs:
        reports.check(out)
    most = download.MOST_BYTES if fetch_limit is None else int(fetch_limit * 1_000_000)
    rules = download.Rules(tuple(one.lower() for one in hosts), most, refresh)
    asking = Asking(
        names=names,
        folders=folders,
        types=types,
        macros=macros,
        store=store,
        since=since,
        outs=outs,
        verbose=verbose,
        as_json=as_json,
        how={
            "data": data,
            "mapping": mapping,
            "fetching": (cache or download.default_folder(), rules) if fetch or refresh else None,
            "every": every,
            "options": Options(not no_integration, need_data),
            "addons": addons,
            "store": store,
            "jobs": jobs,
            "timeout": timeout,
        },
    )
    if watching:
        raise SystemExit(watch(asking, app.reading()))
    code = asking.run(asking.content())
    if code:
        raise SystemExit(code)
