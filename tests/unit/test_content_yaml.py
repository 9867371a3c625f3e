"""YAML of strangers: exact text, right lines, hard bounds."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trapline.content.yamlfile import MAX_DEPTH, MAX_NODES, parse
from trapline.errors import InputError


def test_scalars_stay_as_written() -> None:
    text = "a: 007\nb: yes\nc: 2024-09-30\nd: 1:30\ne: null\nf: 'null'\ng:\nh: ''\ni: ~\nj: 25.0\n"
    (node,) = parse(text, "f.yml")
    assert node.plain() == {
        "a": "007",
        "b": "yes",
        "c": "2024-09-30",
        "d": "1:30",
        "e": None,
        "f": "null",
        "g": None,
        "h": "",
        "i": None,
        "j": "25.0",
    }


def test_nodes_know_their_line() -> None:
    (node,) = parse("a: 1\nb:\n  - x\n  - y: |\n      text\n      more\n", "f.yml")
    assert isinstance(node.value, dict)
    b = node.value["b"]
    assert isinstance(b.value, list)
    assert [item.line for item in b.value] == [3, 4]


def test_documents_and_none() -> None:
    assert [node.plain() for node in parse("a: 1\n---\nb: 2\n", "f")] == [{"a": "1"}, {"b": "2"}]
    assert parse("# nothing\n", "f") == []


def test_a_repeated_key_keeps_the_first_and_is_noted() -> None:
    (node,) = parse("a: 1\nb: 2\na: 3\n", "f.yml")
    assert node.plain() == {"a": "1", "b": "2"}
    assert node.repeated == [("a", 3)]


def test_anchors_work() -> None:
    (node,) = parse("a: &x [1, 2]\nb: *x\n", "f.yml")
    assert node.plain() == {"a": ["1", "2"], "b": ["1", "2"]}


def test_tags_are_not_obeyed() -> None:
    (node,) = parse("a: !!python/object/apply:os.system [echo]\nb: !!int x\n", "f.yml")
    assert node.plain() == {"a": ["echo"], "b": "x"}


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        ("a: b: c\n", "mapping values are not allowed", 1),
        ("a: 1\nb: [1, 2\nc: 3\n", "did not find expected", 3),
        ("a: 'x\n", "unexpected end", 2),
        ("a: @x\n", "cannot start any token", 1),
        ("a: *nowhere\n", "no anchor before it", 1),
        ("a: &x [*x]\n", "no anchor before it", 1),
        ("[" * 100_000, f"deeper than {MAX_DEPTH}", 1),
        ("{a: " * 100_000, f"deeper than {MAX_DEPTH}", 1),
        ("- " * 100_000, f"deeper than {MAX_DEPTH}", 1),
        ("[" + "1," * (MAX_NODES + 1) + "1]", f"more than {MAX_NODES} values", 1),
        ("a: \x07\n", "not valid YAML", None),
    ],
)
def test_what_is_refused(text: str, reason: str, line: int | None) -> None:
    with pytest.raises(InputError) as caught:
        parse(text, "f.yml")
    assert reason in caught.value.reason
    assert caught.value.line == line
    assert caught.value.file == "f.yml"


def test_an_alias_bomb_is_refused() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 9)}]" for at in range(1, 12)]
    with pytest.raises(InputError, match="more than"):
        parse("\n".join(rows), "bomb.yml")


@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*!'\"|>#\n \t,?%@`\\0"), max_size=60))
def test_nothing_but_an_input_error_escapes(text: str) -> None:
    with contextlib.suppress(InputError):
        for node in parse(text, "f.yml"):
            node.plain()
