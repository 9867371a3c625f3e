"""Many pairs of constants are looked up: the same rows as comparing them one after the other."""

from __future__ import annotations

from itertools import product

import pytest

from trapline import sql
from trapline.search import Session
from trapline.values import Row

PAIRS = [(f"h{at}", str(at)) for at in range(20)]
VALUES = (None, "h1", "H2", "h3", "other", "h1\x01", "")
ROWS = [
    {name: value for name, value in (("dest", dest), ("pid", pid)) if value is not None}
    for dest, pid in product(VALUES, (None, "1", "2", "3", "x", "\x011", ""))
]


@pytest.mark.parametrize(
    "form", ["search {}", "search NOT ({})", "search ({}) OR dest=other", "search x=1 OR NOT ({})"]
)
def test_rows_are_the_same(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spl = form.format(" OR ".join(f'(dest="{dest}" pid="{pid}")' for dest, pid in PAIRS))

    def rows() -> tuple[list[Row], str]:
        session = Session(events=ROWS)
        return session.run(spl).rows, session.sql(spl)

    found, text = rows()
    monkeypatch.setattr(sql, "MANY", 1_000)
    alone, plain = rows()
    assert found == alone
    assert found
    assert len(text) != len(plain)


def test_a_null_is_neither_in_nor_out(monkeypatch: pytest.MonkeyPatch) -> None:
    either = " OR ".join(f'(dest="{dest}" AND pid="{pid}")' for dest, pid in PAIRS)
    spl = f'eval said=case({either}, "in", NOT ({either}), "out", true(), "unknown")'
    found = Session(events=ROWS).run(spl).rows
    monkeypatch.setattr(sql, "MANY", 1_000)
    assert found == Session(events=ROWS).run(spl).rows
    assert {row["said"] for row in found} == {"in", "out", "unknown"}
