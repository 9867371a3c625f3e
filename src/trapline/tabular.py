"""Tables in the text of an event: the output of ps, netstat and the like, a line a row under a line of names.

Source: Search Reference, "multikv": the header is the first line in capitals, else the first of capitalised words, else
the first line; the columns are aligned. A line with as many words as there are names is taken in their order; of others
each word belongs to the name that it stands under, or stands next to.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_CELL = re.compile(r"\S+")
_DIRTY = re.compile(r"[^A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True)
class _Columns:
    """The names of a table with where each stands: its first character and the one after its last."""

    names: tuple[str, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]


def rows(
    raw: str, *, forceheader: int = 0, multitable: bool = True, noheader: bool = False
) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of the table in a text: the line, and its values by name. `forceheader`: the line that is the header,
    counted from 1 without empty lines; `multitable`: a later line in capitals is another header; `noheader`: there is
    none, the names are Column_1, Column_2 and so on."""
    lines = [line.rstrip() for line in raw.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    filled = [line.expandtabs() for line in lines if line.strip()]
    if not filled:
        return
    if noheader:
        columns, body = _columns(filled[0], named=False), filled
    else:
        place = min(forceheader, len(filled)) - 1 if forceheader else _header(filled)
        columns, body = _columns(filled[place]), filled[place + 1 :]
    repeat = multitable and not noheader and not forceheader
    for line in body:
        if repeat and _is_capitals(line):
            columns = _columns(line)
            continue
        yield line, _cells(line, columns)


def _header(lines: Sequence[str]) -> int:
    for test in (_is_capitals, _is_capitalised):
        for place, line in enumerate(lines[:-1]):
            if test(line):
                return place
    return 0


def _is_capitals(line: str) -> bool:
    """More than one name, all in capitals: PID TTY %CPU."""
    words = line.split()
    return len(words) > 1 and all(any(char.isalpha() for char in word) and word == word.upper() for word in words)


def _is_capitalised(line: str) -> bool:
    words = line.split()
    return len(words) > 1 and all(word[0].isupper() and not any(char.isdigit() for char in word) for word in words)


def _columns(header: str, *, named: bool = True) -> _Columns:
    names, starts, ends = [], [], []
    for place, found in enumerate(_CELL.finditer(header), 1):
        name = _DIRTY.sub("_", found.group()).strip("_") if named else ""
        names.append(name or f"Column_{place}")
        starts.append(found.start())
        ends.append(found.end())
    return _Columns(tuple(names), tuple(starts), tuple(ends))


def _cells(line: str, columns: _Columns) -> dict[str, str]:
    cells = list(_CELL.finditer(line))
    aligned = len(cells) != len(columns.names)
    found: dict[str, list[str]] = {}
    for place, cell in enumerate(cells):
        name = columns.names[_under(columns, *cell.span()) if aligned else place]
        found.setdefault(name, []).append(cell.group())
    return {name: " ".join(parts) for name, parts in found.items()}


def _under(columns: _Columns, start: int, end: int) -> int:
    """The column that most of a cell stands under; without overlap, the nearest one."""
    first = bisect_right(columns.ends, start)
    after = bisect_left(columns.starts, end)

    def shared(place: int) -> tuple[int, int]:
        overlap = min(columns.ends[place], end) - max(columns.starts[place], start)
        return max(overlap, 0), min(overlap, 0)

    return max(range(max(first - 1, 0), min(after + 1, len(columns.names))), key=shared)
