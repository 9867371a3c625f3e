"""The conformance runner: what it takes for equal, and what it says when it is not."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from tests import conformance

SAME: list[tuple[Any, Any]] = [
    ("a", "a"),
    ("", ""),
    (5, 5.0),
    (5, "5"),
    ("5", 5.0),
    ("5.0", 5),
    (1e12, 1e12 + 1),
    (0.1 + 0.2, 0.3),
    ("0.3333333", 1 / 3),
    (-0.0, "0"),
    (None, None),
    (["a"], "a"),
    ("a", ["a"]),
    ([5], "5"),
    (["1", 2], [1, "2"]),
]

DIFFERENT: list[tuple[Any, Any]] = [
    ("a", "A"),
    ("a", "a "),
    ("a  b", "a b"),
    ("5", "5.0"),
    ("01", "1"),
    (5, "05x"),
    (5, "five"),
    (5, 5.001),
    (1, -1),
    (0, 1e-9),
    (0, None),
    ("", None),
    (None, ""),
    (None, 0),
    (None, []),
    (True, 1),
    ("nan", 0),
    (["a", "b"], ["b", "a"]),
    (["a", "b"], ["a"]),
    (["a", "b"], "a"),
    (["a", "b"], "a\nb"),
]


@pytest.mark.parametrize(("want", "got"), SAME)
def test_equal_cells(want: Any, got: Any) -> None:
    assert conformance.same_cell(want, got)


@pytest.mark.parametrize(("want", "got"), DIFFERENT)
def test_unequal_cells(want: Any, got: Any) -> None:
    assert not conformance.same_cell(want, got)


def test_blanks_collapse_in_the_field_search_only() -> None:
    assert conformance.same_cell('( (  a="1" ) )', '( ( a="1" ) )', field="search")
    assert not conformance.same_cell("a  b", "a b", field="title")
    assert not conformance.same_cell('a="1"', 'a="2"', field="search")


def test_json_cells() -> None:
    assert conformance.same_cell('{"a": 1, "b": [2]}', '{"b":[2],"a":1}', as_json=True)
    assert not conformance.same_cell('{"a": 1}', '{"a": 2}', as_json=True)
    assert not conformance.same_cell('{"a": 1}', '{"a":1}')
    assert not conformance.same_cell("{", "{ ", as_json=True)


def case(expected: list[dict[str, Any]], **rest: Any) -> dict[str, Any]:
    return {"id": "x-1", "topic": "x", "spl": "head", "events": [], "expected": expected} | rest


AGREE: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
    (case([]), []),
    (case([{"a": "1"}]), [{"a": "1"}]),
    (case([{"a": "1"}]), [{"a": "1", "_time": 5, "_raw": "x"}]),
    (case([{"a": "1"}]), [{"a": "1", "b": None}]),
    (case([{"a": "1", "b": None}]), [{"a": "1"}]),
    (case([{}]), [{}]),
    (case([{"a": "1"}, {"a": "2"}], ordered=False), [{"a": "2"}, {"a": "1"}]),
    (case([{"a": 1}, {"a": 1}], ordered=False), [{"a": "1"}, {"a": 1.0}]),
    (case([{"a": "1"}], absent=["_time"]), [{"a": "1"}]),
    (case([{"b": "1", "a": "2"}], fields_order=["a", "nope", "b"]), [{"a": "2", "b": "1"}]),
    (case([{"o": '{"a":1}'}], note="compare as JSON"), [{"o": '{ "a" : 1 }'}]),
]

DISAGREE: list[tuple[dict[str, Any], list[dict[str, Any]], str]] = [
    (case([]), [{"a": "1"}], "1 rows, expected 0"),
    (case([{"a": "1"}]), [], "0 rows, expected 1"),
    (case([{}]), [], "0 rows, expected 1"),
    (case([{"a": "1"}]), [{"a": "2"}], 'row 1: a: expected "1", got "2"'),
    (case([{"a": "1"}]), [{}], 'row 1: a: expected "1", got null'),
    (case([{"a": "1"}]), [{"a": "1", "b": "x"}], 'row 1: b: expected null, got "x"'),
    (case([{"a": "1", "_time": 1}, {"a": "2"}]), [{"a": "1", "_time": 1}, {"a": "2", "_time": 2}], "row 2: _time"),
    (case([{"a": "1"}, {"a": "2"}]), [{"a": "2"}, {"a": "1"}], "row 1: a"),
    (case([{"a": "1"}, {"a": "2"}], ordered=False), [{"a": "1"}, {"a": "1"}], "no row like this"),
    (case([{"a": "1"}], ordered=False), [{"a": "1"}, {"a": "1"}], "one too many"),
    (case([{"a": "1"}], absent=["_time"]), [{"a": "1", "_time": 1}], "_time must be absent"),
    (case([{"a": "1", "b": "2"}], fields_order=["a", "b"]), [{"b": "2", "a": "1"}], "in the order b, a"),
    (case([{"o": '{"a":1}'}], note="json text"), [{"o": '{ "a" : 1 }'}], "row 1: o"),
]


@pytest.mark.parametrize(("one", "got"), AGREE)
def test_rows_that_agree(one: dict[str, Any], got: list[dict[str, Any]]) -> None:
    assert conformance.compare(one, got) == ""


@pytest.mark.parametrize(("one", "got", "said"), DISAGREE)
def test_rows_that_disagree(one: dict[str, Any], got: list[dict[str, Any]], said: str) -> None:
    assert said in conformance.compare(one, got)


def test_a_case_that_hangs_is_stopped() -> None:
    with pytest.raises(conformance.Hang), conformance.limit(0.02):
        time.sleep(60)


def test_a_fast_case_is_left_alone() -> None:
    with conformance.limit(60):
        done = True
    assert done


def write(path: Path, *cases: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in cases), encoding="utf-8")
    return path


GOOD: dict[str, Any] = {
    "id": "g-1",
    "topic": "good",
    "spl": "where a>1",
    "events": [{"a": "1"}, {"a": "2"}],
    "expected": [{"a": "2"}],
}
BAD: dict[str, Any] = {
    "id": "b-1",
    "topic": "bad",
    "spl": "where a>1",
    "events": [{"a": "1"}, {"a": "2"}],
    "expected": [{"a": "1"}],
}
ERROR: dict[str, Any] = {
    "id": "e-1",
    "topic": "bad",
    "spl": "where (a",
    "events": [],
    "expected": None,
    "error": "PAREN|expected",
}
NO_ERROR: dict[str, Any] = {
    "id": "e-2",
    "topic": "bad",
    "spl": "where a>1",
    "events": [],
    "expected": None,
    "error": "paren",
}


def test_a_run_counts_prints_and_exits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path / "cases.jsonl", GOOD, BAD, ERROR, NO_ERROR)
    assert conformance.main([str(file)]) == 1
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == "2 passed, 2 failed"
    assert 'FAIL b-1\n  row 1: a: expected "1", got "2"\n' in out
    assert "FAIL e-2\n  expected an error like /paren/, got 0 rows\n" in out
    assert "g-1" not in out
    assert re.search(r"^bad +1 of +3  2 failed$", out, re.MULTILINE)

    assert conformance.main([str(file), "--topic", "good"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 passed, 0 failed"

    assert conformance.main([str(file), "--id", "g-1", "--id", "b-1", "--json"]) == 1
    first, last = capsys.readouterr().out.splitlines()
    assert last == "1 passed, 1 failed"
    assert json.loads(first)["topics"] == {"bad": {"passed": 0, "failed": 1}, "good": {"passed": 1, "failed": 0}}
    assert [one["id"] for one in json.loads(first)["failures"]] == ["b-1"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", ":1: not JSON"),
        ('\n{"id": "x"}', ":2: no topic, spl, events, expected"),
        ('{"id": "x", "topic": "t", "spl": "", "events": [], "expected": null}', ":1: neither expected rows nor"),
    ],
)
def test_a_file_in_another_format_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit) as leave:
        conformance.main([str(file)])
    assert leave.value.code == 2
    assert said in capsys.readouterr().err


def test_unknown_topics_and_files_are_usage_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path / "cases.jsonl", GOOD)
    for argv in (["--topic", "nix", str(file)], [str(tmp_path / "none.jsonl")]):
        with pytest.raises(SystemExit) as leave:
            conformance.main(argv)
        assert leave.value.code == 2
    assert "nix" in capsys.readouterr().err
