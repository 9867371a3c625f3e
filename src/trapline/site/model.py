"""What a site is built from: the pages of the detections, and who uses what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from trapline.content.catalog import Content
from trapline.content.enrich import Attack
from trapline.content.model import Baseline, DataSource, Investigation, Item, Lookup, Macro, Status, Story
from trapline.content.page import Page, describe
from trapline.content.read import LIBRARY
from trapline.errors import TraplineError, Warn
from trapline.site.coverage import Coverage, coverage
from trapline.site.results import Results, with_results
from trapline.site.routes import Kind, Routes

T = TypeVar("T", bound=Item)
_LOOKUP = re.compile(r"\b(?:input|output)?lookup\s+(?:\w+\s*=\s*\S+\s+)*\"?([A-Za-z_][\w.-]*)", re.IGNORECASE)


@dataclass(slots=True)
class Model:
    """Everything that pages are made of. Lists are sorted by name."""

    content: Content
    pages: list[Page]
    coverage: Coverage
    """Of the detections in use: deprecated ones cover nothing."""
    stories: list[Story]
    macros: list[Macro]
    data_sources: list[DataSource]
    lookups: list[Lookup]
    routes: Routes
    warnings: list[Warn]
    used: Mapping[tuple[Kind, str], list[Page]] = field(default_factory=dict)
    """The detections that use an object, by kind and name in small letters."""

    def users(self, kind: Kind, name: str) -> list[Page]:
        return self.used.get((kind, name.lower()), [])

    def baselines_of(self, story: str) -> list[Baseline]:
        wanted = story.lower()
        return [one for one in self.content.baselines if any(name.lower() == wanted for name in one.stories)]

    def investigations_of(self, story: str) -> list[Investigation]:
        wanted = story.lower()
        return [one for one in self.content.investigations if any(name.lower() == wanted for name in one.stories)]

    def file_of(self, item: Item) -> str:
        """The file below the folder that it was read from: no page tells where that is on this machine."""
        return below(item.file, self.content)


def below(file: str, content: Content) -> str:
    """A file's path below its content folder, with `/`; "" for one that lies in none."""
    for root in reversed(content.roots):
        path = Path(file)
        if file and path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return ""


def gather(
    content: Content,
    *,
    attack: str | Attack,
    results: Results | None = None,
    base_url: str | None = None,
    library: bool,
) -> Model:
    """`library`: the built-in content has pages of its own. Else what is built in is shown only where the user's
    detections refer to it. A detection that has no page (no deployment for it) is a warning. Raises TraplineError."""
    pages, warnings = [], []
    for one in content.detections:
        if not library and _built_in(one):
            continue
        try:
            made = describe(content, one, attack)
        except TraplineError as error:
            warnings.append(Warn(error.code, f"no page is made: {error.reason}", error.hint, one.name))
            continue
        pages.append(with_results(made, results) if results else made)
    pages.sort(key=lambda page: page.detection.name.lower())
    if not pages:
        raise TraplineError(
            "there is no detection to make a page of", hint="give a folder with --content DIR", code="site.empty"
        )
    used = _used(pages)

    def shown(kind: Kind, items: Iterable[Item]) -> Iterator[Item]:
        for item in items:
            if library or not _built_in(item) or (kind, item.name.lower()) in used:
                yield item

    by_name = {one.name.lower(): one for one in content.macro_defs.values()}
    routes = Routes(base_url)
    model = Model(
        content=content,
        pages=pages,
        coverage=coverage((page.detection for page in pages if page.detection.status is not Status.DEPRECATED), attack),
        stories=_sorted(one for one in shown(Kind.STORY, content.stories) if isinstance(one, Story)),
        macros=_sorted(one for one in shown(Kind.MACRO, by_name.values()) if isinstance(one, Macro)),
        data_sources=_sorted(
            one for one in shown(Kind.DATA_SOURCE, content.data_sources) if isinstance(one, DataSource)
        ),
        lookups=_sorted(one for one in shown(Kind.LOOKUP, content.lookups) if isinstance(one, Lookup)),
        routes=routes,
        warnings=warnings,
        used=used,
    )
    routes.add_detections(page.detection for page in pages)
    for kind, items in (
        (Kind.STORY, model.stories),
        (Kind.MACRO, model.macros),
        (Kind.DATA_SOURCE, model.data_sources),
        (Kind.LOOKUP, model.lookups),
    ):
        for item in items:
            routes.add(kind, item.name, kind.value, item.name)
    for technique in model.coverage.attack.techniques.values():
        if (Kind.TECHNIQUE, technique.id.lower()) in used or model.coverage.below(technique.id):
            routes.add(Kind.TECHNIQUE, technique.id, Kind.TECHNIQUE.value, technique.id)
    return model


def _sorted(items: Iterable[T]) -> list[T]:
    return sorted(items, key=lambda one: one.name.lower())


def _built_in(item: Item) -> bool:
    return bool(item.file) and Path(item.file).is_relative_to(LIBRARY)


def _used(pages: list[Page]) -> dict[tuple[Kind, str], list[Page]]:
    found: dict[tuple[Kind, str], dict[str, Page]] = {}
    for page in pages:
        texts = [page.detection.search]
        names: list[tuple[Kind, str]] = [(Kind.STORY, name) for name, _ in page.stories]
        names += [(Kind.DATA_SOURCE, one.name) for one in page.sources]
        names += [(Kind.TECHNIQUE, one.id) for _, one in page.enriched.techniques if one is not None]
        for use in (*page.macros, *([page.filter] if page.filter else [])):
            if use.macro is not None:
                names.append((Kind.MACRO, use.macro.name))
                texts.append(use.macro.definition)
        names += [(Kind.LOOKUP, name) for text in texts for name in _LOOKUP.findall(text)]
        for kind, name in names:
            found.setdefault((kind, name.lower()), {})[page.detection.name] = page
    return {key: list(of.values()) for key, of in found.items()}
