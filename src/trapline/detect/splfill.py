"""Values in the place of tokens of a search: what a value becomes depends on the string, the comparison and the command
that it stands in. All of this is read off the template alone, so that no value changes how another one is filled.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

MOST = 1_000
"""So many strings at most are made of one with several multivalues: beyond, their values are joined as in a text."""
_COMPARED = re.compile(r"(?:([\w.{}@:-]+|'[^']*')|\A)\s*(!=|==?)\s*\Z")
"""The end of a text that a string or value follows which a field is compared with. Without a name the field is what
stands before the text."""
_LISTED = re.compile(r"\bin\s*\([^()]*\Z", re.IGNORECASE)
_COMPARING = frozenset({"search", "where", "tstats", "mstats", "from"})
"""Commands in which `=` outside of parentheses compares; a search without a command does so, too."""
_SEARCHING = _COMPARING - {"where"}
_EVALUATING = frozenset({"where", "eval", "fieldformat"})
"""Commands to which `*` is a character like others."""


@dataclass(slots=True)
class Filling:
    """A search that is put together from the text of a template and values."""

    wildcards: dict[str, None] = field(default_factory=dict)
    """Names of the values in which a search takes a `*` for anything."""
    _out: list[str] = field(default_factory=list)
    _since: str = ""
    """The text since the last string or value, which is the end of `_out`."""
    _stage: str = ""
    """The command at hand, with `""` for strings and values."""
    _outer: list[str] = field(default_factory=list)
    """The commands that subsearches stand in."""
    _string: list[str | list[str]] | None = None
    """The string at hand: text as it stands there, and values."""
    _escaped: bool = False

    def text(self, text: str) -> None:
        """Text of the template."""
        start = 0
        for at, char in enumerate(text):
            if self._escaped or char == "\\":
                self._escaped = not self._escaped
            elif char == '"':
                self._plain(text[start:at])
                start = at + 1
                if self._string is None:
                    self._string = []
                else:
                    parts, self._string = self._string, None
                    self._filled([f'"{one}"' for one in _strings(parts)], quoted=parts)
        self._plain(text[start:])

    def value(self, name: str, texts: Sequence[str]) -> None:
        """The values of a token."""
        if any("*" in one for one in texts) and self._command() not in _EVALUATING:
            self.wildcards[name] = None
        if self._string is not None:
            if self._escaped:
                self._string.append("\\")  # the one before is a character, and takes nothing of the value
                self._escaped = False
            self._string.append([escape(one) for one in texts])
        else:
            self._filled([quote(one) for one in texts])

    def end(self) -> str:
        """The whole search."""
        if self._string is not None:  # it has no end: it says so itself, when it is run
            self._out.append('"' + _joined(self._string))
        return "".join(self._out)

    def _plain(self, text: str) -> None:
        if self._string is not None:
            self._string.append(text)
            return
        self._out.append(text)
        self._since += text
        for char in text:
            match char:
                case "[":
                    self._outer.append(self._stage)
                    self._stage = ""
                case "]" if self._outer:
                    self._stage = self._outer.pop()
                case "|":
                    self._stage = char
                case _:
                    self._stage += char

    def _filled(self, texts: Sequence[str], quoted: Sequence[str | list[str]] | None = None) -> None:
        """Strings stand here: one, or those of a multivalue."""
        compared = _COMPARED.search(self._since) if len(texts) > 1 and self._compares() else None
        if compared is not None and (compared[1] or compared[2] != "!="):
            before, name = "".join(self._out)[: -len(compared[0])], compared[1] or ""
            if compared[2] == "!=":
                made = f"NOT {name} IN ({', '.join(texts)})"
                if not self._command() or self._command() in _SEARCHING:
                    made = f"({name}=* AND {made})"  # as `!=` does, it wants the field to be there
            else:
                made = f"{name} IN ({', '.join(texts)})" if before or name else ", ".join(texts)
            self._out = [before, made]
        elif len(texts) == 1 or _LISTED.search(self._stage):
            self._out.append(", ".join(texts))
        elif self._is_term():
            self._out.append(f"({' OR '.join(texts)})")
        else:
            self._out.append(f'"{_joined(quoted)}"' if quoted is not None else _lines(texts))
        self._since = ""
        self._stage += '""'

    def _command(self) -> str:
        """What a `|` begins; nothing where a search begins without a command."""
        found = re.match(r"\|\s*(\w+)", self._stage)
        return found[1].lower() if found is not None else ""

    def _compares(self) -> bool:
        command = self._command()
        return not command or command in _COMPARING or self._stage.count("(") > self._stage.count(")")

    def _is_term(self) -> bool:
        """Does a search look for what stands here in all of an event?"""
        named = self._command() in ("", "search") and self._stage.count("`") % 2 == 0
        return named and not self._since.rstrip().endswith(("=", "<", ">"))


def quote(text: str) -> str:
    """A text as a double-quoted SPL string."""
    return f'"{escape(text)}"'


def escape(text: str) -> str:
    """A text as it stands within a double-quoted SPL string."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _lines(strings: Sequence[str]) -> str:
    return '"' + "\n".join(one[1:-1] for one in strings) + '"'


def _strings(parts: Sequence[str | list[str]]) -> list[str]:
    """What stands in a string, for each value of its multivalues."""
    values = [[one] if isinstance(one, str) else one for one in parts]
    if math.prod(map(len, values)) > MOST:
        return [_joined(parts)]
    return ["".join(one) for one in itertools.product(*values)]


def _joined(parts: Sequence[str | list[str]]) -> str:
    return "".join(one if isinstance(one, str) else "\n".join(one) for one in parts)
