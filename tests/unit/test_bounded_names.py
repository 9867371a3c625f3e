"""Patterns with many `*`, and calls nested deep, take no long time."""

from __future__ import annotations

import re
import time

import pytest

from trapline.engines.duckdb import trees
from trapline.spl.wildcard import matches as star_matches
from trapline.values import fills as star_fills
from trapline.values import star_regex


@pytest.mark.parametrize(
    ("pattern", "text", "fills"),
    [
        ("a*", "abc", ("bc",)),
        ("*_*", "a_b_c", ("a_b", "c")),
        ("**", "ab", ("ab", "")),
        ("ab", "ab", ()),
        ("a*b*c", "ac", None),
        ("ab*ba", "aba", None),
    ],
)
def test_each_star_takes_as_much_as_it_can(pattern: str, text: str, fills: tuple[str, ...] | None) -> None:
    assert star_fills(pattern, text) == fills
    assert (re.fullmatch(star_regex(pattern), text) is not None) == (fills is not None)


def test_many_stars_end_at_once() -> None:
    began = time.process_time()
    for pattern in ("*" * 40 + "b", "*a" * 40 + "b"):
        assert not star_matches(pattern, "a" * 5_000)
        assert re.fullmatch(star_regex(pattern), "a" * 5_000) is None
    assert time.process_time() - began < 2


def test_nested_macros_are_bound_before_they_grow() -> None:
    tree = trees.native("now")
    for _ in range(40):
        tree = trees.macro("substring_of", tree, trees.native("pi"), trees.native("pi"))
    assert trees._measured(tree)[0] < 100_000
    assert "list_transform" in tree.sql(dialect="duckdb", normalize_functions=False)
