"""The form of a command's module docstring.

    name: what it does, in a line.

    Prose, if there is something to say that is neither an option nor in the case file.

    Syntax:
        name <required> [optional=<bool>]

    Options:
        optional=<bool> (false): what it does; "(none)", "(required)" or words where there is no plain default.

    Differences:
        - Where it knowingly differs from Splunk. An item that begins with "Refused:" says what is not supported.

    Source: Search Reference, "name".

Options and Differences are left out where there are none; a line that goes on is indented further.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass


class FormError(Exception):
    """A docstring is not in the form."""


@dataclass(frozen=True, slots=True)
class Option:
    """An option as written, its default, and what it does."""

    written: str
    default: str
    meaning: str

    @property
    def name(self) -> str | None:
        """The `name` of `name=`; None for what has none."""
        match = _NAMED.match(self.written)
        return match.group(1) if match else None


@dataclass(frozen=True, slots=True)
class Doc:
    """What a docstring says."""

    name: str
    summary: str
    prose: str
    syntax: str
    options: tuple[Option, ...]
    differences: tuple[str, ...]
    source: str

    def named_in_syntax(self) -> list[str]:
        """The `name=` of the syntax, in order."""
        return list(dict.fromkeys(_IN_SYNTAX.findall(self.syntax)))


LABELS = ("Syntax", "Options", "Differences", "Source")
_NAMED = re.compile(r"([a-z][a-z_0-9.]*)=")
_IN_SYNTAX = re.compile(r"(?<![<>\w.\"=])([a-z][a-z_0-9.]*)=(?!\s|\.\.\.)")
_OPTION = re.compile(r"(.+?) \(((?:[^()]|\([^()]*\))*)\): (.+)\Z")
_SOURCE = re.compile(r'[^"]+"[^"]+"(?:[,;] [^"]*"[^"]+")*\.\Z')


def read(docstring: str | None) -> Doc:
    """Read a docstring. Raises FormError."""
    if not docstring:
        raise FormError("there is no docstring")
    lines = inspect.cleandoc(docstring).split("\n")
    name, colon, summary = lines[0].partition(": ")
    if not colon or not summary.endswith("."):
        raise FormError("the first line is 'name: what it does.'")
    parts: dict[str, list[str]] = {"": []}
    label = ""
    for line in lines[1:]:
        found = re.match(r"([A-Z][a-z]+):(?: (.*))?\Z", line)
        if found and found.group(1) in LABELS:
            label = found.group(1)
            if label in parts:
                raise FormError(f"a second '{label}:'")
            parts[label] = [found.group(2)] if found.group(2) else []
        elif line and not line.startswith("    "):
            if label not in ("", "Syntax", "Options"):
                raise FormError(f"'{line}' is not part of '{label}:'")
            label = ""
            parts[""].append(line)
        else:
            parts[label].append(line)
    for label in ("Syntax", "Source"):
        if not any(parts.get(label, ())):
            raise FormError(f"there is no '{label}:'")
    source = " ".join(line.strip() for line in parts["Source"] if line)
    if not _SOURCE.match(source):
        raise FormError("the source is a book and a page: 'Source: Search Reference, \"name\".'")
    return Doc(
        name=name,
        summary=summary,
        prose="\n".join(parts[""]).strip(),
        syntax=inspect.cleandoc("\n" + "\n".join(parts["Syntax"])).strip("\n"),
        options=tuple(map(_option, _items(parts.get("Options", ())))),
        differences=tuple(map(_difference, _items(parts.get("Differences", ())))),
        source=source,
    )


def _items(lines: Sequence[str]) -> list[str]:
    """The items of a block: a line at its margin begins one, lines further in go on with it."""
    items: list[str] = []
    for line in lines:
        body = line.removeprefix("    ")
        if not body.strip():
            continue
        if body.startswith(" ") and items:
            items[-1] += " " + body.strip()
        else:
            items.append(body.strip())
    return items


def _option(item: str) -> Option:
    match = _OPTION.match(item)
    if match is None:
        raise FormError(f"an option is 'name=<value> (default): what it does.', not '{item}'")
    return Option(*match.groups())


def _difference(item: str) -> str:
    if not item.startswith("- ") or not item.endswith("."):
        raise FormError(f"a difference is a sentence after '- ', not '{item}'")
    return item[2:]
