"""Which searches need no store, because they make all their rows themselves."""

from __future__ import annotations

import pytest

from trapline import app


@pytest.mark.parametrize(
    ("spl", "none"),
    [
        ("| makeresults | eval a=1", True),
        ('| makeresults format=csv data="p\na[1]z\n" | table p', True),
        ('| makeresults | rex field=a "(?<b>[a-z]+)"', True),
        ("| makeresults | append [search index=main]", False),
        ("| makeresults | eval a=[search index=main | return $host]", False),
        ("| makeresults | where a IN ([search index=main | return 5 $host])", False),
        ('| makeresults | map search="search index=main"', False),
        ("| makeresults | collect index=summary", False),
        ("index=main", False),
    ],
)
def test_a_search_that_reads_no_events(spl: str, none: bool) -> None:
    assert app.needs_no_events(spl, app.content()) is none
