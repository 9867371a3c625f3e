"""Splunk's .conf files: reading, layering, places."""

from __future__ import annotations

from pathlib import Path

from tests.unit.knowledgekit import addon
from trapline.errors import Warn
from trapline.knowledge import conf


def read(text: str) -> tuple[list[tuple[str, str, str, int]], list[Warn]]:
    problems: list[Warn] = []
    settings = [
        (one.stanza, one.key, one.value, one.line) for one in conf.parse(text, "props.conf", problems) if one.key
    ]
    return settings, problems


def test_stanzas_settings_and_comments() -> None:
    text = "# a comment\n\n[one]\nEVAL-a = b = c\n  # indented comment\nkey=with # no comment\n"
    settings, problems = read(text + "[source::/var/log/[ab].log]\nempty =\n")
    assert settings == [
        ("one", "EVAL-a", "b = c", 4),
        ("one", "key", "with # no comment", 6),
        ("source::/var/log/[ab].log", "empty", "", 8),
    ]
    assert problems == []


def test_settings_before_the_first_stanza_are_of_the_default_one() -> None:
    assert read("a = 1\n[default]\nb = 2\n")[0] == [("default", "a", "1", 1), ("default", "b", "2", 3)]


def test_a_backslash_continues_a_value_and_the_line_is_its_first() -> None:
    settings, _ = read("[s]\nEVAL-a = case(x=1, \\\n  2, \\\n  true(), 3)\nb = c\\\n")
    assert settings == [("s", "EVAL-a", "case(x=1, \n  2, \n  true(), 3)", 2), ("s", "b", "c", 5)]


def test_a_comment_is_not_continued() -> None:
    assert read("[s]\n# see C:\\\na = 1\n")[0] == [("s", "a", "1", 3)]


def test_what_cannot_be_read_is_a_problem_with_its_place() -> None:
    settings, problems = read("[s]\nno equals sign\n= no key\n[broken\na = 1\n")
    assert [one.where for one in problems] == ["props.conf:2", "props.conf:3", "props.conf:4"]
    assert settings == [("[broken", "a", "1", 5)], "what follows a broken head must not count for the stanza before"


def test_local_overrides_default_and_a_later_addon_an_earlier_one(tmp_path: Path) -> None:
    first = addon(tmp_path, "first", props="[s]\na = 1\nb = 1\nb = 2\nc = 1\n[only]\nd = 1\n")
    addon(tmp_path, "first", "local", props="[s]\na = local\n")
    second = addon(tmp_path, "second", props="[s]\nc = second\n")
    stanzas = conf.load([first, second], "props.conf").stanzas
    assert {key: one.value for key, one in stanzas["s"].items()} == {"a": "local", "b": "2", "c": "second"}
    assert stanzas["s"]["a"].place == "first/local/props.conf:2"
    assert stanzas["s"]["c"].place == "second/default/props.conf:2"
    assert stanzas["only"]["d"].value == "1"


def test_files_of_other_editors(tmp_path: Path) -> None:
    folder = addon(tmp_path, props="")
    (folder / "default" / "props.conf").write_bytes(b"\xef\xbb\xbf[s]\r\na = 1\r\nb = caf\xe9\r\n")
    found = conf.load([folder], "props.conf")
    assert [one.value for one in found.stanzas["s"].values()] == ["1", "caf\ufffd"]
    assert [one.where for one in found.problems] == ["my_addon/default/props.conf"]


def test_an_addon_without_the_file(tmp_path: Path) -> None:
    assert conf.load([tmp_path / "nothing"], "props.conf") == conf.Conf()


def test_truth() -> None:
    assert [conf.truth(one) for one in ("1", "True", "enabled", "0", "disabled", "perhaps")] == [
        True, True, True, False, False, None,
    ]  # fmt: skip
