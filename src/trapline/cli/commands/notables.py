"""`trapline notables`: the queue of notables, what belongs to one, who has it and how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from trapline.cli.options import WHO, json_option, me, store_option
from trapline.cli.render import clean, count_of, print_json

if TYPE_CHECKING:
    from trapline.state.notables import Edit, Notables

Command = TypeVar("Command", bound=Callable[..., Any])


def change_options(command: Command) -> Command:
    """What all commands that change a notable take."""
    for option in reversed(
        (
            click.option("--comment", default="", metavar="TEXT", help="Why; it stays in the history."),
            click.option("--as", "who", default=me, metavar="NAME", help=WHO),
            click.option(
                "--expect", type=int, metavar="VERSION", help="Only if it is still at this version (see show, --json)."
            ),
            click.option("--force", is_flag=True, help="Also if somebody else has it."),
            store_option,
            json_option,
        )
    ):
        command = option(command)
    return command


@click.group()
def command() -> None:
    """Notables that the scheduler raised: see them, take them, close them, hide those that need no look.

    An id may be cut short, as long as only one notable begins so.

    \b
    Examples:
      trapline notables list --urgency high
      trapline notables show 3f2a
      trapline notables close 3f2a --disposition "benign positive" --comment "the backup job"
    """


@command.command("list")
@click.option("--status", "status_texts", multiple=True, metavar="STATUS", help="Of this status: a label or 0 to 5.")
@click.option("--owner", "owners", multiple=True, metavar="NAME", help="Of this owner; `unassigned` for nobody's.")
@click.option("--urgency", "urgencies", multiple=True, metavar="URGENCY", help="Of this urgency.")
@click.option("--entity", metavar="PATTERN", help="About this host or user; `*` stands for anything.")
@click.option("--search", metavar="PATTERN", help="Of this detection; `*` stands for anything.")
@click.option("--earliest", metavar="TIME", help="Raised from this time on, like -24h or 2026-03-01.")
@click.option("--latest", metavar="TIME", help="Raised before this time.")
@click.option("--all", "everything", is_flag=True, help="Closed ones too.")
@click.option("--suppressed", is_flag=True, help="Those that are hidden instead, and by which suppression.")
@click.option("--suppressions", is_flag=True, help="The suppressions themselves, those that expired too.")
@click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, metavar="N", help="So many, newest first."
)
@store_option
@json_option
def list_notables(
    status_texts: tuple[str, ...],
    owners: tuple[str, ...],
    urgencies: tuple[str, ...],
    entity: str | None,
    search: str | None,
    earliest: str | None,
    latest: str | None,
    everything: bool,
    suppressed: bool,
    suppressions: bool,
    limit: int,
    store: Path,
    as_json: bool,
) -> None:
    """The queue: notables that are not closed and not hidden, the newest first.

    \b
    Examples:
      trapline notables list --owner unassigned --urgency critical --urgency high
      trapline notables list --entity 'dc*.corp.example' --earliest -7d --all
      trapline notables list --suppressed
    """
    from trapline import app
    from trapline.cli import notabletext
    from trapline.detect import notablewords
    from trapline.detect.notablequeue import queue
    from trapline.state.notables import Wanted
    from trapline.times import time_bound

    notables = app.notables(store)
    now = time.time()
    if suppressions:
        rules = notables.suppressions()
        if as_json:
            print_json({"suppressions": [notabletext.suppression_json(one, now) for one in rules]})
        elif rules:
            notabletext.print_suppressions(rules, now)
        else:
            click.echo("nothing is suppressed")
        return
    statuses = [notablewords.status(one) for one in status_texts]
    if not statuses and not everything:
        statuses = [one.number for one in notablewords.statuses().values() if one.group != "Closed"]
    wanted = Wanted(
        statuses,
        owners,
        [notablewords.urgency(one) for one in urgencies],
        time_bound(earliest, now, what="--earliest"),
        time_bound(latest, now, what="--latest"),
    )
    found = queue(notables, wanted, now=now, entity=entity, search=search, suppressed=suppressed, limit=limit)
    if as_json:
        rows = [notabletext.as_json(one.notable, one.hidden_by) for one in found.entries]
        print_json({"notables": rows, "more": found.more})
        return
    notabletext.print_queue(found.entries, hidden=suppressed)
    tail = count_of(len(found.entries), "notable") + (" (more with --limit)" if found.more else "")
    if found.hidden and not suppressed:
        tail += f"; {'at least ' if found.more else ''}{found.hidden:,} hidden (--suppressed)"
    click.echo(tail)


@command.command()
@click.argument("ident", metavar="ID")
@click.option("--run", "number", type=click.IntRange(1), metavar="N", help="Run the drilldown of this number.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, metavar="N", help="Rows at most.")
@click.option("--content", "folders", metavar="DIR", multiple=True, help="Content folder on top of the built-in one.")
@click.option("--macros", metavar="FILE", multiple=True, help="Your own macros: macros.conf, YAML or a folder.")
@click.option("--addon", "addons", metavar="DIR", multiple=True, help="Splunk add-on folder on top of built-in ones.")
@store_option
@json_option
def show(
    ident: str,
    number: int | None,
    limit: int,
    folders: tuple[str, ...],
    macros: tuple[str, ...],
    addons: tuple[str, ...],
    store: Path,
    as_json: bool,
) -> None:
    """All about a notable: its fields, its history, the risk events behind it, drilldowns that are ready to run.

    \b
    Examples:
      trapline notables show 3f2a
      trapline notables show 3f2a --run 1
      trapline notables show 3f2a --json
    """
    from trapline import app
    from trapline.cli import notabletext, rowfiles
    from trapline.cli.options import default_store
    from trapline.cli.searching import print_warnings
    from trapline.detect.drilldown import contributing, drilldowns
    from trapline.detect.notablequeue import hidden_by
    from trapline.errors import TraplineError

    notables = app.notables(store)
    one = notables.get(ident)
    ready = drilldowns(one.fields, one.time)
    if number is not None and number > len(ready):
        raise TraplineError(
            f"it has {len(ready)} drilldowns", hint="trapline notables show ID lists them", code="notables.drilldown"
        )
    content = app.content(folders, macros, store)
    kept = app.kept(store, writes=False)
    detection = next((each for each in content.detections if each.rule_name == one.search), None)
    with app.session(content, app.with_lookups(app.knowledge(addons, store), kept), store=store, kept=kept) as (
        session,
        _,
    ):
        asked = contributing(one.fields, one.time, detection) if number is None else ready[number - 1]
        result = session.run(asked.search, earliest=asked.earliest, latest=asked.latest, now=asked.now)
    if number is not None:
        if as_json:
            rowfiles.print_object(result, result.warnings)
        else:
            rowfiles.write(result, "table", None, limit)
            print_warnings(result.warnings)
        return
    hidden = hidden_by(one, notables.suppressions(), time.time())
    options = [("--store", str(store))] if store != default_store() else []
    options += [("--content", one) for one in folders] + [("--macros", one) for one in macros]
    options += [("--addon", one) for one in addons]
    history = notables.history(one.event_id)
    lines = [(each, each.command(options)) for each in ready]
    if as_json:
        print_json(
            notabletext.as_json(one, hidden)
            | {
                "fields": one.fields,
                "history": [each.to_json() for each in history],
                "drilldowns": [each.to_json() | {"command": line} for each, line in lines],
                "contributing": result.rows[:limit],
                "warnings": [each.to_json() for each in result.warnings],
            }
        )
        return
    notabletext.print_notable(one, hidden, history, lines, result.rows)
    print_warnings(result.warnings)


@command.command()
@click.argument("idents", metavar="ID...", nargs=-1, required=True)
@click.option("--to", "owner", metavar="NAME", help="Whose it becomes. Default: yours.")
@change_options
def assign(idents: tuple[str, ...], owner: str | None, **given: Any) -> None:
    """Give notables an owner: yourself, or --to somebody. One that somebody else has is left alone without --force.

    \b
    Examples:
      trapline notables assign 3f2a 91bc
      trapline notables assign 3f2a --to alice --json
    """
    from trapline.state.notables import Edit

    _change(idents, Edit(owner=owner or given["who"]), **given)


@command.command()
@click.argument("idents", metavar="ID...", nargs=-1, required=True)
@click.option("--status", metavar="STATUS", help="A label or 0 to 5.")
@click.option("--urgency", metavar="URGENCY", help="From informational to critical.")
@click.option("--disposition", metavar="DISPOSITION", help="A label, its beginning, or 1 to 6.")
@change_options
def edit(
    idents: tuple[str, ...], status: str | None, urgency: str | None, disposition: str | None, **given: Any
) -> None:
    """Change the status, urgency or disposition of notables.

    \b
    Example:
      trapline notables edit 3f2a --status "in progress" --urgency critical --json
    """
    from trapline.detect import notablewords as words
    from trapline.state.notables import Edit

    if status is None and urgency is None and disposition is None:
        raise click.UsageError("Say what to change: --status, --urgency or --disposition.")
    made = Edit(
        status=words.status(status) if status is not None else None,
        urgency=words.urgency(urgency) if urgency is not None else None,
        disposition=words.disposition(disposition) if disposition is not None else None,
    )
    _change(idents, made, **given)


@command.command()
@click.argument("idents", metavar="ID...", nargs=-1, required=True)
@click.option("--disposition", metavar="DISPOSITION", help="What it was: a label, its beginning, or 1 to 6.")
@change_options
def close(idents: tuple[str, ...], disposition: str | None, **given: Any) -> None:
    """Close notables, and say what they were. One that is closed already is left as it is.

    \b
    Examples:
      trapline notables close 3f2a --disposition "true positive" --comment "reimaged, ticket 4711"
      trapline notables close 3f2a 91bc --disposition 3 --json
    """
    from trapline.detect import notablewords as words
    from trapline.state.notables import Edit

    judged = words.disposition(disposition) if disposition is not None else None
    still_open = [one for one in words.statuses() if one != words.CLOSED]
    _change(idents, Edit(status=words.CLOSED, disposition=judged), statuses=still_open, **given)


@command.command()
@click.argument("idents", metavar="ID...", nargs=-1, required=True)
@change_options
def reopen(idents: tuple[str, ...], **given: Any) -> None:
    """Take closed notables up again: in progress, their disposition undetermined.

    \b
    Example:
      trapline notables reopen 3f2a --comment "it came back"
    """
    from trapline.detect import notablewords as words
    from trapline.state.notables import Edit

    ended = [one.number for one in words.statuses().values() if one.number == words.CLOSED or one.label == "Resolved"]
    _change(idents, Edit(status=words.IN_PROGRESS, disposition=words.UNDETERMINED), statuses=ended, **given)


@command.command()
@click.argument("ident", metavar="ID")
@click.argument("text")
@click.option("--as", "who", default=me, metavar="NAME", help=WHO)
@store_option
@json_option
def comment(ident: str, text: str, who: str, store: Path, as_json: bool) -> None:
    """Add a comment to the history of a notable.

    \b
    Example:
      trapline notables comment 3f2a "asked the owner of the host"
    """
    from trapline.state.notables import Edit

    if not text.strip():
        raise click.UsageError("The comment is empty.")
    _change((ident,), Edit(), comment=text, who=who, expect=None, force=True, store=store, as_json=as_json)


@command.command()
@click.option("--name", default="", metavar="NAME", help="Of the suppression. Default: a new one.")
@click.option("--search", default="", metavar="PATTERN", help="Of this detection; `*` stands for anything.")
@click.option("--field", "fields", multiple=True, metavar="NAME=PATTERN", help="With this value; `*` for anything.")
@click.option(
    "--like", metavar="ID", help="Of the detection of this notable; --field NAME then takes its value, if it is one."
)
@click.option("--earliest", metavar="TIME", help="Only notables from this time on.")
@click.option("--latest", metavar="TIME", help="Only notables before this time.")
@click.option("--expires", metavar="TIME", help="When it ends, like +30d or 2026-12-31. Default: never.")
@click.option("--reason", required=True, metavar="TEXT", help="Why.")
@click.option("--as", "who", default=me, metavar="NAME", help=WHO)
@store_option
@json_option
def suppress(
    name: str,
    search: str,
    fields: tuple[str, ...],
    like: str | None,
    earliest: str | None,
    latest: str | None,
    expires: str | None,
    reason: str,
    who: str,
    store: Path,
    as_json: bool,
) -> None:
    """Hide notables from the queue, those that are there and those to come. All that is given must match. The events
    stay in index=notable.

    \b
    Examples:
      trapline notables suppress --search '*RemCom*' --field 'dest=build*' --expires +30d --reason "build servers"
      trapline notables suppress --like 3f2a --field dest --reason "asset is being retired" --json
    """
    from trapline import app
    from trapline.cli import notabletext
    from trapline.detect.notablequeue import queue
    from trapline.errors import TraplineError
    from trapline.state.notables import Suppression, Wanted
    from trapline.times import time_bound
    from trapline.values import value_text

    notables = app.notables(store)
    model = notables.get(like) if like is not None else None
    now = time.time()
    values: dict[str, str] = {}
    for text in fields:
        field, equals, value = text.partition("=")
        if model is not None and not equals:
            cell = model.fields.get(field)
            if cell is None or cell == []:
                raise TraplineError(
                    f"the notable has no field '{field}'",
                    hint=f"its fields: {', '.join(sorted(model.fields)[:12])}, ...",
                    code="notables.field",
                )
            value = notabletext.only_value(
                field, [value_text(one) for one in cell] if isinstance(cell, list) else [value_text(cell)]
            )
        elif not equals or not field:
            raise click.BadParameter(f"'{text}' is no NAME=PATTERN", param_hint="--field")
        if field in values:
            raise click.BadParameter(f"{field} is there twice; all fields must match", param_hint="--field")
        values[field] = value
    search = search or (model.search if model is not None else "")
    if search.strip("*") == "" and all(one.strip("*") == "" for one in values.values()):
        raise TraplineError(
            "this would hide every notable", hint="give --search, --field or --like", code="notables.suppression"
        )
    bounds = {
        what: time_bound(text, now, what=f"--{what}")
        for what, text in (("earliest", earliest), ("latest", latest), ("expires", expires))
    }
    if bounds["expires"] is not None and bounds["expires"] <= now:
        raise TraplineError("it would expire in the past", hint="--expires +30d", code="notables.suppression")
    given = Suppression(
        name,
        search,
        values,
        earliest=bounds["earliest"],
        latest=bounds["latest"],
        owner=who,
        reason=reason,
        created=now,
        expires=bounds["expires"],
    )
    made = notables.suppress(given)
    hidden = sum(made.name in one.hidden_by for one in queue(notables, Wanted(), now=now, suppressed=True).entries)
    if as_json:
        print_json(notabletext.suppression_json(made, now) | {"hides": hidden})
        return
    click.echo(f"{clean(made.name)} hides {count_of(hidden, 'notable')}, and those to come")
    click.echo("see: trapline notables list --suppressed", err=True)


@command.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--as", "who", default=me, metavar="NAME", help=WHO)
@store_option
@json_option
def unsuppress(names: tuple[str, ...], who: str, store: Path, as_json: bool) -> None:
    """End suppressions: what they hid is in the queue again. They stay in the list as expired, with who ended them.

    \b
    Example:
      trapline notables unsuppress suppression-1

    \b
    Exit codes: 0 they have ended, 2 there is none of a name; the others have ended then.
    """
    from trapline import app
    from trapline.cli import notabletext
    from trapline.errors import EngineError, TraplineError

    notables = app.notables(store)
    ended: list[str] = []
    before: list[str] = []
    refused: list[tuple[str, TraplineError]] = []
    for name in dict.fromkeys(names):
        try:
            (ended if notables.unsuppress(name, who, time.time()) else before).append(name)
        except EngineError:
            raise
        except TraplineError as error:
            refused.append((name, error))
    if as_json:
        print_json({"ended": ended, "refused": [{"name": name} | one.to_json() for name, one in refused]})
    else:
        for name in [*ended, *before]:
            click.echo(f"{clean(name)} {'has ended' if name in ended else 'had ended before'}")
        for _, refusal in refused:
            notabletext.print_refusal(refusal)
    if refused:
        raise click.exceptions.Exit(2)


def _change(
    idents: Sequence[str],
    edit: Edit,
    *,
    comment: str,
    who: str,
    expect: int | None,
    force: bool,
    store: Path,
    as_json: bool,
    statuses: Sequence[int] | None = None,
) -> None:
    """Change notables, each on its own; exit code 1 where one is refused. An id that is none stops it before any."""
    from trapline import app
    from trapline.cli import notabletext
    from trapline.detect.notable import UNASSIGNED
    from trapline.errors import TraplineError
    from trapline.state.notables import Conflict, short

    notables: Notables = app.notables(store)
    found = list(dict.fromkeys(notables.get(one).event_id for one in idents))
    if expect is not None and len(found) > 1:
        raise TraplineError("--expect is about one notable", hint="change them one by one", code="notables.expect")
    owners = None if force else [UNASSIGNED, who]
    changed, refused = [], []
    for ident in found:
        try:
            now = time.time()
            changed.append(
                notables.change(
                    ident, edit, who=who, now=now, comment=comment, expected=expect, owners=owners, statuses=statuses
                )
            )
        except Conflict as conflict:
            refused.append((ident, conflict))
    if as_json:
        print_json(
            {
                "notables": [notabletext.as_json(one) for one in changed],
                "refused": [{"event_id": ident} | error.to_json() for ident, error in refused],
            }
        )
    else:
        for one in changed:
            shown = f"{notabletext.status(one.status)}, {one.owner}, {one.urgency}"
            click.echo(f"{short(one.event_id)}  {clean(shown)}  {clean(one.title)}")
    for ident, error in refused:
        if not as_json:
            notabletext.print_refusal(error, f"{short(ident)}  not changed: ")
    if refused:
        raise click.exceptions.Exit(1)
