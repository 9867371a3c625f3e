r"""Characters by their code, \x{202E}, in both matchers."""

from __future__ import annotations

import pytest

from trapline.errors import SplError
from trapline.pcre import python_pattern
from trapline.search import search

EVENTS = [{"name": "a\u202egnp.exe"}, {"name": "plain.exe"}]


@pytest.mark.parametrize("pattern", [r"\x{202E}", r"[\x{202e}]g", r"(?<=a)\x{202E}(?=g)", r"\x{61}\x{202E}"])
def test_a_character_by_its_code(pattern: str) -> None:
    rows = search(f'regex name="{pattern}"', EVENTS)
    assert rows == [EVENTS[0]]


def test_a_code_that_is_no_character() -> None:
    with pytest.raises(SplError, match="is not a regular expression"):
        search(r'regex name="\x{110000}"', EVENTS)


# --- what PCRE has otherwise than Python


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"x(?=y)(?i)Y", "xy", "xy"),
        (r"(?=a)a(?i)b|C(?#branch of the flag)", "c", "c"),
        (r"(?=a)(?:a(?i)b)C|.", "abc", "a"),
        (r"(?=.)(?i)a(?-i)b", "Ab", "Ab"),
        (r"(?=.)(?U)a+b??", "aab", "a"),
        (r"(?=.)(?U:a+)", "aab", "a"),
        ("(?=.)(?x) a # a ( that opens nothing\n b", "ab", "ab"),
        (r"(?=.)[\Qa]\E]+", "]a", "]a"),
        (r"(?=.)[[\]]+", "[]", "[]"),
        (r"(?=.)a{i}", "a{i}", "a{i}"),
        (r"(?=.)\x9a", "\tna", None),
        (r"[^\s]+", "\x0b", None),
    ],
)
def test_what_a_pattern_finds(pattern: str, text: str, found: str | None) -> None:
    match = python_pattern(pattern).search(text)
    assert (match and match.group()) == found
    rows = search(f'rex field=t "(?<all>{pattern})" | table all', [{"t": text}])
    assert rows == [{} if found is None else {"all": found}]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(?<a>.)(?<a>.)", "the name 'a'"),
        ("(?J)(?<a>.)(?<a>.)", "the name 'a'"),
        ("(?J)(?<a>(?<a>.))", "the name 'a'"),
        ("(?u)a", r"PCRE has no \(\?u\)"),
        ("a(*COMMIT)b", "is not supported"),
        (r"\Cb", "is not supported"),
        (r"(a|b\1)", "from within"),
    ],
)
def test_what_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(SplError, match=message):
        python_pattern(pattern)
