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

from trapline.detect.splfill import Filling
from trapline.detect.splfill import quote as quote
from trapline.errors import Warn
from trapline.values import Value, value_text

TOKEN = re.compile(r"\$([^\s$]+)\$")
"""A token: no blank and no `$` inside. Dots are part of the name (`$userIdentity.arn$`)."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A template with its tokens replaced. `unresolved`: names that had no value, each once, in order. `wildcards`:
    those whose value a search takes for a pattern."""

    text: str
    unresolved: tuple[str, ...] = ()
    wildcards: tuple[str, ...] = ()

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

    `dest = $dest$`, `dest = "$dest$"` and `IN ("$dest$")` all work. Where a field is compared with a multivalue, one of
    its values is enough, as a row of it has them all: `dest IN ("a", "b")`, and with `!=` none of them may be it. In
    another string they are joined by newlines. A `*` in a value stays a wildcard, which the search command has no
    escape for: `wildcards` names the fields.
    """
    filling = Filling()
    unresolved: dict[str, None] = {}
    at = 0
    for found in TOKEN.finditer(template):
        filling.text(template[at : found.start()])
        at = found.end()
        value = _filtered(row, found[1], without="s")  # every value is quoted here
        if value is None:
            unresolved[found[1]] = None
            filling.text(found[0])
        else:
            texts = [value_text(one) for one in value] if isinstance(value, list) else [value_text(value)]
            filling.value(found[1], texts)
    filling.text(template[at:])
    return Filled(filling.end(), tuple(unresolved), tuple(filling.wildcards))
