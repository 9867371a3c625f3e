"""A cap that cuts is told on the result of the search that it cut, once, and on no other."""

from __future__ import annotations

import pytest

import trapline
from trapline.engines.scalar import FUNCTIONS, Doubts
from trapline.errors import Doubt, TraplineWarning, Warn
from trapline.search import Query, Session

MANY = "| makeresults count=101 | streamstats count as n | stats list(n) as a list(n) as b | eval a=mvcount(a)"
FEW = "| makeresults count=100 | streamstats count as n | stats list(n) as a | eval a=mvcount(a)"
TWO = "| makeresults count=12 | streamstats count as n | top n | append [| makeresults count=101 | stats list(_time)]"


def _codes(session: Session, spl: str) -> list[str]:
    return [one.code for one in session.run(spl).warnings]


def test_a_cut_is_told_once_and_only_where_it_cut() -> None:
    session = Session()
    assert _codes(session, MANY) == ["list-cut"]
    assert _codes(session, FEW) == []
    assert _codes(session, MANY) == ["list-cut"]


def test_every_cap_of_a_search_is_told() -> None:
    assert sorted(_codes(Session(), TWO)) == ["list-cut", "top-cut"]


def test_searches_of_a_batch_keep_their_own_warnings() -> None:
    session = Session()
    with session.share([Query(MANY), Query(FEW)]):
        assert (_codes(session, MANY), _codes(session, FEW)) == (["list-cut"], [])


def test_explain_shows_the_rows_and_tells_the_next_search_nothing() -> None:
    session = Session()
    found = session.explain("| makeresults count=10001 | sort _time")
    assert [one.rows for one in found] == [10_001, 10_000]
    assert [one.code for one in found.warnings] == ["sort-cut"]
    assert _codes(session, FEW) == []


def test_reasons_of_the_search_are_all_kept_those_of_data_once() -> None:
    doubts = Doubts()
    for reason in ("one", "two"):
        doubts.add(Doubt(Warn("cut", reason), each=True))
        doubts.add(Doubt(Warn("of-data", reason)))
    assert [one.reason for one in doubts.take()] == ["one", "one", "two"]
    assert doubts.take() == ()


def test_wildcards_are_filled_in_time_that_grows_with_the_text() -> None:
    replaced = FUNCTIONS["wildcard_replace"].call
    text = "ab" * 100_000 + "c"
    pattern, new = "*a*b" * 15 + "*c", "*-*+" * 15 + "*!"
    assert replaced(text, pattern, new) == "ab" * 99_985 + "-+" * 15 + "!"
    assert replaced(text, "*a*b*d", "*1*2*3") == text


def test_the_function_for_notebooks_tells_it_too() -> None:
    with pytest.warns(TraplineWarning, match="10,000"):
        assert len(trapline.search("sort n", [{"n": number} for number in range(10_500)])) == 10_000
