r"""Characters by their code, \x{202E}, in both matchers."""

from __future__ import annotations

import pytest

from trapline.errors import SplError
from trapline.search import search

EVENTS = [{"name": "a\u202egnp.exe"}, {"name": "plain.exe"}]


@pytest.mark.parametrize("pattern", [r"\x{202E}", r"[\x{202e}]g", r"(?<=a)\x{202E}(?=g)", r"\x{61}\x{202E}"])
def test_a_character_by_its_code(pattern: str) -> None:
    rows = search(f'regex name="{pattern}"', EVENTS)
    assert rows == [EVENTS[0]]


def test_a_code_that_is_no_character() -> None:
    with pytest.raises(SplError, match="is not a regular expression"):
        search(r'regex name="\x{110000}"', EVENTS)
