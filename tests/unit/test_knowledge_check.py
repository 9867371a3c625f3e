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
