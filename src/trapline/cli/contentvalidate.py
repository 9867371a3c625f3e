"""`trapline content validate`: is the content right, told without data and without Splunk."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trapline.cli.options import ADDON_HELP, attack_option, json_option, store_option

if TYPE_CHECKING:
    from trapline.validate.check import Result

FORMATS = ("text", "json", "junit", "sarif", "github")


@click.command("validate")
@click.argument("names", metavar="NAME|FILE...", nargs=-1)
@click.option(
    "--content",
    "folders",
    metavar="DIR",
    multiple=True,
    help="Content folder to check. Default: those of `content add`.",
)
@store_option
@click.option("--macros", metavar="FILE", multiple=True, help="Your own macros: macros.conf, YAML or a folder.")
@click.option("--addon", "addons", metavar="DIR", multiple=True, help=ADDON_HELP)
@click.option("--strict", is_flag=True, help="What contentctl refuses is an error.")
@click.option("--rule", "rules", metavar="RULES", multiple=True, help="Only these: risk-field,lint.")
@click.option("--ignore", "ignored", metavar="RULES", multiple=True, help="Not these.")
@click.option(
    "--level",
    type=click.Choice(["note", "warning", "error"]),
    default="warning",
    show_default=True,
    help="The least that is shown; the summary counts all.",
)
@click.option("--warnings-as-errors", "warnings_fail", is_flag=True, help="Warnings make the answer no, too.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="How to tell.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write it to a file.")
@click.option("--jobs", type=click.IntRange(1, 64), metavar="N", help="Processes. Default: one a core.")
@click.option("--list-rules", is_flag=True, help="Show all rules and end.")
@attack_option
@json_option
def validate(
    names: tuple[str, ...],
    folders: tuple[str, ...],
    store: Path,
    macros: tuple[str, ...],
    addons: tuple[str, ...],
    strict: bool,
    rules: tuple[str, ...],
    ignored: tuple[str, ...],
    level: str,
    warnings_fail: bool,
    form: str,
    out: Path | None,
    jobs: int | None,
    list_rules: bool,
    attack_version: str | None,
    as_json: bool,
) -> None:
    """Check content: that searches compile, that what they refer to is there, that risk can be raised.

    Checks all objects of the folders, or those named: by name, id, file, or a folder of files. Findings that are to
    stay are listed in trapline-validate.yml of the folder, with owner and reason. docs/validate.md explains each rule.

    \b
    Examples:
      trapline content validate --content ~/security_content
      trapline content validate --content . detections/endpoint/my_detection.yml --strict
      trapline content validate --content . --rule risk-field,message-token --json
      trapline content validate --content . --format github --warnings-as-errors

    \b
    Exit codes: 0 no error; 1 an error, or with --warnings-as-errors a warning; 2 wrong input or usage.
    """
    from trapline import app
    from trapline.cli import validatetext
    from trapline.cli.hunttext import Progress
    from trapline.detect.workers import cores
    from trapline.validate import check
    from trapline.validate.finding import Level

    if as_json and form not in ("text", "json"):
        raise click.UsageError("--json and --format exclude each other.")
    form = "json" if as_json else form
    if list_rules:
        validatetext.print_rules(as_json=form == "json")
        return
    began = time.monotonic()
    asked = check.Asked(check.chosen(_words(rules)), check.chosen(_words(ignored)), strict)
    table = app.attack(store, attack_version)
    tree, ignores, asked = app.validation(folders, macros, addons, names, table, asked, store)
    with Progress() as progress:
        result = check.validate(tree, asked, ignores, jobs=jobs or cores(), progress=progress)
    text = _text(result, form, Level(level), warnings_fail=warnings_fail, seconds=time.monotonic() - began)
    if out is not None:
        try:
            out.write_text(text, encoding="utf-8")
        except OSError as error:
            from trapline.errors import InputError

            raise InputError(f"cannot be written: {error.strerror}", file=str(out), code="write") from None
        click.echo(f"wrote {out}", err=True)
    else:
        click.echo(text.rstrip("\n"))
    if result.count(Level.ERROR) or (warnings_fail and result.count(Level.WARNING)):
        sys.exit(1)


def _words(given: tuple[str, ...]) -> list[str]:
    return [word for one in given for word in one.split(",") if word.strip()]


def _text(result: Result, form: str, level: object, *, warnings_fail: bool, seconds: float) -> str:
    import json
    from importlib.metadata import version

    from trapline.cli import validatetext
    from trapline.validate import reports
    from trapline.validate.finding import Level

    least = Level(str(level))
    shown = validatetext.at(result, least)
    match form:
        case "json":
            return json.dumps(validatetext.to_json(result, shown), ensure_ascii=False, indent=2)
        case "junit":
            return reports.junit(shown, warnings_fail=warnings_fail, seconds=seconds)
        case "sarif":
            return json.dumps(reports.sarif(shown, version("trapline")), ensure_ascii=False, indent=2)
        case "github":
            return "\n".join(reports.github(shown))
        case _:
            return "\n".join(validatetext.lines(result, shown, least, seconds))
