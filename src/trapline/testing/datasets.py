"""Where the attack data of a test is on this machine.

A test names its data by a URL, or by a path below its content folder. It is looked for, in this order: below the
content folders; in the user's mapping; below the user's mirror; among what was fetched. Two places for one data set are
not guessed between.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from trapline.content.catalog import Content
from trapline.content.model import AttackData, Detection
from trapline.errors import InputError
from trapline.testing.download import Got, Pointer, pointer_of
from trapline.testing.mapping import Entry
from trapline.testing.web import FetchError

MOST_FILES = 1_000_000
"""Files of a mirror."""
PACKED = (".txt", ".gz", ".bz2", ".xz", ".zip")
"""What the name of a file may have more than that of its data set."""


@dataclass(frozen=True, slots=True)
class Located:
    """A data set and its file. `note`: what is doubtful about it."""

    data: AttackData
    path: Path
    note: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a data set is not there. `wrong`: something stands in the way that the user has to settle; without it, there
    is no such file. `pointer`: what Git LFS says of it. `outside`: it could not be fetched."""

    data: AttackData
    reason: str
    hint: str
    wrong: bool = False
    pointer: Pointer | None = None
    outside: bool = False

    @property
    def fetchable(self) -> bool:
        """May it be fetched by its URL?"""
        return "://" in self.data.data and not self.outside and (not self.wrong or self.pointer is not None)


def location(data: str) -> str:
    """The path of a data set: of a URL what follows the host, from `datasets/` on where that is in it."""
    path = unquote(urlsplit(data).path) if "://" in data else data.replace("\\", "/")
    parts = [one for one in path.split("/") if one not in ("", ".", "..")]
    if "datasets" in parts:
        parts = parts[parts.index("datasets") :]
    return "/".join(parts)


@dataclass
class Datasets:
    """Finds the files of data sets."""

    content: Content
    mirrors: Sequence[Path] = ()
    mapping: Sequence[Entry] = ()
    fetched: Mapping[str, Got | FetchError] = field(default_factory=dict)
    """What came of asking for data sets by their URLs."""

    def locate(self, data: AttackData, detection: Detection | None = None) -> Located | Missing:
        """The file of a data set of a detection, and where it has none, why."""
        here = self._here(data, detection)
        if isinstance(here, Located):
            return here
        match self.fetched.get(data.data):
            case Got(path=path, note=note):
                return Located(data, path, f"{path.name}: {note}" if note else "")
            case FetchError(reason=reason, hint=hint):
                return Missing(data, reason, hint or "give --data DIR", wrong=True, outside=True)
        return here

    def _here(self, data: AttackData, detection: Detection | None) -> Located | Missing:
        own = self.content.data_path(data.data)
        if own is not None:
            return _checked(Located(data, own))
        mapped = self._mapped(data, detection)
        if mapped is not None:
            return mapped
        found = self._mirrored(data)
        if found is not None:
            return found
        if "://" not in data.data:
            return Missing(data, f"there is no file {data.data} below the content folder", "correct the path", True)
        if self.mirrors:
            where = " or ".join(map(str, self.mirrors))
            return Missing(
                data,
                f"{location(data.data)} is not below {where}",
                "copy it there, or give --map FILE or --fetch",
            )
        return Missing(
            data,
            f"its data is not on this machine: {location(data.data)}",
            "give --fetch, --data DIR (a mirror), or --map FILE",
        )

    def _mapped(self, data: AttackData, detection: Detection | None) -> Located | Missing | None:
        exact = [one for one in self.mapping if one.data and _ends(location(data.data), location(one.data))]
        named = [] if exact or detection is None else [one for one in self.mapping if one.fits(detection, data)]
        if len(named) > 1 or (detection is not None and _alike(detection, data) > 1):
            name = PurePosixPath(location(data.data)).name
            named = [one for one in named if one.path.name.startswith(name)]
        paths = list(dict.fromkeys(one.path for one in exact or named))
        if len(paths) > 1:
            return _ambiguous(data, paths, "the mapping")
        if not paths:
            return None
        if not paths[0].is_file():
            return Missing(data, f"the mapping names {paths[0]}, which does not exist", "correct the mapping", True)
        return _checked(Located(data, paths[0]))

    def _mirrored(self, data: AttackData) -> Located | Missing | None:
        wanted = location(data.data)
        name = PurePosixPath(wanted).name
        found: list[Path] = []
        flat = False
        for root, files in self._files:
            for ending in ("", *PACKED):
                for path in files.get(name + ending, ()):
                    relative = path.relative_to(root).as_posix().removesuffix(ending)
                    if _ends((root / relative).as_posix(), wanted) or _ends(wanted, relative):
                        found.append(path)
                        flat = flat or "/" not in relative
        found = list(dict.fromkeys(found))
        if len(found) > 1:
            exact = [one for one in found if one.name == name]
            found = exact or found
        if len(found) > 1:
            return _ambiguous(data, found, "the mirror")
        if not found:
            return None
        others = [one for one in self._named.get(name, ()) if one != wanted]
        if flat and others:
            reason = f"{found[0]} could be {wanted} or {others[0]}: only the file name tells"
            return Missing(data, reason, "keep the folders of the data sets below --data, or use --map FILE", True)
        return _checked(Located(data, found[0], f"{found[0].name} is found by its file name alone" if flat else ""))

    @cached_property
    def _named(self) -> dict[str, set[str]]:
        """The data sets of all tests by file name."""
        found: dict[str, set[str]] = {}
        for detection in self.content.detections:
            for test in detection.tests:
                for one in test.attack_data:
                    place = location(one.data)
                    found.setdefault(PurePosixPath(place).name, set()).add(place)
        return found

    @cached_property
    def _files(self) -> list[tuple[Path, dict[str, list[Path]]]]:
        """The files of each mirror by name."""
        return [(root.resolve(), _index(root.resolve())) for root in self.mirrors]


