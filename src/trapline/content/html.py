"""A detection's page as one HTML file: nothing is loaded, no script runs, every text is escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from trapline.content.page import MacroUse, Page, place


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


Part = str | int | None
Cell = Part | Html

# What a terminal or a right-to-left mark could hide in a text.
_HIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def text(value: Cell) -> Html:
    """A value as HTML: escaped, hidden characters shown as their number. None is nothing."""
    if isinstance(value, Html):
        return value
    shown = "" if value is None else str(value)
    shown = _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", shown)
    return Html(html.escape(shown, quote=True))


def tag(name: str, *children: Cell, **attributes: str) -> Html:
    """An element. Children and attribute values are escaped; `class_` stands for class."""
    attrs = "".join(f' {key.rstrip("_")}="{text(value)}"' for key, value in attributes.items())
    return Html(f"<{name}{attrs}>{''.join(text(child) for child in children)}</{name}>")


def link(url: str, shown: str | None = None) -> Html:
    """A link, for http and https only: any other scheme stays text."""
    label = shown or url
    if re.match(r"https?://[^\s]+\Z", url) is None:
        return text(label)
    return tag("a", label, href=url, rel="noreferrer noopener")


def table(headers: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Html:
    head = tag("tr", *(tag("th", header, scope="col") for header in headers))
    body = [tag("tr", *(tag("td", cell) for cell in row)) for row in rows]
    return tag("div", tag("table", tag("thead", head), tag("tbody", *body)), class_="table")


def pairs(rows: Sequence[tuple[str, Cell]]) -> Html:
    """Names and values."""
    return tag("table", *(tag("tr", tag("th", name, scope="row"), tag("td", value)) for name, value in rows))


def paragraphs(value: str) -> Html:
    """Each block between blank lines as a paragraph."""
    return Html("".join(tag("p", block) for block in re.split(r"\n\s*\n", value.strip()) if block.strip()))


def section(title: str, *children: Cell) -> Html:
    ident = re.sub(r"[^a-z]+", "-", title.lower()).strip("-")
    return tag("section", tag("h2", title), *children, id=ident)


_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --accent: #0b6e4f; }
@media (prefers-color-scheme: dark) { :root { --accent: #5fd3a6; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1.5rem; }
h1 { line-height: 1.2; margin-bottom: .3rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; border-bottom: 1px solid var(--line); padding-bottom: .2rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
a { color: var(--accent); }
.meta { color: GrayText; margin: 0 0 1rem; }
.table { overflow-x: auto; }
table { border-collapse: collapse; margin: .4rem 0; }
th, td { text-align: left; vertical-align: top; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--line);
  overflow-wrap: break-word; }
th { font-weight: 600; white-space: nowrap; }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: 6px; padding: .8rem; overflow-x: auto;
  white-space: pre-wrap; overflow-wrap: anywhere; }
code, pre { font: 14px/1.5 ui-monospace, monospace; }
.note { border-left: 4px solid var(--accent); background: var(--soft); padding: .5rem .8rem; }
.warn { border-left: 4px solid #c60; background: var(--soft); padding: .5rem .8rem; }
ul.row { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .3rem .5rem; }
ul.row li { border: 1px solid var(--line); border-radius: 999px; padding: 0 .7rem; }
"""


def document(title: str, *body: Cell, style: str = "") -> str:
    """A whole HTML document, UTF-8, that loads nothing and runs nothing."""
    head = [
        Html('<meta charset="utf-8">'),
        Html(
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
            "base-uri 'none'; form-action 'none'\">"
        ),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html('<meta name="referrer" content="no-referrer">'),
        tag("title", title),
        tag("style", Html(_STYLE + style)),
    ]
    return "<!DOCTYPE html>\n" + tag("html", tag("head", *head), "\n", tag("body", *body), lang="en") + "\n"


def render(page: Page) -> str:
    """The page as a whole HTML document, UTF-8."""
    detection = page.detection
    body = [
        tag("h1", detection.name),
        tag("p", _meta(page), class_="meta"),
        *(tag("p", str(warn), class_="warn") for warn in page.warnings),
        section("Description", paragraphs(detection.description)),
        section("Search", tag("pre", tag("code", "\n".join(page.search_lines)))),
        section("Data Source", _sources(page)),
        section("Macros Used", _macros(page.macros), *_filter(page)),
        section("Annotations", *_annotations(page)),
        section("Default Configuration", *_configuration(page)),
        section("Implementation", paragraphs(detection.how_to_implement)),
        section("Known False Positives", paragraphs(detection.known_false_positives)),
        section("Associated Analytic Story", _stories(page)),
        section("Risk Based Analytics (RBA)", *_rba(page)),
        section("References", tag("ul", *(tag("li", link(url)) for url in detection.references))),
        section("Detection Testing", _tests(page)),
        section("Drilldown Searches", *_drilldowns(page)),
        tag("p", f"Version: {detection.version}", class_="meta"),
    ]
    return document(detection.name, *body)


