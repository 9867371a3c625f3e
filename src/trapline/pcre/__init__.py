r"""Regular expressions are PCRE to the user. This module says what RE2, the engines' fast matcher, can run as it is.

What it cannot (look-around, back-references, possessive and atomic groups, \K, \R, \H, ...) runs in Python's `regex`
package on distinct values, with a time limit. Source of the dialect: Splunk's "About Splunk regular expressions".
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache

import regex

from trapline.errors import SlowPattern, SplError
from trapline.pcre.translate import CODE, REPEAT, for_regex

SECONDS = 2.0
"""Time limit of one match in the Python matcher."""

MAX_PATTERN = 50_000
MAX_REPEAT = 65_535
"""As in PCRE."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A checked regular expression. `re2`: the same for RE2, None where it needs the Python matcher. `groups`: named
    groups in order with their numbers."""

    source: str
    re2: str | None
    groups: tuple[tuple[str, int], ...]


@lru_cache(maxsize=4096)
def check(source: str) -> Pattern:
    """Check a pattern. Raises SplError with the reason where PCRE would refuse it."""
    compiled = python_pattern(source)
    groups = tuple(sorted(compiled.groupindex.items(), key=lambda item: item[1]))
    return Pattern(source, _re2(source), groups)


@lru_cache(maxsize=4096)
def python_pattern(source: str) -> regex.Pattern[str]:
    """The pattern for the Python matcher. Raises SplError."""
    if len(source) > MAX_PATTERN:
        raise SplError(f"the regular expression is longer than {MAX_PATTERN:,} characters", code="regex")
    for repeat in REPEAT.finditer(CODE.sub("", source)):
        if any(len(bound) > 5 or int(bound) > MAX_REPEAT for bound in repeat.groups() if bound):
            raise SplError(f"a repeat of more than {MAX_REPEAT:,} in a regular expression", code="regex")
    try:
        return regex.compile(for_regex(source), regex.VERSION0 | _letters(source))
    except regex.error as error:
        if "open group" in str(error):
            raise SplError(
                "a reference to a group from within that group is not supported", hint="close it before", code="regex"
            ) from None
        raise SplError(
            f"'{source[:200]}' is not a regular expression: {error}",
            hint="Splunk uses PCRE; escape special characters with a backslash",
            code="regex",
        ) from None
    except (RecursionError, OverflowError, MemoryError):
        raise SplError("the regular expression is nested too deeply", code="regex") from None
    except ValueError as error:
        # Flags that exclude each other: (?u) and the like.
        raise SplError(f"'{source[:200]}' is not a regular expression: {error}", code="regex") from None


def _letters(source: str) -> int:
    r"""PCRE's \w, \d, \s and \b are ASCII, as RE2's are, unless (*UCP) stands in front. A pattern that names Unicode
    properties or characters keeps those, and Unicode's \w with them."""
    unicode = not source.isascii() or re.search(r"\\[pPX]|\A(?:\(\*\w+\))*\(\*UCP\)", source)
    return 0 if unicode else int(regex.ASCII)


_ESCAPES = set("dDwWsSbBnrtfavhxAzQEpP") | set("0")
"""Letters that may follow a backslash with the same meaning in both."""


_WHOLE_CODE = re.compile(r"\\x(?:[0-9A-Fa-f]{2}|\{[0-9A-Fa-f]{1,6}\})")
_SETS = {
    "s": r"\s\x0b",
    "v": r"\n\x0b\f\r\x{85}\x{2028}\x{2029}",
    "h": r"\t\x20\x{a0}\x{1680}\x{180e}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}",
}
"""What is in classes that RE2 lacks or means otherwise."""


RE2_REPEATS = 1000
"""RE2 takes a repeat up to this, those within each other multiplied."""


def _repeats_too_often(source: str) -> bool:
    bounds = [int(bound) for found in REPEAT.finditer(source) for bound in found.groups() if bound]
    nested = re.search(r"\)\{\d", source) is not None
    return max(bounds, default=0) > RE2_REPEATS or (nested and math.prod(one for one in bounds if one) > RE2_REPEATS)


def _re2(source: str) -> str | None:
    """Walk the pattern; None at the first thing that RE2 lacks or means differently."""
    if _repeats_too_often(source):
        return None
    out: list[str] = []
    at = 0
    in_class = False
    while at < len(source):
        char = source[at]
        if char == "\\":
            if at + 1 >= len(source):
                return None
            follow = source[at + 1]
            if follow in "123456789gkKRHVXGZLluUNo" or (follow.isalpha() and follow not in _ESCAPES):
                return None
            if follow in _SETS or (follow == "S" and not in_class):
                members = _SETS[follow.lower()]
                out.append(members if in_class else f"[^{members}]" if follow == "S" else f"[{members}]")
            elif follow in "QE0" or (follow == "x" and _WHOLE_CODE.match(source, at) is None):
                return None
            else:
                out.append(f"\\{follow}" if follow.isascii() else follow)
            at += 2
            continue
        if in_class:
            if char == "[" and source.startswith("[:", at):
                close = source.find(":]", at)
                if close < 0:
                    return None
                out.append(source[at : close + 2])
                at = close + 2
                continue
            if char == "]":
                in_class = False
            out.append("\\[" if char == "[" else char)
            at += 1
            continue
        if char == "[":
            in_class = True
            out.append(char)
            at += 1
            if source.startswith("^", at):
                out.append("^")
                at += 1
            if source.startswith("]", at):
                out.append("\\]")
                at += 1
            continue
        if source.startswith("(?", at):
            taken = _group(source, at)
            if taken is None:
                return None
            text, at = taken
            out.append(text)
            continue
        if source.startswith("(*", at):
            return None
        if char in "*+?}" and source.startswith("+", at + 1):
            return None
        if char == "$":
            # PCRE's $ also matches before a final newline, RE2's does not. Only where it ends a branch is taking that
            # newline into the match harmless.
            if at + 1 < len(source) and source[at + 1] not in ")|":
                return None
            out.append(r"(?:$|\n\z)")
            at += 1
            continue
        out.append(char)
        at += 1
    return None if in_class else "".join(out)


def _group(source: str, at: int) -> tuple[str, int] | None:
    """The opening of a group that starts with `(?`: its RE2 form and where it ends; None if RE2 has no such group."""
    for opening in ("(?<", "(?P<"):
        if source.startswith(opening, at) and not source.startswith(("(?<=", "(?<!"), at):
            return "(?P<", at + len(opening)
    if source.startswith("(?:", at):
        return "(?:", at + 3
    end = at + 2
    while end < len(source) and source[end] in "imsU-":
        end += 1
    flags = source[at + 2 : end]
    if flags and end < len(source) and source[end] in ":)":
        # With (?m) the meaning of $ differs at the end, with (?s) nothing does.
        return None if "m" in flags else (source[at : end + 1], end + 1)
    return None


GAVE_UP = (TimeoutError, MemoryError, RecursionError)
"""What the Python matcher raises where a match has no end: by time, or by calls of a pattern within itself."""


def gave_up(source: str, error: BaseException) -> SlowPattern:
    """The error of a pattern that ran into a limit while it was matched."""
    if not isinstance(error, TimeoutError):
        return SlowPattern(
            f"the regular expression '{source[:120]}' calls itself without an end on one value",
            hint="a call such as (?R) must take a character before it comes to itself again",
        )
    return SlowPattern(
        f"the regular expression '{source[:120]}' took longer than {SECONDS:g} s on one value",
        hint="it backtracks catastrophically: make nested repetitions exclusive, or anchor it",
    )
