"""A regular expression that runs into its time limit: the search is at fault, so the exit code is 2."""

from __future__ import annotations

import pytest

import trapline
from trapline import pcre
from trapline.errors import SlowPattern

SLOW = '| makeresults | eval x="' + "a" * 60 + 'b" | rex field=x "(?<y>(?:a|aa|a)+(?=c))" | table y'


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pcre, "SECONDS", 0.05)


@pytest.mark.usefixtures("brief")
def test_the_error_names_the_pattern() -> None:
    with pytest.raises(SlowPattern, match="took longer") as caught:
        trapline.search(SLOW)
    assert caught.value.code == "regex-time"
    assert caught.value.exit_code == 2
