"""Searches that are written as a template and parsed once it is filled in: foreach, map, savedsearch.

A value from the data is put into a template as text, so it must not be able to end the place it stands in: inside
double quotes it is escaped, outside them it may hold nothing that starts another command or subsearch.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from trapline.errors import Span, SplError
from trapline.spl.command import Context, Pipeline
from trapline.spl.scan import end_of_quote

_UNSAFE = re.compile(r"[|\[\]`\"]")


def parsed(context: Context, text: str, *, what: str, span: Span) -> Pipeline:
    """A filled-in template as a pipeline; what is wrong with it is told with its text."""
    try:
        return context.parse(text)
    except SplError as error:
        raise SplError(
            f"{what}: {error.reason}, in '{' '.join(text.split())[:200]}'", span=span, hint=error.hint, code=error.code
        ) from None


def fill(text: str, token: re.Pattern[str], value: Callable[[str], str | None], *, what: str, span: Span) -> str:
    """The template with its tokens (group 1 of `token`) replaced by values; one that is None stays as it is written.

    Raises SplError where a value cannot stand."""
    out: list[str] = []
    at = 0
    quotes = _quoted(text)
    for match in token.finditer(text):
        found = value(match.group(1))
        if found is None:
            continue
        out.append(text[at : match.start()])
        at = match.end()
        if any(start < match.start() < end for start, end in quotes):
            found = found.replace("\\", "\\\\").replace('"', '\\"')
        elif text.strip() != match.group() and _UNSAFE.search(found):
            raise SplError(
                f"{what}: the value '{found[:80]}' of {match.group(1)} cannot stand outside quotes",
                span=span,
                hint=f'put it in quotes: "{match.group()}"',
                code="value",
            )
        out.append(found)
    out.append(text[at:])
    return "".join(out)


def _quoted(text: str) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    at = 0
    while at < len(text):
        if text[at] == "\\":
            at += 2
        elif text[at] == '"':
            try:
                end = end_of_quote(text, at)
            except SplError:
                end = len(text)
            found.append((at, end))
            at = end
        else:
            at += 1
    return found
