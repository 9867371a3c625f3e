"""`trapline site`: the content as a static web site."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from trapline.cli.options import attack_option, json_option, store_option


@click.command("site")
@click.option(
    "--content", "folders", metavar="DIR", multiple=True, help="Content folder. Default: the built-in content."
)
@click.option("--macros", metavar="FILE", multiple=True, help="Your own macros: macros.conf, YAML or a folder.")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder to write; new or an earlier site.",
)
@click.option("--base-url", metavar="URL", help="/x/ or https://host/x/ where it will lie. Default: relative links.")
@click.option(
    "--results",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="What `trapline test --json` wrote: the status of each test.",
)
@click.option("--title", default="Detection content", show_default=True, metavar="TEXT", help="The name of the site.")
@click.option("--source-url", metavar="URL", help="Put before the path of a detection's file for a link to it.")
@attack_option
@store_option
@json_option
def command(
    folders: tuple[str, ...],
    macros: tuple[str, ...],
    out: Path,
    base_url: str | None,
    results: Path | None,
    title: str,
    source_url: str | None,
    attack_version: str | None,
    store: Path,
    as_json: bool,
) -> None:
    """Write the content as a static web site: detections, stories, ATT&CK, data sources, macros, lookups, search.

    The site needs no server: open index.html of the folder, or put it on any. All its links are checked. Of the store
    only the ATT&CK table that is kept in it is read.

    \b
    Examples:
      trapline site --out ./site
      trapline site --content ~/security_content --out ./site --results test-results.json
      trapline site --content ~/mine --out ./public --base-url https://example.com/detections/

    \b
    Exit codes: 0 written, 1 written with a link that leads nowhere.
    """
    from trapline import app
    from trapline.cli.render import clean, human_bytes, print_json
    from trapline.content.read import errors
    from trapline.errors import TraplineError
    from trapline.site.build import Options, build
    from trapline.site.build import base_url as checked
    from trapline.site.results import read_results

    if source_url is not None and not source_url.startswith(("http://", "https://")):
        raise TraplineError(
            f"'{source_url}' is no web address", hint="https://example.com/tree/", code="site.source-url"
        )
    options = Options(
        title=title,
        base_url=checked(base_url) if base_url is not None else None,
        source_url=source_url,
        attack=app.attack(store, attack_version),
        results=read_results(results) if results is not None else None,
        library=not folders,
    )
    content = app.content(folders, macros)
    shown = sys.stderr.isatty() and not as_json

    def progress(done: int, total: int) -> None:
        if done % 50 == 0 or done == total:
            click.echo(f"\r{done:,} of {total:,} pages", nl=done == total, err=True)

    built = build(content, out, options, progress if shown else None)
    bad = errors(content.problems)
    if as_json:
        print_json({"out": str(out), **built.to_json(), "content_errors": [one.to_json() for one in bad]})
    else:
        for problem in bad:
            click.echo(f"warning: left out: {clean(problem.to_error().place)}: {clean(problem.reason)}", err=True)
        for warn in built.warnings:
            click.echo(f"warning: {clean(str(warn))}", err=True)
        for one in built.broken:
            click.echo(f"broken link: {clean(one.file)}: {clean(one.link)}: {one.reason}", err=True)
        click.echo(
            f"{built.pages:,} pages of {built.counts['detections']:,} detections, {human_bytes(built.bytes)}, "
            f"{built.links:,} links checked, {len(built.broken):,} broken: {clean(str(out / 'index.html'))}"
        )
    if built.broken:
        raise click.exceptions.Exit(1)
