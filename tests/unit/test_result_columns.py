"""Which columns a result has."""

from __future__ import annotations

import pytest

from trapline.search import Session


@pytest.mark.parametrize(
    ("spl", "fields"),
    [
        # what is named is a column, also without a value; of a pattern only what a row has
        ("table none a *", ("none", "a", "c")),
        ("table a*", ("a",)),
        ("table b c", ("b", "c")),
        ("fields *", ("a", "c")),
        ("fields b *", ("b", "a", "c")),
        ("table * | where a=1 | sort - a", ("a", "c")),
        ("table * | where a=2", ("a",)),
        ("table * | eval d=null()", ("a", "b", "c", "ab", "d")),
        ("stats values(*) as * by a | table a *", ("a", "c")),
    ],
)
def test_columns(spl: str, fields: tuple[str, ...]) -> None:
    events = [{"a": "1", "b": None, "c": "x", "ab": None}, {"a": "2", "b": None, "c": None, "ab": None}]
    assert Session(events=events).run(spl).fields == fields
