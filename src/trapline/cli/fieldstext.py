"""How `trapline fields` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from trapline.cli.render import clean, count_of, print_table

if TYPE_CHECKING:
    from trapline.coverage.survey import Group, Survey

_EXAMPLE = 200
"""Characters of an example before the table cuts it to the terminal."""


def print_survey(result: Survey, *, derived: bool) -> None:
    """Each group: its fields, then its data models."""
    for place, group in enumerate(result.groups):
        if place:
            click.echo()
        _print_group(group, derived=derived)
    if result.left_out:
        click.echo(f"\n{result.left_out:,} smaller groups are left out; name fewer files")


def _print_group(group: Group, *, derived: bool) -> None:
    name = group.sourcetype if group.source is None else f"{group.sourcetype}  {group.source}"
    of = "" if group.looked_at == group.events else f", the newest {group.looked_at:,} looked at"
    click.echo(f"{clean(name)}: {count_of(group.events, 'event')}{of}")
    rows = [
        (
            one.name,
            f"{int(100 * one.share)}%" if one.share >= 0.01 else "<1%",
            one.distinct,
            one.origin[0] if one.origin else "extracted",
            one.example[:_EXAMPLE],
        )
        for one in group.fields
        if one.origin or not derived
    ]
    if rows:
        print_table(("field", "events", "values", "from", "example"), rows, right=("events", "values"))
    else:
        click.echo("no add-on makes a field of these events" if derived else "no fields but Splunk's own")
    if group.models:
        click.echo()
        datasets = [(f"{one.model}.{one.dataset}", one.events, ", ".join(one.missing)) for one in group.models]
        print_table(("data model", "events", "recommended but missing"), datasets, right=("events",), wrap=True)
    else:
        click.echo("in no CIM data model")
