"""Files as they were read, for who reads the same folders again and again: what has not changed is not parsed anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from trapline.content.model import Item, Problem

Reading = Callable[[Path, str | None, list[Problem]], list[Item]]
"""Gives the objects of a file, and adds what is wrong with it to the list."""


class Remembered:
    """Reads files by another reader. A file is what it was as long as its size and time of modification are."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self._known: dict[tuple[Path, str | None], tuple[tuple[int, int], list[Item], list[Problem]]] = {}

    def __call__(self, path: Path, kind: str | None, problems: list[Problem]) -> list[Item]:
        try:
            state = path.stat()
        except OSError:
            return self.reading(path, kind, problems)
        now = (state.st_mtime_ns, state.st_size)
        known = self._known.get((path, kind))
        if known is None or known[0] != now:
            found: list[Problem] = []
            known = self._known[path, kind] = (now, self.reading(path, kind, found), found)
        problems += known[2]
        return list(known[1])
