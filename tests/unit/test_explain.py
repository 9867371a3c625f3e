"""Explain: rows after each stage, and the clause that removed the last ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.unit.knowledgekit import addon, session, xml
from trapline.cli import cli
from trapline.explain import Clause, Explanation
from trapline.knowledge import Knowledge
from trapline.search import Macro, Session

NAMES = ("RemComSvc", "PSEXESVC", "mimidrv")
EVENTS: list[dict[str, Any]] = [
    {
        "_time": 1_772_619_000 + at,
        "_raw": f"event {at}",
        "host": f"h{at % 3}",
        "EventCode": "7045" if at % 2 else "4688",
        "ServiceName": NAMES[at % 3],
        "Path": r"C:\Windows\a.exe",
        **({"user": "bob"} if at % 4 else {}),
    }
    for at in range(60)
]
SESSION = Session(
    events=EVENTS, macros={"installs": Macro("installs", "EventCode=7045"), "all": Macro("all", "search *")}
)


def explained(spl: str, **more: Any) -> Explanation:
    return SESSION.explain(spl, **more)


def clause(found: Explanation, text: str) -> Clause:
    top = found.breakdowns[0].clause
    assert top is not None
    return next(one for one in top.walk() if one.text == text)


def test_rows_after_each_stage_with_the_macros_expanded() -> None:
    found = explained("`installs` | stats count by host | `all` | head 2")
    assert [(one.text, one.rows) for one in found] == [
        ("EventCode=7045", 30),
        ("stats count by host", 3),
        ("search *", 3),
        ("head 2", 2),
    ]
    assert [one.macros for one in found] == [("installs",), (), ("all",), ()]
    assert found.empty is None
    assert not found.breakdowns


def test_a_clause_that_holds_for_no_row_is_to_blame() -> None:
    found = explained('EventCode=7045 ServiceName="RemCom" host=* | stats count by host')
    assert found.empty == 0
    guilty = clause(found, 'ServiceName="RemCom"')
    assert (guilty.alone, guilty.left, guilty.without, guilty.removes) == (0, 0, 30, True)
    assert guilty.span is not None
    assert found.text[guilty.span.start : guilty.span.end] == 'ServiceName="RemCom"'
    before = clause(found, "EventCode=7045")
    assert (before.alone, before.left, before.removes) == (30, 30, False)
    (fact,) = found.breakdowns[0].fields
    assert (fact.field, fact.rows, fact.of, fact.within) == ("ServiceName", 60, 60, 30)
    assert dict(fact.values) == dict.fromkeys(NAMES, 10)
    assert any('ServiceName="*RemCom*"' in hint for hint in fact.near)


def test_clauses_that_hold_but_not_together() -> None:
    found = explained("ServiceName=PSEXESVC host=h0 EventCode=7045")
    assert not clause(found, "ServiceName=PSEXESVC").removes
    guilty = clause(found, "host=h0")
    assert (guilty.alone, guilty.left, guilty.removes) == (20, 0, True)
    assert dict(found.breakdowns[0].fields[0].values) == {"h1": 10}


def test_the_branches_of_an_or() -> None:
    found = explained('EventCode=7045 | where count>1 OR (ServiceName="remcomsvc" AND host="h0") | table host')
    assert found.empty == 1
    assert found.breakdowns[0].came == 30
    inner = clause(found, 'ServiceName="remcomsvc"')
    assert (inner.alone, inner.left) == (0, 0)
    assert clause(found, 'host="h0"').alone == 10
    fields = {one.field: one for one in found.breakdowns[0].fields}
    assert fields["count"].rows == 0
    assert "letter case counts" in fields["ServiceName"].near[0]


def test_a_not_shows_what_it_excludes() -> None:
    found = explained("EventCode=7045 NOT (host=h0 OR host=h1 OR host=h2)")
    excluded = clause(found, "NOT (host=h0 OR host=h1 OR host=h2)")
    assert (excluded.alone, excluded.removes) == (0, True)
    assert clause(found, "host=h1").alone == 20
    assert clause(found, "host=h1").left is None


@pytest.mark.parametrize(
    "spl",
    [
        "EventCode=7045 | search NOT (host=h0 OR host=h1 OR host=h2)",
        'EventCode=7045 | where NOT host IN ("h0", "h1", "h2")',
        "EventCode=7045 NOT EventCode=7045",
    ],
)
def test_what_a_not_excludes_is_no_value_that_nearly_matches(spl: str) -> None:
    facts = [fact for one in explained(spl).breakdowns for fact in one.fields]
    assert facts
    assert not [fact.near for fact in facts if fact.near]
    assert all(fact.values for fact in facts)


def test_not_of_where_drops_nulls_as_splunk_does() -> None:
    found = explained('where NOT user="bob" | head 1')
    assert clause(found, 'NOT user="bob"').alone == 0
    assert clause(found, 'user="bob"').alone == 45


@pytest.mark.parametrize(
    ("spl", "hint"),
    [
        ("service_name=PSEXESVC", "60 rows have ServiceName"),
        ('ServiceName="REM COM SVC"', "differs in blanks"),
        (r'Path="C:/Windows\\\\a.exe"', "differs in backslashes"),
        ('| search ServiceName="PSEXSVC"', "spelt alike"),
        ('where ServiceName="Rem*"', 'like(ServiceName, "Rem%")'),
        ("where EventCode>9000", "the values go from 4688 to 7045"),
        ('where host>"h7" AND host>9', "are no numbers"),
        ("ServiceName=RemComSvc host=h1", "other clauses remove them"),
        ('host=h1 [| makeresults | eval ServiceName="RemComSvc" | table ServiceName]', "other clauses remove them"),
        ('where host="h1" AND like(ServiceName, "RemCom%")', "other clauses remove them"),
        ('where like(ServiceName, "PsExe%")', 'write like(lower(ServiceName), "psexe%")'),
    ],
)
def test_what_comes_near(spl: str, hint: str) -> None:
    spl = spl.removeprefix("| ")
    found = explained(f"{spl} | stats count")
    assert any(hint in one for fact in found.breakdowns[0].fields for one in fact.near), found.to_json()


def test_a_value_that_others_remove_is_told_before_what_comes_near() -> None:
    events = [{"code": "1", "user": "alice"}, {"code": "3", "user": "malice2"}]
    found = Session(events=events).explain("code=3 user=alice")
    (fact,) = found.breakdowns[0].fields
    assert fact.near == ("1 row has such a value, but other clauses remove it",)


def test_an_operator_in_lower_case_is_a_word() -> None:
    found = explained("ServiceName=PSEXESVC or ServiceName=mimidrv")
    note = clause(found, "or").note
    assert note is not None
    assert "the operator is OR" in note


def test_rows_that_a_null_field_costs() -> None:
    found = explained("EventCode=* | stats count by user | where count>1")
    assert found.stages[1].notes == ("15 of 60 rows have no user: stats drops them",)
    assert explained("EventCode=* | dedup nobody").stages[1].notes == (
        "no row has the field nobody, so dedup drops all 60",
    )


def test_a_stage_can_be_taken_apart_that_lets_rows_through() -> None:
    found = explained("EventCode=7045 host=h1 | head 1", stages=[0])
    assert found.empty is None
    assert clause(found, "host=h1").left == 10


def test_a_subsearch_is_what_it_returned() -> None:
    session = Session(events=EVENTS, store=True)
    found = session.explain("EventCode=7045 [search ServiceName=nobody | fields host]")
    top = found.breakdowns[0].clause
    assert top is not None
    last = list(top.walk())[-1]
    assert (last.text, last.removes) == ("[search ServiceName=nobody | fields host]", True)
    assert last.note == "the subsearch returned no rows, which matches nothing: explain it alone"


def test_the_where_of_tstats() -> None:
    session = Session(events=[], datamodels={"Endpoint": {"Processes": {"events": [{"process_name": "cmd.exe"}]}}})
    spl = "| tstats count from datamodel=Endpoint.Processes where Processes.process_name={} by Processes.process_name"
    found = session.explain(spl.format("cmd"))
    top = found.breakdowns[0].clause
    assert top is not None
    assert (found.breakdowns[0].came, top.alone, top.removes) == (1, 0, True)
    assert "*cmd*" in found.breakdowns[0].fields[0].near[0]
    empty = Session(events=[], datamodels={"Endpoint": {"Processes": {"events": []}}}).explain(spl.format("cmd"))
    assert empty.breakdowns[0].empty[0].dataset == "Endpoint.Processes"
    assert empty.breakdowns[0].empty[0].because[0].startswith("there are no events at all")


def test_what_regex_was_asked_of() -> None:
    found = explained('EventCode=7045 | regex ServiceName="^x" | head 1')
    (one,) = found.breakdowns
    assert (one.stage, one.came, one.clause) == (1, 30, None)
    assert [fact.distinct for fact in one.fields] == [3]


def test_no_events_at_all() -> None:
    found = Session(events=[]).explain("EventCode=1 | head 1")
    assert found.breakdowns[0].notes == ("there are no events",)


def test_eventtypes_and_the_time_range_over_a_store(tmp_path: Path) -> None:
    eventtypes = "[installs]\nsearch = EventCode=7045 (ServiceName=x OR ServiceName=PSEXESVC)\n"
    knowledge = Knowledge.load([addon(tmp_path, eventtypes=eventtypes)])
    events = [xml("System", 7045, ServiceName="PSEXESVC"), xml("System", 7036)]
    with session(tmp_path, events, knowledge) as opened:
        found = opened.explain("eventtype=installs host=nowhere")
        assert clause(found, "eventtype=installs").alone == 1
        assert clause(found, "ServiceName=x").alone == 0
        assert clause(found, "host=nowhere").removes
        late = opened.explain("EventCode=7045", earliest=1_800_000_000)
        assert late.empty == 0
        assert late.breakdowns[0].notes[0].startswith("no event lies in the time range of the search, 2027-01-15")


def invoke(folder: Path, *args: str) -> str:
    path = folder / "events.json"
    path.write_text("\n".join(json.dumps(event) for event in EVENTS))
    done = CliRunner().invoke(cli, ["explain", "--data", str(path), *args], env={"COLUMNS": "100"})
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_text(tmp_path: Path) -> None:
    shown = invoke(tmp_path, "EventCode=7045 ServiceName=RemCom | stats count by host")
    assert "<- no rows left" in shown
    assert "AND ServiceName=RemCom  <- holds for no row" in shown
    assert "ServiceName: 60 of 60 rows have it" in shown
    assert max(map(len, shown.splitlines())) <= 100


def test_hostile_values_cannot_reach_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "evil.json"
    path.write_text(json.dumps({"EventCode": "1", "name": "\x1b[31mred\x07"}) + "\n")
    done = CliRunner().invoke(cli, ["explain", "--data", str(path), "EventCode=1 name=blue"])
    assert done.exit_code == 0, done.output
    assert "\x1b" not in done.output
    assert "\\x1b[31mred" in done.output


def test_json_is_complete(tmp_path: Path) -> None:
    body = json.loads(invoke(tmp_path, "--json", "--sql", "EventCode=7045 ServiceName=RemCom | head 1"))
    assert [one["rows"] for one in body["stages"]] == [0, 0]
    assert body["empty_from_stage"] == 1
    (one,) = body["breakdowns"]
    assert one["condition"]["parts"][1]["removes_last_rows"] is True
    assert one["fields"][0]["values"][0] == {"value": "PSEXESVC", "rows": 10}
    assert "SELECT" in body["sql"]


def test_a_detection_by_name(tmp_path: Path) -> None:
    shown = invoke(tmp_path, "--detection", "Windows Service Create RemComSvc")
    assert "windows_service_create_remcomsvc_filter" in shown
    assert "from the macro `wineventlog_system`" in shown


def test_a_search_or_a_detection() -> None:
    done = CliRunner().invoke(cli, ["explain"])
    assert done.exit_code == 2
    assert "--detection" in done.output


def test_a_detection_file_has_the_macros_of_its_folder(tmp_path: Path) -> None:
    detection = tmp_path / "content" / "detections" / "mine.yml"
    macro = tmp_path / "content" / "macros" / "installs.yml"
    for path, text in (
        (macro, "name: installs\ndefinition: EventCode=7045\ndescription: Service installs.\n"),
        (detection, DETECTION),
    ):
        path.parent.mkdir(parents=True)
        path.write_text(text)
    body = json.loads(invoke(tmp_path, "--json", "--detection", str(detection)))
    assert [(one["stage"], one["rows"]) for one in body["stages"]] == [
        ("EventCode=7045 host=h1", 10),
        ("search *", 10),
    ]


def test_an_empty_dataset_is_told_level_by_level(tmp_path: Path) -> None:
    spl = "| tstats count from datamodel=Endpoint.Processes by Processes.dest"
    told = json.loads(invoke(tmp_path, "--json", spl))["breakdowns"][0]["empty_datasets"][0]
    assert told["dataset"] == "Endpoint.Processes"
    assert [(one["dataset"], one["rows"]) for one in told["levels"]] == [("Processes", 0)]
    assert "tag=process tag=report" in told["levels"][0]["condition"]["clause"]
    assert "tag=process" in told["because"][0]
    printed = invoke(tmp_path, spl)
    assert "the dataset Endpoint.Processes is empty." in printed
    assert "<- no events left" in printed


DETECTION = """\
name: Mine
id: 6c5f0a1e-58b0-4b4e-9e0b-6a2a1f1d2c3b
version: 1
date: '2026-01-01'
author: The tests
status: production
type: Hunting
description: Service installs on h1.
data_source: []
search: '`installs` host=h1 | `mine_filter`'
how_to_implement: Nothing to do.
known_false_positives: None known.
references: []
tags:
  analytic_story: []
  asset_type: Endpoint
  mitre_attack_id: []
  product: [Splunk Enterprise]
  security_domain: endpoint
