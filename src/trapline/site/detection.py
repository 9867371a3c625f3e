"""The page of a detection: its sections in the order of facts/CONTENT.md §7. One way for a site and for a lone file."""

from __future__ import annotations

from collections.abc import Sequence

from trapline.content.markup import (
    Cell,
    Html,
    anchor,
    chips,
    inline,
    join,
    link,
    nothing,
    pairs,
    prose,
    section,
    table,
    tag,
    text,
)
from trapline.content.model import Severity
from trapline.content.page import MacroUse, Page
from trapline.site.routes import Here, Kind
from trapline.site.spl import highlight

TITLES = (
    "Description",
    "Search",
    "Data Source",
    "Macros Used",
    "Annotations",
    "Default Configuration",
    "Implementation",
    "Known False Positives",
    "Associated Analytic Story",
    "Risk Based Analytics (RBA)",
    "References",
    "Detection Testing",
    "Drilldown Searches",
)


def body(page: Page, here: Here, source_url: str | None = None) -> Html:
    """Everything between the head of the document and its end. `source_url`: of the file, where it is known."""
    detection = page.detection
    parts = {
        "Description": [prose(detection.description), *_explanation(page)],
        "Search": [spl("\n".join(page.search_lines), here)],
        "Data Source": [_sources(page, here)],
        "Macros Used": [_macros(page.macros, here), *_filter(page)],
        "Annotations": _annotations(page, here),
        "Default Configuration": _configuration(page),
        "Implementation": [prose(detection.how_to_implement) or nothing("Nothing is said.")],
        "Known False Positives": [prose(detection.known_false_positives) or nothing("Nothing is said.")],
        "Associated Analytic Story": [_stories(page, here)],
        "Risk Based Analytics (RBA)": _rba(page),
        "References": [_references(detection.references)],
        "Detection Testing": _tests(page),
        "Drilldown Searches": _drilldowns(page, here),
    }
    toc = tag(
        "nav",
        tag("p", "On this page", class_="toc-title", id="toc-title"),
        tag("ol", *(tag("li", tag("a", title, href=f"#{anchor(title)}")) for title in TITLES)),
        class_="toc",
        aria_labelledby="toc-title",
    )
    end = [f"Version: {detection.version}"]
    origin: list[Cell] = [Html("Source: "), link(source_url, "the file"), " · "] if source_url else []
    article = tag(
        "article",
        _head(page),
        *(tag("p", str(warn), class_="note warn") for warn in page.warnings),
        *(section(title, *parts[title]) for title in TITLES),
        tag("p", *origin, *end, class_="end"),
    )
    return tag("div", article, toc, class_="with-toc")


def badge(label: str, kind: str) -> Html:
    """A word that tells a type, status or severity."""
    return tag("span", label, class_=f"badge {anchor(kind)}")


def badges(page: Page) -> Html:
    detection = page.detection
    found = [badge(detection.type.value, f"type-{detection.type.value}"), status_badge(detection.status.value)]
    if detection.rba is not None:
        severity = detection.severity
        found.append(badge(f"{severity.value} · {detection.rba.score}", f"severity-{severity.value}"))
    return join(found, " ")


def status_badge(status: str) -> Html:
    return badge(status, f"status-{status}")


def _head(page: Page) -> Html:
    detection = page.detection
    rows: list[tuple[str, Cell]] = [
        ("Updated Date", detection.modified.isoformat() if detection.modified else None),
        ("ID", tag("code", detection.id) if detection.id else None),
        ("Author", detection.author or None),
        ("Type", detection.type.value),
        ("Product", ", ".join(detection.products) or None),
        ("Version", detection.version),
    ]
    if detection.created and detection.created != detection.modified:
        rows.insert(0, ("Created", detection.created.isoformat()))
    for name, value in (
        ("Asset", detection.asset_type),
        ("Domain", detection.security_domain),
        ("CVE", ", ".join(detection.cve)),
        ("Threat group", ", ".join(detection.groups)),
    ):
        if value:
            rows.append((name, value))
    facts = [tag("div", tag("dt", name), tag("dd", value)) for name, value in rows if value is not None]
    return tag(
        "header",
        tag("h1", detection.name),
        tag("p", badges(page), class_="badges"),
        tag("dl", *facts, class_="facts"),
        class_="page-head",
    )


def spl(search: str, here: Here) -> Html:
    """A search with its macros linked."""
    return tag("div", highlight(search, lambda name: here.find(Kind.MACRO, name)), class_="code")


def _explanation(page: Page) -> list[Html]:
    return [tag("h3", "Explanation"), prose(page.detection.explanation)] if page.detection.explanation else []


def _sources(page: Page, here: Here) -> Html:
    rows: list[tuple[Cell, ...]] = []
    for one in page.sources:
        known = one.known
        apps = [link(ta.url, ta.name) if ta.url else text(ta.name) for ta in known.supported_ta] if known else []
        source, sourcetype = (known.source, known.sourcetype) if known else ("", "")
        rows.append(
            (
                here.link(Kind.DATA_SOURCE, one.name),
                one.platform or "N/A",
                tag("code", sourcetype) if known else "not defined",
                tag("code", source) if source else None,
                join(apps, ", ") or "N/A",
            )
        )
    if not rows:
        return nothing("None named.")
    return table(("Name", "Platform", "Sourcetype", "Source", "Supported App"), rows, "Data sources")


