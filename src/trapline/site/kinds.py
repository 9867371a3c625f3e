"""Pages of stories, macros, data sources, lookups, and their lists."""

from __future__ import annotations

from collections.abc import Sequence

from trapline.content.markup import Cell, Html, chips, inline, join, link, nothing, pairs, prose, section, table, tag
from trapline.content.model import DataSource, Item, Lookup, Macro, Story
from trapline.content.page import Page, platform
from trapline.site.detection import badge, badges, spl, status_badge
from trapline.site.model import Model
from trapline.site.routes import Here, Kind


def detections(pages: Sequence[Page], here: Here) -> Html:
    """A list of detections, those in use first."""
    if not pages:
        return nothing("None.")
    rows: list[tuple[Cell, ...]] = [
        (
            here.link(Kind.DETECTION, page.detection.name),
            badges(page),
            join((one for one, _ in page.enriched.techniques), ", "),
            page.detection.modified.isoformat() if page.detection.modified else None,
        )
        for page in sorted(pages, key=lambda page: (page.detection.status.value == "deprecated", page.detection.name))
    ]
    return table(("Detection", "Type, status, risk", "Techniques", "Updated"), rows, "Detections")


def _head(title: str, facts: Sequence[tuple[str, Cell]], *under: Cell) -> Html:
    shown = [tag("div", tag("dt", name), tag("dd", value)) for name, value in facts if value not in (None, "")]
    parts: list[Cell] = [tag("h1", title), *under]
    if shown:
        parts.append(tag("dl", *shown, class_="facts"))
    return tag("header", *parts, class_="page-head")


def _common(item: Item) -> list[tuple[str, Cell]]:
    return [
        ("Updated Date", item.modified.isoformat() if item.modified else None),
        ("ID", tag("code", item.id) if item.id else None),
        ("Author", item.author),
        ("Version", item.version or None),
    ]


def _references(item: Item) -> list[Html]:
    if not item.references:
        return []
    items = tag("ul", *(tag("li", link(url)) for url in item.references), class_="references")
    return [section("References", items)]


def story(one: Story, model: Model, here: Here) -> Html:
    members = model.users(Kind.STORY, one.name)
    related: list[Html] = []
    for title, items in (
        ("Baselines", model.baselines_of(one.name)),
        ("Investigations", model.investigations_of(one.name)),
    ):
        if items:
            found = []
            for item in items:
                more = tag("details", tag("summary", "Search"), spl(item.search, here))
                found.append(tag("li", tag("strong", item.name), prose(item.description), more))
            related.append(section(title, tag("ul", *found, class_="stories")))
    facts = [
        *_common(one),
        ("Category", ", ".join(one.category)),
        ("Use case", one.usecase),
        ("Product", ", ".join(one.products)),
        ("CVE", ", ".join(one.cve)),
        ("Detections", len(members)),
    ]
    return tag(
        "article",
        _head(one.name, facts, tag("p", status_badge(one.status.value), class_="badges")),
        section("Description", prose(one.description)),
        section("Narrative", prose(one.narrative)) if one.narrative else None,
        section("Detections", detections(members, here)),
        section("Data Sources", _sources_of(members, here)),
        section("ATT&CK", _techniques_of(members, here)),
        *related,
        *_references(one),
    )


def _sources_of(pages: Sequence[Page], here: Here) -> Html:
    names = sorted({source.name for page in pages for source in page.sources})
    return chips([here.link(Kind.DATA_SOURCE, name) for name in names])


def _techniques_of(pages: Sequence[Page], here: Here) -> Html:
    found = {one.id: one.name for page in pages for _, one in page.enriched.techniques if one is not None}
    return chips([here.link(Kind.TECHNIQUE, id_, f"{id_} {found[id_]}") for id_ in sorted(found)])


def macro(one: Macro, model: Model, here: Here) -> Html:
    shapes = [other for other in model.content.macro_defs.values() if other.name.lower() == one.name.lower()]
    parts = []
    for shape in shapes:
        title = f"{shape.name}({', '.join(shape.args)})" if shape.args else shape.name
        parts += [tag("h3", tag("code", title))] if len(shapes) > 1 or shape.args else []
        parts.append(spl(shape.definition, here))
    return tag(
        "article",
        _head(one.name, [*_common(one), ("File", model.file_of(one) or None)]),
        section("Description", prose(one.description) or nothing("None.")),
        section("Definition", *parts),
        section("Used By", detections(model.users(Kind.MACRO, one.name), here)),
        *_references(one),
    )


