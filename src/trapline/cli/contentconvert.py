"""`trapline content convert`: a content tree in another generation of files."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trapline.cli.options import json_option, store_option

if TYPE_CHECKING:
    from trapline.content.model import Problem


@click.command("convert")
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, path_type=Path))
@click.option("--to", "to", type=click.Choice(["s2", "s3"]), required=True, help="s2: contentctl 5. s3: ESCU 6.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Write the new tree here: a new folder.")
@click.option("--write", is_flag=True, help="Change the files where they are.")
@click.option("--author", default="", metavar="NAME", help="Author of what has none (S1 macros and lookups).")
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="Date of what has none. Default: today.")
@click.option("--strict", is_flag=True, help="Something left to be written by hand makes the answer no.")
@click.option("--all", "everything", is_flag=True, help="List every note, not one line for each kind of them.")
@store_option
@json_option
def convert(
    folder: Path,
    to: str,
    out: Path | None,
    write: bool,
    author: str,
    day: datetime | None,
    strict: bool,
    everything: bool,
    store: Path,
    as_json: bool,
) -> None:
    """Write content in another generation of files, and say what cannot be carried over. DIR is a content tree, a
    Splunk app or a savedsearches.conf.

    Without --out and --write only the report is made. Files that are of that generation already stay as they are, byte
    by byte. Files that are no content (app_template/, contentctl.yml, ...) are not copied.

    \b
    Examples:
      trapline content convert ~/security_content --to s3
      trapline content convert ~/security_content --to s2 --out ~/newer --author "Detection Team"
      trapline content convert ./ours --to s3 --write
      trapline content convert ./my_splunk_app --to s2 --out ~/detections --author "Detection Team"

    \b
    Exit codes: 0 done, 1 with --strict: something is to be written by hand, 2 wrong input or usage.
    """
    from trapline import app
    from trapline.cli.render import clean, count_of, print_json
    from trapline.content import read, tree
    from trapline.content.convert import convert as carry
    from trapline.content.model import Generation

    if out is not None and write:
        raise click.UsageError("--out and --write exclude each other.")
    goal = Generation(to.upper())
    alone = read.load(folder)
    if write and any(one.generation is Generation.APP for one in alone.items()):
        raise click.UsageError("A Splunk app stays as it is: write its content as files with --out DIR.")
    content = app.content(store=store)
    content.lay(alone)
    made = carry(alone, goal, content, day=None if day is None else day.date(), author=author)
    files = tree.files(made, alone, goal)
    changed = sum(one.text is not None for one in files)
    if out is not None:
        tree.write_new(files, out)
    elif write:
        tree.write_over(files, folder)
    lost = read.errors(alone.problems)
    by_hand = read.errors(made.notes)
    if as_json:
        print_json(
            {
                "to": goal.value,
                "converted": changed,
                "kept": len(files) - changed,
                "written": str(out or folder) if out is not None or write else None,
                "notes": [one.to_json() for one in made.notes],
                "unreadable": [one.to_json() for one in lost],
            }
        )
    else:
        _print(made.notes, everything=everything)
        for one in lost:
            click.echo(clean(f"not converted: {one.place}: {one.reason}"), err=True)
        where = f" to {clean(str(out))}" if out is not None else " in place" if write else ""
        done = "wrote" if where else "would write"
        click.echo(f"{done} {count_of(changed, 'converted file')}{where}; as before: {len(files) - changed:,}")
        if by_hand:
            click.echo(f"to be seen to by hand: {count_of(len(by_hand), 'note')} (--all lists them)")
        if not where:
            click.echo("next: --out DIR writes a new tree, --write changes this one")
    if strict and by_hand:
        raise click.exceptions.Exit(1)


def _print(notes: tuple[Problem, ...], *, everything: bool) -> None:
    """One line for each kind of note, with how many and an example; or all of them."""
    import re

    from trapline.cli.render import print_table

    if everything:
        rows = [(one.code, one.file, one.field or "", one.reason) for one in notes]
        print_table(("what", "file", "field", "why"), rows, wrap=True)
        return
    keys = [(one.code, re.sub(r"\[\d+\]", "", one.field or "")) for one in notes]
    counts = Counter(keys)
    example = dict(zip(reversed(keys), reversed(notes), strict=True))
    order = {"by-hand": 0, "lost": 1, "changed": 2, "added": 3}
    table = [
        (code, field, f"{count:,}", f"{Path(example[code, field].file).stem}: {example[code, field].reason}")
        for (code, field), count in sorted(counts.items(), key=lambda one: (order.get(one[0][0], 9), -one[1]))
    ]
    if table:
        print_table(("what", "field", "count", "for example"), table, right=("count",), wrap=True)
