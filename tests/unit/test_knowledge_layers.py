"""The user's add-ons over the built-in ones: what replaces, and what is laid over."""

from __future__ import annotations

from pathlib import Path

from tests.unit.knowledgekit import addon, session
from trapline.knowledge import Knowledge, built_in_addons

LINE = "Jan  6 10:00:00 fw1 %ASA-4-106023: Deny tcp src outside:192.0.2.4/1 dst inside:10.1.1.1/22 by access-group x"
EVENTTYPES = "[mine]\nsearch = sourcetype=cisco:asa\n"
TAGS = "[eventtype=mine]\nmine = enabled\n"


def _asked(folder: Path, given: Path, spl: str) -> list[dict[str, object]]:
    known = Knowledge.load([*built_in_addons(), given])
    with session(folder, [LINE], known, sourcetype="cisco:asa", host="fw1") as opened:
        return [dict(row) for row in opened.run(spl).rows]


def test_an_addon_that_reads_a_sourcetype_replaces_the_built_in_stanza(tmp_path: Path) -> None:
    props = "[cisco:asa]\nSHOULD_LINEMERGE = false\nEXTRACT-host = ^\\w+\\s+\\d+ \\S+ (?<dvc>\\S+)\n"
    given = addon(tmp_path, props=props, eventtypes=EVENTTYPES, tags=TAGS)
    rows = _asked(tmp_path, given, "search * | table dvc vendor_product src eventtype tag")
    assert rows == [{"dvc": "fw1", "eventtype": "mine", "tag": "mine"}]
    assert any("[cisco:asa]" in one for one in Knowledge.load([*built_in_addons(), given]).replaced)


def test_one_that_only_adds_is_laid_over_it(tmp_path: Path) -> None:
    given = addon(tmp_path, props='[cisco:asa]\nEVAL-site = "north"\nEXTRACT-mine = (?<mine>access-group)\n')
    (row,) = _asked(tmp_path, given, "search * | table site mine vendor_product src")
    assert row == {"site": "north", "mine": "access-group", "vendor_product": "Cisco ASA", "src": "192.0.2.4"}
    assert Knowledge.load([*built_in_addons(), given]).replaced == ()


def test_a_built_in_pattern_yields_for_the_sourcetype_that_the_user_describes(tmp_path: Path) -> None:
    props = "[WinEventLog:Mine]\nTIME_FORMAT = %s\nEVAL-a = 1\n"
    known = Knowledge.load([*built_in_addons(), addon(tmp_path, props=props)])
    (yielding,) = [one for one in known.stanzas if one.spec.name == "(?::){0}(?i)WinEventLog..."]
    assert [one.name for one in yielding.yields] == ["WinEventLog:Mine"]


def test_a_transform_of_the_user_is_not_mixed_with_the_built_in_one_of_its_name(tmp_path: Path) -> None:
    built_in = Knowledge.built_in().named["transforms"]
    name = next(name for name, keys in built_in.items() if "REGEX" in keys and "FORMAT" in keys)
    given = addon(tmp_path, transforms=f'[{name}]\nDELIMS = ","\nFIELDS = a\n')
    assert set(Knowledge.load([*built_in_addons(), given]).named["transforms"][name]) == {"DELIMS", "FIELDS"}
