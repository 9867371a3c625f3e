"""`trapline lint`: doubts about searches, told without running them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from trapline.cli.options import default_store, json_option

if TYPE_CHECKING:
    from trapline.cli.linttext import Result


@click.command("lint")
@click.argument("inputs", metavar="SPL|FILE|DIR|-...", nargs=-1)
@click.option("--content", "folders", metavar="DIR", multiple=True, help="Content folder, for its macros.")
@click.option("--macros", metavar="FILE", multiple=True, help="Your own macros: macros.conf, YAML or a folder.")
@click.option("--select", "select", metavar="CODES", multiple=True, help="Only these: TL101,TL1,join-max.")
@click.option("--ignore", "ignore", metavar="CODES", multiple=True, help="Not these.")
@click.option(
    "--level",
    type=click.Choice(["info", "warning", "error"]),
    default="warning",
    show_default=True,
    help="The least that is shown and counts; info is remarks.",
)
@click.option("--list-rules", is_flag=True, help="Show all rules and end.")
@click.option("--sarif", "as_sarif", is_flag=True, help="Print SARIF 2.1.0, for code scanning.")
@json_option
def command(
    inputs: tuple[str, ...],
    folders: tuple[str, ...],
    macros: tuple[str, ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    level: str,
    list_rules: bool,
    as_sarif: bool,
    as_json: bool,
) -> None:
    """Check searches without running them.

    Takes a search, content YAML files, .spl files, savedsearches.conf, folders of these, or - for standard input.
    Macros are those of the built-in content, of the content folder that the files belong to, and of --content and
    --macros. A comment ```noqa: TL105``` silences a rule for the command it stands in.

    \b
    Examples:
      trapline lint 'index=main user!=admin | stats count by user | where dest="x"'
      trapline lint detections/ --ignore TL103 --json
      trapline lint my_detection.yml --macros my_macros.conf --level info
      trapline lint detections/ --sarif > lint.sarif

    \b
    Exit codes: 0 nothing but remarks at that level, 1 warnings or errors, 2 wrong input or usage.
    """
    from trapline.cli import linttext
    from trapline.cli.render import print_json
    from trapline.lint.check import chosen
    from trapline.lint.finding import Severity

    if list_rules:
        linttext.print_rules(as_json=as_json)
        return
    if not inputs:
        raise click.UsageError("Give a search, a file, a folder, or - for standard input.")
    if as_json and as_sarif:
        raise click.UsageError("--json and --sarif exclude each other.")
    codes = chosen(_words(select), _words(ignore))
    result = _check(inputs, folders, macros, codes).at(Severity(level))
    if as_sarif:
        from importlib.metadata import version

        from trapline.lint.sarif import sarif

        print_json(
            sarif(((one.search, finding) for one in result.checked for finding in one.findings), version("trapline"))
        )
    elif as_json:
        print_json(linttext.to_json(result))
    else:
        linttext.print_result(result)
    if result.failing:
        sys.exit(1)


def _words(given: tuple[str, ...]) -> list[str]:
    return [word for one in given for word in one.split(",") if word.strip()]


def _check(inputs: tuple[str, ...], folders: tuple[str, ...], macros: tuple[str, ...], codes: frozenset[str]) -> Result:
    from trapline import app
    from trapline.cli.hunttext import Progress
    from trapline.cli.linttext import One, Result
    from trapline.content.model import Problem
    from trapline.content.read import read_macros
    from trapline.errors import InputError, Span
    from trapline.lint import inputs as given
    from trapline.lint.check import WRONG_INPUT, Checked, check
    from trapline.lint.finding import Finding
    from trapline.spl.macros import Macro

    addons = app.knowledge((), default_store()).macros
    known: dict[str, Macro] = {**app.content(folders, store=default_store()).macros(addons)}
    problems: list[Problem] = []
    for folder in given.macro_folders(inputs):
        known.update({one.key: one for one in read_macros(folder, problems)})
    known.update(app.content(folders, macros, default_store()).macros(addons) if macros else {})
    stdin = sys.stdin.read() if "-" in inputs else ""
    found = list(given.read(inputs, stdin))
    checked: list[One] = []
    with Progress() as line:
        for place, search in enumerate(found):
            if isinstance(search, InputError):
                error = search
                blank = given.Search("\n" * ((error.line or 1) - 1), error.file)
                at = Span(len(blank.text), len(blank.text))
                rule = WRONG_INPUT
                finding = Finding(rule.code, rule.name, rule.severity, at, error.reason, error.hint)
                checked.append(
                    One(blank, Checked((finding,) if rule.code in codes else (), parsed=False), readable=False)
                )
                continue
            line("checking", place, len(found), search.file or "")
            own = {name: _PASSING for name in search.filters if name not in known}
            checked.append(One(search, check(search.text, {**own, **known}, codes)))
    return Result(tuple(checked))


class _Passing:
    """A filter macro that no file defines."""

    definition = "search *"
    args: tuple[str, ...] = ()
    iseval: bool = False
    validation: str = ""
    errormsg: str = ""


_PASSING = _Passing()
