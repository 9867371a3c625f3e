"""Files that are looked at again and again, and what has changed of them.

By size and time of modification, asked of the system each time: the same everywhere, network drives and containers
included, without a library.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from trapline.content.catalog import Content
from trapline.testing.affected import Changes

EVERY = 0.5
"""Seconds between two looks."""
MOST_FILES = 200_000
"""Beyond these nothing is looked at."""

Look = Mapping[Path, tuple[int, int]]
"""Files (absolute, without links) with time of modification (ns) and size."""


def look(places: Iterable[Path]) -> Look:
    """The files of folders, hidden ones left out, and single files."""
    found: dict[Path, tuple[int, int]] = {}
    waiting = [str(path.resolve()) for path in places]
    while waiting and len(found) < MOST_FILES:
        place = waiting.pop()
        try:
            if not os.path.isdir(place):  # noqa: PTH112 -- thousands of times a second
                state = os.stat(place)  # noqa: PTH116
                found[Path(place)] = (state.st_mtime_ns, state.st_size)
                continue
            with os.scandir(place) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    elif entry.is_file():
                        state = entry.stat()
                        path = Path(entry.path)
                        found[path.resolve() if entry.is_symlink() else path] = (state.st_mtime_ns, state.st_size)
        except OSError:  # it is gone, or being written anew
            continue
    return found


def differing(before: Look, after: Look) -> frozenset[Path]:
    """What is new, gone or otherwise."""
    return frozenset(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def changes(content: Content, files: frozenset[Path]) -> Changes:
    """The change of files, with the names that these define now: they may be gone when the files are read again."""
    names = {f"macro {one.key}" for one in content.macro_defs.values() if _in(one.file, files)}
    names |= {f"lookup {one.name.lower()}" for one in content.lookups if _in(one.file, files)}
    return Changes(files, frozenset(names))


def _in(file: str, files: frozenset[Path]) -> bool:
    return bool(file) and Path(file).resolve() in files


def follow(places: Iterable[Path], run: Callable[[frozenset[Path]], None], pause: Callable[[], bool]) -> None:
    """Run again for what has changed, until `pause`, which waits, says that it is enough. Editors save in several
    steps: nothing runs until two looks see the same."""
    watched = list(places)
    before = look(watched)
    while pause():
        after = look(watched)
        if not differing(before, after):
            continue
        while pause() and differing(after, later := look(watched)):
            after = later
        run(differing(before, after))
        before = after
