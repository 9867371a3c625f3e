"""The case pages of an add-on show a value of every field that its settings make, every eventtype and every tag."""

from __future__ import annotations

import re

import pytest

from tests.shared import CASES
from trapline.knowledge import Knowledge
from trapline.knowledge.precedence import ADDONS, built_in_addons


def cases(addon: str) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(CASES.glob(f"knowledge/{addon}*.md")))


OTHER_PAGES = {"identities": "assets"}
"""Add-ons whose page has another name: that of what the user gives."""


def test_every_addon_has_a_page() -> None:
    names = [path.name for path in built_in_addons()]
    assert [name for name in names if "```rows" not in cases(OTHER_PAGES.get(name, name))] == []


@pytest.mark.parametrize("addon", ["sysmon", "windows"])
def test_a_row_for_every_field(addon: str) -> None:
    shown = set(re.findall(r'"([^"\s]+)": ', cases(addon)))
    known = Knowledge.load([ADDONS / addon])
    made = {name for stanza in known.stanzas for rule in stanza.rules.values() for name in rule.fields}
    assert len(made) > 50
    assert sorted(made - shown) == []


@pytest.mark.parametrize("addon", ["sysmon", "windows"])
def test_every_eventtype_and_tag(addon: str) -> None:
    shown = set(re.findall(r'"([^"\s]+)"', cases(addon)))
    known = Knowledge.load([ADDONS / addon])
    assert sorted(set(known.eventtypes) - shown) == []
    assert sorted({one.tag for one in known.tags} - shown) == []
