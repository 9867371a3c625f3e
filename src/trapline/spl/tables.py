"""A stanza of multikv.conf: where the parts of a table are in the text of an event, and how its lines become cells.

Source: multikv.conf.spec. The sections pre, header, body and post follow each other, each found by `start` or
`start_offset` and ended by `end` or `linecount`; `member` says which lines are of it, `ignore` which of these are left
out, `tokens` how a line is cut. After the last section the next table of the event begins.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trapline import pcre
from trapline.errors import SlowPattern, SplError, Unsupported

SECTIONS = ("pre", "header", "body", "post")
SETTINGS = ("start", "start_offset", "member", "end", "linecount", "ignore", "replace", "tokens")
MOST_TABLES = 1_000
"""Tables of one event"""

Cutter = Callable[[str, int], list[str]]
"""A line, and how many cells the header has (0: none known) -> cells."""

_ITEM = re.compile(r'"((?:[^"\\]|\\.)*)"|([^\s,"]+)')
_PAIR = re.compile(r'"((?:[^"\\]|\\.)*)"\s*=\s*"((?:[^"\\]|\\.)*)"')
_NUMBER = re.compile(r"-?\d+")
_DIRTY = re.compile(r"[^A-Za-z0-9_]+")
_ESCAPES = {"\\t": "\t", '\\"': '"', "\\\\": "\\"}


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a table. Without `start` and `offset` it begins where the section before it ended."""

    start: Any = None
    offset: int = 0
    member: Any = None
    end: Any = None
    count: int | None = None
    ignored: tuple[Any, ...] | None = ()
    """Lines that are left out; None: all."""
    replacements: tuple[tuple[str, str], ...] = ()
    names: tuple[str, ...] = ()
    """Static tokens."""
    cut: Cutter | None = None
    placed: bool = False
    """Something says where it is: a header that is only a list of names takes no line."""

    def lines(self, lines: Sequence[str], at: int) -> tuple[list[str], int]:
        """Its lines from a place on, and the place after it; no lines and the same place where it is not there."""
        first = at + self.offset
        if self.start is not None:
            first = next((n for n in range(at, len(lines)) if _matches(self.start, lines[n])), len(lines))
        if first >= len(lines):
            return [], at
        last = first
        while last < len(lines) and (self.count is None or last - first < self.count):
            line = lines[last]
            opening = self.start is not None and last == first
            if self.end is not None and not opening and _matches(self.end, line):
                break
            if self.member is not None and self.end is None and self.count is None and not _matches(self.member, line):
                break
            last += 1
        return [line for line in lines[first:last] if self._kept(line)], last

    def _kept(self, line: str) -> bool:
        if self.ignored is None or not line.strip():
            return False
        if self.member is not None and not _matches(self.member, line):
            return False
        return not any(_matches(one, line) for one in self.ignored)

    def cells(self, line: str, wanted: int) -> list[str]:
        for old, new in self.replacements:
            line = line.replace(old, new)
        return (self.cut or _tokenizer(0, " \t", True))(line, wanted)


