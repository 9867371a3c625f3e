"""Splunk's .conf form, written: stanzas with keys, values that cannot end their line (facts/CONTENT.md §4).

What stands in a content file is a value and nothing else: a line end in it is written as ` \\` and a line end, so
that the next line goes on with the value; what a stanza head or a comment cannot hold is taken out or refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

# C0 controls but tab and line end, and lone surrogates, which UTF-8 cannot hold
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_BLANKS = re.compile(r"\s+")
# What else than \n some reader takes for a line end
_BREAKS = re.compile("[\x85\u2028\u2029]")


def value_text(text: str) -> str:
    """A text as the value of a key: outer blanks off, every line end continued."""
    plain = _plain(text).strip()
    escaped = plain.replace("\n", " \\\n")
    # A backslash at the end would take the next line for its own; a blank behind it is cut off again by every reader.
    return f"{escaped} " if escaped.endswith("\\") else escaped


def line_text(text: str) -> str:
    """A text for a comment or a name: on one line, and not continued on the next."""
    return _BLANKS.sub(" ", _plain(text)).strip().rstrip("\\").strip()


def _plain(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub(" ", _BREAKS.sub("\n", lines))


def json_text(value: Any) -> str:
    """JSON on one line with sorted keys, in ASCII; `< > & '` as escapes, as contentctl 4 and 5 write it."""
    text = json.dumps(value, sort_keys=True)
    for mark in "<>&'":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text


def compact_text(value: Any) -> str:
    """JSON without blanks, keys sorted: the form of ESCU 6."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def usable_name(name: str) -> bool:
    """Whether a stanza can have this name: one line, no brackets that would end or begin a head."""
    plain = name.strip()
    return bool(plain) and not re.search(r"[\[\]\t\n]|\\\Z", plain) and _plain(plain) == plain


@dataclass(slots=True)
class Stanza:
    """A head and its keys in the order added. A key whose value is None is left out."""

    name: str
    keys: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """Comment lines below the head."""

    def add(self, key: str, value: str | int | bool | None) -> None:
        """`value` as text; true and false as such."""
        if value is None:
            return
        self.keys[key] = str(value).lower() if isinstance(value, bool) else str(value)

    def lines(self, *, ordered: bool = False) -> Iterator[str]:
        yield f"[{self.name}]"
        for note in self.notes:
            yield f"# {line_text(note)}"
        for key, value in sorted(self.keys.items()) if ordered else self.keys.items():
            yield f"{key} = {value_text(value)}"
        yield ""


@dataclass(slots=True)
class Section:
    """Stanzas between two comment lines, which a title gives: `### ESCU DETECTIONS ###`."""

    title: str
    stanzas: list[Stanza] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        if self.title:
            yield f"### {line_text(self.title)} ###"
            yield ""
        for stanza in self.stanzas:
            yield from stanza.lines()
        if self.title:
            yield f"### END {line_text(self.title)} ###"
            yield ""


def document(banner: Iterable[str], sections: Iterable[Section], *, ordered: bool = False) -> str:
    """A whole file. `ordered`: stanzas and keys by the alphabet, without section comments; `default` stays first."""
    parts = list(sections)
    lines = ["#############", *(f"# {line_text(line)}" for line in banner), "#############", ""]
    if ordered:
        stanzas = [stanza for section in parts for stanza in section.stanzas]
        for stanza in sorted(stanzas, key=lambda one: (one.name != "default", one.name)):
            lines += stanza.lines(ordered=True)
    else:
        for section in parts:
            lines += section.lines()
    return "\n".join(lines).rstrip("\n") + "\n"
