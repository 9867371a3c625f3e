"""`trapline show`: everything about one detection, or about one object of another kind."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trapline.cli.options import attack_option, content_option, json_option, macros_option, store_option
from trapline.cli.render import clean, print_json, table_lines

if TYPE_CHECKING:
    from trapline.content.catalog import Content
    from trapline.content.model import Item
    from trapline.content.page import Page

_WIDEST = 120
"""Prose is not set wider than this, whatever the terminal."""


@click.command("show")
@click.argument("name", metavar="NAME|FILE|ID")
@content_option
@macros_option
@store_option
@attack_option
@json_option
@click.option("--html", "html_out", metavar="FILE", help="Write the page as one HTML file; - is stdout.")
def command(
    name: str,
    folders: tuple[str, ...],
    macros: tuple[str, ...],
    store: Path,
    attack_version: str | None,
    as_json: bool,
    html_out: str | None,
) -> None:
    """Show a detection: search, data source, macros, ATT&CK, schedule, risk, tests.

    The detection is named by its name, id or file name, or by the path of its file. So is a macro, a lookup, a story, a
    data source or any other object: it is shown with all that uses it.

    \b
    Examples:
      trapline show "Windows Service Create RemComSvc"
      trapline show my_detection.yml --macros my_macros.conf
      trapline show 0be4b5d6-c449-4084-b945-2392b519c33b --attack 15.1 --json
      trapline show windows_service_create_remcomsvc --html remcom.html
      trapline show "Active Directory Discovery"
      trapline show summariesonly_config
    """
    from trapline import app
    from trapline.content import overview, page, read
    from trapline.content.model import Detection

    if as_json and html_out == "-":
        raise click.UsageError("--json and --html - both want stdout: give --html a file name.")
    content = app.content(folders, macros, store)
    found_any = [] if Path(name).is_file() else overview.find(content, name)
    if found_any and not any(isinstance(one, Detection) for one in found_any):
        if html_out is not None:
            raise click.UsageError(f"--html is for detections; '{name}' is none.")
        _show_others(content, found_any, as_json=as_json)
        return
    detection = read.find_or_read(content, name)
    content.problems += read.unused_overrides(content)
    found = page.describe(content, detection, app.attack(store, attack_version))
    if html_out is not None:
        _write_html(found, html_out)
    if as_json:
        print_json(found.to_json())
    elif html_out is None:
        width = shutil.get_terminal_size((100, 24)).columns
        for line in _lines(found, max(40, width)):
            click.echo(line)


def _show_others(content: Content, found: list[Item], *, as_json: bool) -> None:
    """Objects that are no detections: mostly one; several kinds may share a name."""
    from trapline.cli.contentread import object_lines
    from trapline.content import overview

    if as_json:
        shown = [overview.details(content, one) for one in found]
        print_json(shown[0] if len(shown) == 1 else shown)
        return
    width = max(40, shutil.get_terminal_size((100, 24)).columns)
    for one in found:
        for line in object_lines(content, one, width):
            click.echo(line)


def _write_html(page: Page, target: str) -> None:
    from trapline.errors import InputError
    from trapline.site import layout

    text = layout.lone(page)
    if target == "-":
        click.echo(text, nl=False)
        return
    try:
        Path(target).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", file=target) from None
    click.echo(f"wrote {clean(target)}", err=True)


def _lines(page: Page, width: int) -> Iterable[str]:
    """The page for a terminal `width` columns wide."""
    detection, enriched = page.detection, page.enriched
    prose = min(width, _WIDEST)
    yield click.style(clean(detection.name), bold=True)
    updated = detection.modified.isoformat() if detection.modified else None
    yield from _pairs(
        [
            ("Updated", updated),
            ("ID", detection.id or None),
            ("Author", detection.author or None),
            ("Type", detection.type.value),
            ("Status", detection.status.value),
            ("Product", ", ".join(detection.products) or None),
        ],
        prose,
    )
    for warn in page.warnings:
        yield from _wrap(f"warning: {warn}", prose, "", "  ", colour="yellow")

    yield from _title("Description")
    yield from _prose(detection.description, prose)

    yield from _title("Search")
    for line in page.search_lines:
        yield from _code(line, width, "  ", "      ")

    yield from _title("Data Source")
    sources = []
    for one in page.sources:
        known = one.known
        apps = ", ".join(ta.name for ta in known.supported_ta) if known else ""
        where = (known.sourcetype, known.source) if known else ("not defined", "")
        sources.append((one.name, one.platform, *where, apps or "N/A"))
    yield from _table(("Name", "Platform", "Sourcetype", "Source", "Supported App"), sources, width)

    yield from _title("Macros Used")
    rows = []
    for use in page.macros:
        rows.append(("  " * use.depth + use.title, use.macro.definition if use.macro else "not defined"))
    yield from _table(("Name", "Value"), rows, width)
    if page.filter is not None and page.filter.macro is not None:
        yield ""
        yield from _pairs([(page.filter.key, page.filter.macro.definition)], width)
    yield from _wrap(page.filter_note, prose, "  ", "  ")

    yield from _title(f"Annotations (ATT&CK v{enriched.attack_version})")
    techniques = [
        (written, one.name if one else "not in this version", ", ".join(t.name for t in one.tactics) if one else "")
        for written, one in enriched.techniques
    ]
    yield from _table(("ID", "Technique", "Tactic"), techniques, width)
    yield ""
    yield from _pairs(
        [
            ("Kill Chain Phases", ", ".join(enriched.kill_chain) or "none"),
            ("NIST", ", ".join(enriched.nist) or "none"),
            ("CIS", ", ".join(enriched.cis) or "none"),
            (f"Threat Actors ({len(enriched.threat_actors)})", ", ".join(enriched.threat_actors) or "none"),
        ],
        prose,
    )

    yield from _title("Default Configuration")
    yield from _pairs(page.configuration, prose)
    yield from _prose(page.deployment.description, prose)

    yield from _title("Implementation")
    yield from _prose(detection.how_to_implement, prose)

    yield from _title("Known False Positives")
    yield from _prose(detection.known_false_positives, prose)

    yield from _title("Associated Analytic Story")
    yield from _pairs([(name, story.description if story else "not defined") for name, story in page.stories], prose)

    yield from _title("Risk Based Analytics (RBA)")
    yield from _risk(page, width, prose)

    yield from _title("References")
    for url in detection.references:
        yield f"  {clean(url)}"

    yield from _title("Detection Testing")
    tests = [(row.kind, row.status, row.dataset, row.source, row.sourcetype) for row in page.tests]
    yield from _table(("Test Type", "Status", "Dataset", "Source", "Sourcetype"), tests, width)

    if detection.drilldowns:
        yield from _title("Drilldown Searches")
        for drilldown in detection.drilldowns:
            yield from _wrap(drilldown.name, prose, "  ", "  ")
            yield from _code(drilldown.search, width, "    ", "      ")
            yield from _wrap(f"from {drilldown.earliest} to {drilldown.latest}", prose, "    ", "    ")
    yield ""
    yield f"Version: {detection.version}"


def _risk(page: Page, width: int, prose: int) -> Iterable[str]:
    rba = page.detection.rba
    if rba is None:
        yield "  None: no risk is raised."
        return
    yield from _pairs(
        [
            ("Risk Message", rba.message or "none"),
            ("Risk Score", page.score_formula),
            ("Impact", None if rba.impact is None else str(rba.impact)),
            ("Confidence", None if rba.confidence is None else str(rba.confidence)),
            ("Severity", page.detection.severity.value),
        ],
        prose,
    )
    if rba.risk_objects:
        yield ""
        risk = [(one.field, one.type, one.score) for one in rba.risk_objects]
        yield from _table(("Risk Object", "Risk Object Type", "Risk Score"), risk, width)
    if rba.threat_objects:
        yield ""
        threat = [(one.field, one.type) for one in rba.threat_objects]
        yield from _table(("Threat Object", "Threat Object Type"), threat, width)


def _title(text: str) -> list[str]:
    return ["", click.style(text, bold=True, fg="cyan")]


def _table(headers: tuple[str, ...], rows: Sequence[tuple[object, ...]], width: int) -> list[str]:
    if not rows:
        return ["  none"]
    return ["  " + line for line in table_lines(headers, rows, width=width - 2, wrap=True)]


def _pairs(rows: Iterable[tuple[str, str | None]], width: int) -> Iterable[str]:
    """Names and values in two columns, long values going on below themselves; None is left out."""
    shown = [(clean(name), value) for name, value in rows if value is not None]
    wide = max((len(name) for name, _ in shown), default=0) + 4
    if wide > width // 2:
        for name, value in shown:
            yield f"  {name}"
            yield from _wrap(value, width, "    ", "    ")
        return
    for name, value in shown:
        yield from _wrap(value, width, f"  {name:{wide - 2}}", " " * wide)


def _prose(text: str, width: int) -> Iterable[str]:
    for line in text.strip().splitlines():
        yield from _wrap(line, width, "  ", "  ")


def _wrap(text: str, width: int, first: str, rest: str, *, colour: str | None = None) -> Iterable[str]:
    """Text within the width."""
    lines = textwrap.wrap(clean(text), width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False) or [
        first.rstrip()
    ]
    for line in lines:
        yield click.style(line, fg=colour) if colour else line


_WORD = re.compile(r'"(?:\\.|[^"\\])*"|[^\s"]+|"|\s+')


def _code(text: str, width: int, first: str, rest: str) -> Iterable[str]:
    """SPL within the width, never broken inside quotes, so that it can be copied and run."""
    line, word = first, ""
    for part in [*_WORD.findall(clean(text)), " "]:
        if not part.isspace():
            word += part
            continue
        if len(line) + len(word) > width and line.strip():
            yield line.rstrip()
            line = rest
        line += word + part
        word = ""
    if line.strip():
        yield line.rstrip()
