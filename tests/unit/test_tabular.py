"""Tables in text: which word belongs to which column."""

from __future__ import annotations

import time

from hypothesis import example, given
from hypothesis import strategies as st

from trapline import tabular

PS = """\
top - 12:00:00 up 1 day
PID  USER    COMMAND
  1  root    /sbin/init
 17          kworker
4711 anna    python3 -m x
"""


def test_words_stand_under_the_names() -> None:
    assert [cells for _, cells in tabular.rows(PS)] == [
        {"PID": "1", "USER": "root", "COMMAND": "/sbin/init"},
        {"PID": "17", "COMMAND": "kworker"},
        {"PID": "4711", "USER": "anna", "COMMAND": "python3 -m x"},
    ]


def test_another_header_begins_another_table() -> None:
    found = [cells for _, cells in tabular.rows("A B\n1 2\nC D\n3 4\n")]
    assert found == [{"A": "1", "B": "2"}, {"C": "3", "D": "4"}]
    assert [cells for _, cells in tabular.rows("A B\n1 2\nC D\n", multitable=False)][1] == {"A": "C", "B": "D"}


def test_no_header_and_a_forced_one() -> None:
    assert [cells for _, cells in tabular.rows("a b\nc d\n", noheader=True)][1] == {"Column_1": "c", "Column_2": "d"}
    assert [cells for _, cells in tabular.rows("X Y\na b\n1 2\n", forceheader=2)] == [{"a": "1", "b": "2"}]
    assert list(tabular.rows("A B\n", forceheader=9)) == []


@example("1\t1\r1\t1")
@given(st.text(alphabet="AB ab1%\t\n\r-", max_size=200))
def test_no_word_is_lost(text: str) -> None:
    for line, cells in tabular.rows(text, multitable=False):
        assert sorted(" ".join(cells.values()).split()) == sorted(line.split())


def test_a_wide_table_takes_no_time() -> None:
    wide = " ".join("C" * 3 for _ in range(20_000))
    start = time.perf_counter()
    list(tabular.rows(f"{wide}\n{' x' * 30_000}\n"))
    assert time.perf_counter() - start < 5
