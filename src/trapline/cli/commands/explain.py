"""`trapline explain`: the rows after every stage of a search, and the clause that removed the last ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from trapline.cli.searching import Scope, search_options

if TYPE_CHECKING:
    from trapline.content.catalog import Content
    from trapline.knowledge.knowledge import Knowledge
    from trapline.search import Macro


@click.command("explain")
@search_options(spl=False)
@click.option(
    "--detection", metavar="NAME|FILE", help="Explain the search of this detection: its name, id, or a content file."
)
@click.option("--stage", "asked", type=click.IntRange(1), multiple=True, metavar="N", help="Take this stage apart too.")
@click.option("--sql", is_flag=True, help="Show the engine's query too.")
def command(
    spl: str | None,
    scope: Scope,
    as_json: bool,
    detection: str | None,
    asked: tuple[int, ...],
    sql: bool,
) -> None:
    """Show where a search loses its rows.

    The rows after each stage, macros expanded. Where none are left, the condition of that search or where is taken
    apart: how many rows each clause holds for alone, how many are left after it together with those before it, how
    many there would be without it, and what the events hold in its fields.

    \b
    Examples:
      trapline explain --data ./evidence 'EventCode=7045 | where ServiceName="x" | stats count by host'
      trapline explain --data ./evidence --detection "Windows Service Create RemComSvc"
      trapline explain --detection my_detection.yml --macros my_macros.conf --earliest -7d
      trapline explain --sql 'index=main | head 5'

    \b
    Exit codes: 0 the search ran, 2 the search or an option is wrong, 3 the engine failed.
    """
    from trapline.cli.explaintext import print_explanation
    from trapline.cli.render import print_json
    from trapline.cli.searching import opened, print_warnings, tell_reading
    from trapline.content.read import find_or_read

    if (spl is None) == (detection is None):
        raise click.UsageError("Give a search, or --detection NAME|FILE.")
    with opened(scope, spl, writes=True) as (session, report, content):
        if detection is not None:
            spl = find_or_read(content, detection).search
            session.macros = _macros(content, detection, session.knowledge)
        assert spl is not None
        found = session.explain(spl, **scope.times, stages=[one - 1 for one in asked])
        query = session.sql(spl, **scope.times) if sql else None
    warnings = [*tell_reading(report), *found.warnings]
    if as_json:
        body = found.to_json()
        if query is not None:
            body["sql"] = query
        print_json({**body, "warnings": [warn.to_json() for warn in warnings]})
        return
    print_explanation(found)
    if query is not None:
        click.echo("\n" + query)
    print_warnings(warnings)


def _macros(content: Content, detection: str, knowledge: Knowledge | None) -> Mapping[str, Macro]:
    """The macros of the content, with those of the content folder that the detection's file lies in; the user's own
    win."""
    from trapline.content.read import read_macros
    from trapline.lint.inputs import macro_folders

    for folder in macro_folders([detection]):
        for one in read_macros(folder, content.problems):
            if one.key not in content.overridden:
                content.put(one)
    return content.macros(None if knowledge is None else knowledge.macros)
