"""What detections found in data sets before: kept as long as nothing has changed that it depends on.

A result depends on the bytes of the data set and what its events are called; on the detection's search with its macros
expanded and the lookup tables that it names; on the add-ons; and on Trapline itself, whose own files count, too. Each
is a SHA-256. A file of the cache that cannot be read is as good as none.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache as once
from pathlib import Path

import trapline
from trapline.content.catalog import Content
from trapline.content.model import Detection
from trapline.errors import TraplineError, Warn
from trapline.search import Macro
from trapline.spl.parser import parse

MOST_BYTES = 100_000_000
"""A larger file is none of ours."""
_ODD = re.compile(r"\b(savedsearch|loadjob)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Held:
    """Of one data set. `cells`: (rows, reason) by the key of the detection."""

    events: int
    sourcetypes: tuple[str, ...]
    note: str
    cells: Mapping[str, tuple[int, str | None]]


class Cache:
    """A folder with a file per data set. What cannot be written is in `warnings`, and costs nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.warnings: list[Warn] = []

    def read(self, key: str) -> Held | None:
        try:
            path = self.folder / f"{key}.json"
            if path.stat().st_size > MOST_BYTES:
                return None
            body = json.loads(path.read_bytes())
            cells = {
                str(name): (int(cell[0]), None if cell[1] is None else str(cell[1]))
                for name, cell in body["cells"].items()
            }
            return Held(int(body["events"]), tuple(map(str, body["sourcetypes"])), str(body["note"]), cells)
        except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
            return None

    def add(
        self,
        key: str,
        events: int,
        sourcetypes: Sequence[str],
        note: str,
        cells: Mapping[str, tuple[int, str | None]],
    ) -> Held:
        """What is known of a data set with these results: those from before that are still of use stay."""
        before = self.read(key)
        held = Held(events, tuple(sourcetypes), note, {**(before.cells if before is not None else {}), **cells})
        body = {
            "events": held.events,
            "sourcetypes": held.sourcetypes,
            "note": held.note,
            "cells": {name: list(cell) for name, cell in held.cells.items()},
        }
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=".", dir=self.folder)
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                json.dump(body, out)
            Path(name).replace(self.folder / f"{key}.json")
        except OSError as error:
            text = f"the cache {self.folder} cannot be written: {error.strerror}"
            warn = Warn("matrix.cache", text, "name another folder with --cache, or --no-cache")
            self.warnings += [] if warn in self.warnings else [warn]
        return held


def default_folder() -> Path:
    """`trapline/matrix` in the user's folder of caches."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "trapline" / "matrix"


@dataclass(frozen=True, slots=True)
class Keys:
    """What tells results apart. `detections`: (name, key)."""

    surroundings: str
    detections: tuple[tuple[str, str], ...]

    def data(self, path: str, called: Sequence[str | None]) -> str:
        """The key of a data set, for these surroundings. Raises TraplineError for a file that cannot be read."""
        try:
            with Path(path).open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise TraplineError(f"{path} cannot be read: {error.strerror}", code="matrix.data") from None
        return digest([self.surroundings, content, *(name or "" for name in called)])


def keys(
    content: Content,
    detections: Sequence[Detection],
    addons: Sequence[Path],
    given: Mapping[str, Macro] | None = None,
) -> Keys:
    """The keys of detections with their macros and lookups. `addons`: the user's own add-on folders; `given`: the
    macros of all add-ons."""
    macros = content.macros(given)
    tables = {one.name: _file(one.table) for one in content.lookups}
    words = {one.name: digest([repr(one), tables[one.name]]) for one in content.lookups}
    searches = digest(sorted(content.searches().values()))
    parts = [trapline.__version__, _ourselves(), *(part for one in addons for part in _folder(one))]
    return Keys(digest(parts), tuple((one.name, _detection(one, macros, words, searches)) for one in detections))


def digest(parts: Iterable[str]) -> str:
    """One SHA-256 of several texts, which are told apart."""
    text = json.dumps(list(parts), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _detection(one: Detection, macros: Mapping[str, Macro], words: Mapping[str, str], searches: str) -> str:
    try:
        text = parse(one.search, macros).text
    except TraplineError as error:
        # It runs nowhere, for this reason.
        return digest(["broken", one.search, error.reason, str(error.hint)])
    used = [words[word] for word in sorted(set(re.findall(r"[\w.-]+", text))) if word in words]
    return digest([text, *used, searches if _ODD.search(text) else ""])


def _file(path: Path | None) -> str:
    try:
        return "" if path is None else hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _folder(folder: Path) -> list[str]:
    """The files of a folder, by what is in them."""
    return [
        part
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for part in (str(path.relative_to(folder)), _file(path))
    ]


@once
def _ourselves() -> str:
    """Trapline's own files, by size and time: a version under development changes without another number."""
    root = Path(trapline.__file__).parent
    files = [path for path in sorted(root.rglob("*")) if path.is_file() and path.suffix != ".pyc"]
    return digest([f"{path.relative_to(root)} {(at := path.stat()).st_size} {at.st_mtime_ns}" for path in files])
