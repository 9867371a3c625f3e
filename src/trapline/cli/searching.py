"""What `search` and `explain` share: their options, the session they run in, what they say about the data read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from trapline.cli.options import json_option, store_option
from trapline.errors import Warn

if TYPE_CHECKING:
    from trapline.content.catalog import Content
    from trapline.ingest.report import IngestReport
    from trapline.search import Session

Command = TypeVar("Command", bound=Callable[..., Any])


def search_options(*, spl: bool = True) -> Callable[[Command], Command]:
    """The options that say over what a search runs, and when. `spl`: the search itself must be given."""

    def decorated(command: Command) -> Command:
        for option in reversed(
            (
                click.argument("spl", metavar="SPL" if spl else "[SPL]", required=spl),
                click.option(
                    "--data",
                    metavar="PATH[::SOURCETYPE[::SOURCE]]",
                    multiple=True,
                    help="Search these files, folders or archives instead of the store. May be repeated.",
                ),
                store_option,
                click.option("--earliest", metavar="TIME", help="Start, included: -24h@h, epoch, MM/DD/YYYY:HH:MM:SS."),
                click.option("--latest", metavar="TIME", help="End, not included; as --earliest."),
                click.option("--now", type=float, metavar="EPOCH", help="What now() and relative times count from."),
                click.option(
                    "--content", "folders", metavar="DIR", multiple=True, help="Content folder, for its macros."
                ),
                click.option(
                    "--macros", metavar="FILE", multiple=True, help="Your own macros: macros.conf, YAML or a folder."
                ),
                json_option,
            )
        ):
            command = option(command)
        return command

    return decorated


@contextmanager
def opened(
    store: Path, data: Sequence[str], folders: Sequence[str], macros: Sequence[str]
) -> Iterator[tuple[Session, IngestReport | None, Content]]:
    """The session of a command, what was read for it, and the content whose macros it has; reading `--data` shows how
    far it is."""
    from trapline import app
    from trapline.cli.hunttext import Progress
    from trapline.detect import evidence as given
    from trapline.ingest.files import total_size

    content = app.content(folders, macros)
    evidence = [given.parse(one) for one in data]
    with Progress() as line:
        total = total_size([one.path for one in evidence]) if evidence and sys.stderr.isatty() else 0
        done = 0

        def tell(at: Any) -> None:
            nonlocal done
            done += at.disk
            line("reading", min(done, total), total, at.name)

        with app.session(content, store=store, data=evidence, progress=tell) as (session, report):
            line("searching", 0, 0, "")
            yield session, report, content


def tell_reading(report: IngestReport | None) -> list[Warn]:
    """What was lost while reading `--data`, as warnings."""
    if report is None:
        return []
    warnings = [
        Warn("not-read", file.error or file.skipped or "", file.hint, file.name)
        for file in report.files
        if file.error or file.lost
    ]
    lost = sum(one.count for file in report.files for one in file.bad.values())
    if lost:
        torn = sum(1 for file in report.files if file.bad)
        warnings.append(
            Warn("bad-records", f"{lost:,} records in {torn:,} files could not be read", "trapline ingest shows which")
        )
    return warnings


def print_warnings(warnings: Sequence[Warn], most: int = 10) -> None:
    """Warnings on stderr, a line each; past `most` their number."""
    from trapline.cli.render import clean

    for warn in warnings[:most]:
        click.echo(f"warning: {clean(str(warn))}", err=True)
    if len(warnings) > most:
        click.echo(f"warning: and {len(warnings) - most:,} more; --json lists them all", err=True)