def data_source(one: DataSource, model: Model, here: Here) -> Html:
    facts = [
        *_common(one),
        ("Platform", platform(one.name)),
        ("Source", tag("code", one.source) if one.source else None),
        ("Sourcetype", tag("code", one.sourcetype) if one.sourcetype else None),
        ("Told apart by", f"{one.separator} = {one.separator_value}" if one.separator_value else one.separator),
        ("Configuration", inline(one.configuration) if one.configuration else None),
    ]
    apps = [join([link(ta.url, ta.name), f" {ta.version}" if ta.version else ""]) for ta in one.supported_ta]
    fields = tag("details", tag("summary", f"{len(one.fields):,} fields"), chips([tag("code", f) for f in one.fields]))
    mappings: list[tuple[Cell, ...]] = []
    for mapping in one.field_mappings:
        names = mapping.get("mapping")
        if isinstance(names, dict):
            model_name = f"{mapping.get('data_model', '')}: {mapping.get('data_set', '')}".strip(": ")
            mappings += [(model_name, tag("code", str(a)), tag("code", str(b))) for a, b in names.items()]
    log = tag("pre", tag("code", one.example_log), class_="log", tabindex="0")
    return tag(
        "article",
        _head(one.name, facts),
        section("Description", prose(one.description) or nothing("None.")),
        section("Supported Apps", chips(apps)),
        section("Fields", fields) if one.fields else None,
        section("Output Fields", chips([tag("code", name) for name in one.output_fields]))
        if one.output_fields
        else None,
        section("Field Mappings", table(("Model", "Field", "Field of the model"), mappings)) if mappings else None,
        section("ATT&CK Data Components", chips(one.mitre_components)) if one.mitre_components else None,
        section("Example Log", tag("details", tag("summary", "Show"), log)) if one.example_log else None,
        section("Detections", detections(model.users(Kind.DATA_SOURCE, one.name), here)),
        *_references(one),
    )


def lookup(one: Lookup, model: Model, here: Here) -> Html:
    limits = [str(one.min_matches) if one.min_matches is not None else "", str(one.max_matches or "")]
    rows: list[tuple[str, Cell]] = [
        ("Kind", one.kind),
        ("File", tag("code", one.filename) if one.filename else None),
        ("Collection", tag("code", one.collection) if one.collection else None),
        ("Default match", one.default_match),
        ("Match type", ", ".join(one.match_type)),
        ("Matches", " to ".join(part for part in limits if part)),
        ("Case-sensitive", "yes" if one.case_sensitive else "no"),
        ("Filter", tag("code", one.filter) if one.filter else None),
    ]
    fillers = model.content.fillers().get(one.name, [])
    return tag(
        "article",
        _head(one.name, _common(one)),
        section("Description", prose(one.description) or nothing("None.")),
        section("Definition", pairs([(name, value) for name, value in rows if value not in (None, "")])),
        section("Fields", chips([tag("code", name) for name in one.fields])) if one.fields else None,
        section("Filled By", chips(fillers)) if fillers else None,
        section("Used By", detections(model.users(Kind.LOOKUP, one.name), here)),
        *_references(one),
    )


def listing(title: str, kind: Kind, items: Sequence[Item], lead: str, model: Model, here: Here) -> Html:
    """The list of a kind: name, what it is, how many detections use it."""
    rows: list[tuple[Cell, ...]] = [
        (here.link(kind, one.name), _gist(one), len(model.users(kind, one.name))) for one in items
    ]
    body = table(("Name", "What it is", "Detections"), rows, title) if rows else nothing("None.")
    narrow = tag(
        "p",
        tag("label", "Filter ", Html('<input type="search" id="narrow" autocomplete="off" spellcheck="false">')),
        tag("span", f"{len(items):,}", id="narrow-count", role="status"),
        class_="narrow js-only",
    )
    return tag("article", _head(title, [], tag("p", lead, class_="lead")), narrow, body, class_="listing")


def _gist(one: Item) -> Cell:
    match one:
        case Macro():
            return tag("code", _cut(one.definition, 160))
        case DataSource():
            known = [tag("code", part) for part in (one.sourcetype, one.source) if part]
            return join([badge(platform(one.name), "platform") if platform(one.name) else "", *known], " ")
        case Lookup():
            return _cut(one.description or one.filename or one.collection, 160)
        case _:
            return _cut(one.description, 200)


def _cut(value: str, most: int) -> str:
    words = " ".join(value.split())
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"
