"""`trapline store`: what is in the store, and its upkeep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trapline.cli.options import json_option, store_option
from trapline.cli.render import human_bytes, print_json, print_table

if TYPE_CHECKING:
    from trapline.store import Store


@click.group()
def command() -> None:
    """Show what the store holds, and look after it.

    \b
    Examples:
      trapline store stats
      trapline store compact && trapline store vacuum
    """


@command.command()
@store_option
@json_option
def stats(store: Path, as_json: bool) -> None:
    """Events, files, size, time range and fields of every index and sourcetype.

    COLS have a column of their own; TAIL are further field names (their number is bounded, or they differ from a
    column only in case); MULTI are fields with more than one value in some event. --json lists the names.

    \b
    Example:
      trapline store stats --json
    """
    with _opened(store) as opened:
        tables = opened.stats()
        if as_json:
            rows = [asdict(t) | {"earliest": _iso(t.earliest), "latest": _iso(t.latest)} for t in tables]
            print_json({"store": str(opened.path), "tables": rows})
            return
        if not tables:
            click.echo(f"no events in {opened.path}")
            return
        headers = ("index", "sourcetype", "events", "files", "size", "earliest", "latest", "cols", "tail", "multi")
        lines: list[Sequence[object]] = [
            (
                t.index,
                t.sourcetype,
                t.events,
                t.files,
                human_bytes(t.bytes),
                _text(t.earliest),
                _text(t.latest),
                len(t.columns),
                len(t.tail),
                len(t.multi),
            )
            for t in tables
        ]
        print_table(headers, lines, right={"events", "files", "size", "cols", "tail", "multi"})


@command.command()
@store_option
@json_option
def compact(store: Path, as_json: bool) -> None:
    """Merge small files into large ones sorted by time.

    Searches that run meanwhile are not disturbed. The files that were replaced stay until `trapline store vacuum`.

    \b
    Example:
      trapline store compact
    """
    with _opened(store) as opened:
        done = opened.compact()
        if as_json:
            print_json({"store": str(opened.path), "tables": [asdict(one) for one in done]})
            return
        headers = ("index", "sourcetype", "files before", "files after")
        lines = [(one.index, one.sourcetype, one.files_before, one.files_after) for one in done]
        print_table(headers, lines, right=headers[2:])


@command.command()
@click.option(
    "--hours",
    type=click.FloatRange(min=0),
    default=24,
    show_default=True,
    help="Keep what was in use this long ago. 0: only when nothing reads or writes the store.",
)
@store_option
@json_option
def vacuum(hours: float, store: Path, as_json: bool) -> None:
    """Delete files that no search reads any more.

    They were replaced by compaction, or left by an ingest that was killed.

    \b
    Example:
      trapline store vacuum --hours 48
    """
    with _opened(store) as opened:
        done = opened.vacuum(hours)
        if as_json:
            print_json({"store": str(opened.path), "tables": [asdict(one) for one in done]})
            return
        headers = ("index", "sourcetype", "files removed", "size removed")
        lines = [(one.index, one.sourcetype, one.files_removed, human_bytes(one.bytes_removed)) for one in done]
        print_table(headers, lines, right=headers[2:])


@contextmanager
def _opened(path: Path) -> Iterator[Store]:
    from trapline.store import Store

    with Store.open(path, create=False) as store:
        yield store


def _when(stamp: int | None) -> datetime | None:
    return None if stamp is None else datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=stamp)


def _iso(stamp: int | None) -> str | None:
    when = _when(stamp)
    return None if when is None else when.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _text(stamp: int | None) -> str | None:
    """To the minute, so that the table fits a terminal; --json has the microsecond."""
    when = _when(stamp)
    return None if when is None else when.replace(tzinfo=None).isoformat(" ", timespec="minutes")
