"""`trapline fields`: what fields logs have, where they come from, and what data models want of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from tests.unit.knowledgekit import addon, session, xml
from trapline.cli import cli
from trapline.coverage.survey import By, FieldFacts, survey
from trapline.coverage.wanted import Wanted, wanted
from trapline.knowledge import Knowledge

MODEL: dict[str, Any] = {
    "modelName": "Shop",
    "objects": [
        {
            "objectName": "Sales",
            "parentName": "BaseEvent",
            "constraints": [{"search": "kind=sale"}],
            "fields": [
                {"fieldName": "buyer", "comment": json.dumps({"recommended": True})},
                {"fieldName": "price", "comment": json.dumps({"recommended": True})},
                {"fieldName": "buyer_priority", "comment": json.dumps({"recommended": True})},
                {"fieldName": "note", "comment": json.dumps({"ta_relevant": False})},
            ],
        },
        {
            "objectName": "Refunds",
            "parentName": "Sales",
            "constraints": [{"search": "back=yes"}],
            "fields": [{"fieldName": "why", "comment": json.dumps({"recommended": True})}],
        },
    ],
}


def test_fields_and_where_they_come_from(tmp_path: Path) -> None:
    props = "[shop]\nEVAL-price = cost * 2\nFIELDALIAS-b = who AS buyer\n\n[source::other]\nEVAL-price = 0\n"
    known = Knowledge.load([addon(tmp_path, props=props)])
    events = [{"who": "ann", "cost": "2"}, {"who": "bob"}, {"who": "ann"}]
    with session(tmp_path, events, known, sourcetype="shop", source="till") as s:
        (group,) = survey(s, known).groups
    facts = {one.name: one for one in group.fields}
    assert (group.sourcetype, group.source, group.events, group.looked_at) == ("shop", None, 3, 3)
    assert facts["who"] == FieldFacts("who", 3, 1.0, 2, facts["who"].example, ())
    assert facts["buyer"].origin == ("my_addon/default/props.conf:3",)
    # The setting of another source has no say here.
    assert facts["price"] == FieldFacts("price", 1, 1 / 3, 1, "4", ("my_addon/default/props.conf:2",))
    assert "host" not in facts


def test_by_source_the_newest_events(tmp_path: Path) -> None:
    with session(tmp_path, [{"a": "1"}, {"b": "1"}, {"c": "1"}], sourcetype="shop", source='a "till"\\*') as s:
        (group,) = survey(s, Knowledge(), by=By.SOURCE, sample=2).groups
    assert (group.source, group.events, group.looked_at) == ('a "till"\\*', 3, 2)
    assert {"b", "c"} <= {one.name for one in group.fields}
    assert "a" not in {one.name for one in group.fields}


def test_what_a_model_wants() -> None:
    assert wanted({"Shop": MODEL}) == [
        Wanted("Shop", "Sales", "", ("buyer", "price")),
        Wanted("Shop", "Refunds", "Sales", ("buyer", "price", "why")),
    ]
    plain = {"Sales": {"search": "a=1", "fields": ["x", "y"]}}
    assert wanted({"Shop": plain}) == [Wanted("Shop", "Sales", "", ("x", "y"))]


def test_data_models(tmp_path: Path) -> None:
    events = [{"kind": "sale", "buyer": "ann"}, {"kind": "sale", "back": "yes", "why": "torn"}, {"kind": "visit"}]
    with session(tmp_path, events, Knowledge(), sourcetype="shop") as s:
        found = survey(replace(s, datamodels={"Shop": MODEL}), Knowledge(), wanted({"Shop": MODEL}))
    (group,) = found.groups
    assert [(one.dataset, one.events, one.missing) for one in group.models] == [
        ("Sales", 2, ("price",)),
        ("Refunds", 1, ("buyer", "price")),
    ]
    assert found.warnings == ()


def test_a_model_that_cannot_be_asked_is_told(tmp_path: Path) -> None:
    broken = {"Shop": {"Sales": {"search": "`no_such_macro`", "fields": ["x"]}}}
    with session(tmp_path, [{"a": "1"}], Knowledge()) as s:
        found = survey(replace(s, datamodels=broken), Knowledge(), wanted(broken))
    assert [one.reason for one in found.warnings if "Shop.Sales" in one.reason]


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["fields", *arguments])
    return result.exit_code, result.stdout


def test_the_command(tmp_path: Path) -> None:
    path = tmp_path / "events.xml"
    path.write_text(xml("System", 7036, param1="\x1b[31mred") + "\n", encoding="utf-8")
    code, text = run(str(path))
    assert code == 0
    assert "XmlWinEventLog: 1 event" in text
    assert "extracted" in text
    assert "windows/default/props.conf:" in text
    assert "\x1b" not in text
    code, text = run(str(path), "--json", "--by", "source")
    assert code == 0
    (group,) = json.loads(text)["groups"]
    assert group["source"] == "XmlWinEventLog:System"
    assert {one["name"] for one in group["fields"]} >= {"dest", "EventCode"}


def test_the_command_shows_derived_fields_alone(tmp_path: Path) -> None:
    path = tmp_path / "events.xml"
    path.write_text(xml("System", 7036) + "\n", encoding="utf-8")
    code, text = run(str(path), "--derived")
    assert code == 0
    assert "extracted" not in text
