"""`trapline content add`: a content tree of others, kept in the store."""

from __future__ import annotations

from pathlib import Path

import click

from trapline.cli.options import json_option, store_option


@click.command("add")
@click.argument("source", metavar="GIT-URL|DIR")
@click.option("--name", metavar="NAME", help="What to call it in the store. Default: the last part of the URL or path.")
@click.option("--ref", metavar="REF", help="Branch or tag. Default: the repository's default branch.")
@store_option
@json_option
def add(source: str, name: str | None, ref: str | None, store: Path, as_json: bool) -> None:
    """Bring a content tree into the store, or bring it up to date.

    It goes to content/NAME of the store, where every command with --store finds it without --content. The same command
    again updates it. A git repository is cloned without its history; nothing of it is run. A folder is copied.

    \b
    Examples:
      trapline content add https://github.com/splunk/security_content.git
      trapline content add ssh://git@git.example.com/detections.git --ref release
      trapline content add ./our_content --name ours

    \b
    Exit codes: 0 done, 2 wrong input or usage, 3 git or the network failed.
    """
    from trapline import app
    from trapline.cli.render import clean, print_json
    from trapline.content import fetching, overview, read

    found = fetching.add(store / app.CONTENT, source, name=name, ref=ref)
    content = read.load(found.path)
    counts = {kind: count for kind, count in overview.stats(content)["kinds"].items() if count}
    errors = len(read.errors(content.problems))
    if as_json:
        print_json(
            {
                "name": found.name,
                "path": str(found.path),
                "source": found.source,
                "commit": found.commit or None,
                "before": found.before or None,
                "updated": found.updated,
                "kinds": counts,
                "errors": errors,
            }
        )
        return
    what = ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in counts.items())
    if found.updated and found.commit and found.commit == found.before:
        click.echo(f"{clean(found.name)} is up to date ({found.commit[:10]}): {what}")
    else:
        verb = "updated" if found.updated else "added"
        at = f" ({found.before[:10] + ' -> ' if found.before else ''}{found.commit[:10]})" if found.commit else ""
        click.echo(f"{verb} {clean(found.name)}{at}: {what}")
    if errors:
        click.echo(f"{errors:,} files cannot be used: trapline content validate --content {clean(str(found.path))}")
    click.echo("next: trapline content enable NAME..., or --type TTP")
