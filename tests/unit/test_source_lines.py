"""Bounded lines, and times of unknown shape."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trapline.ingest import lines as module
from trapline.ingest.eventtime import at_start, micros
from trapline.ingest.lines import decode, head_lines, head_text, is_event_xml, lines
from trapline.ingest.timestamps import to_micros


def _all(data: bytes, limit: int = 100) -> list[tuple[int, bytes | None]]:
    return list(lines(io.BytesIO(data), limit))


def test_lines_are_numbered_and_keep_their_cr() -> None:
    assert _all(b"a\r\nb\n\nc") == [(1, b"a\r"), (2, b"b"), (3, b""), (4, b"c")]
    assert _all(b"") == []
    assert _all(b"a\n") == [(1, b"a")]


def test_a_line_beyond_the_limit_is_named_and_not_held() -> None:
    assert _all(b"x" * 101 + b"\nok\n" + b"y" * 300) == [(1, None), (2, b"ok"), (3, None)]


@given(st.lists(st.binary(max_size=30).map(lambda one: one.replace(b"\n", b" ")), max_size=20), st.integers(1, 40))
def test_no_line_is_lost_however_the_chunks_fall(parts: list[bytes], chunk: int) -> None:
    data = b"\n".join(parts)
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or data[:3] == b"\xef\xbb\xbf":
        return
    old = module._CHUNK
    module._CHUNK = chunk
    try:
        found = _all(data, 10)
    finally:
        module._CHUNK = old
    expected = data.split(b"\n")
    if expected[-1] == b"":
        expected.pop()
    assert found == [(at, line if len(line) <= 10 else None) for at, line in enumerate(expected, 1)]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_byte_order_marks_are_understood(encoding: str) -> None:
    assert _all("ein Ä\nzwei".encode(encoding)) == [(1, "ein Ä".encode()), (2, b"zwei")]
    assert head_lines("ein Ä\nzwei\n".encode(encoding)) == ["ein Ä", "zwei"]


def test_bytes_that_are_not_utf8_are_windows_1252() -> None:
    assert decode(b"caf\xe9 \x81") == "café \x81"


def test_what_is_not_text_has_no_head() -> None:
    assert head_text(b"") is None
    assert head_text(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR") is None
    assert head_text(b"a" * 500 + b"\0") is not None  # one slip does not make a text binary
    assert is_event_xml("junk\n<Event xmlns='x'><System>")
    assert not is_event_xml("the <Event> of the year")


NOON = to_micros(datetime(2024, 3, 4, 12, 0, 5, tzinfo=UTC))


@pytest.mark.parametrize(
    "value",
    [
        "2024-03-04T12:00:05Z",
        "2024-03-04 12:00:05",
        "2024-03-04T13:00:05+0100",
        "2024-03-04 12:00:05 GMT",
        "2024/03/04 12:00:05",
        "03/04/2024 12:00:05 PM",
        "04/Mar/2024:11:00:05 -0100",
        NOON // 1_000_000,
        str(NOON // 1_000_000),
        str(NOON // 1_000),
        NOON,
        NOON * 1000,
        f"{NOON // 1_000_000}.000000",
    ],
)
def test_times_of_many_shapes(value: object) -> None:
    assert micros(value) == NOON


@pytest.mark.parametrize(
    "value", [None, True, "", "soon", "12", 10**30, "9999999", {}, "2024-13-40T00:00:00Z", "x" * 99]
)
def test_what_is_no_time(value: object) -> None:
    assert micros(value) is None


def test_fractions_keep_their_microseconds() -> None:
    assert micros("1604994496.155") == 1_604_994_496_155_000
    assert micros("1588316975.9138491") == 1_588_316_975_913_849


def test_syslog_takes_the_newest_year_that_is_not_in_the_future() -> None:
    march = to_micros(datetime(2024, 3, 10, tzinfo=UTC)) / 1_000_000
    assert at_start("Mar  4 12:00:05 host x", march) == (NOON, 15, True)
    assert at_start("<34>Mar  4 12:00:05 host x", march) == (NOON, 19, True)
    december = at_start("Dec 31 23:59:59 host x", march)
    assert december is not None
    assert datetime.fromtimestamp(december[0] / 1e6, UTC).year == 2023
    leap = at_start("Feb 29 00:00:00 host x", to_micros(datetime(2023, 5, 1, tzinfo=UTC)) / 1e6)
    assert leap is not None
    assert datetime.fromtimestamp(leap[0] / 1e6, UTC).year == 2020
    assert at_start("Mar  4 12:00:05 host x", None) is None
    assert at_start("Foo  4 12:00:05 host x", march) is None


@given(st.text(max_size=60))
def test_any_text_may_be_asked_for_its_time(text: str) -> None:
    found = at_start(text, 1_700_000_000.0)
    assert found is None or found[1] <= len(text)
    micros(text)
