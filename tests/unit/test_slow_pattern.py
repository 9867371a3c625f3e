"""A regular expression that runs into its time limit: the search is at fault, so the exit code is 2."""

from __future__ import annotations

import pytest

import trapline
from trapline import pcre
from trapline.errors import SlowPattern, TraplineError
from trapline.search import Result, Session

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


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time enough on any machine for the limit of calls to be met before the limit of time."""
    monkeypatch.setattr(pcre, "SECONDS", 60)


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("pattern", ["(?R)", "(x|(?R))", "(?1)(b|(?1))"])
def test_a_pattern_that_calls_itself_without_an_end(pattern: str) -> None:
    with pytest.raises(SlowPattern, match="calls itself") as caught:
        trapline.search(f'| makeresults | regex _time!="{pattern}"')
    assert caught.value.exit_code == 2


def _run(spl: str, patterns: list[str]) -> Result:
    return Session(events=[{"x": "a" * 60 + "b", "p": one} for one in patterns]).run(spl)


@pytest.mark.usefixtures("brief")
def test_a_slow_pattern_of_data_costs_its_own_event_only() -> None:
    result = _run("where match(x, p)", ["(?:a|aa|a)+(?=c)", "b$"])
    assert [row["p"] for row in result.rows] == ["b$"]
    assert [one.code for one in result.warnings] == [SlowPattern.CODE]


@pytest.mark.usefixtures("brief")
def test_many_slow_patterns_of_data_are_refused() -> None:
    with pytest.raises(SlowPattern, match="more than 3"):
        _run("where match(x, p)", [f"(?:a|aa|a)+(?={one})" for one in "cdefg"])


def test_doubts_of_one_search_are_not_told_of_the_next() -> None:
    session = Session(events=[{"x": "a", "p": "("}])
    assert session.run("eval y=replace(x, p, x)").warnings
    assert not session.run("eval y=replace(x, x, x)").warnings
    with pytest.raises(TraplineError):
        session.run('eval y=replace(x, p, x) | where y="b" OR match(x, "(?R)")')
    assert not session.run("eval y=replace(x, x, x)").warnings


def test_hostile_patterns_without_number_are_one_warning() -> None:
    result = _run('eval y=replace(x, p, "")', ["(" * count for count in range(1, 50)])
    assert len(result.warnings) == 1
