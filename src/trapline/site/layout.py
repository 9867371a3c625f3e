"""The document around a page: head, navigation, search, theme. Nothing is loaded from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from trapline.content.markup import Cell, Html, tag, void
from trapline.content.page import Page
from trapline.site import detection
from trapline.site.routes import INDEX, Here, Kind, Routes

NAVIGATION = (
    ("Detections", f"{Kind.DETECTION}/"),
    ("Stories", f"{Kind.STORY}/"),
    ("ATT&CK", f"{Kind.TECHNIQUE}/"),
    ("Data sources", f"{Kind.DATA_SOURCE}/"),
    ("Macros", f"{Kind.MACRO}/"),
    ("Lookups", f"{Kind.LOOKUP}/"),
)
ASSETS = ("site.css", "theme.js", "site.js", "icon.svg")
# Scripts and styles of the site's own only; no inline one runs, so that no text of the content can become one.
_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'"


@lru_cache(maxsize=8)
def asset(name: str) -> str:
    return (files("trapline.site") / "assets" / name).read_text("utf-8")


@dataclass(frozen=True, slots=True)
class Layout:
    """What is the same on every page."""

    routes: Routes
    title: str
    footer: str
    """A line of text: what was built from what."""

    def document(
        self,
        path: str,
        heading: str,
        main: Cell,
        crumbs: Sequence[tuple[str, str]] = (),
        description: str = "",
        scripts: Sequence[str] = (),
    ) -> str:
        """A whole page. `crumbs`: names and paths of what is above it; `scripts`: assets beyond those of every page."""
        here = Here(self.routes, path)
        base = self.routes.base_url
        head = [
            Html('<meta charset="utf-8">'),
            void("meta", **{"http-equiv": "Content-Security-Policy", "content": _POLICY}),
            Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            Html('<meta name="referrer" content="no-referrer">'),
            Html('<meta name="color-scheme" content="light dark">'),
            tag("title", heading if heading == self.title else f"{heading} · {self.title}"),
            *([void("meta", name="description", content=_short(description))] if description else []),
            *([void("link", rel="canonical", href=base + path)] if base is not None and "://" in base else []),
            void("link", rel="icon", href=here.asset("icon.svg"), type="image/svg+xml"),
            void("link", rel="stylesheet", href=here.asset("site.css")),
            tag("script", src=here.asset("theme.js")),
            *(tag("script", src=here.asset(name), defer="") for name in ("site.js", *scripts)),
        ]
        page = [
            tag("a", "Skip to content", href="#main", class_="skip"),
            self._header(here),
            tag("main", self._crumbs(here, crumbs), main, id="main", tabindex="-1"),
            tag("footer", tag("p", self.footer), class_="foot"),
        ]
        root = tag(
            "html",
            tag("head", *head),
            "\n",
            tag("body", *page),
            lang="en",
            data_root=here.root,
            data_index=INDEX if base is None else "",
        )
        return f"<!DOCTYPE html>\n{root}\n"

    def _header(self, here: Here) -> Html:
        items = []
        for name, path in NAVIGATION:
            current = here.path.startswith(path)
            items.append(tag("li", tag("a", name, href=here.to(path), aria_current="page" if current else None)))
        field = void(
            "input",
            id="q",
            type="search",
            role="combobox",
            placeholder="Search",
            autocomplete="off",
            spellcheck="false",
            **{
                "aria-label": "Search detections, stories, techniques, macros",
                "aria-expanded": "false",
                "aria-controls": "found",
                "aria-autocomplete": "list",
            },
        )
        search = tag(
            "div",
            field,
            tag("kbd", "/", aria_hidden="true"),
            tag("ul", id="found", role="listbox", aria_label="Results", hidden=""),
            tag("p", class_="sr", id="found-count", role="status"),
            role="search",
            class_="search js-only",
        )
        theme = tag(
            "button",
            tag("span", aria_hidden="true"),
            tag("span", "Theme: system", class_="sr"),
            id="theme",
            type="button",
        )
        brand = tag("a", tag("span", aria_hidden="true", class_="mark"), self.title, href=here.to(""), class_="brand")
        nav = tag("nav", tag("ul", *items), aria_label="Main")
        bar = tag("div", brand, nav, search, tag("div", theme, class_="js-only theme"), class_="bar")
        return tag("header", bar, class_="top")

    @staticmethod
    def _crumbs(here: Here, crumbs: Sequence[tuple[str, str]]) -> Html:
        if not crumbs:
            return Html()
        items = [tag("li", tag("a", name, href=here.to(path))) for name, path in crumbs]
        return tag("nav", tag("ol", *items), class_="crumbs", aria_label="Where you are")


def _short(value: str) -> str:
    words = " ".join(value.split())
    return words if len(words) <= 200 else words[:199].rsplit(" ", 1)[0] + "…"


def lone(page: Page) -> str:
    """The page of a detection as one HTML file: no script runs, and only the style sheet within it counts."""
    style = asset("site.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = [
        Html('<meta charset="utf-8">'),
        void("meta", **{"http-equiv": "Content-Security-Policy", "content": policy}),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html('<meta name="referrer" content="no-referrer">'),
        tag("title", page.detection.name),
        tag("style", Html(style)),
    ]
    main = tag("main", detection.body(page, Here()), id="main")
    return f"<!DOCTYPE html>\n{tag('html', tag('head', *head), tag('body', main), lang='en')}\n"
