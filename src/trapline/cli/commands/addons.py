"""`trapline addons`: the add-ons that give events their fields, and how well they do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trapline.cli.options import ADDON_HELP, json_option, store_option
from trapline.cli.render import print_json

if TYPE_CHECKING:
    from collections.abc import Callable

_ADDON = click.option("--addon", "addons", metavar="DIR", multiple=True, help=ADDON_HELP)


@click.group()
def command() -> None:
    """Show, check and test the add-ons: what gives events their fields, in Splunk's own .conf form.

    To install one, put its folder into addons/ of the store: every command that has --store uses it. --addon DIR uses
    one for one command.

    \b
    Examples:
      trapline addons list
      trapline addons check --addon ./Splunk_TA_mine
      trapline addons test --examples ./security_content
    """


@command.command("list")
@_ADDON
@store_option
@json_option
def list_(addons: tuple[str, ...], store: Path, as_json: bool) -> None:
    """The add-ons with what each has: stanzas and settings of props.conf, eventtypes, tags, lookups, data models.

    Which of them wins goes by their names, as in Splunk: the last one in a search, the first one when logs are read.

    \b
    Example:
      trapline addons list --addon ./Splunk_TA_mine --json
    """
    from trapline import app
    from trapline.cli import addonstext
    from trapline.coverage.inventory import inventory

    found = [inventory(one) for one in app.addons(addons, store)]
    if as_json:
        print_json({"addons": [one.to_json() for one in found]})
    else:
        addonstext.print_inventory(found)


@command.command()
@_ADDON
@store_option
@json_option
def check(addons: tuple[str, ...], store: Path, as_json: bool) -> None:
    """Settings of the add-ons that are not followed, each with its file, line and reason.

    None of them stops a search: a search that needs a field of such a setting warns. What the add-on keeps to itself
    (metadata/default.meta without export = system) is used like all else, and told too. So is what your add-ons replace
    of the built-in ones: a stanza of props.conf that says how events are read (SHOULD_LINEMERGE, TIME_FORMAT, ...), or
    taken apart (REPORT-, KV_MODE) where the add-on has eventtypes, too, replaces the built-in ones for the same events
    whole; one that only adds to them (EVAL-, ...) is laid over them setting by setting.

    \b
    Example:
      trapline addons check --addon ./Splunk_TA_mine

    \b
    Exit codes: 0 every setting is followed, 1 some are not, 2 wrong input or usage.
    """
    from trapline import app
    from trapline.cli import addonstext
    from trapline.knowledge.check import doubts

    known = app.knowledge(addons, store)
    found = doubts(known)
    if as_json:
        print_json({"problems": [one.to_json() for one in found], "replaced": list(known.replaced)})
    else:
        addonstext.print_replaced(known.replaced)
        addonstext.print_doubts(found)
    if found:
        sys.exit(1)


@command.command()
@click.option(
    "--examples",
    type=click.Path(exists=True, path_type=Path),
    metavar="FILE|DIR",
    help="Content tree with data_sources/*.yml, or a JSON list of data sources.",
)
@click.option("--only", metavar="TEXT", help="Only data sources whose name or sourcetype has this in it.")
@click.option("--all", "everything", is_flag=True, help="Show the data sources that are covered wholly, too.")
@click.option("--markdown", is_flag=True, help="Print the page of the manual, docs/addons.md.")
@_ADDON
@json_option
def test(
    examples: Path | None, only: str | None, everything: bool, markdown: bool, addons: tuple[str, ...], as_json: bool
) -> None:
    """Are the fields there that Splunk has?

    Reads the example event of each data source as a log of its sourcetype and source, searches it with the add-ons,
    and compares the names of its fields with those that the data source lists. Fields that Splunk gives every event
    (host, punct, date_hour, ...) are left out. Examples that are cut off, and those that are an event of another
    source than the one they are filed under, are listed apart.

    \b
    Examples:
      trapline addons test --examples ./security_content
      trapline addons test --examples ./security_content --only Sysmon --all
      trapline addons test --examples ./data_sources --addon ./Splunk_TA_mine --json

    \b
    Exit codes: 0 all examples are covered wholly, 1 some are not, 2 wrong input or usage.
    """
    from trapline import app
    from trapline.cli import addonstext
    from trapline.cli.hunttext import Progress
    from trapline.coverage import check as coverage
    from trapline.coverage.examples import read_examples
    from trapline.coverage.page import page
    from trapline.errors import TraplineError

    if examples is None:
        raise click.UsageError("Give --examples: a content tree with data_sources/*.yml, such as Splunk's ESCU.")
    if as_json and markdown:
        raise click.UsageError("--json and --markdown exclude each other.")
    given = read_examples(examples)
    if only is not None:
        given = [one for one in given if only.lower() in f"{one.name}\n{one.sourcetype}".lower()]
        if not given:
            raise TraplineError(
                f"no data source has '{only}' in its name or sourcetype", hint="leave --only out", code="examples"
            )
    with Progress() as line:
        tell: Callable[[str, int, int], None] = lambda label, done, total: line("testing", done, total, label)  # noqa: E731
        result = coverage.check(given, app.knowledge(addons), tell)
    if as_json:
        print_json(result.to_json())
    elif markdown:
        click.echo(page(result), nl=False)
    else:
        addonstext.print_coverage(result, everything=everything)
    if result.whole < len(result.own):
        sys.exit(1)
