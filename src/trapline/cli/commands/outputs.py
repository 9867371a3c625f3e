"""`trapline outputs`: where notables are sent, and what could not be sent."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from trapline.cli.options import json_option, store_option
from trapline.cli.render import print_json, print_table

if TYPE_CHECKING:
    from trapline.outputs.output import Output
    from trapline.state.deliveries import Deliveries

Command = TypeVar("Command", bound=Callable[..., Any])


def settings_option(command: Command) -> Command:
    """`--settings FILE`, passed on as `settings: Path | None`."""
    return click.option(
        "--settings",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Your settings. Default: trapline.yml of the store.",
    )(command)


@click.group()
def command() -> None:
    """Where notables are sent: the outputs of your settings.

    \b
    Examples:
      trapline outputs list
      trapline outputs test soc-slack
      trapline outputs dead && trapline outputs retry --output siem
    """


@command.command("list")
@settings_option
@store_option
@json_option
def list_outputs(settings: Path | None, store: Path, as_json: bool) -> None:
    """The outputs of your settings, where they send to, and how many messages wait, were sent or given up.

    \b
    Example:
      trapline outputs list --json
    """
    from trapline.outputs.dispatch import orphans
    from trapline.state.deliveries import Status

    found = _outputs(store, settings)
    queue = _queue(store)
    counts = queue.counts() if queue is not None else {}
    rows = [
        {"name": one.name, "kind": one.kind, "target": one.sender.target}
        | {status.value: counts.get(one.name, {}).get(status, 0) for status in Status}
        for one in found
    ]
    warnings = orphans(queue, found) if queue is not None else []
    if as_json:
        print_json({"outputs": rows, "warnings": [one.to_json() for one in warnings]})
        return
    if rows:
        print_table(tuple(rows[0]), [tuple(row.values()) for row in rows], right=[one.value for one in Status])
    else:
        click.echo("no outputs; they are described in docs/outputs.md")
    for warn in warnings:
        click.echo(f"warning: {warn}", err=True)


@command.command()
@click.argument("name")
@settings_option
@store_option
@json_option
def test(name: str, settings: Path | None, store: Path, as_json: bool) -> None:
    """Send a sample notable to one output now. Exit code 1 where it is not taken; where it is, an output that was left
    alone for a while because it was down has its messages at once.

    \b
    Example:
      trapline outputs test soc-slack
    """
    from trapline.errors import TraplineError
    from trapline.outputs.options import near
    from trapline.outputs.output import Undelivered

    found = {one.name: one for one in _outputs(store, settings)}
    if name not in found:
        hint = near(name, found) if found else "the settings have no outputs"
        raise TraplineError(f"there is no output '{name}'", hint=hint, code="outputs")
    output = found[name]
    note, error = None, None
    try:
        note = output.send(_sample())
    except Undelivered as failure:
        error = failure.reason
    else:
        queue = _queue(store)
        if queue is not None and queue.down(name):
            queue.up(name)
    if as_json:
        print_json({"output": name, "target": output.sender.target, "sent": error is None, "error": error or note})
    elif error is None:
        click.echo(f"sent to {output.sender.target}" + (f"; {note}" if note else ""), err=output.kind == "stdout")
    else:
        click.echo(f"not sent: {error}", err=True)
    if error is not None:
        raise click.exceptions.Exit(1)


@command.command()
@click.option("--output", metavar="NAME", help="Of this output only.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="Messages at most.")
@store_option
@json_option
def dead(output: str | None, limit: int, store: Path, as_json: bool) -> None:
    """Messages that were given up, the newest first, and why.

    \b
    Example:
      trapline outputs dead --output siem
    """
    from trapline.outputs.message import visible

    queue = _queue(store)
    found = queue.dead(output, limit) if queue is not None else []
    if as_json:
        print_json({"dead": [one.to_json() for one in found]})
        return
    if not found:
        click.echo("nothing was given up")
        return
    rows = [(one.id, one.output, one.attempts, visible(one.error or "", 80), one.key) for one in found]
    print_table(("id", "output", "attempts", "error", "key"), rows, right=("id", "attempts"))


@command.command()
@click.argument("ids", nargs=-1, type=int)
@click.option("--output", metavar="NAME", help="Everything that this output gave up.")
@click.option("--all", "everything", is_flag=True, help="Everything that was given up.")
@store_option
@json_option
def retry(ids: tuple[int, ...], output: str | None, everything: bool, store: Path, as_json: bool) -> None:
    """Queue messages again that were given up, by their ids. The scheduler sends them.

    \b
    Examples:
      trapline outputs retry 17 18
      trapline outputs retry --output siem

    \b
    Exit codes: 0 queued, 1 nothing was queued or an id is that of no message that was given up.
    """
    if bool(ids) + bool(output) + everything != 1:
        raise click.UsageError("Give ids, or --output NAME, or --all.")
    queue = _queue(store)
    queued = queue.retry(time.time(), ids=list(ids) or None, output=output) if queue is not None else []
    unknown = sorted(set(ids) - set(queued))
    if as_json:
        print_json({"queued": len(queued), "unknown": unknown})
    else:
        click.echo(f"{len(queued)} queued again")
        for number in unknown:
            click.echo(f"{number} is no message that was given up; trapline outputs dead lists them", err=True)
    if unknown or not queued:
        raise click.exceptions.Exit(1)


def _outputs(store: Path, settings: Path | None) -> list[Output]:
    from trapline import app
    from trapline.outputs.settings import SECTION, read

    found = app.settings(store, settings)
    return read(found.sections.get(SECTION), found.file)


def _queue(store: Path) -> Deliveries | None:
    """None where there is no store: asking does not make one."""
    import os

    from trapline import app
    from trapline.state.deliveries import Deliveries

    if not os.environ.get(app.STATE_VARIABLE) and not (store / app.STATE).is_file():
        return None
    return Deliveries(app.database(store))


def _sample() -> Any:
    from trapline.outputs.message import Message

    now = time.time()
    return Message.of(
        f"trapline-test-{int(now * 1000)}",
        time=now,
        title="Test of this output by Trapline",
        description="Nothing has happened: somebody ran `trapline outputs test`.",
        severity="informational",
        urgency="informational",
        search="Test - Trapline - Rule",
        entity="host.example",
        entity_type="system",
        body={"dest": "host.example", "user": ["alice", "bob"]},
    )
