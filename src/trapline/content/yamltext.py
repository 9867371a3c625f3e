"""Plain values -> YAML text that reads and diffs well, and that reads back as the same values.

A text of several lines is a literal block. A long search of one line is a folded block with a line for each command:
folding puts back the one blank that stood there. Everything else stays on its line, quoted only where it has to be.
The same values always give the same text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import yaml

from trapline.errors import SplError
from trapline.spl.scan import COMMENT, split_pipes

WIDE = 100
"""A search longer than that is folded."""

_NOT_PRINTABLE = re.compile("[^\t\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_IN_A_BLOCK = re.compile("[\x85\u2028\u2029\ufeff\r]")


class Search(str):
    """A text that is SPL."""

    __slots__ = ()


def dump(value: Mapping[str, Any]) -> str:
    """The YAML of a mapping, ending in a newline. Takes mappings, lists, texts, whole numbers, booleans and None."""
    lines: list[str] = []
    _mapping(value, "", lines)
    return "\n".join(lines) + "\n"


def _mapping(value: Mapping[str, Any], indent: str, lines: list[str], first: str | None = None) -> None:
    """`first`: what stands before the first key in place of the indent (the dash of a list)."""
    for key, item in value.items():
        head = f"{indent if first is None else first}{_inline(key)}:"
        first = None
        _value(item, head, indent, lines)


def _value(item: Any, head: str, indent: str, lines: list[str]) -> None:
    match item:
        case str():
            lines.extend(_text(item, head, indent))
        case None:
            lines.append(f"{head} null")
        case bool():
            lines.append(f"{head} {'true' if item else 'false'}")
        case int() | float():
            lines.append(f"{head} {item}")
        case Mapping() if item:
            lines.append(head)
            _mapping(item, indent + "    ", lines)
        case Mapping():
            lines.append(f"{head} {{}}")
        case Sequence() if item:
            lines.append(head)
            for one in item:
                _entry(one, indent + "    ", lines)
        case Sequence():
            lines.append(f"{head} []")
        case _:
            raise TypeError(f"no YAML for {type(item).__name__}")


def _entry(item: Any, indent: str, lines: list[str]) -> None:
    if isinstance(item, Mapping) and item:
        _mapping(item, indent + "  ", lines, first=f"{indent}- ")
    else:
        _value(item, f"{indent}-", indent, lines)


def _text(text: str, head: str, indent: str) -> list[str]:
    inner = indent + "    "
    if _NOT_PRINTABLE.search(text) or _NOT_IN_A_BLOCK.search(text):
        return [f"{head} {_double(text)}"]
    if "\n" in text:
        return _literal(text, head, inner)
    if isinstance(text, Search) and len(text) > WIDE:
        folded = _folded(text)
        if folded is not None:
            return [f"{head} >-", *(inner + line for line in folded)]
    return [f"{head} {_inline(text)}"]


def _literal(text: str, head: str, inner: str) -> list[str]:
    body = text.rstrip("\n")
    if not body.strip(" \n"):
        return [f"{head} {_double(text)}"]  # a block of blanks only is not read alike by all
    ends = len(text) - len(body)
    chomp = ("-", "", "+")[min(ends, 2)]
    # A first line that is empty or begins with a blank hides where the block begins.
    hint = "4" if body[0] in " \n" else ""
    lines = [f"{head} |{hint}{chomp}", *(inner + line if line else "" for line in body.split("\n"))]
    return lines + [""] * (ends - 1)


def _folded(text: str) -> list[str] | None:
    """The lines of a folded block: cut at the one blank before each `|` between commands. None where it has none."""
    if COMMENT in text or text[0] == " " or text[-1] == " ":
        return None
    try:
        spans = split_pipes(text, 0, len(text))
    except SplError:
        return None
    pipes = [text.rfind("|", before.end, after.start) for before, after in pairwise(spans)]
    cuts = [at - 1 for at in pipes if at > 1 and text[at - 1] == " " and text[at - 2] != " "]
    if not cuts:
        return None
    places = [-1, *cuts, len(text)]
    return [text[begin + 1 : end] for begin, end in pairwise(places)]


@lru_cache(4096)
def _inline(text: str) -> str:
    """On one line: plain where every reader takes it for this very text, else in single quotes."""
    if _NOT_PRINTABLE.search(text) or _NOT_IN_A_BLOCK.search(text) or "\n" in text:
        return _double(text)
    if _plain(text):
        return text
    return "'" + text.replace("'", "''") + "'"


_INDICATORS = frozenset("-?:,[]{}#&*!|>'\"%@`")
_resolver: Any = yaml.resolver.Resolver()  # its methods carry no types


def _plain(text: str) -> bool:
    if not text or text != text.strip() or text[0] in _INDICATORS or text.startswith(("---", "...")):
        return False
    if ": " in text or " #" in text or text.endswith(":") or "\t" in text:
        return False
    kind = _resolver.resolve(yaml.ScalarNode, text, (True, False))
    return bool(kind == yaml.resolver.BaseResolver.DEFAULT_SCALAR_TAG) and not text.startswith("=")


def _double(text: str) -> str:
    out = []
    for char in text:
        if char in '"\\':
            out.append("\\" + char)
        elif char == "\n":
            out.append("\\n")
        elif char == "\t":
            out.append("\\t")
        elif char == "\r":
            out.append("\\r")
        elif _NOT_PRINTABLE.match(char) or _NOT_IN_A_BLOCK.match(char):
            code = ord(char)
            out.append(f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
        else:
            out.append(char)
    return '"' + "".join(out) + '"'
