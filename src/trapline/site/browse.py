"""The list of all detections with its filters, the first page, and the index that the search of every page reads."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from trapline.content.markup import Cell, Html, join, table, tag
from trapline.content.model import Status
from trapline.content.page import Page
from trapline.site.detection import badges
from trapline.site.model import Model
from trapline.site.routes import Here, Kind

SEARCH_INDEX = "search-index.js"
"""A script, not JSON: a page that is a file on a disk may not fetch, but may name a script."""
_WORD = re.compile(r"[a-z0-9][a-z0-9._-]{2,38}[a-z0-9]")
_COMMON = 0.03
"""A word that more than this part of the detections have does not tell them apart and is not in the index."""


@dataclass(frozen=True, slots=True)
class Facet:
    """Something to filter by: `key` in the address, values of a page."""

    key: str
    label: str
    every: str


FACETS = (
    Facet("type", "Type", "All types"),
    Facet("status", "Status", "All statuses"),
    Facet("severity", "Severity", "All severities"),
    Facet("category", "Category", "All categories"),
    Facet("platform", "Platform", "All platforms"),
    Facet("source", "Data source", "All data sources"),
    Facet("technique", "Technique", "All techniques"),
    Facet("story", "Story", "All stories"),
)


def _values(page: Page, key: str) -> list[str]:
    detection = page.detection
    match key:
        case "type":
            return [detection.type.value]
        case "status":
            return [detection.status.value]
        case "severity":
            return [detection.severity.value] if detection.rba is not None else []
        case "category":
            return [detection.category or "detections"]
        case "platform":
            return sorted({one.platform for one in page.sources if one.platform})
        case "source":
            return [one.name for one in page.sources]
        case "technique":
            return [one.id for _, one in page.enriched.techniques if one is not None]
        case _:
            return [name for name, _ in page.stories]


def browse(model: Model, here: Here) -> Html:
    """Every detection is a row of the document; a script hides those that a filter leaves out."""
    names = {id_: one.name for id_, one in model.coverage.attack.techniques.items()}
    controls = []
    for facet in FACETS:
        counts: Counter[str] = Counter()
        for page in model.pages:
            found = _values(page, facet.key)
            if facet.key == "technique":  # a technique is chosen with its sub-techniques
                found = [*found, *(one.partition(".")[0] for one in found)]
            counts.update(set(found))
        options = [Html(f'<option value="">{facet.every}</option>')]
        for value in sorted(counts, key=str.lower):
            label = f"{value} {names[value]}" if value in names else value
            options.append(tag("option", f"{label} ({counts[value]:,})", value=value))
        select = tag("select", *options, id=f"by-{facet.key}", data_facet=facet.key)
        controls.append(tag("p", tag("label", facet.label, for_=f"by-{facet.key}"), select))
    text = Html('<input id="by-text" type="search" autocomplete="off" spellcheck="false" data-facet="q">')
    controls.insert(0, tag("p", tag("label", "Text", for_="by-text"), text))
    reset = tag("button", "Clear filters", type="button", id="clear")
    rows: list[tuple[Cell, ...]] = [
        (
            join([here.link(Kind.DETECTION, page.detection.name), tag("span", _sources(page), class_="under")]),
            badges(page),
            join(
                (here.link(Kind.TECHNIQUE, one.id if one else written, written) for written, one in _techniques(page)),
                ", ",
            ),
            page.detection.modified.isoformat() if page.detection.modified else None,
        )
        for page in model.pages
    ]
    total = f"{len(model.pages):,} detections"
    return tag(
        "article",
        tag("header", tag("h1", "Detections"), class_="page-head"),
        tag(
            "details",
            tag("summary", "Filters"),
            tag("div", *controls, class_="controls"),
            class_="filters js-only",
            open="",
        ),
        tag(
            "p",
            tag("span", total, id="shown", role="status"),
            " ",
            tag("span", reset, class_="js-only"),
            class_="tools",
        ),
        tag(
            "div",
            table(("Detection", "Type, status, risk", "Techniques", "Updated"), rows, "All detections"),
            id="all-detections",
        ),
        class_="browse",
    )


def _sources(page: Page) -> str:
    return ", ".join(one.name for one in page.sources)


def _techniques(page: Page) -> Iterable[tuple[str, Any]]:
    return page.enriched.techniques


def home(model: Model, here: Here, title: str, made_of: str) -> Html:
    kinds = Counter(page.detection.type.value for page in model.pages)
    states = Counter(page.detection.status.value for page in model.pages)
    covered = model.coverage
    with_some = sum(1 for id_ in covered.attack.techniques if covered.of(id_))
    tiles = [
        (len(model.pages), "detections", f"{Kind.DETECTION}/"),
        (len(model.stories), "stories", f"{Kind.STORY}/"),
        (with_some, f"techniques of ATT&CK v{covered.attack.version}", f"{Kind.TECHNIQUE}/"),
        (len(model.data_sources), "data sources", f"{Kind.DATA_SOURCE}/"),
        (len(model.macros), "macros", f"{Kind.MACRO}/"),
        (len(model.lookups), "lookups", f"{Kind.LOOKUP}/"),
    ]
    tile_list = [
        tag("li", tag("a", tag("strong", f"{count:,}"), tag("span", label), href=here.to(path)))
        for count, label, path in tiles
    ]
    newest = sorted(
        (page for page in model.pages if page.detection.modified and page.detection.status is not Status.DEPRECATED),
        key=lambda page: (page.detection.modified, page.detection.name),
        reverse=True,
    )[:10]
    rows: list[tuple[Cell, ...]] = [
        (
            here.link(Kind.DETECTION, page.detection.name),
            badges(page),
            page.detection.modified.isoformat() if page.detection.modified else None,
        )
        for page in newest
    ]
    return tag(
        "article",
        tag("header", tag("h1", title), tag("p", made_of, class_="lead"), class_="page-head"),
        tag("ul", *tile_list, class_="tiles"),
        tag(
            "div",
            tag("section", tag("h2", "By type"), _bars(kinds, "type", here)),
            tag("section", tag("h2", "By status"), _bars(states, "status", here)),
            class_="two",
        ),
        tag("section", tag("h2", "Coverage by tactic"), _tactics(model, here)),
        tag("section", tag("h2", "Last updated"), table(("Detection", "Type, status, risk", "Updated"), rows)),
        class_="home",
    )


def _bar(label: Cell, number: str, part: float, href: str) -> Html:
    width = round(part * 20) * 5 if part <= 0 else max(5, round(part * 20) * 5)
    return tag(
        "li",
        tag("a", tag("span", label, class_="name"), tag("span", number, class_="number"), href=href),
        tag("span", tag("span", class_=f"w{width}"), class_="bar-line", aria_hidden="true"),
    )


def _bars(counts: Counter[str], facet: str, here: Here) -> Html:
    most = max(counts.values(), default=1)
    bars = [
        _bar(value, f"{count:,}", count / most, here.to(f"{Kind.DETECTION}/", f"{facet}={value}"))
        for value, count in counts.most_common()
    ]
    return tag("ul", *bars, class_="bars")


def _tactics(model: Model, here: Here) -> Html:
    bars = []
    for tactic, techniques in model.coverage.tactics():
        some = sum(1 for one in techniques if model.coverage.below(one.id))
        href = here.to(f"{Kind.TECHNIQUE}/", tactic.shortname)
        bars.append(_bar(tactic.name, f"{some} of {len(techniques)}", some / len(techniques), href))
    return tag("ul", *bars, class_="bars")


def search_index(model: Model) -> str:
    """`window.traplineIndex`: kinds, facets with their values, per page [kind, path, name, note, words, facets], the
    detections first and in the order of their list; facets are numbers of values."""
    values: dict[str, dict[str, int]] = {facet.key: {} for facet in FACETS}
    items: list[list[Any]] = []
    words = _telling(model.pages)
    for page in model.pages:
        of = page.detection
        numbers = [
            [values[facet.key].setdefault(value, len(values[facet.key])) for value in _values(page, facet.key)]
            for facet in FACETS
        ]
        note = f"{of.type.value}, {of.status.value}" if of.status is not Status.PRODUCTION else of.type.value
        text = " ".join(
            [
                *of.mitre,
                *of.cve,
                *(name for name, _ in page.stories),
                *words[of.name],
            ]
        )
        items.append([0, model.routes.path(Kind.DETECTION, of.name), of.name, note, text, numbers])
    kinds = ["Detection"]
    for label, kind, others in (
        ("Story", Kind.STORY, model.stories),
        ("Data source", Kind.DATA_SOURCE, model.data_sources),
        ("Macro", Kind.MACRO, model.macros),
        ("Lookup", Kind.LOOKUP, model.lookups),
    ):
        kinds.append(label)
        for one in others:
            items.append([len(kinds) - 1, model.routes.path(kind, one.name), one.name, "", ""])
    kinds.append("Technique")
    for technique in model.coverage.attack.techniques.values():
        path = model.routes.path(Kind.TECHNIQUE, technique.id)
        if path is not None:
            items.append([len(kinds) - 1, path, f"{technique.id} {technique.name}", "", " ".join(technique.groups)])
    body = {"kinds": kinds, "facets": [[facet.key, list(values[facet.key])] for facet in FACETS], "items": items}
    return f"window.traplineIndex={json.dumps(body, separators=(',', ':'))};\n"


def _telling(pages: list[Page]) -> dict[str, list[str]]:
    """The words of each description and search that few others have: file names, products, event codes."""
    found = {
        page.detection.name: set(_WORD.findall(f"{page.detection.description}\n{page.detection.search}".lower()))
        for page in pages
    }
    counts = Counter(word for words in found.values() for word in words)
    most = max(3, int(len(pages) * _COMMON))
    return {name: sorted(word for word in words if counts[word] <= most) for name, words in found.items()}
