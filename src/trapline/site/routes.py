"""Where each page is: a path below the site that stays the same from build to build, and how one page names another.

Addresses follow the public site of this content (facts/CONTENT.md §2): `endpoint/<id>/`, `stories/<name>/`. A page is
the file `index.html` of its folder, so that a folder on a disk works as a web server does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from trapline.content.markup import Cell, Html, tag, text
from trapline.content.model import Detection

INDEX = "index.html"


class Kind(StrEnum):
    """What has pages; the value is the folder of all kinds but detections, which lie by category."""

    DETECTION = "detections"
    STORY = "stories"
    MACRO = "macros"
    DATA_SOURCE = "data_sources"
    LOOKUP = "lookups"
    TECHNIQUE = "attack"


FIXED = ("", "assets/", *(f"{kind}/" for kind in Kind))
"""Paths that no object may take."""


def slug(name: str) -> str:
    """A name as a part of a path: small letters, digits and . _ -, never a path of its own."""
    found = re.sub(r"[^a-z0-9._-]+", "_", name.lower())[:100].strip("._") if name else ""
    return found or "unnamed"


@dataclass(slots=True)
class Routes:
    """Paths of pages, each ending in `/`, "" for the first page."""

    base_url: str | None = None
    """None: pages name each other by relative paths to index.html. Else: absolute, below this, ending in `/`."""
    paths: dict[tuple[Kind, str], str] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=lambda: set(FIXED))

    def add(self, kind: Kind, key: str, folder: str, name: str) -> str:
        """Gives an object its path; the second of the same path gets a number."""
        path = wanted = f"{slug(folder)}/{name if kind is Kind.TECHNIQUE else slug(name)}/"
        count = 1
        while path.lower() in self._taken:
            count += 1
            path = f"{wanted[:-1]}-{count}/"
        self._taken.add(path.lower())
        self.paths[kind, key.lower()] = path
        return path

    def add_detections(self, detections: Iterable[Detection]) -> None:
        for one in detections:
            self.add(Kind.DETECTION, one.name, one.category or "detections", one.id or one.name)

    def path(self, kind: Kind, key: str) -> str | None:
        return self.paths.get((kind, key.strip().lower()))


@dataclass(frozen=True, slots=True)
class Here:
    """The page that is being written: how it names others. Without `routes` it is alone and names none."""

    routes: Routes | None = None
    path: str = ""

    def to(self, path: str, fragment: str = "") -> str:
        """The address of another page of the site."""
        assert self.routes is not None
        tail = f"#{fragment}" if fragment else ""
        if self.routes.base_url is not None:
            return f"{self.routes.base_url}{path}{tail}"
        return f"{self.root}{path}{INDEX}{tail}"

    @property
    def root(self) -> str:
        """From this page to the top of the site."""
        assert self.routes is not None
        return self.routes.base_url if self.routes.base_url is not None else "../" * self.path.count("/")

    def asset(self, name: str) -> str:
        return f"{self.root}assets/{name}"

    def find(self, kind: Kind, key: str) -> str | None:
        """The address of an object's page, None where it has none."""
        path = self.routes.path(kind, key) if self.routes is not None else None
        return None if path is None else self.to(path)

    def link(self, kind: Kind, key: str, label: Cell = None, class_: str | None = None) -> Html:
        """A link to an object's page; the mere label where it has none."""
        href = self.find(kind, key)
        shown = key if label is None else label
        return text(shown) if href is None else tag("a", shown, href=href, class_=class_)
