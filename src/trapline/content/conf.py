"""macros.conf: Splunk's own file for macros (macros.conf.spec).

`[name]` or `[name(2)]`, then `definition`, `args`, other keys. A line that ends in a backslash goes on in the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from trapline.content.model import Level, Macro, Problem

_HEAD = re.compile(r"\[(?P<name>[^\]]+)\]\s*\Z")
_COUNT = re.compile(r"(?P<name>.+?)\((?P<count>\d+)\)\Z")


def macros(text: str, file: str, problems: list[Problem]) -> Iterator[Macro]:
    """The macros of a macros.conf. A stanza that cannot be used is reported and left out."""
    for name, line, keys in _stanzas(text, file, problems):
        counted = _COUNT.match(name)
        plain = counted["name"].strip() if counted else name
        args = tuple(part.strip() for part in keys.get("args", "").split(",") if part.strip())
        if counted and int(counted["count"]) != len(args):
            problems.append(
                Problem(
                    Level.ERROR,
                    "macro-args",
                    f"[{name}] names {counted['count']} argument(s), args names {len(args)}; it is left out",
                    file,
                    line,
                    name,
                    "args = a, b lists as many names as the number in brackets says",
                )
            )
            continue
        if "definition" not in keys:
            problems.append(Problem(Level.ERROR, "missing", f"[{name}] has no definition", file, line, name))
            continue
        yield Macro(
            name=plain,
            definition=keys["definition"],
            args=args,
            iseval=keys.get("iseval", "").lower() in ("1", "t", "true", "y", "yes"),
            validation=keys.get("validation", ""),
            errormsg=keys.get("errormsg", ""),
            description=keys.get("description", ""),
            file=file,
        )


def _stanzas(text: str, file: str, problems: list[Problem]) -> Iterator[tuple[str, int, dict[str, str]]]:
    name, start, keys = "", 0, dict[str, str]()
    for line, row in _lines(text):
        stripped = row.strip()
        if not stripped or stripped.startswith(("#", ";")):
            continue
        head = _HEAD.match(stripped)
        if head is not None:
            if name and name != "default":
                yield name, start, keys
            name, start, keys = head["name"].strip(), line, {}
            continue
        key, equals, value = row.partition("=")
        if not equals or not name:
            reason = "neither [name] nor key = value" if not equals else "a setting before any [name]"
            problems.append(Problem(Level.WARNING, "conf", f"{reason}; this line is left out", file, line))
            continue
        keys[key.strip()] = value.strip()
    if name and name != "default":
        yield name, start, keys


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with the number of their first one, continued lines joined by a newline."""
    held: list[str] = []
    first = 1
    for number, row in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if not held:
            first = number
        if row.endswith("\\"):
            held.append(row[:-1])
            continue
        yield first, "\n".join([*held, row])
        held = []
    if held:
        yield first, "\n".join(held)
