"""What add-ons use and Trapline does not run."""

from __future__ import annotations

from pathlib import Path

from tests.unit.knowledgekit import addon
from trapline.knowledge.check import check


def test_everything_that_is_not_followed_is_named_with_its_place(tmp_path: Path) -> None:
    props = r"""[app]
EVAL-broken = if(a
EVAL-fine = a
LOOKUP-gone = nowhere a OUTPUT b
LOOKUP-column = codes code OUTPUT colour
LOOKUP-fine = codes code OUTPUT action
KV_MODE = multi:mine
REPORT-x = missing
[old]
rename = app
"""
    folder = addon(tmp_path, props=props, transforms="[codes]\nfilename = c.csv\n", c_csv="code,action\n1,a\n")
    found = check([folder])
    assert [str(one.where).rpartition(":")[2] for one in found] == ["2", "4", "5", "7", "8"]
    assert "the lookup nowhere is no stanza" in found[1].reason
    assert "names the column colour, which the table codes has not" in found[2].reason


def test_a_mode_that_is_none_is_named(tmp_path: Path) -> None:
    (found,) = check([addon(tmp_path, props="[app]\nKV_MODE = jsn\n[b]\nKV_MODE = multi\n")])
    assert "not 'jsn'" in found.reason


def test_a_clean_addon_has_no_doubts(tmp_path: Path) -> None:
    assert check([addon(tmp_path, props="[app]\nEVAL-x = 1\nKV_MODE = none\n")]) == []


def test_eventtypes_that_a_search_would_refuse_are_told(tmp_path: Path) -> None:
    eventtypes = r"""[fine]
search = a=1 `of_b(2)`
[open]
search = (a=1
[pipe]
search = a=1 | head 1
[sub]
search = a=1 [search b=2]
[macro]
search = `nowhere` a=1
"""
    macros = "[of_b(1)]\nargs = n\ndefinition = b=$n$\n"
    found = check([addon(tmp_path, eventtypes=eventtypes, macros=macros)])
    assert [str(one.where).rpartition(":")[2] for one in found] == ["4", "6", "8", "10"]
    for one, said in zip(found, ("unbalanced", "a pipe cannot", "a subsearch cannot", "nowhere"), strict=True):
        assert said in one.reason


def test_lookups_that_are_no_tables_are_told(tmp_path: Path) -> None:
    transforms = "[script]\nexternal_cmd = x.py a b\nfields_list = a, b\n[gone]\nfilename = gone.csv\n"
    found = check([addon(tmp_path, transforms=transforms)])
    assert [str(one.where).rpartition(":")[2] for one in found] == ["2", "5"]
    assert "runs an external program" in found[0].reason
    assert "gone.csv" in found[1].reason


def test_settings_of_index_time_that_say_nothing_are_told(tmp_path: Path) -> None:
    props = "[a]\nTRUNCATE = abc\nMAX_TIMESTAMP_LOOKAHEAD = -5\n[b]\nTRUNCATE = -1\n"
    props += "MAX_TIMESTAMP_LOOKAHEAD = -1\n[]\nX = 1\n"
    found = check([addon(tmp_path, props=props)])
    said = [(str(one.where).rpartition(":")[2], one.reason.partition(" ")[0]) for one in found]
    assert said[:4] == [("2", "TRUNCATE"), ("3", "MAX_TIMESTAMP_LOOKAHEAD"), ("5", "TRUNCATE"), ("7", "a")]


def test_an_eventtype_that_is_decided_by_its_own_tag_is_told(tmp_path: Path) -> None:
    eventtypes = "[round]\nsearch = a=1 tag=mine\n[fine]\nsearch = tag=mine\n[other]\nsearch = tag=else\n"
    tags = "[eventtype=round]\nmine = enabled\n[eventtype=other]\nmine = enabled\n"
    (found,) = check([addon(tmp_path, eventtypes=eventtypes, tags=tags)])
    assert "round asks for the tag mine" in found.reason
    assert str(found.where).endswith("eventtypes.conf:2")


def test_macros_that_contain_themselves_are_told(tmp_path: Path) -> None:
    macros = "[m1]\ndefinition = `m2`\n[m2]\ndefinition = a=1 `m3(1)`\n[m3(1)]\nargs = x\ndefinition = `m1`\n"
    macros += "[self]\ndefinition = `self`\n[fine]\ndefinition = `m1` b=1\n"
    found = check([addon(tmp_path, macros=macros)])
    assert [one.reason.partition(";")[0] for one in found] == [
        "the macro m1 contains itself: m1 -> m2 -> m3(1) -> m1",
        "the macro m2 contains itself: m2 -> m3(1) -> m1 -> m2",
        "the macro m3(1) contains itself: m3(1) -> m1 -> m2 -> m3(1)",
        "the macro self contains itself: self -> self",
    ]


def test_a_format_that_asks_for_groups_that_are_not_there_is_told(tmp_path: Path) -> None:
    transforms = "[bad]\nREGEX = (a)(b)\nFORMAT = x::$1 y::$9\n[fine]\nREGEX = (a)\nFORMAT = x::$1\n"
    (found,) = check([addon(tmp_path, transforms=transforms)])
    assert "group 9, and REGEX has 2" in found.reason
