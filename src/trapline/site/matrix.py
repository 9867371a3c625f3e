"""The ATT&CK matrix with the detections of each technique, and a page for each technique that has some."""

from __future__ import annotations

from collections.abc import Sequence

from trapline.content.enrich import Tactic, Technique
from trapline.content.markup import Cell, Html, chips, link, nothing, section, tag
from trapline.content.model import Status
from trapline.site.kinds import detections
from trapline.site.model import Model
from trapline.site.routes import Here, Kind

_STEPS = (1, 3, 6, 11)
"""From so many detections on, a cell has the next shade."""


def level(count: int) -> int:
    """0 for none, then 1 to 4."""
    return sum(count >= step for step in _STEPS)


def matrix(model: Model, here: Here) -> Html:
    covered = model.coverage
    columns = [_column(tactic, techniques, model, here) for tactic, techniques in covered.tactics()]
    known = len(covered.attack.techniques)
    with_some = sum(1 for id_ in covered.attack.techniques if covered.of(id_))
    legend = [
        tag("li", tag("span", class_=f"swatch level-{at}", aria_hidden="true"), label)
        for at, label in enumerate(("none", "1–2", "3–5", "6–10", "11 and more"))
    ]
    lead = (
        f"{with_some:,} of {known:,} techniques and sub-techniques of ATT&CK v{covered.attack.version} are named by "
        "detections in use. A number counts the detections of a technique and of its sub-techniques."
    )
    only = tag(
        "p",
        tag("label", Html('<input type="checkbox" id="only-covered"> '), "Only what is covered"),
        class_="js-only",
    )
    return tag(
        "article",
        tag("header", tag("h1", "ATT&CK coverage"), tag("p", lead, class_="lead"), class_="page-head"),
        tag("div", tag("ul", *legend, class_="legend", aria_label="Detections of a technique"), only, class_="tools"),
        tag("div", *columns, class_="matrix", tabindex="0", role="group", aria_label="ATT&CK matrix"),
        *_unknown(model),
        class_="wide",
    )


def _unknown(model: Model) -> list[Html]:
    if not model.coverage.warnings:
        return []
    items = (tag("li", str(warn)) for warn in model.coverage.warnings)
    count = len(model.coverage.warnings)
    return [tag("details", tag("summary", f"{count:,} ids that this version does not have"), tag("ul", *items))]


def _column(tactic: Tactic, techniques: Sequence[Technique], model: Model, here: Here) -> Html:
    covered = model.coverage
    counts = [(one, len(covered.below(one.id))) for one in techniques]
    names = {page.name for one in techniques for page in covered.below(one.id)}
    some = sum(1 for _, count in counts if count)
    head = tag(
        "summary",
        tag("h2", tactic.name),
        tag("p", f"{some:,} of {len(techniques):,} techniques · {len(names):,} detections"),
    )
    cells = [_cell(one, count, model, here) for one, count in counts]
    return tag("details", head, tag("ol", *cells), class_="tactic", id=tactic.shortname, open="")


def _cell(one: Technique, count: int, model: Model, here: Here) -> Html:
    subs = [(sub, len(model.coverage.of(sub.id))) for sub in model.coverage.subs(one.id)]
    inner: list[Cell] = [_entry(one, count, here)]
    if subs:
        with_some = sum(1 for _, number in subs if number)
        items = [tag("li", _entry(sub, number, here), class_=f"level-{level(number)}") for sub, number in subs]
        label = f"{with_some} of {len(subs)} sub-techniques"
        inner.append(tag("details", tag("summary", label), tag("ol", *items)))
    return tag("li", *inner, class_=f"level-{level(count)}")


def _entry(one: Technique, count: int, here: Here) -> Html:
    parts = (
        tag("span", one.name, class_="name"),
        tag("span", tag("span", one.id, class_="id"), tag("span", f"{count:,}", class_="count"), class_="meta"),
    )
    href = here.find(Kind.TECHNIQUE, one.id)
    return tag("a", *parts, href=href, class_="entry") if href else tag("span", *parts, class_="entry")


def technique(one: Technique, model: Model, here: Here) -> Html:
    own = model.users(Kind.TECHNIQUE, one.id)
    in_use = [page for page in own if page.detection.status is not Status.DEPRECATED]
    subs = [
        here.link(Kind.TECHNIQUE, sub.id, f"{sub.id} {sub.name} ({len(model.coverage.of(sub.id)):,})")
        for sub in model.coverage.subs(one.id)
    ]
    parent = model.coverage.attack.techniques.get(one.id.partition(".")[0]) if "." in one.id else None
    facts: list[tuple[str, Cell]] = [
        ("ID", link(f"https://attack.mitre.org/techniques/{one.id.replace('.', '/')}", one.id)),
        ("Tactics", ", ".join(tactic.name for tactic in one.tactics)),
        ("Detections in use", len(in_use)),
    ]
    if parent is not None:
        facts.insert(1, ("Sub-technique of", here.link(Kind.TECHNIQUE, parent.id, f"{parent.id} {parent.name}")))
    shown = [tag("div", tag("dt", name), tag("dd", value)) for name, value in facts]
    stories = sorted({name for page in in_use for name, story in page.stories if story is not None})
    return tag(
        "article",
        tag("header", tag("h1", f"{one.name}"), tag("dl", *shown, class_="facts"), class_="page-head"),
        section("Detections", detections(own, here) if own else nothing("None names this id itself.")),
        section("Sub-techniques", chips(subs)) if subs else None,
        section("Stories", chips([here.link(Kind.STORY, name) for name in stories])) if stories else None,
        section(f"Threat Actors ({len(one.groups)})", chips(one.groups)),
    )
