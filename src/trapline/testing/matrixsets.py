"""The data sets of the matrix: files below a folder, with what their events are called and which are benign."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from trapline.content import yamlfile
from trapline.content.catalog import Content
from trapline.content.model import Detection
from trapline.errors import InputError
from trapline.testing.datasets import PACKED, location
from trapline.testing.mapping import Entry

BENIGN = "benign"
"""A folder of this name holds data sets in which nothing is wrong."""
LIST = "benign.yml"
"""The file in the folder of the data that lists such data sets, as patterns."""
MOST = 10_000
"""Data sets."""
_Kind = tuple[str | None, str | None, str | None, str | None]
_NOTHING: _Kind = (None, None, None, None)
_NO_DATA = (".yml", ".yaml", ".md", ".rst", ".py", ".ps1", ".sh", ".html", ".png", ".jpg", ".svg", ".pdf")


@dataclass(frozen=True, slots=True)
class DataSet:
    """A file of events. `name`: its path below the folder, with what it is taken for where that is not alone."""

    name: str
    path: str
    sourcetype: str | None = None
    source: str | None = None
    host: str | None = None
    index: str | None = None
    benign: bool = False
    tests: tuple[str, ...] = ()
    """The detections that have it for a test."""


def find(content: Content, folder: Path, mapping: Sequence[Entry] = (), benign: Sequence[str] = ()) -> list[DataSet]:
    """The data sets below a folder. `benign`: patterns of paths below it, beside those of its `benign.yml`. A file that
    tests take for different things is several data sets. Raises InputError for a list that is none, and where there is
    no file or there are too many."""
    root = folder.resolve()
    patterns = [*benign, *_listed(root / LIST)]
    named = _named(content)
    found: list[DataSet] = []
    for path in _files(root):
        relative = path.relative_to(root).as_posix()
        harmless = BENIGN in PurePosixPath(relative).parts[:-1] or any(fnmatchcase(relative, one) for one in patterns)
        kinds: dict[_Kind, list[str]] = {}
        for detection, data in _tests_of(content, path, relative, named, mapping):
            kind = (data.sourcetype or None, data.source or None, data.host or None, data.index or None)
            kinds.setdefault(kind, []).append(detection.name)
        for kind, tests in (kinds or {_NOTHING: []}).items():
            name = relative if len(kinds) < 2 else f"{relative} as {kind[0]}, {kind[1]}"
            found.append(DataSet(name, str(path), *kind, harmless, tuple(dict.fromkeys(tests))))
    if not found:
        raise InputError("there is no data set below this folder", file=str(folder), code="matrix.data")
    return found


def _files(root: Path) -> Iterator[Path]:
    count = 0
    for path in sorted(root.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if hidden or not path.is_file() or path.suffix.lower() in _NO_DATA or path.name.upper().startswith("LICENSE"):
            continue
        count += 1
        if count > MOST:
            raise InputError(f"more than {MOST:,} files", file=str(root), hint="name a part of it", code="matrix.data")
        yield path


def _listed(path: Path) -> list[str]:
    if not path.is_file():
        return []
    documents = yamlfile.parse(path.read_text(encoding="utf-8", errors="replace"), str(path))
    found = [] if not documents else documents[0].value or []
    if not isinstance(found, list) or not all(isinstance(one.value, str) for one in found):
        raise InputError(
            "a list of patterns is wanted here", file=str(path), hint="write - normal/*", code="matrix.benign"
        )
    return [str(one.value) for one in found]


def _named(content: Content) -> dict[str, list[tuple[str, Detection, Any]]]:
    """The data sets of all tests by file name: where they are, whose they are."""
    found: dict[str, list[tuple[str, Detection, Any]]] = {}
    for detection in content.detections:
        for test in detection.tests:
            for data in test.attack_data:
                place = location(data.data)
                found.setdefault(PurePosixPath(place).name, []).append((place, detection, data))
    return found


def _tests_of(
    content: Content,
    path: Path,
    relative: str,
    named: Mapping[str, list[tuple[str, Detection, Any]]],
    mapping: Sequence[Entry],
) -> Iterator[tuple[Detection, Any]]:
    """The tests that name a file: by the user's mapping, else by the end of its path."""
    entries = [one for one in mapping if one.path.resolve() == path]
    for entry in entries:
        for detection in content.detections:
            for test in detection.tests:
                for data in test.attack_data:
                    same = entry.data and location(data.data).endswith(location(entry.data))
                    if same or (entry.detection and entry.fits(detection, data)):
                        yield detection, data
    if entries:
        return
    name = relative
    for ending in ("", *PACKED):
        plain = name.removesuffix(ending)
        for place, detection, data in named.get(PurePosixPath(plain).name, ()):
            # One folder at least has to agree: many data sets are called windows-sysmon.log.
            if f"/{path.as_posix().removesuffix(ending)}".endswith(f"/{place}") or (
                "/" in plain and f"/{place}".endswith(f"/{plain}")
            ):
                yield detection, data
