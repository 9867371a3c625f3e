"""Data models of add-ons that cannot be read, or that have what is not supported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.knowledgekit import addon
from trapline.errors import TraplineError, Unsupported
from trapline.knowledge import Knowledge
from trapline.knowledge.check import check
from trapline.search import Session

_GOOD = {"objectName": "Good", "parentName": "BaseEvent", "constraints": [{"search": "kind=login", "owner": "Good"}]}


def _models(folder: Path, **texts: Any) -> Path:
    """An add-on with data models, each given as its text or as its objects."""
    own = addon(folder, props="[acme]\nEVAL-a = 1\n")
    place = own / "default" / "data" / "models"
    place.mkdir(parents=True)
    for name, text in texts.items():
        body = text if isinstance(text, str) else json.dumps({"modelName": name, "objects": text})
        (place / f"{name}.json").write_text(body, encoding="utf-8")
    return own


def _session(own: Path) -> Session:
    events = [{"_time": 1, "_raw": "kind=login", "kind": "login"}, {"_time": 2, "_raw": "kind=web", "kind": "web"}]
    return Session(events=events, store=True, knowledge=Knowledge.load([own]))


@pytest.mark.parametrize("kind", ["BaseTransaction", "BaseInterface", "BaseImpersonatedSearch"])
@pytest.mark.parametrize(
    "spl",
    [
        "| datamodel My Tx search",
        "| datamodel My Below flat",
        "| tstats count from datamodel=My",
        "| tstats count from datamodel=My.Tx",
        "| from datamodel:My.Tx",
    ],
)
def test_a_dataset_that_is_not_supported_is_refused(tmp_path: Path, kind: str, spl: str) -> None:
    below = {"objectName": "Below", "parentName": "Tx", "constraints": [{"search": "a=1", "owner": "Tx.Below"}]}
    own = _models(tmp_path, My=[_GOOD, {"objectName": "Tx", "parentName": kind}, below])
    with pytest.raises(Unsupported, match=f"dataset 'Tx' of the data model 'My' is not supported: it is a {kind}"):
        _session(own).run(spl)
    assert _session(own).run("| tstats count from datamodel=My.Good").rows == [{"count": 1}]
    (told,) = check([own])
    assert f"Tx of My: it is a {kind}" in told.reason
    assert told.where == "my_addon/default/data/models/My.json"


_CIRCLE = [
    {"objectName": "A", "parentName": "B"},
    {"objectName": "B", "parentName": "A"},
    {"objectName": "C", "parentName": "A"},
]


def test_files_that_are_no_models_cost_themselves_only_and_are_told(tmp_path: Path) -> None:
    own = _models(
        tmp_path,
        Good=[_GOOD],
        Broken='{"modelName": "Broken", "obj',
        Circle=_CIRCLE,
        List="[1, 2, 3]",
        Orphan=[{"objectName": "A", "parentName": "Nobody"}],
        Parts=[{"objectName": "A", "parentName": "BaseEvent", "constraints": ["a=1"]}],
    )
    found = _session(own).run("| datamodel | spath output=name path=modelName | table name")
    assert [one["name"] for one in found.rows] == ["Good"]
    wrong = {"Broken": "not JSON", "Circle": "A -> B -> A", "List": "'objects'", "Orphan": "'Nobody'", "Parts": "list"}
    told = check([own])
    assert len(found.warnings) == len(told) == len(wrong)
    for warn, doubt, (name, said) in zip(found.warnings, told, sorted(wrong.items()), strict=True):
        assert said in warn.reason
        assert said in doubt.reason
        assert doubt.where == f"my_addon/default/data/models/{name}.json"
        with pytest.raises(TraplineError, match=said):
            _session(own).run(f"| tstats count from datamodel={name}.A")


def test_parts_of_a_model_that_no_search_can_follow_are_told(tmp_path: Path) -> None:
    def eval_(name: str, text: str) -> dict[str, Any]:
        return {"calculationType": "Eval", "expression": text, "outputFields": [{"fieldName": name}]}

    calculations = [
        eval_("fine", "if(a=1, 2, 3)"),
        eval_("open", "if(a"),
        {"calculationType": "GeoIP", "outputFields": [{"fieldName": "city"}]},
        {"calculationType": "Rex", "expression": "a=(?<x>", "outputFields": [{"fieldName": "x"}]},
        {"calculationType": "Lookup", "lookupName": "nowhere", "outputFields": [{"fieldName": "y"}]},
    ]
    bad = {"objectName": "Bad", "parentName": "BaseEvent", "constraints": [{"search": "a=1 | head 1"}]}
    piped = {"objectName": "Piped", "parentName": "BaseSearch", "baseSearch": "a=1 | nothing_of_the_kind"}
    own = _models(tmp_path, My=[_GOOD | {"calculations": calculations}, bad, piped])
    told = [one.reason for one in check([own])]
    parts = ["field open", "GeoIP", "expression for x", "lookup nowhere", "Bad of My: its constraint", "its search"]
    assert len(told) == len(parts)
    for part in parts:
        assert any(part in one for one in told), part


def test_the_models_that_are_built_in_have_no_doubts() -> None:
    from trapline.knowledge.modelcheck import model_doubts

    assert list(model_doubts(Knowledge.built_in())) == []


def test_an_event_without_a_required_field_is_not_in_the_dataset(tmp_path: Path) -> None:
    def field(name: str, **more: Any) -> dict[str, Any]:
        return {"fieldName": name, "owner": "R", **more}

    made = {
        "calculationType": "Eval",
        "expression": 'if(a="2", null(), "x")',
        "outputFields": [{"fieldName": "made", "required": True}],
    }
    fields = [field("a"), field("b", required=True), field("odd name", required=False)]
    root: dict[str, Any] = {"objectName": "R", "parentName": "BaseEvent", "fields": fields}
    below = {"objectName": "B", "parentName": "R", "calculations": [made]}
    search: dict[str, Any] = {
        "objectName": "S",
        "parentName": "BaseSearch",
        "baseSearch": "a=* | eval c=if(a=1,1,null())",
    }
    search["fields"] = [{"fieldName": "c", "required": True}, {"fieldName": "a"}]
    session = _session(_models(tmp_path, My=[root, below, search]))
    session.events = [{"a": "1", "b": "1"}, {"a": "2", "b": "1"}, {"a": "3"}]

    def found(spl: str) -> list[dict[str, Any]]:
        return list(session.run(spl).rows)

    assert found("| tstats count from datamodel=My.R by R.a") == [{"R.a": "1", "count": 1}, {"R.a": "2", "count": 1}]
    assert found("| tstats count from datamodel=My.B") == [{"count": 1}]
    assert found("| tstats count from datamodel=My.R by R.B.made") == [{"R.B.made": "x", "count": 1}]
    assert found("| tstats count from datamodel=My.R where nodename=R.B") == [{"count": 1}]
    assert found("| datamodel My S flat | table a c") == [{"a": "1", "c": 1}]


@pytest.mark.parametrize("mode", ["search_string", "flat_string"])
def test_the_search_of_a_dataset_finds_its_events_and_calculates_its_fields(tmp_path: Path, mode: str) -> None:
    calculations = [
        {"calculationType": "Eval", "expression": 'if(a>1,\n "big", "small")', "outputFields": [{"fieldName": "size"}]},
        {
            "calculationType": "Rex",
            "inputField": "_raw",
            "expression": 'q="(?<q>\\w+)"',
            "outputFields": [{"fieldName": "q", "required": True}],
        },
        {
            "calculationType": "Lookup",
            "lookupName": "names",
            "lookupInputs": [{"lookupField": "k", "inputField": "a"}],
            "outputFields": [{"lookupOutputFieldName": "v", "fieldName": "called"}],
        },
    ]
    root = {"objectName": "R", "parentName": "BaseEvent", "constraints": [{"search": "kind=x"}]}
    below = {"objectName": "B", "parentName": "R", "constraints": [{"search": "size=big", "owner": "R.B"}]}
    last = {"objectName": "L", "parentName": "B", "constraints": [{"search": "called=two", "owner": "R.B.L"}]}
    piped: dict[str, Any] = {"objectName": "P", "parentName": "BaseSearch", "baseSearch": "| makeresults | eval z=1"}
    piped["fields"] = [{"fieldName": "z"}]
    plain = {
        "objectName": "S",
        "parentName": "BaseSearch",
        "baseSearch": "kind=x | head 1",
        "fields": [{"fieldName": "a"}],
    }
    own = _models(tmp_path, My=[root | {"calculations": calculations}, below, last, piped, plain])
    session = _session(own)
    session.lookups = {"names": [{"k": "2", "v": "two"}, {"k": "3", "v": "three"}]}
    session.events = [
        {"a": str(number), "kind": kind, "_raw": raw}
        for number, kind, raw in [
            (1, "x", 'q="u"'),
            (2, "x", 'q="v"'),
            (2, "y", 'q="w"'),
            (2, "x", "-"),
            (3, "x", 'q="r"'),
        ]
    ]
    for name, rows in (("R", 3), ("B", 2), ("L", 1), ("P", 1), ("S", 1)):
        (found,) = session.run(f"| datamodel My {name} {mode}").rows
        body = json.loads(str(session.run(f"| datamodel My {name}").rows[0]["_raw"]))
        fields = " ".join(part["fieldName"] for part in body["fields"])
        by_text = session.run(f"{found['search']} | table {fields}").rows
        assert by_text == session.run(f"| datamodel My {name} flat | table {fields}").rows
        assert len(by_text) == rows
