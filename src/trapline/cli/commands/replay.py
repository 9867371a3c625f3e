"""`trapline replay`: recorded events into a store or to an HTTP Event Collector."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trapline.cli.options import ADDON_HELP, json_option, store_option

if TYPE_CHECKING:
    from trapline.ingest.report import IngestReport
    from trapline.outputs.options import Secret
    from trapline.outputs.wire import Poster
    from trapline.replay.send import Sent

TOKEN_VARIABLE = "TRAPLINE_HEC_TOKEN"  # noqa: S105 (its name)


@click.command("replay")
@click.argument("paths", metavar="DATA...", nargs=-1, required=True)
@click.option("--to", "url", metavar="URL", help="HTTP Event Collector, as https://splunk:8088. Default: our store.")
@click.option(
    "--token", metavar="TOKEN", help=f"Token of the collector. Better: ${TOKEN_VARIABLE}, which no process list shows."
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    help="Pace by event time, N times as fast as it was: 1, 60, 0.5. Default: as fast as it goes.",
)
@click.option("--retime", is_flag=True, help="Move all times by one distance, so that the newest event is now.")
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Remember there what was acknowledged: the same command goes on after an interruption.",
)
@store_option
@click.option("--index", metavar="NAME", help="Index of the events. Default: main of a store, that of the token.")
@click.option("--source", metavar="TEXT", help="Source of all events, instead of the one that the content gives.")
@click.option("--sourcetype", metavar="TEXT", help="Sourcetype of all events, instead of the recognised one.")
@click.option("--host", metavar="TEXT", help="Host of all events, instead of the one in them.")
@click.option("--format", "format_name", metavar="NAME", help="Log format, instead of recognising it.")
@click.option("--addon", "addons", metavar="DIR", multiple=True, help=ADDON_HELP)
@click.option(
    "--ca",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="Certificates to trust, as PEM, instead of the system's.",
)
@click.option("--insecure", is_flag=True, help="Do not check the collector's certificate; let http:// pass.")
@click.option("--timeout", type=click.IntRange(1, 300), default=30, show_default=True, help="Seconds for a batch.")
@json_option
def command(
    paths: tuple[str, ...],
    url: str | None,
    token: str | None,
    speed: float | None,
    retime: bool,
    state: Path | None,
    store: Path,
    index: str | None,
    source: str | None,
    sourcetype: str | None,
    host: str | None,
    format_name: str | None,
    addons: tuple[str, ...],
    ca: str | None,
    insecure: bool,
    timeout: int,
    as_json: bool,
) -> None:
    """Send recorded events again: whatever `trapline ingest` reads, into our store or to any HTTP Event Collector.

    Events go in order of their time and keep source, sourcetype, host and time. A batch that is not taken is tried
    again, after growing waits.

    \b
    Examples:
      trapline replay attack.log --retime
      trapline replay ./evidence --to https://splunk.example:8088 --index test
      trapline replay attack_data.zip --to https://localhost:8088 --insecure --retime --speed 60

    \b
    Exit codes:
      0  all events that could be read were sent
      2  nothing could be read, or wrong usage
      3  the collector did not take them: the error says how many it has
    """
    from trapline import app
    from trapline.cli.render import print_json
    from trapline.replay.mark import Mark
    from trapline.replay.recorded import recorded
    from trapline.replay.send import Collector, OurStore, Target, send
    from trapline.store import Store

    poster = None
    if url is not None:
        poster = _poster(url, ca, insecure, timeout)
        secret = _token(token)
    elif token is not None or ca is not None or insecure:
        raise click.UsageError("--token, --ca and --insecure are for a collector: name it with --to.")
    rules = app.index_time(addons, store)
    with recorded(
        paths, source=source, sourcetype=sourcetype, host=host, format_name=format_name, rules=rules
    ) as events:
        if not events.events:
            _told(events.report, None, as_json=as_json)
            click.echo("nothing was read: 'trapline ingest --formats' lists what can be read", err=True)
            sys.exit(2)
        about = (str(store.resolve()) if url is None else url, index, source, sourcetype, host, retime)
        mark = Mark(state, events, about) if state is not None else None
        with _progress(events.events) as progress:
            if poster is not None:
                target: Target = Collector(poster, secret, index)
                sent = send(events, target, speed=speed, retime=retime, mark=mark, progress=progress)
            else:
                with Store.open(store) as opened:
                    target = OurStore(opened, index or "main")
                    sent = send(events, target, speed=speed, retime=retime, mark=mark, progress=progress)
        if as_json:
            print_json(sent.to_json() | {"index": index or ("main" if poster is None else None)} | _read(events.report))
        else:
            _told(events.report, sent, as_json=False)


def _poster(url: str, ca: str | None, insecure: bool, timeout: int) -> Poster:
    import ssl

    from trapline.outputs.kinds.hec import PATH
    from trapline.outputs.wire import URL_HINT, Poster, Url, WrongUrl, tls

    try:
        where = Url.of(url, PATH, plain=insecure)
    except WrongUrl as error:
        hint = "use https://, or --insecure to let events and token be read on the way" if error.plain else URL_HINT
        raise click.UsageError(f"--to: {error.reason}: {hint}.") from None
    try:
        tls(ca)
    except (OSError, ssl.SSLError):
        raise click.UsageError("--ca: there are no certificates in this file; give a PEM file.") from None
    return Poster(where, timeout, ca, verify=not insecure)


def _token(given: str | None) -> Secret:
    import os

    from trapline.outputs.options import Secret

    text = (given or os.environ.get(TOKEN_VARIABLE) or "").strip()
    if not text:
        raise click.UsageError(f"a collector wants a token: --token, or export {TOKEN_VARIABLE}=...")
    if not (text.isascii() and text.isprintable()):
        raise click.UsageError("the token holds more than printable ASCII.")
    return Secret(text)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None] | None]:
    """A progress bar by events on stderr, where that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.update(task, completed=done)


