"""What lint is given: a search itself, standard input, or files -> searches that know their place in the file.

Files: content YAML (the key `search`), `.spl` (the whole file is one search), `.conf` in the form of savedsearches.conf
(the key `search` of each stanza). Folders are walked for these.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from trapline.content import apps, yamlfile
from trapline.content.model import file_stem
from trapline.errors import InputError, Span, TraplineError
from trapline.knowledge.conf import MAX_BYTES, parse

SUFFIXES = (".yml", ".yaml", ".spl", ".conf")
MOST_FILES = 100_000
MOST_BYTES = yamlfile.MAX_BYTES


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file, lines and columns counted from 1; the end is the first character after it."""

    line: int
    column: int
    end_line: int
    end_column: int


class Search:
    """A search and where it stands. `file` None: given as an argument; `-`: standard input. `raw`: the text of the
    file. `offsets`: for each character of `text` its place in `raw`, None where both are the same."""

    def __init__(
        self, text: str, file: str | None, name: str = "", raw: str | None = None, offsets: Sequence[int] | None = None
    ) -> None:
        self.text = text
        self.file = file
        self.name = name
        self.raw = text if raw is None else raw
        self._offsets = offsets
        self._lines = [0, *(found.end() for found in re.finditer(r"\n", self.raw))]

    def position(self, span: Span) -> Position:
        """The place in the file of a place in the search."""
        start = self._place(span.start)
        end = max(start, self._place(span.end - 1) + 1 if span.end > span.start else start)
        line, column = self._line(start)
        end_line, end_column = self._line(end)
        return Position(line, column, end_line, end_column)

    def _place(self, at: int) -> int:
        if self._offsets is None:
            return min(at, len(self.raw))
        if not self._offsets:
            return 0
        return self._offsets[min(max(at, 0), len(self._offsets) - 1)]

    def _line(self, at: int) -> tuple[int, int]:
        line = bisect_right(self._lines, at)
        return line, at - self._lines[line - 1] + 1

    @property
    def filters(self) -> tuple[str, ...]:
        """The filter macros that content calls of its own (facts/CONTENT.md §1.6); without a definition they let
        everything pass."""
        plain = re.sub(r"\A.+? - (?=.* - Rule\Z)| - Rule\Z", "", self.name)  # `<label> - <name> - Rule` of an app
        stems = {file_stem(name) for name in (self.name, plain) if name}
        if self.file is not None:
            stems.add(Path(self.file).stem)
        return tuple(f"{stem}_filter" for stem in sorted(stems))


Found = Search | InputError
"""A search, or why a file gave none."""


def read(arguments: Sequence[str], stdin: str = "") -> Iterator[Found]:
    """The searches of the arguments. Raises TraplineError for an argument that is neither a path nor a search."""
    for argument in arguments:
        path = Path(argument)
        if argument == "-":
            yield Search(stdin, "-")
        elif _is_search(argument):
            yield Search(argument, None)
        elif path.is_dir():
            yield from _folder(path)
        elif path.is_file():
            yield from _file(path)
        else:
            raise TraplineError(
                f"there is no file '{argument}'",
                hint="give a file, a folder, - for standard input, or a search such as 'index=main | stats count'",
                code="lint.input",
            )


def _is_search(argument: str) -> bool:
    """Does it read as a search and not as a path?"""
    try:
        if Path(argument).exists():
            return False
    except (OSError, ValueError):
        return True
    return re.search(r"[|=`\"]|\s\S", argument) is not None


def macro_folders(arguments: Sequence[str]) -> list[Path]:
    """Where the macros of the content are that the files belong to: the folder `macros` beside `detections`, at most
    six levels up, and macros.conf of a Splunk app, the stronger last."""
    found: dict[Path, None] = {}
    for argument in arguments:
        if argument == "-" or _is_search(argument):
            continue
        path = Path(argument).resolve()
        for folder in [path, *path.parents][:6]:
            if (folder / "macros").is_dir() and (folder / "detections").is_dir():
                found[folder / "macros"] = None
                break
            if (app := apps.app(folder)) is not None:
                given = [layer / apps.MACROS for layer in app.layers]
                found |= dict.fromkeys(one for one in given if one.is_file())
    return list(found)


