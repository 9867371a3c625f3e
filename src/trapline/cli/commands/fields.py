"""`trapline fields`: the fields of logs, where they come from, and what CIM data models they feed."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from trapline.cli.options import ADDON_HELP, json_option, store_option
from trapline.cli.render import print_json


@click.command("fields")
@click.argument("data", metavar="[DATA]...", nargs=-1)
@store_option
@click.option(
    "--by",
    type=click.Choice(["sourcetype", "source"]),
    default="sourcetype",
    show_default=True,
    help="What makes a group of events.",
)
@click.option(
    "--sample",
    type=click.IntRange(min=1, max=1_000_000),
    default=10_000,
    show_default=True,
    metavar="N",
    help="Look at the newest N events of each group.",
)
@click.option("--derived", is_flag=True, help="Only fields that add-ons make.")
@click.option("--addon", "addons", metavar="DIR", multiple=True, help=ADDON_HELP)
@json_option
def command(
    data: tuple[str, ...],
    store: Path,
    by: str,
    sample: int,
    derived: bool,
    addons: tuple[str, ...],
    as_json: bool,
) -> None:
    """The fields of logs: how many events have each, an example, and the setting that makes it.

    Looks at DATA (files, folders or archives, as PATH[::SOURCETYPE[::SOURCE]]), without it at the store. For each
    sourcetype, or source, it lists the fields, then the datasets of CIM data models that the events are in, with the
    recommended fields that none of them has.

    \b
    Examples:
      trapline fields ./evidence
      trapline fields Security.evtx --by source --derived
      trapline fields ./app.log::my:app --addon ./TA_my_app --json

    \b
    Exit codes: 0 done, 2 wrong input or usage.
    """
    from trapline import app
    from trapline.cli import fieldstext
    from trapline.cli.hunttext import Progress
    from trapline.cli.searching import print_warnings, tell_reading
    from trapline.coverage.survey import By, survey
    from trapline.coverage.wanted import wanted
    from trapline.detect import evidence
    from trapline.errors import TraplineError
    from trapline.knowledge.datamodels import model_files

    knowledge = app.knowledge(addons, store)
    given = [evidence.parse(one) for one in data]
    with (
        Progress() as line,
        app.session(app.content(store=store), knowledge, store=store, data=given) as (session, report),
    ):
        if report is not None and report.nothing_read:
            why = next((file.note for file in report.files if file.note), "no such file")
            raise TraplineError(
                f"nothing could be read: {why}",
                hint="check the path, or name the format: trapline ingest --formats",
                code="data",
            )
        session.datamodels = {**model_files(app.addons(addons, store)), **session.datamodels}
        result = survey(
            session,
            knowledge,
            wanted(session.datamodels),
            by=By(by),
            sample=sample,
            progress=lambda label, done, total: line("looking", done, total, label),
        )
    warnings = [*tell_reading(report), *result.warnings]
    if as_json:
        print_json(result.to_json() | {"warnings": [one.to_json() for one in warnings]})
        return
    if not result.groups:
        click.echo("no events", err=True)
        sys.exit(2)
    fieldstext.print_survey(result, derived=derived)
    print_warnings(warnings)
