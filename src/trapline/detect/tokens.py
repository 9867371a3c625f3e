"""`$field$` tokens in messages, titles and drilldowns (facts/CONTENT.md §8).

A template is filled in one pass: what a value holds is never read as a token again, so a log cannot pull the value of
another field into a message. A token without a value stays as written and is reported. An odd `$` and `$$` stay too.
`$field|s$` gives the value in quotes, `|h` for HTML, `|u` for a URL.
"""

from __future__ import annotations

import html
import re
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trapline.errors import Warn
from trapline.values import Value, value_text

TOKEN = re.compile(r"\$([^\s$]+)\$")
"""A token: no blank and no `$` inside. Dots are part of the name (`$userIdentity.arn$`)."""

_BEFORE = re.compile(r"([\w.]+|\"(?:[^\"\\]|\\.)*\")\s*(=)\s*\Z")
"""The field of a comparison that ends where a token begins: `dest = $dest$`."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A template with its tokens replaced. `unresolved`: names that had no value, each once, in order."""

    text: str
    unresolved: tuple[str, ...] = ()

    def warnings(self, where: str) -> list[Warn]:
        """One warning per name that had no value."""
        return [
            Warn(
                "detect.token",
                f"the token ${name}$ has no value in the result row and stays as written",
                "let the search return this field, or correct the token",
                where,
            )
            for name in self.unresolved
        ]


def names(template: str) -> tuple[str, ...]:
    """The token names of a template, each once, in order."""
    return tuple(dict.fromkeys(TOKEN.findall(template)))


_FILTERS: Mapping[str, Callable[[str], str]] = {
    "s": lambda text: quote(text),
    "h": html.escape,
    "u": lambda text: urllib.parse.quote(text, safe=""),
    "n": str,
}
"""What stands behind a `|` in a token: quoted, for HTML, for a URL, as it is (facts/CONTENT.md §8)."""


def lookup(row: Mapping[str, Value], name: str) -> Value | None:
    """The value that a token names: the field itself, else `result.field` as alert actions write it."""
    for key in (name, name.removeprefix("result.")):
        value = row.get(key)
        if value is not None and value not in ("", []):
            return value
    return None


def _filtered(row: Mapping[str, Value], token: str, without: str = "") -> Value | None:
    """The value of a token with a filter, such as `dest|h`; filters `without` leave it as it is."""
    value = lookup(row, token)
    name, bar, wanted = token.rpartition("|")
    if value is not None or not bar or wanted not in _FILTERS:
        return value
    value = lookup(row, name)
    if value is None or wanted in without:
        return value
    act = _FILTERS[wanted]
    return [act(value_text(one)) for one in value] if isinstance(value, list) else act(value_text(value))


def fill(template: str, row: Mapping[str, Value]) -> Filled:
    """The template as text for people. The values of a multivalue are joined by newlines, as in Splunk's results."""
    unresolved: dict[str, None] = {}

    def one(found: re.Match[str]) -> str:
        value = _filtered(row, found[1])
        if value is None:
            unresolved[found[1]] = None
            return found[0]
        return value_text(value)

    return Filled(TOKEN.sub(one, template), tuple(unresolved))


def fill_spl(template: str, row: Mapping[str, Value]) -> Filled:
    """The template as SPL: every value becomes, or stays inside, one double-quoted string.

    `dest = $dest$`, `dest = "$dest$"` and `IN ($dest$)` all work; a multivalue becomes a list: `dest IN ("a", "b")`.
    A `*` in a value stays a wildcard: the search command has no escape for it.
    """
    out: list[str] = []
    unresolved: dict[str, None] = {}
    at = 0
    quoted = False
    for found in TOKEN.finditer(template):
        gap = template[at : found.start()]
        quoted = _quoted_after(gap, quoted)
        out.append(gap)
        at = found.end()
        value = _filtered(row, found[1], without="s")  # every value is quoted here
        if value is None:
            unresolved[found[1]] = None
            out.append(found[0])
            quoted = _quoted_after(found[0], quoted)
        elif quoted:
            out.append(_escape(value_text(value)))
        elif isinstance(value, list) and len(value) > 1:
            text = "".join(out)
            before = _BEFORE.search(text)
            values = ", ".join(quote(value_text(one)) for one in value)
            if before is None:
                out.append(values)
            else:
                out = [f"{text[: before.start(2)].rstrip()} IN ({values})"]
        else:
            out.append(quote(value_text(value)))
    out.append(template[at:])
    return Filled("".join(out), tuple(unresolved))


def quote(text: str) -> str:
    """A text as a double-quoted SPL string."""
    return f'"{_escape(text)}"'


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _quoted_after(text: str, quoted: bool) -> bool:
    """Whether the end of the text is inside double quotes, given whether its start is."""
    escaped = False
    for char in text:
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == '"':
            quoted = not quoted
    return quoted
