"""`trapline risk`: who has the highest risk score, what raised it, and modifiers by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trapline.cli.options import content_option, json_option, store_option

if TYPE_CHECKING:
    from trapline.search import Session

MACROS = click.option(
    "--macros", metavar="FILE", multiple=True, help="Macros of your own, such as risk factors. May be repeated."
)
EARLIEST = click.option(
    "--earliest", metavar="TIME", default="-7d", show_default=True, help="Start, included: -24h, epoch; 0 = all time."
)
LATEST = click.option("--latest", metavar="TIME", help="End, not included; as --earliest.")


@click.group("risk")
def command() -> None:
    """Who has the highest risk score, what raised it, and modifiers by hand.

    \b
    Examples:
      trapline risk top
      trapline risk timeline ws1.corp.example
    """


@command.command()
@EARLIEST
@LATEST
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, metavar="N", help="So many entities.")
@content_option
@MACROS
@store_option
@json_option
def top(
    earliest: str,
    latest: str | None,
    limit: int,
    folders: tuple[str, ...],
    macros: tuple[str, ...],
    store: Path,
    as_json: bool,
) -> None:
    """Show the hosts, users and others with the highest scores, with the detections and ATT&CK tactics behind them.

    \b
    Examples:
      trapline risk top
      trapline risk top --earliest -24h --json

    A score is the sum of calculated_risk_score, risk factors included.
    """
    from trapline.cli.render import print_json, print_table
    from trapline.cli.searching import print_warnings
    from trapline.detect.finding import iso
    from trapline.detect.riskscores import listed, short
    from trapline.detect.riskscores import top as found_top

    with _session(store, folders, macros) as session:
        found, warnings = found_top(session, earliest, latest)
    if as_json:
        print_json([one.to_json() for one in found[:limit]])
        return
    rows = [
        (
            one.entity,
            one.type,
            f"{one.score:g}",
            one.events,
            listed([short(source) for source in one.sources]),
            listed(one.tactics),
            iso(one.last) or "",
        )
        for one in found[:limit]
    ]
    print_table(("entity", "type", "score", "events", "sources", "tactics", "last"), rows, right=("score", "events"))
    click.echo(f"{len(found):,} entities" + (f", {limit:,} shown" if len(found) > limit else ""))
    if not found:
        click.echo(f"there are no risk events from {earliest} on; --earliest 0 looks at all times", err=True)
    print_warnings(warnings)


@command.command()
@click.argument("entity")
@EARLIEST
@LATEST
@content_option
@MACROS
@store_option
@json_option
def timeline(
    entity: str,
    earliest: str,
    latest: str | None,
    folders: tuple[str, ...],
    macros: tuple[str, ...],
    store: Path,
    as_json: bool,
) -> None:
    """Show what raised the risk of an entity, and when. Any of its names finds it, in any letter case.

    \b
    Examples:
      trapline risk timeline ws1.corp.example
      trapline risk timeline alice --earliest 0 --json

    \b
    Exit codes: 0 there are risk events, 1 there are none.
    """
    from trapline.cli.render import print_json, print_table
    from trapline.cli.searching import print_warnings
    from trapline.detect.finding import iso
    from trapline.detect.riskscores import listed, short
    from trapline.detect.riskscores import timeline as found_timeline

    with _session(store, folders, macros) as session:
        found, warnings = found_timeline(session, entity, earliest, latest)
    if as_json:
        print_json([one.to_json() for one in found])
    else:
        rows = [
            (
                iso(one.time) or "",
                f"{one.score:+g}",
                f"{one.total:g}",
                short(one.source),
                one.message,
                listed(one.tactics),
            )
            for one in found
        ]
        if rows:
            print_table(("time", "score", "total", "source", "message", "tactics"), rows, right=("score", "total"))
        else:
            click.echo("there are no risk events of it at that time; --earliest 0 looks at all times", err=True)
        print_warnings(warnings)
    if not found:
        raise click.exceptions.Exit(1)


@command.command()
@click.argument("entity")
@click.option(
    "--type", "kind", type=click.Choice(["system", "user", "other"]), required=True, help="What the entity is."
)
@click.option("--score", type=click.FloatRange(-1e6, 1e6), required=True, help="What is added; negative lowers.")
@click.option("--message", required=True, metavar="TEXT", help="Why.")
@store_option
@json_option
def add(entity: str, kind: str, score: float, message: str, store: Path, as_json: bool) -> None:
    """Raise or lower the risk of an entity by hand: a risk event of the source "AdHoc Risk Score".

    \b
    Examples:
      trapline risk add alice --type user --score 40 --message "reported a phishing mail too late"
      trapline risk add ws1.corp.example --type system --score -32 --message "RemCom was ours" --json
    """
    import math
    import time

    from trapline import app
    from trapline.cli.options import me
    from trapline.cli.render import print_json
    from trapline.detect.riskscores import add as add_events
    from trapline.detect.riskscores import modifier

    if not entity.strip() or not message.strip() or not math.isfinite(score):
        raise click.UsageError("An entity, a message and a number are wanted.")
    event = modifier(entity.strip(), kind, score, message.strip(), time=time.time(), creator=me())
    add_events(store, app.database(store), [event])
    if as_json:
        print_json({key: value for key, value in event.items() if key != "_raw"})
    else:
        click.echo(f"{score:+g} for {kind} {entity.strip()}")


@contextmanager
def _session(store: Path, folders: tuple[str, ...], macros: tuple[str, ...]) -> Iterator[Session]:
    from trapline import app

    kept = app.kept(store)
    knowledge = app.with_lookups(app.knowledge((), store), kept)
    with app.session(app.content(folders, macros, store), knowledge, store=store, kept=kept) as (session, _):
        yield session