def _folder(folder: Path) -> Iterator[Found]:
    """Searches of all files below, sorted; hidden folders and `macros`, `lookups` and their like, which hold none,
    left out."""
    files = []
    for path in folder.rglob("*"):
        if path.suffix.lower() not in SUFFIXES or not path.is_file():
            continue
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        if path.suffix.lower() == ".conf" and path.name != "savedsearches.conf":
            continue
        files.append(path)
        if len(files) > MOST_FILES:
            raise InputError(f"more than {MOST_FILES:,} files are below this folder", file=str(folder))
    for path in sorted(files):
        yield from _file(path, below=True)


def _file(path: Path, *, below: bool = False) -> Iterator[Found]:
    """`below`: found in a folder, so that a file without a search is nothing to tell of."""
    try:
        text = _text(path)
        match path.suffix.lower():
            case ".yml" | ".yaml":
                found = list(_yaml(text, str(path)))
            case ".conf":
                found = list(_conf(text, str(path)))
            case _:
                found = [Search(text, str(path))]
    except InputError as error:
        yield error
        return
    if not found and not below:
        yield InputError("no search is in this file", file=str(path), hint="content YAML has the key search")
    yield from found


def _text(path: Path) -> str:
    most = MAX_BYTES if path.suffix.lower() == ".conf" else MOST_BYTES
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", file=str(path)) from None
    if len(data) > most:
        raise InputError(f"larger than {most // 1_000_000} MB, too much for searches", file=str(path))
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError("not UTF-8 text", file=str(path), line=line, hint="save it as UTF-8") from None


# --- YAML ----------------------------------------------------------------------------------------------------------


def _yaml(text: str, file: str) -> Iterator[Search]:
    for node in yamlfile.parse(text, file):
        if not isinstance(node.value, dict):
            continue
        search, name = node.value.get("search"), node.value.get("name")
        if search is None or not isinstance(search.value, str):
            continue
        title = name.value if name is not None and isinstance(name.value, str) else ""
        yield Search(search.value, file, title, text, scalar(text, search.line, search.value))


def scalar(raw: str, line: int, value: str) -> list[int]:
    """The place in a YAML text of each character of a scalar that begins in `line` (1-based)."""
    lines = raw.split("\n")
    start = sum(len(one) + 1 for one in lines[: line - 1])
    key = re.compile(r"\s*(?:-\s+)?[\"']?search[\"']?\s*:").match(raw, start)
    at = key.end() if key is not None else start
    while at < len(raw) and raw[at] in " \t\n":
        at += 1
    style = raw[at : at + 1]
    if style in ("|", ">"):
        at = raw.find("\n", at) + 1
    elif style in ("'", '"'):
        at += 1
    else:
        style = ""
    return align(raw, at, value, style)


def align(raw: str, at: int, value: str, quote: str = "") -> list[int]:
    """For each character of `value` its place in `raw` from `at` on: blanks may differ, an escape of two characters
    may stand for one."""
    places: list[int] = []
    for char in value:
        if char.isspace():
            places.append(min(at, len(raw)))
            if at < len(raw) and raw[at].isspace():
                at += 1
            continue
        step = at
        while step < len(raw) and raw[step] != char and (raw[step].isspace() or raw[step] == "\\"):
            step += 1
        if step < len(raw) and raw[step] == char:
            at = step
        places.append(min(at, len(raw)))
        doubled = (quote == "'" and char == "'") or (quote == '"' and char == "\\")
        at += 2 if doubled and raw.startswith(char * 2, at) else 1
    return places


def setting(raw: str, line: int, value: str) -> list[int]:
    """The place in the text of a .conf file of each character of a value that begins in `line` (1-based)."""
    start = sum(len(one) + 1 for one in raw.split("\n", line - 1)[: line - 1])
    return align(raw, raw.find("=", start) + 1, value)


# --- savedsearches.conf --------------------------------------------------------------------------------------------


def _conf(text: str, file: str) -> Iterator[Search]:
    """The `search` of each stanza."""
    starts = [0, *(found.end() for found in re.finditer("\n", text))]
    for one in parse(text, file, []):
        if one.key == "search" and one.value:
            places = align(text, text.index("=", starts[one.line - 1]) + 1, one.value)
            yield Search(one.value, file, one.stanza, text, places)
