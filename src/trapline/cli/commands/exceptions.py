"""`trapline exceptions`: what is not to be shown again, why, until when, and what that hid."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from trapline.cli.options import content_option, json_option, store_option
from trapline.cli.render import clean, count_of, print_json, print_table

if TYPE_CHECKING:
    from trapline.detect.exceptions import Exemption
    from trapline.detect.exempting import Impact
    from trapline.errors import Warn

Command = TypeVar("Command", bound=Callable[..., Any])

SETTINGS = click.option(
    "--settings",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Your settings. Default: trapline.yml of the store.",
)


@click.group("exceptions")
def command() -> None:
    """Rows of findings that are not to be shown again: exceptions.yml of the store (docs/exceptions.md).

    \b
    Examples:
      trapline exceptions check
      trapline exceptions impact --days 30
    """


@command.command("list")
@SETTINGS
@store_option
@json_option
def list_(settings: Path | None, store: Path, as_json: bool) -> None:
    """List the exceptions with owner, expiry and reason.

    \b
    Example:
      trapline exceptions list --json
    """
    found, now = _read(store, settings), time.time()
    if as_json:
        print_json([one.to_json(now) for one in found])
        return
    names = ["name", "state", "expires", "owner", "detections", "when", "reason"]
    rows = [
        [
            one.name,
            one.state(now).value,
            _day(one.expires),
            one.owner,
            ", ".join(one.detections),
            _when(one),
            one.reason,
        ]
        for one in found
    ]
    print_table(names, rows)
    click.echo(count_of(len(rows), "exception"))


@command.command()
@content_option
@SETTINGS
@store_option
@json_option
def check(folders: tuple[str, ...], settings: Path | None, store: Path, as_json: bool) -> None:
    """Check the exceptions: do the files hold, is any expired or not reviewed, do the detections exist?

    A detection that is enabled in the store exists, also where the folder that holds it is not named here.

    \b
    Example:
      trapline exceptions check

    \b
    Exit codes: 0 all is well; 1 something is doubtful; 2 a file is wrong, with which `trapline run` does not start.
    """
    from trapline import app
    from trapline.detect import filtering
    from trapline.detect.exceptions import problems
    from trapline.detect.settings import ENABLED, switches

    found = _read(store, settings)
    content = app.content(folders, store=store)
    warnings = [
        *problems(found, content, time.time(), switches(store / ENABLED)),
        *filtering.check(found, content, app.knowledge((), store).macros),
    ]
    if as_json:
        print_json({"exceptions": len(found), "warnings": [one.to_json() for one in warnings]})
    else:
        _warn(warnings)
        click.echo(f"{count_of(len(found), 'exception')}, {count_of(len(warnings), 'warning')}")
    if warnings:
        raise click.exceptions.Exit(1)


@command.command()
@click.option("--days", type=click.IntRange(1), default=30, show_default=True, metavar="N", help="So many days back.")
@SETTINGS
@store_option
@json_option
def impact(days: int, settings: Path | None, store: Path, as_json: bool) -> None:
    """What each exception hid in the last days: rows, detections, the last time, samples; and which hid nothing.

    By the times of the schedule. A row that two exceptions cover counts for both.

    \b
    Example:
      trapline exceptions impact --days 7
    """
    from trapline import app

    now = time.time()
    found = app.impact(app.content(store=store), app.knowledge(), store, _read(store, settings), f"-{days}d")
    if as_json:
        print_json({"days": days, "exceptions": [one.to_json(now) for one in found]})
        return
    names = ["name", "state", "rows", "runs", "last", "detections", "sample"]
    print_table(names, [_impact_row(one, now) for one in found], right=["rows", "runs"])
    idle = sum(not one.rows for one in found)
    click.echo(f"{count_of(len(found), 'exception')}, {idle:,} of them hid nothing in {count_of(days, 'day')}")


@command.command()
@click.argument("detection", metavar="DETECTION")
@content_option
@SETTINGS
@store_option
@json_option
def macro(
    detection: str,
    folders: tuple[str, ...],
    settings: Path | None,
    store: Path,
    as_json: bool,
) -> None:
    """Print the filter macro of a detection that hides the same rows in Splunk, as a stanza of macros.conf.

    \b
    Example:
      trapline exceptions macro "Windows Service Create RemComSvc"
    """
    from trapline import app
    from trapline.detect.exceptions import State
    from trapline.detect.exemptmacro import definition, stanza

    content, now = app.content(folders, store=store), time.time()
    (found,) = app.select(content, [detection])
    concerned = [one for one in _read(store, settings) if one.concerns(found)]
    active = [one for one in concerned if one.state(now) is State.ACTIVE]
    expired = [one for one in concerned if one.state(now) is State.EXPIRED]
    own = content.macro(found.filter_macro)
    replaced = own.definition if own is not None and own.definition.strip() != "search *" else None
    if as_json:
        body = {"macro": found.filter_macro, "definition": definition(active), "replaces": replaced}
        names = {"exceptions": [one.name for one in active], "expired": [one.name for one in expired]}
        print_json(body | names)
        return
    click.echo(stanza(found.filter_macro, active, expired))
    if replaced is not None:
        click.echo(f"warning: the macro is defined already, as: {clean(replaced)}", err=True)
    for one in expired:
        click.echo(f"warning: the exception '{clean(one.name)}' has expired and is left out", err=True)


def _read(store: Path, settings: Path | None) -> list[Exemption]:
    from trapline import app

    return app.exemptions(store, app.settings(store, settings))


def _warn(warnings: list[Warn]) -> None:
    for one in warnings:
        click.echo(f"warning: {clean(str(one))}", err=True)


def _when(one: Exemption) -> str:
    return one.filter or "; ".join(f"{name}={', '.join(values)}" for name, values in one.when.items())


def _day(seconds: float | None) -> str:
    from trapline.detect.finding import iso

    return (iso(seconds) or "").removesuffix("T00:00:00Z")


def _impact_row(one: Impact, now: float) -> list[object]:
    sample = ", ".join(f"{name}={value}" for name, value in one.samples[0].items()) if one.samples else ""
    searches = ", ".join(name.removeprefix("ESCU - ").removesuffix(" - Rule") for name in one.detections)
    state = one.to_json(now)["state"]
    return [one.name, state, f"{one.rows:,}", f"{one.runs:,}", _day(one.last), searches, sample]