@dataclass(frozen=True, slots=True)
class TableRules:
    pre: Section | None
    header: Section | None
    body: Section
    post: Section | None

    def rows(self, raw: str) -> Iterator[tuple[str, dict[str, str]]]:
        """Each line of the tables' bodies with its cells by name. Raises EngineError where an expression takes too
        long."""
        lines = [line.rstrip() for line in raw.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
        at = 0
        for _ in range(MOST_TABLES):
            before = at
            if self.pre is not None:
                _, at = self.pre.lines(lines, at)
            names: list[str] = []
            if self.header is not None:
                names = list(self.header.names)
                if self.header.placed:
                    heads, at = self.header.lines(lines, at)
                    names = names or _names([self.header.cells(line, 0) for line in heads])
            body, at = self.body.lines(lines, at)
            for line in body:
                cells = self.body.cells(line, len(names))
                known = [*names, *(f"Column_{place + 1}" for place in range(len(names), len(cells)))]
                yield line, {name: cell for name, cell in zip(known, cells, strict=False) if cell}
            if self.post is not None:
                _, at = self.post.lines(lines, at)
            if at <= before or at >= len(lines):
                return


def read_tables(settings: Mapping[str, str]) -> TableRules:
    """The rules of a stanza. Raises SplError for settings that cannot be used, Unsupported for those that are not
    followed; the reason completes "the stanza ..."."""
    found: dict[str, dict[str, str]] = {}
    for key, value in settings.items():
        section, _, what = key.partition(".")
        if section not in SECTIONS or what not in SETTINGS:
            raise SplError(f"has a setting '{key[:60]}', which multikv.conf does not know", code="conf")
        found.setdefault(section, {})[what] = value.strip()
    parts = {name: _section(name, keys) for name, keys in found.items()}
    return TableRules(parts.get("pre"), parts.get("header"), parts.get("body", Section()), parts.get("post"))


def _section(name: str, keys: Mapping[str, str]) -> Section:
    ignore = keys.get("ignore", "_none_")
    ignored: tuple[Any, ...] | None = ()
    if ignore.startswith("_all_"):
        ignored = None
    elif ignore.startswith("_regex_"):
        ignored = tuple(_pattern(one) for one in _items(ignore.removeprefix("_regex_")))
    names: tuple[str, ...] = ()
    cut: Cutter | None = None
    if "tokens" in keys:
        names, cut = _tokens(name, keys["tokens"])
    return Section(
        _pattern(_bare(keys["start"])) if "start" in keys else None,
        _integer(name, "start_offset", keys["start_offset"]) if "start_offset" in keys else 0,
        _pattern(_bare(keys["member"])) if "member" in keys else None,
        _pattern(_bare(keys["end"])) if "end" in keys else None,
        _integer(name, "linecount", keys["linecount"]) if "linecount" in keys else None,
        ignored,
        tuple((_plain(old), _plain(new)) for old, new in _PAIR.findall(keys.get("replace", ""))),
        names,
        cut,
        any(one in keys for one in ("start", "start_offset", "member", "end", "linecount")),
    )


def _tokens(name: str, value: str) -> tuple[tuple[str, ...], Cutter | None]:
    kind, *rest = _items(value) or [""]
    match kind:
        case "_token_list_":
            return tuple(rest), None
        case "_tokenize_" if rest and _NUMBER.fullmatch(rest[0]):
            consume, delims = True, list(rest[1:])
            if len(delims) > 1 and delims[-1].lower() in ("true", "false", "0", "1"):
                consume = delims.pop().lower() in ("true", "1")
            return (), _tokenizer(int(rest[0]), "".join(delims) or " \t", consume)
        case "_chop_":
            numbers = [int(one) for one in _NUMBER.findall(value)]
            if numbers and len(numbers) % 2 == 0 and min(numbers) >= 0:
                return (), _chopper(list(zip(numbers[::2], numbers[1::2], strict=True)))
        case "_align_":
            raise Unsupported(f"has {name}.tokens = _align_, which is not supported", hint="_tokenize_ or _chop_")
    raise SplError(f"has {name}.tokens = {value[:60]}, which cuts no line", hint='_tokenize_, 0, " "', code="conf")


def _tokenizer(most: int, delims: str, consume: bool) -> Cutter:
    splitter = re.compile(f"[{re.escape(delims)}]{'+' if consume else ''}")

    def cut(line: str, wanted: int) -> list[str]:
        limit = wanted if most == 0 else most
        text = line.strip(delims) if consume else line
        return splitter.split(text, maxsplit=limit - 1) if limit > 1 else [text] if limit == 1 else splitter.split(text)

    return cut


def _chopper(places: Sequence[tuple[int, int]]) -> Cutter:
    def cut(line: str, wanted: int) -> list[str]:
        return [line[start : start + length].strip() for start, length in places]

    return cut


def _names(heads: Sequence[Sequence[str]]) -> list[str]:
    """The names of the columns; those of several lines are joined place by place."""
    width = max(map(len, heads), default=0)
    joined = ["_".join(head[place] for head in heads if place < len(head) and head[place]) for place in range(width)]
    return [_DIRTY.sub("_", name) or f"Column_{place}" for place, name in enumerate(joined, 1)]


def _matches(pattern: Any, line: str) -> bool:
    try:
        return pattern.search(line, timeout=pcre.SECONDS) is not None
    except (TimeoutError, MemoryError, RecursionError):
        raise SlowPattern(
            f"the regular expression '{str(pattern.pattern)[:120]}' of multikv.conf has no end on one line",
            hint="simpler repetitions: no (a+)+ and no (a|b)* before what may not match",
        ) from None


def _pattern(regex: str) -> Any:
    try:
        pcre.check(regex)
    except SplError as error:
        raise SplError(f"has an expression that cannot be used: {error.reason}", hint=error.hint, code="conf") from None
    return pcre.python_pattern(regex)


def _integer(section: str, what: str, value: str) -> int:
    if not value.isdigit():
        raise SplError(f"has {section}.{what} = {value[:40]}, which is no number", code="conf")
    return int(value)


def _items(text: str) -> list[str]:
    return [_plain(quoted) if quoted or not bare else bare for quoted, bare in _ITEM.findall(text)]


def _plain(quoted: str) -> str:
    return re.sub(r"\\.", lambda found: _ESCAPES.get(found[0], found[0]), quoted)


def _bare(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value
