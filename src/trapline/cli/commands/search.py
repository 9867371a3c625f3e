"""`trapline search`: SPL over the store, or straight over files."""

from __future__ import annotations

from pathlib import Path

import click

from trapline.cli.searching import Scope, search_options

FORMATS = ("table", "json", "jsonl", "csv", "parquet")


@click.command("search")
@search_options()
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default=None,
    help="How rows are written. Default: by the suffix of --out, else table.",
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write to a file.")
@click.option(
    "--limit", type=click.IntRange(0), default=100, show_default=True, metavar="N", help="Rows of a table; 0 = all."
)
def command(
    spl: str,
    scope: Scope,
    as_json: bool,
    form: str | None,
    out: Path | None,
    limit: int,
) -> None:
    """Run a search and print its rows.

    A search starts with what events it wants, or with a generating command after a pipe. Times are UTC; `_time` is
    written as a date in tables and CSV, as epoch seconds in JSON, as a timestamp in Parquet.

    \b
    Examples:
      trapline search 'index=main EventCode=4688 | stats count by NewProcessName | sort - count'
      trapline search --data ./evidence 'EventCode=7045 | table _time host ServiceName ImagePath'
      trapline search --earliest -24h@h 'EventCode=4625' --out failed.parquet
      trapline search --json '| makeresults | eval a=1+1'

    \b
    Exit codes: 0 the search ran (with or without rows), 2 the search or an option is wrong, 3 the engine failed.
    """
    from trapline.cli import rowfiles
    from trapline.cli.searching import opened, print_warnings, tell_reading

    chosen = rowfiles.choose("json" if as_json and form is None else form, out)
    with opened(scope, spl, writes=True) as (session, report, _):
        result = session.run(spl, **scope.times)
    warnings = [*tell_reading(report), *result.warnings]
    if as_json and out is None:
        rowfiles.print_object(result, warnings)
    else:
        rowfiles.write(result, chosen, out, limit)
        print_warnings(warnings)
