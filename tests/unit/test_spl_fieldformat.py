"""fieldformat: what a person sees, beside the values that stay."""

from __future__ import annotations

from trapline.search import Session

ROWS = [{"bytes": 1234567, "host": "a"}, {"bytes": 12, "host": "b"}]


def test_values_stay_and_the_shown_rows_are_formatted() -> None:
    result = Session(events=ROWS).run('fieldformat bytes=tostring(bytes, "commas") | table host bytes')
    assert result.rows == ROWS
    assert result.shown == [{"host": "a", "bytes": "1,234,567"}, {"host": "b", "bytes": "12"}]


def test_the_expression_sees_the_final_rows() -> None:
    result = Session(events=ROWS).run('fieldformat bytes=bytes." of ".host | eval bytes=bytes+1 | head 1')
    assert result.shown == [{"host": "a", "bytes": "1234568 of a"}]


def test_a_field_that_is_gone_in_the_end_is_not_shown() -> None:
    result = Session(events=ROWS).run('fieldformat bytes=bytes." B" | table host')
    assert result.shown is None


def test_no_fieldformat() -> None:
    assert Session(events=ROWS).run("table host").shown is None
