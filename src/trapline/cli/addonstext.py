"""How `trapline addons` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from trapline.cli.render import clean, print_table

if TYPE_CHECKING:
    from trapline.coverage.check import Coverage
    from trapline.coverage.inventory import Inventory
    from trapline.errors import Warn

_MOST = 60
"""Problems shown; --json has all."""
_FEW = 30
"""Examples whose missing fields are all shown; of more, those that fit."""


def print_inventory(found: Sequence[Inventory]) -> None:
    """The add-ons, one a line."""
    headers = ("add-on", "stanzas", "settings", "eventtypes", "tags", "lookups", "models", "problems", "folder")
    rows = [
        (
            one.name,
            len(one.sources),
            one.settings,
            len(one.eventtypes),
            len(one.tags),
            len(one.lookups),
            len(one.models),
            one.problems,
            one.folder,
        )
        for one in found
    ]
    print_table(headers, rows, right=headers[1:-1])
    if any(one.problems for one in found):
        click.echo("\n'trapline addons check' shows the problems.")


def print_replaced(replaced: Sequence[str]) -> None:
    """What of the built-in add-ons is not used."""
    for one in replaced:
        click.echo(clean(one))


def print_doubts(found: Sequence[Warn]) -> None:
    """Settings that are not followed."""
    for one in found[:_MOST]:
        click.echo(clean(f"{one.where or '-'}: {one.reason}"))
        if one.hint:
            click.echo(f"  hint: {clean(one.hint)}")
    if len(found) > _MOST:
        click.echo(f"and {len(found) - _MOST:,} more; --json lists them all")
    click.echo(f"{len(found):,} settings are not followed" if found else "every setting is followed")


def print_coverage(coverage: Coverage, *, everything: bool) -> None:
    """The examples that lack fields, or all of them; then what is not counted, then the figures."""
    rows = []
    for one in coverage.own:
        if one.whole and not everything and not one.problem:
            continue
        missing = ", ".join(f"{name}" if one.missing[name] else f"{name}?" for name in sorted(one.missing))
        said = "; ".join(part for part in (one.problem, missing) if part)
        percent = f"{int(one.percent)}%"
        rows.append((one.example.name, one.example.sourcetype, len(one.covered), len(one.missing), percent, said))
    if rows:
        headers = ("data source", "sourcetype", "covered", "missing", "%", "missing fields (? no reason known)")
        print_table(headers, rows, right=("covered", "missing", "%"), wrap=len(rows) <= _FEW)
        click.echo()
    if coverage.flawed:
        print_table(("not counted", "why"), [(one.name, one.flaw) for one in coverage.flawed])
        click.echo()
    total = len(coverage.own)
    if coverage.misfiled:
        apart = [(one.example.name, one.example.misfiled) for one in coverage.misfiled]
        print_table(("not an event of its source", "but"), apart)
        click.echo()
    click.echo(f"{coverage.whole} of {total} examples are covered wholly: {coverage.share:.1f} %")
    if coverage.misfiled:
        click.echo(
            f"with the {len(coverage.misfiled)} that are no event of their source: {coverage.all_whole} of "
            f"{len(coverage.checked)}, {coverage.all_share:.1f} %"
        )
    click.echo(f"{coverage.explained} more lack only fields whose reason is known")
    click.echo(f"{coverage.field_share:.1f} % of all listed fields are there")
    if coverage.whole < total:
        click.echo("--json gives the reason of each missing field")
