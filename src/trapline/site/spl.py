"""SPL with its parts marked for reading. The text is what it was: marks come around it, nothing is left out or changed.

It does not parse: a search that Trapline cannot run is shown as well as any other. Rules of quotes, comments and macro
calls: spl/NOTES.md §3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from trapline.content.markup import Cell, Html, tag, text

_TOKEN = re.compile(
    r"""
      (?P<escape>\\.)
    | (?P<comment>```.*?(?:```|\Z))
    | (?P<macro>`[^`]*`?)
    | (?P<string>"(?:\\.|[^"\\])*(?:"|\Z))
    | (?P<token>\$[^\s$"|]{1,100}\$)
    | (?P<pipe>\|)
    | (?P<open>\[)
    | (?P<number>(?<![\w.:-])-?\d+(?:\.\d+)?(?:[smhdw](?![\w]))?(?![\w.:]))
    | (?P<word>[A-Za-z_][\w.:{}@]*)
    | (?P<blank>\s+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_KEYWORDS = frozenset(
    [
        "and",
        "or",
        "not",
        "in",
        "as",
        "by",
        "over",
        "where",
        "output",
        "outputnew",
        "xor",
        "like",
        "true",
        "false",
        "null",
        "groupby",
        "asnew",
        "append",
    ]
)
_CLASSES = {"comment": "x", "macro": "m", "string": "s", "token": "t", "pipe": "p", "number": "d"}

MacroLink = Callable[[str], str | None]
"""The address of a macro's page by its name, None where there is none."""


def highlight(search: str, macro: MacroLink = lambda name: None) -> Html:
    """A search as lines of marked code, each a `span.l`, numbered by the style sheet."""
    lines: list[list[str]] = [[]]
    for kind, piece in _marked(search):
        href = macro(_macro_name(piece)) if kind == "m" else None
        for at, part in enumerate(piece.split("\n")):
            if at:
                lines.append([])
            if part:
                lines[-1].append(_piece(kind, part, href))
    shown = [Html("".join(line)) for line in lines]
    code = [Html(f'<span class="l">{line}\n</span>') for line in shown]
    return tag("pre", tag("code", *code), class_="spl", tabindex="0")


def _piece(kind: str, part: str, href: str | None) -> Html:
    if not kind:
        return text(part)
    cell: Cell = tag("a", part, href=href) if href else part
    return tag("span", cell, class_=kind)


def _macro_name(call: str) -> str:
    return call.strip("`").partition("(")[0].strip()


def _marked(search: str) -> Iterator[tuple[str, str]]:
    """Pieces with their class: c command, k keyword, f function, n name before an operator, s string, m macro,
    d number, p pipe, t $token$, x comment, "" nothing of that."""
    awaits_command = False
    for found in _TOKEN.finditer(search):
        kind, piece = found.lastgroup or "", found[0]
        match kind:
            case "pipe" | "open":
                awaits_command = True
                yield _CLASSES.get(kind, ""), piece
                continue
            case "word":
                yield _word(search, found, awaits_command), piece
            case "blank" | "comment":
                yield _CLASSES.get(kind, ""), piece
                continue
            case _:
                yield _CLASSES.get(kind, ""), piece
        awaits_command = False


def _word(search: str, found: re.Match[str], awaits_command: bool) -> str:
    if awaits_command:
        return "c"
    if found[0].lower() in _KEYWORDS:
        return "k"
    after = search[found.end() : found.end() + 3].lstrip(" ")
    if after.startswith("("):
        return "f"
    return "n" if after.startswith(("=", "!=", "<", ">")) else ""