def _index(root: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    count = 0
    for folder, names, files in os.walk(root):
        names[:] = sorted(one for one in names if not one.startswith("."))
        for name in sorted(files):
            count += 1
            if count > MOST_FILES:
                raise InputError(
                    f"more than {MOST_FILES:,} files are below this folder",
                    file=str(root),
                    hint="name the folder of the data sets itself",
                    code="testing.data",
                )
            found.setdefault(name, []).append(Path(folder, name))
    return found


def _ends(path: str, tail: str) -> bool:
    """Does a path end in the parts of another?"""
    return path == tail or path.endswith("/" + tail)


def _alike(detection: Detection, data: AttackData) -> int:
    """How many data sets of a detection have the same source and sourcetype."""
    every = {one for test in detection.tests for one in test.attack_data}
    same = [one for one in every if (one.source, one.sourcetype) == (data.source, data.sourcetype)]
    return len({one.data for one in same})


def _ambiguous(data: AttackData, paths: Iterable[Path], where: str) -> Missing:
    shown = sorted(map(str, paths))
    more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
    reason = f"{where} has more than one file for {location(data.data)}: {', '.join(shown[:3])}{more}"
    return Missing(data, reason, "name the one that is meant in a file for --map", True)


def _checked(found: Located) -> Located | Missing:
    """A file of a git checkout may stand for one that was not fetched yet."""
    try:
        with found.path.open("rb") as file:
            head = file.read(200)
    except OSError as error:
        return Missing(found.data, f"{found.path} cannot be read: {error.strerror}", "check its permissions", True)
    pointer = pointer_of(head)
    if pointer is not None:
        bytes_ = f" of {pointer.size:,} bytes" if pointer.size else ""
        reason = f"{found.path} only stands for a file{bytes_} that Git LFS keeps elsewhere"
        kept = pointer if pointer.sha256 else None
        return Missing(found.data, reason, "run git lfs pull in that checkout, or give --fetch", True, kept)
    return found
