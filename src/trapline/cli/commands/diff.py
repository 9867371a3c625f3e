"""`trapline diff`: what changed between two trees of content."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trapline.cli.options import json_option

if TYPE_CHECKING:
    from trapline.content.catalog import Content

KINDS = (
    "detection",
    "macro",
    "lookup",
    "story",
    "baseline",
    "investigation",
    "data source",
    "deployment",
    "dashboard",
    "playbook",
)


@click.command("diff")
@click.argument("old")
@click.argument("new")
@click.option(
    "--repo",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    metavar="DIR",
    help="Folder of a git repository that OLD and NEW are refs of. Default: here.",
)
@click.option(
    "--store",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Also: which detections that are enabled in this store are behind NEW.",
)
@click.option("--kind", "kinds", type=click.Choice(KINDS), multiple=True, help="Only this kind of content.")
@click.option(
    "--behaviour", is_flag=True, help="Leave out what changed in texts only: descriptions, references, dates."
)
@click.option("--stat", is_flag=True, help="Only how many changed.")
@click.option(
    "--format", "form", type=click.Choice(["text", "markdown", "json"]), default="text", help="text, markdown or json."
)
@json_option
def command(
    old: str,
    new: str,
    repo: Path,
    store: Path | None,
    kinds: tuple[str, ...],
    behaviour: bool,
    stat: bool,
    form: str,
    as_json: bool,
) -> None:
    """Show what changed between two trees of content: detections, macros, lookups, stories.

    OLD and NEW are folders, FOLDER@REF, or a tag, branch or commit of the git repository --repo. Searches are compared
    stage by stage; blanks and comments in them do not count. Exit code 0: no difference, 1: differences.

    \b
    Examples:
      trapline diff ~/security_content@v4.41.0 ~/security_content
      trapline diff v4.41.0 v4.42.0 --repo ~/security_content --format markdown
      trapline diff mine upstream --store ./trapline-store --behaviour
    """
    from dataclasses import replace

    from trapline import app
    from trapline.cli import difftext
    from trapline.cli.render import clean, print_json
    from trapline.content.read import load, with_defaults
    from trapline.splunkapp import compare, gittree

    with ExitStack() as stack:
        folders = [stack.enter_context(gittree.tree(given, repo)) for given in (old, new)]
        before, after = (with_defaults(load(folder)) for folder in folders)
        _unread(before, old, folders[0])
        _unread(after, new, folders[1])
        found = compare.compare(before, after)
        late = None
        if store is not None:
            enabled, doubts = app.enabled_of(before, store)
            late = compare.behind(found, before, enabled)
            for doubt in doubts:
                click.echo(clean(f"warning: {doubt}"), err=True)
    shown = replace(
        found,
        entries=tuple(
            one for one in found.entries if (not kinds or one.kind in kinds) and (one.behaviour or not behaviour)
        ),
        same={kind: number for kind, number in found.same.items() if not kinds or kind in kinds},
    )
    if behaviour and late is not None:
        late = [one for one in late if one.through or (one.entry is not None and one.entry.behaviour)]
    if as_json or form == "json":
        print_json(
            {
                "old": old,
                "new": new,
                "counts": shown.counts(),
                "entries": [] if stat else [one.to_json() for one in shown.entries],
                "behind": None if late is None else [one.to_json() for one in late],
            }
        )
    elif form == "markdown":
        click.echo("\n".join(difftext.markdown(shown, late)))
    else:
        difftext.show(shown, late, stat=stat)
    sys.exit(1 if shown.entries else 0)


def _unread(content: Content, given: str, folder: Path) -> None:
    """What cannot be read would look as if it had been removed."""
    from trapline.cli.render import clean
    from trapline.content.read import errors

    for problem in errors(content.problems):
        text = str(problem.to_warn()).replace(str(folder), given)
        click.echo(clean(f"warning: left out of the comparison: {text}"), err=True)
