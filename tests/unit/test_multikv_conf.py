"""Stanzas of multikv.conf: what cannot be used is told, and how lines are cut."""

from __future__ import annotations

import pytest

from trapline.errors import SplError, Unsupported
from trapline.spl.tables import read_tables


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"body.tokens": "_cut_"}, "cuts no line"),
        ({"body.tokens": "_chop_, (0, 4, 5)"}, "cuts no line"),
        ({"body.linecount": "many"}, "is no number"),
        ({"footer.start": "x"}, "does not know"),
        ({"body.start": "("}, "cannot be used"),
    ],
)
def test_what_cannot_be_used(settings: dict[str, str], reason: str) -> None:
    with pytest.raises(SplError, match=reason):
        read_tables(settings)


def test_aligned_tokens_are_refused() -> None:
    with pytest.raises(Unsupported, match="_align_"):
        read_tables({"body.tokens": '_align_, "PID", L, -1'})


@pytest.mark.parametrize(
    ("tokens", "cells"),
    [
        ('_tokenize_, -1, ","', ["a", "b c", "d"]),
        ('_tokenize_, 2, ","', ["a", "b c,,d"]),
        ('_tokenize_, -1, ",", false', ["a", "b c", "", "d"]),
        ("_chop_, (0, 1), (2, 3)", ["a", "b c"]),
    ],
)
def test_how_a_line_is_cut(tokens: str, cells: list[str]) -> None:
    rules = read_tables({"body.tokens": tokens})
    (_, found), *rest = rules.rows("a,b c,,d")
    assert not rest
    assert found == {f"Column_{place}": cell for place, cell in enumerate(cells, 1) if cell}
