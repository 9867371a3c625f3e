"""What `search` and `explain` share: their options, the session they run in, what they say about the data read."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trapline.cli.options import ADDON_HELP, identity_options, json_option, store_option
from trapline.errors import InputError, TraplineError, Warn

if TYPE_CHECKING:
    from trapline.content.catalog import Content
    from trapline.ingest.report import IngestReport
    from trapline.search import Session


@dataclass(frozen=True, slots=True)
class Scope:
    """Over what a search runs, when, and with whose knowledge."""

    data: tuple[str, ...]
    store: Path
    earliest: str | None
    latest: str | None
    now: float | None
    folders: tuple[str, ...]
    macros: tuple[str, ...]
    addons: tuple[str, ...]
    tz: str
    geoip: Path | None
    models: tuple[str, ...]
    assets: Path | None
    identities: Path | None
    folder: Path | None

    @property
    def times(self) -> dict[str, Any]:
        """The time arguments of `Session.run` and its kin."""
        return {"earliest": self.earliest, "latest": self.latest, "now": self.now}


_OPTIONS = (
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
    click.option("--tz", default="UTC", show_default=True, metavar="ZONE", help="Time zone, such as Europe/Oslo."),
    click.option("--content", "folders", metavar="DIR", multiple=True, help="Content folder: its macros and lookups."),
    click.option("--macros", metavar="FILE", multiple=True, help="Your own macros: macros.conf, YAML or a folder."),
    click.option("--addon", "addons", metavar="DIR", multiple=True, help=ADDON_HELP),
    click.option(
        "--geoip",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="MaxMind file (.mmdb) for iplocation.",
    ),
    click.option(
        "--model", "models", metavar="NAME=FILE", multiple=True, help="ONNX file that apply NAME runs. May be repeated."
    ),
    identity_options,
    click.option(
        "--folder",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        metavar="DIR",
        help="Where inputcsv, outputcsv and outputlookup read and write files.",
    ),
    json_option,
)


def search_options(*, spl: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options that say over what a search runs, and when, passed on as `scope: Scope`. `spl`: the search itself
    must be given."""

    def decorated(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def scoped(**given: Any) -> Any:
            parts = {field.name: given.pop(field.name) for field in fields(Scope)}
            return command(scope=Scope(**parts), **given)

        found: Callable[..., Any] = scoped
        for option in reversed(_OPTIONS):
            found = option(found)
        return click.argument("spl", metavar="SPL" if spl else "[SPL]", required=spl)(found)

    return decorated


@contextmanager
def opened(
    scope: Scope, spl: str | None = None, *, writes: bool = False
) -> Iterator[tuple[Session, IngestReport | None, Content]]:
    """The session of a command, what was read for it, and the content whose macros it has; reading `--data` shows how
    far it is. `writes`: collect may write to the store."""
    from trapline import app
    from trapline.cli.hunttext import Progress
    from trapline.detect import evidence as given
    from trapline.ingest.files import total_size

    content = app.content(scope.folders, scope.macros, scope.store)
    kept = app.kept(scope.store)
    knowledge = app.with_lookups(app.knowledge(scope.addons, scope.store), kept, scope.assets, scope.identities)
    eventless = spl is not None and not scope.data and app.needs_no_events(spl, content, knowledge)
    store = None if eventless else scope.store
    evidence = [given.parse(one) for one in scope.data]
    with Progress() as line:
        total = total_size([one.path for one in evidence]) if evidence and sys.stderr.isatty() else 0
        done = 0

        def tell(at: Any) -> None:
            nonlocal done
            done += at.disk
            line("reading", min(done, total), total, at.name)

        with app.session(
            content, knowledge, store=store, data=evidence, kept=kept, writes=writes, progress=tell
        ) as opening:
            session, report = opening
            session.tz = scope.tz
            session.geoip = scope.geoip
            session.models = _models(scope.models)
            session.folder = scope.folder
            if report is not None and report.nothing_read:
                why = next((file.note for file in report.files if file.note), "no such file")
                raise TraplineError(
                    f"nothing could be read from --data: {why}",
                    hint="check the path, or name the format: trapline ingest --formats",
                    code="data",
                )
            line("searching", 0, 0, "")
            yield session, report, content


def _models(given: Sequence[str]) -> dict[str, Path]:
    """The files of --model by name. Raises InputError."""
    found: dict[str, Path] = {}
    for one in given:
        name, equals, file = one.partition("=")
        if not (name.strip() and equals and Path(file).is_file()):
            raise InputError(
                "--model takes a name and an ONNX file that exists", file=one, hint="--model dga=dga.onnx", code="model"
            )
        found[name.strip()] = Path(file)
    return found


def tell_reading(report: IngestReport | None) -> list[Warn]:
    """What of `--data` was lost or is text only, and which settings of add-ons were not followed, as warnings."""
    if report is None:
        return []
    warnings = [
        Warn("not-read", file.error or file.skipped or "", file.hint, file.name)
        for file in report.files
        if file.error or file.lost
    ]
    warnings += [Warn("setting", reason, None, file.name) for file in report.files for reason in file.unfollowed]
    warnings += [Warn("fields", reason, None, file.name) for file in report.files for reason in file.unextracted]
    lost = sum(one.count for file in report.files for one in file.bad.values())
    if lost:
        torn = sum(1 for file in report.files if file.bad)
        warnings.append(
            Warn("bad-records", f"{lost:,} records in {torn:,} files could not be read", "trapline ingest shows which")
        )
    if report.kept_records:
        torn = sum(1 for file in report.files if file.kept)
        reason = f"{report.kept_records:,} records in {torn:,} files could not be parsed and are kept as text"
        warnings.append(Warn("kept-records", reason, "they have no fields; trapline ingest shows which"))
    return warnings


def print_warnings(warnings: Sequence[Warn], most: int = 10) -> None:
    """Warnings on stderr, a line each; past `most` their number."""
    from trapline.cli.render import clean

    for warn in warnings[:most]:
        click.echo(f"warning: {clean(str(warn))}", err=True)
    if len(warnings) > most:
        click.echo(f"warning: and {len(warnings) - most:,} more; --json lists them all", err=True)
