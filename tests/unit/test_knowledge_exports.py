"""metadata/*.meta of an add-on: what is not exported is told. default.meta.conf.spec."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.knowledgekit import addon
from trapline.knowledge import Knowledge
from trapline.knowledge.check import check


def told(folder: Path, meta: str | None, local: str | None = None, **files: str) -> list[str]:
    """The start of what is told of exports, by place."""
    given = files or {"props": "[a]\nEVAL-x = 1\n", "eventtypes": "[one]\nsearch = x=1\n[two words]\nsearch = x=2\n"}
    mine = addon(folder, **given)
    (mine / "metadata").mkdir(exist_ok=True)
    for name, text in (("default", meta), ("local", local)):
        if text is not None:
            (mine / "metadata" / f"{name}.meta").write_text(text, encoding="utf-8")
    problems = list(check([mine]))
    assert not [one for one in problems if one.code == "conf"]  # `[]` is a stanza of these files
    found = [one for one in problems if one.code == "conf-private"]
    assert all(one.where and "metadata/" in one.where for one in found)
    return [one.reason.partition(":")[0] for one in found]


def test_all_is_exported(tmp_path: Path) -> None:
    assert told(tmp_path, "[]\naccess = read : [ * ], write : [ admin ]\nexport = system\n") == []


def test_an_addon_without_metadata_says_nothing(tmp_path: Path) -> None:
    assert told(tmp_path, None) == []


def test_nothing_is_exported_unless_it_is_said(tmp_path: Path) -> None:
    expected = ["the props of my_addon are not exported", "the eventtypes of my_addon are not exported"]
    assert told(tmp_path, "[]\naccess = read : [ * ]\n") == expected


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        ("[]\nexport = system\n[eventtypes]\nexport = none\n", ["the eventtypes of my_addon are not exported"]),
        ("[props]\nexport = system\n", ["the eventtypes of my_addon are not exported"]),
        ("[]\nexport = system\n[views]\nexport = none\n", []),
        (
            "[props]\nexport = system\n[eventtypes/one]\nexport = system\n",
            ["the eventtypes of my_addon are not exported but for 1"],
        ),
        ("[]\nexport = system\n[eventtypes/two%20words]\nexport = none\n", ["eventtypes two words is not exported"]),
        ("[]\nexport = system\n[props/a/EVAL-x]\nexport = none\n", ["props a/EVAL-x is not exported"]),
    ],
)
def test_the_narrowest_stanza_counts(tmp_path: Path, meta: str, expected: list[str]) -> None:
    assert told(tmp_path, meta) == expected


def test_local_overrides_default(tmp_path: Path) -> None:
    assert told(tmp_path, "[]\nexport = none\n", "[]\nexport = system\n") == []


def test_what_is_not_exported_is_used(tmp_path: Path) -> None:
    mine = addon(tmp_path, eventtypes="[one]\nsearch = x=1\n")
    (mine / "metadata").mkdir()
    (mine / "metadata" / "default.meta").write_text("[]\nexport = none\n", encoding="utf-8")
    assert set(Knowledge.load([mine]).eventtypes) == {"one"}


def test_lookups_and_models(tmp_path: Path) -> None:
    found = told(tmp_path, "[]\nexport = none\n", props="[a]\nEVAL-x = 1\n", t_csv="a,b\n1,2\n")
    assert found == ["the props of my_addon are not exported", "the lookups of my_addon are not exported"]