def _read(report: IngestReport) -> dict[str, object]:
    """What was lost while reading."""
    return {
        "bad_records": report.bad_records,
        "kept_records": report.kept_records,
        "untimed": sum(file.untimed for file in report.files),
        "files": [
            {"file": one.name, "events": one.events, "note": one.note} for one in report.files if one.note or one.events
        ],
    }


def _told(report: IngestReport, sent: Sent | None, *, as_json: bool) -> None:
    from trapline.cli.render import clean, print_json
    from trapline.ingest.report import iso_text

    if as_json:
        print_json({"events": 0} | _read(report))
        return
    remarks = [one for one in report.files if one.note]
    for one in remarks[:20]:
        click.echo(f"{clean(one.name)}: {clean(one.note)}", err=True)
    if len(remarks) > 20:
        click.echo(f"... and {len(remarks) - 20:,} more files with remarks; --json names them all", err=True)
    if sent is None:
        return
    click.echo(f"{sent.events:,} events to {clean(sent.target)} in {sent.seconds:.1f} s, {sent.batches:,} batches")
    if sent.before:
        click.echo(f"{sent.before:,} events were sent before")
    click.echo(f"times {iso_text(sent.earliest)} to {iso_text(sent.latest)}")
    if sent.shift:
        click.echo(f"moved by {sent.shift:,.0f} s")
        untimed = sum(one.untimed for one in report.files)
        if untimed:
            click.echo(
                f"{untimed:,} events have no time of their own: they stand at that of the event before them or of their"
                " file, and count for which is the newest. Leave such files out if the others are not where you want.",
                err=True,
            )
    if sent.retries:
        click.echo(f"{sent.retries:,} tries failed and were made again")
    if sent.blank:
        click.echo(f"{sent.blank:,} events without a text were left out: a collector refuses them")
