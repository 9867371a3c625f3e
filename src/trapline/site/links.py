"""Every link of a built site leads somewhere: to a file of the site, and to an element of it where it names one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from posixpath import normpath
from typing import Any
from urllib.parse import unquote

from trapline.site.routes import INDEX, Kind

# Only what `markup.tag` writes is read here: attributes in double quotes, texts escaped.
_ATTRIBUTE = re.compile(r'<[a-z0-9]+(?:\s[a-z-]+="[^"]*")*?\s(?:href|src)="([^"]*)"')
_ID = re.compile(r'\sid="([^"]*)"')
_OPTION = re.compile(r'data-facet="([^"]*)"|<option value="([^"]*)"')
_OUTSIDE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Broken:
    """A link that leads nowhere: the file it is in, as it is written, and why."""

    file: str
    link: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        return {"file": self.file, "link": self.link, "reason": self.reason}


def check(pages: Mapping[str, str], files: set[str], base_url: str | None) -> tuple[int, list[Broken]]:
    """The number of links within the site, and those that are broken. `pages`: documents by file; `files`: all files of
    the site. A link out of the site is not followed."""
    ids: dict[str, set[str]] = {}
    filters = _filters(pages.get(f"{Kind.DETECTION}/{INDEX}", ""))
    broken = []
    count = 0
    seen: dict[tuple[str, str], str] = {}
    for file, document in pages.items():
        folder = file.rpartition("/")[0]
        for written in set(_ATTRIBUTE.findall(document)):
            link = unescape(written)
            place, _, fragment = link.partition("#")
            target = _target(place, file, folder, base_url)
            if target is None:
                continue
            count += 1
            key = (target, fragment)
            if key not in seen:
                seen[key] = _reason(target, unquote(fragment), pages, files, ids, filters)
            if seen[key]:
                broken.append(Broken(file, link, seen[key]))
    return count, broken


def _target(place: str, file: str, folder: str, base_url: str | None) -> str | None:
    """The file that a link names; None for a link out of the site."""
    if not place:
        return file
    if base_url is not None and place.startswith(base_url):
        path = place.removeprefix(base_url)
        return f"{path}{INDEX}" if not path or path.endswith("/") else unquote(path)
    if _OUTSIDE.match(place):
        return None
    path = normpath(f"{folder}/{unquote(place)}") if folder else normpath(unquote(place))
    return f"{path}/{INDEX}" if place.endswith("/") else path


def _reason(
    target: str,
    fragment: str,
    pages: Mapping[str, str],
    files: set[str],
    ids: dict[str, set[str]],
    filters: Mapping[str, set[str]],
) -> str:
    """Why a link is broken, "" when it is not."""
    if target not in files:
        return "there is no such file"
    if not fragment:
        return ""
    if target == f"{Kind.DETECTION}/{INDEX}" and "=" in fragment:
        key, _, value = fragment.partition("=")
        return "" if value in filters.get(key, ()) else "there is no such filter"
    if target not in ids:
        ids[target] = {unescape(one) for one in _ID.findall(pages.get(target, ""))}
    return "" if fragment in ids[target] else "there is no such element in the page"


def _filters(document: str) -> dict[str, set[str]]:
    """The values of each filter of the list of detections."""
    found: dict[str, set[str]] = {}
    current = ""
    for facet, value in _OPTION.findall(document):
        if facet:
            current = unescape(facet)
        elif value:
            found.setdefault(current, set()).add(unescape(value))
    return found