def _macros(macros: Sequence[MacroUse], here: Here) -> Html:
    rows: list[tuple[Cell, ...]] = []
    for use in macros:
        name = use.macro.name if use.macro else use.key
        value: Cell = tag("code", use.macro.definition) if use.macro else "not defined"
        origin = f"called by {use.inside}" if use.inside else "the search"
        rows.append((tag("code", here.link(Kind.MACRO, name, use.title)), value, origin))
    return table(("Name", "Value", "Called by"), rows, "Macros") if rows else nothing("None.")


def _filter(page: Page) -> list[Html]:
    found = [tag("p", inline(page.filter_note), class_="note")]
    if page.filter is not None and page.filter.macro is not None:
        row = (tag("code", page.filter.key), tag("code", page.filter.macro.definition))
        found.insert(0, table(("Filter macro", "Value"), [row], "Filter macro"))
    return found


def _annotations(page: Page, here: Here) -> list[Html]:
    enriched = page.enriched
    rows: list[tuple[Cell, ...]] = []
    for written, technique in enriched.techniques:
        url = f"https://attack.mitre.org/techniques/{written.replace('.', '/')}"
        ident = technique.id if technique else written
        own = here.find(Kind.TECHNIQUE, ident)
        rows.append(
            (
                link(url, written),
                (tag("a", technique.name, href=own) if own else technique.name)
                if technique
                else f"not in ATT&CK v{enriched.attack_version}",
                ", ".join(tactic.name for tactic in technique.tactics) if technique else "",
            )
        )
    return [
        tag("h3", f"MITRE ATT&CK (v{enriched.attack_version})"),
        table(("ID", "Technique", "Tactic"), rows, "Techniques") if rows else nothing("None named."),
        tag("h3", "Kill Chain Phases"),
        chips(enriched.kill_chain),
        tag("h3", "NIST"),
        chips(enriched.nist),
        tag("h3", "CIS"),
        chips(enriched.cis),
        tag("h3", f"Threat Actors ({len(enriched.threat_actors)})"),
        chips(enriched.threat_actors),
    ]


def _configuration(page: Page) -> list[Html]:
    note = page.deployment.description
    rows = [(name, tag("code", value) if name in _CODE else value) for name, value in page.configuration]
    lead = "By default this detection runs in Enterprise Security with these settings:"
    return [
        tag("p", lead),
        table(("Setting", "Value"), rows, "Default configuration"),
        *([tag("p", inline(note), class_="note")] if note else []),
    ]


_CODE = frozenset(("Cron Schedule", "Earliest Time", "Latest Time", "Schedule Window"))


def _stories(page: Page, here: Here) -> Html:
    if not page.stories:
        return nothing("None.")
    items = [
        tag(
            "li",
            tag("strong", here.link(Kind.STORY, name)),
            tag("p", inline(story.description) if story else "not defined"),
        )
        for name, story in page.stories
    ]
    return tag("ul", *items, class_="stories")


def _rba(page: Page) -> list[Html]:
    rba = page.detection.rba
    if rba is None:
        return [nothing("None: no risk is raised.")]
    severity: Severity = page.detection.severity
    rows: list[tuple[str, Cell]] = [("Risk Message", rba.message), ("Risk Score", rba.score)]
    if rba.impact is not None:
        rows += [("Impact", rba.impact), ("Confidence", rba.confidence)]
    rows += [
        ("Severity", badge(severity.value, f"severity-{severity.value}")),
        ("How it is scored", page.score_formula),
    ]
    found = [pairs(rows)]
    several = len({one.message for one in rba.risk_objects} | {rba.message}) > 1
    if rba.risk_objects:
        heads = ("Risk Object", "Risk Object Type", "Risk Score", *(("Message",) if several else ()))
        risk: list[tuple[Cell, ...]] = [
            (tag("code", one.field), one.type, one.score, *((one.message,) if several else ()))
            for one in rba.risk_objects
        ]
        found.append(table(heads, risk, "Risk objects"))
    if rba.threat_objects:
        threat = [(tag("code", one.field), one.type) for one in rba.threat_objects]
        found.append(table(("Threat Object", "Threat Object Type"), threat, "Threat objects"))
    return found


def _references(references: Sequence[str]) -> Html:
    if not references:
        return nothing("None.")
    return tag("ul", *(tag("li", link(url)) for url in references), class_="references")


def _tests(page: Page) -> list[Html]:
    rows = [
        (
            row.kind,
            tag("span", row.status, class_=f"result {anchor(row.status.partition(':')[0])}"),
            link(row.dataset),
            tag("code", row.source) if row.source != "N/A" else row.source,
            tag("code", row.sourcetype) if row.sourcetype != "N/A" else row.sourcetype,
        )
        for row in page.tests
    ]
    return [
        table(("Test Type", "Status", "Dataset", "Source", "Sourcetype"), rows, "Tests"),
        tag(
            "p",
            inline("Replay a data set into a store or an HTTP Event Collector with `trapline replay`."),
            class_="note",
        ),
    ]


def _drilldowns(page: Page, here: Here) -> list[Html]:
    found = []
    for one in page.detection.drilldowns:
        found += [
            tag("h3", one.name),
            spl(one.search, here),
            tag("p", "From ", tag("code", one.earliest), " to ", tag("code", one.latest), class_="small"),
        ]
    return found or [nothing("None.")]
