"""Documents come from logs: damaged, endless, nested without end. None of them may crash a search or take long."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trapline.engines import documents, structured
from trapline.errors import Doubt

DEEP = 20_000

_scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8)
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@given(_values)
def test_json_is_written_as_it_is_read(value: object) -> None:
    assert documents.load(documents.dump(value)) == value
    assert json.loads(documents.dump(documents.load(json.dumps(value), written=True))) == value


@given(_values.filter(lambda value: isinstance(value, dict | list)))
def test_a_whole_document_gives_the_same_fields_piece_by_piece(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False)
    if "" in str(value) and any(name == "" for name in _keys(value)):
        return
    assert list(documents.flatten_prefix(text)) == list(documents.flatten(documents.load(text, written=True)))


def _read(function: Callable[..., Any], *args: object) -> Any:
    """What a function found, also where it tells that it left something out."""
    try:
        return function(*args)
    except Doubt as doubt:
        return doubt.value


def _keys(value: object) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(key for one in value.values() for key in _keys(one))]
    return [key for one in value for key in _keys(one)] if isinstance(value, list) else []


@given(st.text(alphabet='{}[]",:\\ab1 <>/="\'!-?@.&;', max_size=60), st.text(alphabet="ab.{}@12", max_size=12))
@settings(max_examples=400)
def test_no_text_and_no_path_raises(text: str, path: str) -> None:
    for found in (
        structured.spath([text], path),
        _read(structured.spath_fields, [text], 5000),
        structured.xml_fields(text),
    ):
        assert found is None or all(isinstance(one, str) for one in found)
    structured.extract(text, [path])
    structured.change("set", text, [path], ["1"])
    structured.change("extend", text, [path], ["[1]"])
    structured.delete(text, [path])
    structured.kv_fields(text, None, None, 50, 5000, "c")
    structured.kv_fields(text, ",", "=:", 50, 5000, "e")
    documents.xpath_values(text, "//a/@b")


@pytest.mark.parametrize(
    "text",
    [
        "[" * DEEP,
        '{"a":' * DEEP,
        "[" * DEEP + "]" * DEEP,
        "<a>" * DEEP,
        "<a " * DEEP,
        "<!--" * DEEP,
        "<![CDATA[" * DEEP,
        '<a b="' * DEEP,
        "</a>" * DEEP,
        "<a><b>" * DEEP + "</c>" * DEEP,
        '{"a":"' + "\\" * DEEP,
        "&#1" * DEEP,
        '"' * DEEP,
        'a="' * DEEP,
        "a=" * DEEP,
    ],
    ids=lambda text: text[:12],
)
def test_hostile_documents_end(text: str) -> None:
    structured.spath([text], "a.b{}.c")
    _read(structured.spath_fields, [text], 5000)
    structured.xml_fields(text)
    structured.kv_fields(text, None, None, 50, 5000, "c")
    structured.kv_fields(text, ",", "=", 50, 5000, "c")
    structured.extract(text, ["a"])
    structured.valid(text)
    structured.json_fields(text)
    documents.xpath_values(text, "//a")


def test_entities_are_never_defined() -> None:
    bomb = '<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;&x;&x;">]><a>&y;</a>'
    assert documents.xpath_values(bomb, "//a") == []
    assert structured.spath([bomb], "a") == ["&y;"]


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "1" * 5000, "[1e999]", "'a'", "{a: 1}", "", "01", "[1,]"])
def test_what_is_no_json(text: str) -> None:
    assert structured.valid(text) is False


def test_large_whole_numbers_keep_their_digits() -> None:
    assert structured.extract('{"id": 12345678901234567890123}', ["id"]) == "12345678901234567890123"
    assert structured.spath(['{"id": 1.10e3}'], "id") == ["1.10e3"]
