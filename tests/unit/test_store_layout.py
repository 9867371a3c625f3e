"""Where a field of a table lives: columns, tail, and names that may not be used as they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trapline.errors import TraplineError
from trapline.store.layout import BOUND, Layout, check_index, folder_of, preferred_columns, sourcetype_of


def test_names_that_differ_in_case_share_no_column() -> None:
    layout = Layout().grow({"Image": 5, "image": 9}, (), ())
    assert layout.columns == ("image",)
    assert layout.tail == {"Image"}


def test_the_preferred_name_keeps_its_column_even_when_the_other_comes_first() -> None:
    layout = Layout().grow({"ProcessID": 100}, (), preferred_columns("XmlWinEventLog"))
    assert layout.columns == ()
    assert layout.tail == {"ProcessID"}
    layout = layout.grow({"ProcessID": 100, "ProcessId": 1}, (), preferred_columns("xmlwineventlog"))
    assert layout.columns == ("ProcessId",)
    assert layout.tail == {"ProcessID"}


def test_a_place_once_given_stays() -> None:
    first = Layout().grow({"b": 1, "A": 1}, ("b",), ())
    later = first.grow({"a": 99, "b": 1, "c": 50}, ("c",), ("a", "c"))
    assert first.columns == ("A", "b")
    assert later.columns == ("A", "b", "c")
    assert later.tail == {"a"}
    assert later.multi == {"b", "c"}
    assert later.grow({"a": 1, "c": 1}, ("b",), ("a",)) is later


def test_the_bound_keeps_room_for_preferred_names() -> None:
    names = {f"n{place}": 10 for place in range(20)}
    layout = Layout().grow(names | {"frequent": 11}, (), ("late", "later"), bound=6)
    assert len(layout.columns) == 4
    assert layout.columns[0] == "frequent"
    grown = layout.grow({"late": 1, "later": 1, "n99": 99}, (), ("late", "later"), bound=6)
    assert grown.columns == (*layout.columns, "late", "later")
    assert "n99" in grown.tail


@pytest.mark.parametrize(
    "name",
    ["", " ", "a b", "a,b", "arr{}.x", "a=b", "a;b", "(a)", 'q"q', "q'q", "_own", "_time", "_raw", "_fields", "_mv",
     "Host", "SOURCE", "_Time", "näme", "İ", "😀", "x" * 129, "tab\t", "nl\n", "`a`", "back\\slash", "a\x00b"],
)  # fmt: skip
def test_names_unfit_for_a_column_go_to_the_tail(name: str) -> None:
    layout = Layout().grow({name: 1}, (), ())
    assert layout.columns == ()
    assert layout.tail == {name}


@pytest.mark.parametrize("name", ["a", "EventData.Image", "@timestamp", "x-y", "0", "a_b", "x" * 128])
def test_names_fit_for_a_column(name: str) -> None:
    assert Layout().grow({name: 1}, (), ()).columns == (name,)


@given(st.lists(st.dictionaries(st.text("aAbBcC_. é", max_size=3), st.integers(1, 9), max_size=8), max_size=6))
def test_however_names_come_every_one_has_one_place(appends: list[dict[str, int]]) -> None:
    layout = Layout()
    for counts in appends:
        grown = layout.grow(counts, (), ("ab", "Bc"), bound=5)
        assert grown.columns[: len(layout.columns)] == layout.columns
        assert grown.tail >= layout.tail
        layout = grown
        assert len(layout.columns) <= 5
        assert len({name.lower() for name in layout.columns}) == len(layout.columns)
        assert not layout.tail & set(layout.columns)
        assert counts.keys() <= layout.tail | set(layout.columns)


def test_the_column_lists_are_sound() -> None:
    for sourcetype in ("XmlWinEventLog", "WinEventLog", "anything else"):
        names = preferred_columns(sourcetype)
        layout = Layout().grow(dict.fromkeys(names, 1), (), names)
        assert layout.columns == names
        assert len(names) < BOUND * 3 // 4


@pytest.mark.parametrize("index", ["main", "_internal", "win-2024", "0", "a" * 80])
def test_index_names(index: str) -> None:
    assert check_index(index) == index


@pytest.mark.parametrize("index", ["", "Main", "-a", "a/b", "..", ".", "a b", "é", "a\n", "a" * 81, "a.b", "+61"])
def test_wrong_index_names(index: str) -> None:
    with pytest.raises(TraplineError, match="cannot be an index name"):
        check_index(index)


@given(st.text(min_size=1, max_size=20))
def test_a_sourcetype_folder_is_one_harmless_name_and_can_be_read_back(sourcetype: str) -> None:
    folder = folder_of(sourcetype)
    assert sourcetype_of(folder) == sourcetype
    assert not folder.startswith((".", "_"))
    assert set(folder) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.+")


@pytest.mark.parametrize(
    ("sourcetype", "folder"),
    [
        ("XmlWinEventLog", "XmlWinEventLog"),
        ("WinEventLog:Security", "WinEventLog+3ASecurity"),
        ("../../etc", "+2E.+2F..+2Fetc"),
        ("..", "+2E."),
        ("_delta_log", "+5Fdelta_log"),
        ("a+b", "a+2Bb"),
    ],
)
def test_sourcetype_folders(sourcetype: str, folder: str) -> None:
    assert folder_of(sourcetype) == folder


@pytest.mark.parametrize("folder", ["_files.sqlite", "a+b", "+41", "", ".", "a+2e", "+FF"])
def test_other_folders_are_no_sourcetype(folder: str) -> None:
    assert sourcetype_of(folder) is None


@pytest.mark.parametrize("sourcetype", ["", "x" * 201, "é" * 40])
def test_sourcetypes_that_cannot_be_stored(sourcetype: str) -> None:
    with pytest.raises(TraplineError, match="cannot be stored"):
        folder_of(sourcetype)
