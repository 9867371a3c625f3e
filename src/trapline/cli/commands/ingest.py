"""`trapline ingest`: logs into the store."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trapline.cli.options import ADDON_HELP, json_option, store_option
from trapline.cli.render import clean, count_of, human_bytes, print_json, print_table

if TYPE_CHECKING:
    from trapline.ingest.intake import Progress
    from trapline.ingest.report import FileReport, IngestReport

_MOST_FILES = 40
"""Files with something to say that the table names one by one; `--json` has them all."""


def _formats(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    """List the formats and leave."""
    if not wanted or ctx.resilient_parsing:
        return
    from trapline.ingest.intake import formats

    print_table(["format", "reads"], [[name, module.HELP] for name, module in formats().items()], wrap=True)
    ctx.exit()


@click.command("ingest")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@store_option
@click.option("--index", default="main", show_default=True, metavar="NAME", help="Index that the events go to.")
@click.option("--source", metavar="TEXT", help="Source of all events, instead of the one that the content gives.")
@click.option("--sourcetype", metavar="TEXT", help="Sourcetype of all events, instead of the recognised one.")
@click.option("--host", metavar="TEXT", help="Host of all events, instead of the one in them.")
@click.option("--format", "format_name", metavar="NAME", help="Log format, instead of recognising it.")
@click.option("--addon", "addons", metavar="DIR", multiple=True, help=ADDON_HELP)
@click.option("--again", is_flag=True, help="Also read files whose content is in the index already.")
@click.option(
    "--formats",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_formats,
    help="List the log formats and exit.",
)
@json_option
def command(
    paths: tuple[str, ...],
    store: Path,
    index: str,
    source: str | None,
    sourcetype: str | None,
    host: str | None,
    format_name: str | None,
    addons: tuple[str, ...],
    again: bool,
    as_json: bool,
) -> None:
    """Read logs into the store: files, folders, globs, archives, or - for stdin.

    Formats are recognised by content. Compressed files and archives (.gz, .zip, .tar.gz) are looked into. A file whose
    content is in the index already is skipped. Damaged records cost themselves only; at the end everything met is
    accounted for.

    \b
    Examples:
      trapline ingest Security.evtx
      trapline ingest ./evidence 'more/**/*.log.gz' --store ./case42
      trapline ingest dc1.xml --sourcetype XmlWinEventLog --index win
      trapline ingest app.log --sourcetype acme:app --addon ./TA-acme
      ssh dc1 cat /var/log/audit/audit.log | trapline ingest - --host dc1

    \b
    Exit codes:
      0  everything recognised was read (damaged records are in the report)
      2  nothing at all could be read, or wrong usage
    """
    from trapline import app
    from trapline.ingest.intake import ingest
    from trapline.store import Store

    rules = app.index_time(addons, store)
    with Store.open(store) as opened, _progress(paths) as progress:
        report = ingest(
            paths,
            opened,
            index=index,
            source=source,
            sourcetype=sourcetype,
            host=host,
            format=format_name,
            again=again,
            progress=progress,
            rules=rules,
        )
    if as_json:
        print_json(report.to_json() | {"store": str(store), "index": index})
    else:
        _print(report, store, index)
    if report.nothing_read:
        click.echo("nothing was read: see why above, or 'trapline ingest --formats' for what can be read", err=True)
        sys.exit(2)


@contextmanager
def _progress(paths: tuple[str, ...]) -> Iterator[Callable[[Progress], None] | None]:
    """A progress bar by bytes on stderr, where that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    from trapline.ingest.files import total_size

    columns = (
        TextColumn("{task.fields[name]}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[events]:,} events", markup=False),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total_size(list(paths)) or None, name="", events=0)

        def advance(step: Progress) -> None:
            bar.update(task, advance=step.disk, name=_tail(step.name, 36), events=step.events)

        yield advance


def _tail(name: str, width: int) -> str:
    text = clean(name)
    return text if len(text) <= width else "…" + text[-(width - 1) :]


def _print(report: IngestReport, store: Path, index: str) -> None:
    sources = report.by_source()
    if sources:
        rows = [
            [one.sourcetype, one.source, f"{one.events:,}", _short_time(one.earliest), _short_time(one.latest)]
            for one in sources
        ]
        print_table(["sourcetype", "source", "events", "earliest", "latest"], rows, right=("events",))
        click.echo()
    told = [file for file in report.files if file.note and (file.skipped is None or file.lost)]
    serious = sorted(told, key=lambda file: not (file.lost or file.error or file.bad))
    if told:
        rows = [[_tail(file.name, 60), f"{file.events:,}", _lost(file), _said(file)] for file in serious[:_MOST_FILES]]
        print_table(["file", "events", "bad", "why"], rows, right=("events", "bad"), wrap=True)
        if len(told) > _MOST_FILES:
            click.echo(f"... and {len(told) - _MOST_FILES:,} more files with remarks; --json names them all")
        click.echo()
    rate = report.events / report.seconds if report.seconds else 0.0
    read = f"{count_of(len(report.read), 'file')} ({human_bytes(report.bytes)})"
    click.echo(f"{count_of(report.events, 'event')} from {read} in {report.seconds:.1f} s, {rate:,.0f} events/s")
    if report.bad_records:
        click.echo(f"{report.bad_records:,} bad records")
    if report.kept_records:
        click.echo(f"{count_of(report.kept_records, 'record')} kept as text: no fields could be read from them")
    for reason, count in report.skipped_by_reason().items():
        click.echo(f"{count:,} skipped: {clean(reason)}")
    click.echo(f"store {clean(str(store))}, index {clean(index)}")


def _lost(file: FileReport) -> str:
    return f"{file.bad_records:,}" if file.bad_records else ""


def _said(file: FileReport) -> str:
    return f"{file.note}. {file.hint}" if file.hint else file.note


def _short_time(micros: int | None) -> str:
    from trapline.ingest.report import iso_text

    text = iso_text(micros) or ""
    return text.partition(".")[0].removesuffix("Z").replace("T", " ")
