"""`trapline explain`: the rows after every stage of a search."""

from __future__ import annotations

from pathlib import Path

import click

from trapline.cli.searching import search_options


@click.command("explain")
@search_options
@click.option("--sql", is_flag=True, help="Show the engine's query too.")
def command(
    spl: str,
    data: tuple[str, ...],
    store: Path,
    earliest: str | None,
    latest: str | None,
    now: float | None,
    folders: tuple[str, ...],
    macros: tuple[str, ...],
    as_json: bool,
    sql: bool,
) -> None:
    """Show how many rows are left after each stage of a search.

    The first stage that leaves none is marked: that is where a detection loses what it looks for.

    \b
    Examples:
      trapline explain --data ./evidence 'EventCode=7045 | where ServiceName="x" | stats count by host'
      trapline explain --sql 'index=main | head 5'

    \b
    Exit codes: 0 the search ran, 2 the search or an option is wrong, 3 the engine failed.
    """
    from trapline.cli.render import print_json, print_table
    from trapline.cli.searching import opened, print_warnings, tell_reading

    with opened(store, data, folders, macros) as (session, report):
        stages = session.explain(spl, earliest=earliest, latest=latest, now=now)
        query = session.sql(spl, earliest=earliest, latest=latest, now=now) if sql else None
    warnings = tell_reading(report)
    if as_json:
        body: dict[str, object] = {"stages": [{"stage": one.text, "rows": one.rows} for one in stages]}
        if query is not None:
            body["sql"] = query
        print_json({**body, "warnings": [warn.to_json() for warn in warnings]})
        return
    empty = next((at for at, one in enumerate(stages) if one.rows == 0), None)
    print_table(
        ("#", "rows", "stage", ""),
        [
            (
                at + 1,
                f"{one.rows:,}",
                one.text if at == 0 else f"| {one.text}",
                "<- no rows left" if at == empty else "",
            )
            for at, one in enumerate(stages)
        ],
        right=("#", "rows"),
        wrap=True,
    )
    if query is not None:
        click.echo("\n" + query)
    print_warnings(warnings)