def _meta(page: Page) -> str:
    detection = page.detection
    parts = [
        f"Updated {detection.modified.isoformat()}" if detection.modified else "",
        f"ID {detection.id}" if detection.id else "",
        f"Author {detection.author}" if detection.author else "",
        f"Type {detection.type.value}",
        f"Status {detection.status.value}",
        ", ".join(detection.products),
    ]
    return " · ".join(part for part in parts if part)


def _sources(page: Page) -> Html:
    rows = []
    for one in page.sources:
        known = one.known
        apps = ", ".join(ta.name for ta in known.supported_ta) if known else ""
        source, sourcetype = (known.source, known.sourcetype) if known else ("not defined", "")
        rows.append((one.name, one.platform, tag("code", sourcetype), tag("code", source), apps or "N/A"))
    if not rows:
        return tag("p", "None named.")
    return table(("Name", "Platform", "Sourcetype", "Source", "Supported App"), rows)


def _macros(macros: Sequence[MacroUse]) -> Html:
    rows: list[tuple[Cell, ...]] = []
    for use in macros:
        value: Cell = tag("code", use.macro.definition) if use.macro else "not defined"
        origin = (f"in {use.inside}; " if use.inside else "") + (place(use.macro) if use.macro else "")
        rows.append((tag("code", use.title), value, origin.removesuffix("; ")))
    return table(("Name", "Value", "Defined"), rows) if rows else tag("p", "None.")


def _filter(page: Page) -> list[Html]:
    found = [tag("p", page.filter_note, class_="note")]
    if page.filter is not None and page.filter.macro is not None:
        found.insert(0, pairs([(page.filter.key, tag("code", page.filter.macro.definition))]))
    return found


def _annotations(page: Page) -> list[Html]:
    enriched = page.enriched
    rows: list[tuple[Cell, ...]] = []
    for written, technique in enriched.techniques:
        url = f"https://attack.mitre.org/techniques/{written.replace('.', '/')}"
        name = technique.name if technique else "not in this version"
        tactics = ", ".join(tactic.name for tactic in technique.tactics) if technique else ""
        rows.append((link(url, written), name, tactics))
    return [
        tag("h3", f"MITRE ATT&CK (v{enriched.attack_version})"),
        table(("ID", "Technique", "Tactic"), rows) if rows else tag("p", "None named."),
        tag("h3", "Kill Chain Phases"),
        _row(enriched.kill_chain),
        tag("h3", "NIST"),
        _row(enriched.nist),
        tag("h3", "CIS"),
        _row(enriched.cis),
        tag("h3", f"Threat Actors ({len(enriched.threat_actors)})"),
        _row(enriched.threat_actors),
    ]


def _row(items: Sequence[str]) -> Html:
    return tag("ul", *(tag("li", item) for item in items), class_="row") if items else tag("p", "None.")


def _configuration(page: Page) -> list[Html]:
    note = page.deployment.description
    return [pairs(page.configuration), *([tag("p", note, class_="note")] if note else [])]


def _stories(page: Page) -> Html:
    rows = [(name, story.description if story else "not defined") for name, story in page.stories]
    return pairs(rows) if rows else tag("p", "None.")


def _rba(page: Page) -> list[Html]:
    rba = page.detection.rba
    if rba is None:
        return [tag("p", "None: no risk is raised.")]
    rows: list[tuple[str, Cell]] = [("Risk Message", rba.message), ("Risk Score", page.score_formula)]
    if rba.impact is not None:
        rows += [("Impact", rba.impact), ("Confidence", rba.confidence)]
    rows.append(("Severity", page.detection.severity.value))
    found = [pairs(rows)]
    if rba.risk_objects:
        risk = [(tag("code", one.field), one.type, one.score) for one in rba.risk_objects]
        found.append(table(("Risk Object", "Risk Object Type", "Risk Score"), risk))
    if rba.threat_objects:
        threat = [(tag("code", one.field), one.type) for one in rba.threat_objects]
        found.append(table(("Threat Object", "Threat Object Type"), threat))
    return found


def _tests(page: Page) -> Html:
    rows = [
        (row.kind, row.status, link(row.dataset), tag("code", row.source), tag("code", row.sourcetype))
        for row in page.tests
    ]
    return table(("Test Type", "Status", "Dataset", "Source", "Sourcetype"), rows)


def _drilldowns(page: Page) -> list[Html]:
    found = []
    for one in page.detection.drilldowns:
        found += [tag("h3", one.name), tag("pre", tag("code", one.search))]
        found.append(tag("p", f"From {one.earliest} to {one.latest}"))
    return found or [tag("p", "None.")]