"""


@pytest.mark.parametrize(("head", "op"), [("where ", "=="), ("search ", "=")])
def test_a_long_list_of_clauses_is_taken_apart_too(head: str, op: str) -> None:
    many = " AND ".join(f'EventCode!="{at}"' for at in range(110))
    found = explained(f'{head}{many} AND host{op}"nowhere"')
    guilty = clause(found, f'host{op}"nowhere"')
    assert (guilty.alone, guilty.removes) == (0, True)
    assert clause(found, 'EventCode!="7"').alone == 60


@pytest.mark.parametrize(
    ("inner", "notes"),
    [
        ("search a=9", ["the subsearch gives no rows, so nothing can match: explain it alone"]),
        (
            "search a=* | eval k=a | table k",
            [
                "no value of k is on both sides of the join",
                "the subsearch gives 5 rows",
                "before join, k is x; in the subsearch, k is 1, 2, 3 and 2 more",
            ],
        ),
        ("search a=1 | table a", ["the subsearch gives 1 row", "no row that the subsearch gives has the field k"]),
    ],
)
def test_a_join_that_finds_nothing(inner: str, notes: list[str]) -> None:
    session = Session(events=[{"a": str(number)} for number in range(1, 6)], store=True)
    found = session.explain(f'eval k="x" | join k [{inner}]').breakdowns[0]
    assert (found.stage, found.came, list(found.notes)) == (1, 5, notes)
