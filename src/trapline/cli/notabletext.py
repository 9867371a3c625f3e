"""How notables are shown: the queue, one notable with all that belongs to it, suppressions."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence
from typing import Any

import click

from trapline.cli.render import clean, print_pairs, print_table
from trapline.detect.drilldown import Ready
from trapline.detect.finding import iso
from trapline.detect.notablequeue import Entry
from trapline.detect.notablewords import dispositions, statuses
from trapline.errors import TraplineError
from trapline.state.notables import Change, Stored, Suppression, short
from trapline.values import Row, Value, value_text

_SHOWN_ABOVE = frozenset(
    {
        *("event_id", "rule_id", "rule_title", "rule_description", "search_name", "severity", "urgency", "status"),
        *("status_label", "status_group", "owner", "disposition", "disposition_label", "entity", "entity_type"),
        *("drilldown_searches", "drilldown_name", "drilldown_search", "drilldown_earliest", "drilldown_latest"),
        *("annotations", "annotations._all", "savedsearch_description", "nes_fields"),
    }
)
_RISK = ("_time", "search_name", "risk_object", "risk_object_type", "risk_score", "risk_message")
_MOST = 20
"""Contributing events that are printed; --json gives all that were read."""


def as_json(one: Stored, hidden_by: Sequence[str] = ()) -> dict[str, Any]:
    """A notable without the fields of its event."""
    return {
        "event_id": one.event_id,
        "id": short(one.event_id),
        "time": iso(one.time),
        "search": one.search,
        "title": one.title,
        "severity": one.severity,
        "urgency": one.urgency,
        "entity": one.entity,
        "entity_type": one.entity_type,
        "status": one.status,
        "status_label": status(one.status),
        "owner": one.owner,
        "disposition": one.disposition,
        "disposition_label": disposition(one.disposition),
        "changed": iso(one.changed),
        "version": one.version,
        "suppressed_by": list(hidden_by),
    }


def status(number: int) -> str:
    known = statuses().get(number)
    return known.label if known is not None else str(number)


def disposition(number: int) -> str:
    known = dispositions().get(number)
    return known.label if known is not None else str(number)


def print_queue(entries: Sequence[Entry], *, hidden: bool) -> None:
    """The queue as a table; `hidden`: with the suppressions that hide."""
    names = ["id", "time", "urgency", "status", "owner", "entity", "title"]
    rows = [
        [
            short(one.notable.event_id),
            iso(one.notable.time),
            one.notable.urgency,
            status(one.notable.status),
            one.notable.owner,
            one.notable.entity,
            one.notable.title,
            *([", ".join(one.hidden_by)] if hidden else []),
        ]
        for one in entries
    ]
    print_table([*names, "hidden by"] if hidden else names, rows)


def print_notable(
    one: Stored,
    hidden_by: Sequence[str],
    history: Sequence[Change],
    commands: Sequence[tuple[Ready, str]],
    contributing: Sequence[Row],
) -> None:
    """All about a notable. `commands`: its drilldowns and the command lines that run them."""
    click.echo(clean(one.title))
    described = value_text(one.fields.get("rule_description") or "")
    if described and described != one.title:
        for line in textwrap.wrap(clean(described), min(100, shutil.get_terminal_size((120, 24)).columns)):
            click.echo(line)
    click.echo()
    print_pairs(
        {
            "id": one.event_id,
            "time": iso(one.time),
            "search": one.search,
            "entity": f"{one.entity} ({one.entity_type or 'other'})" if one.entity is not None else None,
            "severity": one.severity,
            "urgency": one.urgency,
            "status": status(one.status),
            "owner": one.owner,
            "disposition": disposition(one.disposition),
            "version": one.version,
            "suppressed by": ", ".join(hidden_by) or None,
        }
    )
    click.echo("\nFields")
    shown = {name: cell for name, cell in sorted(one.fields.items()) if name not in _SHOWN_ABOVE}
    print_pairs({f"  {name}": ", ".join(_values(cell)) for name, cell in shown.items()})
    click.echo("\nHistory")
    if not history:
        click.echo("  nobody has changed it")
    for entry in history:
        click.echo(f"  {iso(entry.time)}  {clean(entry.who)}: {clean(_told(entry))}")
    click.echo("\nContributing risk events")
    if not contributing:
        click.echo("  none")
    else:
        rows = [[_shown(row, name) for name in _RISK] for row in contributing[:_MOST]]
        print_table([name.lstrip("_") for name in _RISK], rows, right=["risk_score"])
        if len(contributing) > _MOST:
            click.echo(f"  and {len(contributing) - _MOST:,} more; --json lists them")
    if commands:
        click.echo("\nDrilldowns")
    for at, (ready, line) in enumerate(commands, 1):
        click.echo(f"  {at}. {clean(ready.name)}")
        for part in line.split("\n"):
            click.echo(f"     {clean(part)}")
        if ready.wildcards:
            of = clean(", ".join(ready.wildcards))
            click.echo(f"     warning: a * in the value of {of} stands for anything: other rows may be among its own")
    if commands:
        click.echo(f"  Or: trapline notables show {short(one.event_id)} --run 1")


def print_suppressions(found: Sequence[Suppression], now: float) -> None:
    """All suppressions as a table, those that expired too."""
    rows = [
        [
            one.name,
            "active" if one.active(now) else "expired",
            one.search or "*",
            " ".join(f"{name}={value}" for name, value in one.fields.items()),
            " .. ".join([iso(one.earliest) or "", iso(one.latest) or ""]) if one.earliest or one.latest else "any time",
            (iso(one.expires) or "never") + (f" (ended by {one.ended_by})" if one.ended_by else ""),
            one.owner,
            one.reason,
        ]
        for one in found
    ]
    print_table(["name", "state", "search", "fields", "notables of", "expires", "owner", "reason"], rows)


def only_value(field: str, values: Sequence[str]) -> str:
    """The value of a field as the pattern of a suppression. Raises TraplineError where no pattern says just that: it
    would hide more than notables like this one."""
    given = list(dict.fromkeys(values))
    if len(given) > 1:
        some = ", ".join(given[:5]) + (", ..." if len(given) > 5 else "")
        raise TraplineError(
            f"the notable has several values of '{field}': {some}",
            hint=f"name the one that is meant, --field '{field}={given[0]}': it hides every notable that has it",
            code="notables.field",
        )
    if "*" in given[0]:
        raise TraplineError(
            f"the value of '{field}' has a `*`, which stands for anything in a suppression: {given[0]}",
            hint=f"if that is meant, say so: --field '{field}=PATTERN'",
            code="notables.field",
        )
    return given[0]


def print_refusal(error: TraplineError, before: str = "") -> None:
    """What was not done, and the next step below it."""
    click.echo(f"{before}{clean(error.reason)}", err=True)
    if error.hint:
        click.echo(f"  hint: {clean(error.hint)}", err=True)


def suppression_json(one: Suppression, now: float) -> dict[str, Any]:
    return {
        "name": one.name,
        "active": one.active(now),
        "search": one.search,
        "fields": dict(one.fields),
        "earliest": iso(one.earliest),
        "latest": iso(one.latest),
        "owner": one.owner,
        "reason": one.reason,
        "created": iso(one.created),
        "expires": iso(one.expires),
        "ended_by": one.ended_by,
    }


def _told(entry: Change) -> str:
    words = {"status": status, "disposition": disposition}
    parts = [
        f"{name} {words[name](old) if name in words else old} -> {words[name](new) if name in words else new}"
        for name, (old, new) in entry.changes.items()
    ]
    return "; ".join(parts) + (" - " if parts and entry.comment else "") + entry.comment


def _values(cell: Value) -> list[str]:
    return [value_text(one) for one in (cell if isinstance(cell, list) else [cell])]


def _shown(row: Row, name: str) -> str:
    cell = row.get(name)
    if cell is None:
        return ""
    if name == "_time" and isinstance(cell, float | int):
        return iso(float(cell)) or ""
    return ", ".join(_values(cell))
