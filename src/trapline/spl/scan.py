"""Walking SPL text: quotes, escapes, comments and brackets, before anything is a token.

Rules: spl/NOTES.md §3 items 1-2. A backslash escapes the next character inside and outside quotes. A comment is
```` ```text``` ````, spans lines and may hold anything; it is not one inside a quoted string.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from trapline.errors import Span, SplError

COMMENT = "```"

_TYPOGRAPHIC = re.compile("[\u2018-\u201f\u00ab\u00bb\u2033]")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
RETYPE = 'type it again: strings stand in straight quotes (")'
"""What to do about a deceptive character."""


def end_of_quote(text: str, start: int) -> int:
    """The index after the closing quote of the string that opens at `start` with a double quote.

    Raises SplError when it never closes."""
    at = start + 1
    while at < len(text):
        match text[at]:
            case "\\":
                at += 2
            case '"':
                return at + 1
            case _:
                at += 1
    raise SplError(
        "unbalanced quote: this string is never closed",
        span=Span(start, start + 1),
        hint='close it with ", or write \\" for a quote inside a string',
        code="quote",
    )


def strip_comments(text: str) -> str:
    """The text with every comment replaced by one blank (Search Manual, "Add comments to searches")."""
    if COMMENT not in text:
        return text
    out: list[str] = []
    at = kept = 0
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 2
        elif char == '"':
            at = end_of_quote(text, at)
        elif text.startswith(COMMENT, at):
            close = text.find(COMMENT, at + 3)
            if close < 0:
                raise SplError(
                    "this comment is never closed",
                    span=Span(at, at + 3),
                    hint="end it with three backticks",
                    code="comment",
                )
            out += [text[kept:at], " "]
            at = kept = close + 3
        else:
            at += 1
    out.append(text[kept:])
    return "".join(out)


def end_of_bracket(text: str, start: int, end: int | None = None) -> int:
    """The index after the `]` that closes the `[` at `start`. Raises SplError when it never closes."""
    depth = 0
    at = start
    stop = len(text) if end is None else end
    while at < stop:
        match text[at]:
            case "\\":
                at += 1
            case '"':
                at = end_of_quote(text, at) - 1
            case "[":
                depth += 1
            case "]":
                depth -= 1
                if depth == 0:
                    return at + 1
        at += 1
    raise SplError(
        "unbalanced bracket: this subsearch is never closed", span=Span(start, start + 1), hint="add ]", code="bracket"
    )


def split_pipes(text: str, start: int, end: int) -> list[Span]:
    """The stages between `start` and `end`, cut at `|` outside strings and brackets. Blanks around them are cut off;
    an empty stage stays as an empty span."""
    stages: list[Span] = []
    at = first = start
    while at < end:
        match text[at]:
            case "\\":
                at += 1
            case '"':
                at = end_of_quote(text, at) - 1
            case "[":
                at = end_of_bracket(text, at, end) - 1
            case "|":
                stages.append(_trim(text, first, at))
                first = at + 1
        at += 1
    stages.append(_trim(text, first, end))
    return stages


def _trim(text: str, start: int, end: int) -> Span:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return Span(start, end)


def unescape(text: str, *, pattern: bool = False) -> str:
    r"""The inside of a quoted string: only \" \\ \| lose their backslash; \s, \d, \. stay for the regex
    (spl/NOTES.md §3.4). `pattern`: it is a regular expression, in which \| is a plain bar (Search Manual, "SPL and
    regular expressions")."""
    if "\\" not in text:
        return text
    plain = '"\\' if pattern else '"\\|'
    out: list[str] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char == "\\" and at + 1 < len(text) and text[at + 1] in plain:
            out.append(text[at + 1])
            at += 2
        else:
            out.append(char)
            at += 1
    return "".join(out)


def deceptive(text: str) -> Iterator[tuple[Span, str]]:
    """The characters outside of strings that are not what they look like, (place, what they are): typographic quotes,
    which quote nothing, and invisible characters, which become part of the name or value that they stand in. Within a
    string they are text that somebody looks for. Raises SplError for a string that never closes."""
    at = 0 if not text.isascii() else len(text)
    while at < len(text):
        match text[at]:
            case "\\":
                at += 1
            case '"':
                at = end_of_quote(text, at) - 1
            case char if _TYPOGRAPHIC.match(char):
                yield Span(at, at + 1), f"the typographic quote {char}, which quotes nothing"
            case char if _INVISIBLE.match(char):
                yield Span(at, at + 1), f"the invisible character U+{ord(char):04X}"
        at += 1
