"""Notables of a simulated week: their shape, and that what they offer to run does run."""

from __future__ import annotations

import json
import pickle
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit import notablekit as kit
from trapline import app
from trapline.detect import review
from trapline.detect.drilldown import Ready, contributing, drilldowns, shell
from trapline.detect.notablewords import disposition, status
from trapline.errors import TraplineError
from trapline.state.notables import Edit, Stored
from trapline.values import value_text

Week = tuple[Path, Path]


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Week:
    folder = tmp_path_factory.mktemp("week")
    return folder, kit.simulated(folder)


def raised(week: Week, detection: str) -> list[Stored]:
    return [one for one in kit.notables(week[1]).find() if one.search == f"ESCU - {detection} - Rule"]


def test_a_change_of_a_notable_is_seen_at_once(week: Week) -> None:
    """Whatever the clock says: a simulation looks at it many times a second."""
    one, table = next(iter(kit.notables(week[1]).find())), review.table(week[1] / app.STATE)
    copy = pickle.loads(pickle.dumps(table))
    computes = [each.compute for each in (table, copy) if each.compute is not None]
    for owner in ("alice", "bob", one.owner):
        kit.notables(week[1]).change(one.event_id, Edit(owner=owner), who="alice", now=1.0)
        assert [each(one.event_id)["owner"] for each in computes] == [owner, owner]


def test_the_shape_of_a_notable(week: Week) -> None:
    one = next(one for one in raised(week, kit.LOGON) if one.entity == "plain.corp.example")
    with kit.session(*week) as session:
        (event,) = session.run(f'index=notable event_id="{one.event_id}"').rows
    assert re.fullmatch(r"[0-9a-f]{32}@@notable@@[0-9a-f]{32}", one.event_id)
    expected = {
        "index": "notable",
        "sourcetype": "stash",
        "source": "ESCU - Simulated Logon - Rule",
        "search_name": "ESCU - Simulated Logon - Rule",
        "event_id": one.event_id,
        "rule_id": one.event_id,
        "rule_name": "Simulated Logon",
        "rule_title": "Simulated Logon",
        "orig_rule_title": "Simulated Logon",
        "rule_description": "Finds the logons of the test.",
        "savedsearch_description": "Finds the logons of the test.",
        "security_domain": "access",
        "severity": "high",
        "urgency": "medium",  # high, of a priority that is unknown
        "status": "1",
        "status_label": "New",
        "status_group": "New",
        "owner": "unassigned",
        "disposition": "disposition:6",
        "disposition_label": "Undetermined",
        "orig_action_name": "notable",
        "orig_rid": "0",
        "orig_time": "1772362800",
        "info_min_time": "1772358600.000",
        "info_max_time": "1772362200.000",
        "info_search_time": "1772362800.000",
        "entity": "plain.corp.example",
        "entity_type": "system",
        "risk_object": "plain.corp.example",
        "risk_object_type": "system",
        "risk_score": "64.0",
        "analyticstories": "Active Directory Discovery",
        "annotations.mitre_attack": "T1078",
        "dest": "plain.corp.example",
        "user": "alice",
        "orig_status": "failure",  # the row's own, beside that of the notable
        "drilldown_name": "View the detection results for alice and plain.corp.example",
        "drilldown_earliest": "1772358600.000",
        "drilldown_latest": "1772362200.000",
    }
    assert {name: event.get(name) for name in expected} == expected
    assert event["_time"] == 1772362800
    sid = str(event["orig_sid"])
    assert sid.startswith("scheduler__Simulated_Logon_")
    assert sid.endswith("_at_1772362800")
    assert json.loads(str(event["annotations"]))["mitre_attack"] == ["T1078"]
    assert len(json.loads(str(event["drilldown_searches"]))) == 4
    assert {name: cell for name, cell in event.items() if name in one.fields} == one.fields


def test_an_entity_raises_the_incident_once(week: Week) -> None:
    incidents = raised(week, kit.INCIDENT)
    assert sorted((one.entity, one.entity_type) for one in incidents) == sorted(
        [(host, "system") for host in kit.HOSTS] + [(user, "user") for user in kit.USERS]
    )
    assert {one.fields["risk_score"] for one in incidents} == {"64"}


def run(week: Week, found: list[tuple[Stored, Ready]]) -> list[list[dict[str, object]]]:
    with kit.session(*week) as session:
        results = [
            session.run(ready.search, earliest=ready.earliest, latest=ready.latest, now=ready.now) for _, ready in found
        ]
    assert [warn for result in results for warn in result.warnings] == []
    return [[dict(row) for row in result.rows] for result in results]


def test_every_drilldown_runs_and_gives_what_it_is_about(week: Week) -> None:
    asked = [
        (one, ready)
        for name in (kit.LOGON, kit.INCIDENT)
        for one in raised(week, name)
        for ready in drilldowns(one.fields, one.time)
    ]
    assert len(asked) == 4 * len(kit.HOSTS) + len(kit.HOSTS) + len(kit.USERS)
    for (one, ready), rows in zip(asked, run(week, asked), strict=True):
        if ready.name.startswith("View risk"):
            about = {str(row["normalized_risk_object"]) for row in rows}
            assert about == {one.fields["dest"], one.fields["user"]}, ready
            assert {row["count"] for row in rows} == {1}, ready
        elif one.search.endswith("Logon - Rule"):
            assert [(row["dest"], row["user"]) for row in rows] == [(one.fields["dest"], one.fields["user"])], ready
        else:
            assert [row["risk_object"] for row in rows] == [one.entity], ready


def test_the_command_line_of_a_drilldown_runs(week: Week) -> None:
    """As `trapline notables show` prints it, in a shell: a value with quotes, a control character, a wildcard."""
    folder, store = week
    one = next(one for one in raised(week, kit.LOGON) if "\x1b" in str(one.entity))
    options = [("--content", str(folder / "content")), ("--store", str(store))]
    line = drilldowns(one.fields, one.time)[0].command(options)
    assert "\x1b" not in line
    script = f'export LC_ALL=C.UTF-8; trapline() {{ {shlex.quote(sys.executable)} -m trapline "$@" --json; }}; {line}'
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=True)
    (row,) = json.loads(done.stdout)["rows"]
    assert (row["dest"], row["user"]) == (one.fields["dest"], one.fields["user"])


def test_contributing_risk_events(week: Week) -> None:
    known = {one.rule_name: one for one in kit.content(week[0]).detections}
    asked = [
        (one, contributing(one.fields, one.time, known[one.search]))
        for name in (kit.LOGON, kit.INCIDENT)
        for one in raised(week, name)
    ]
    for (one, ready), rows in zip(asked, run(week, asked), strict=True):
        objects = sorted(str(row["risk_object"]) for row in rows)
        if one.search.endswith("Logon - Rule"):
            assert objects == sorted([value_text(one.fields["dest"]), value_text(one.fields["user"])]), ready
        else:
            assert objects == [one.entity], ready


def test_the_range_of_a_drilldown() -> None:
    def ready(search: str, earliest: str, latest: str) -> tuple[str | None, str | None, float]:
        one = {"name": "x", "search": search, "earliest": earliest, "latest": latest}
        (found,) = drilldowns({"drilldown_searches": json.dumps([one])}, 1000.0)
        return found.earliest, found.latest, found.now

    assert ready("index=main", "900.000", "950.000") == ("900.000", "950.000", 1000.0)
    assert ready("index=main", "0", "now") == (None, "now", 1000.0)
    assert ready("index=main", "-24h@h", "") == ("-24h@h", None, 1000.0)
    # offsets of ES 8 count from the notable, which is included
    assert ready("index=main", "5m", "0") == ("700.000", "1001.000", 1000.0)
    assert ready("index=main", "1h", "1h") == ("-2600.000", "4601.000", 1000.0)
    # times in a later search take the place of the range
    assert ready("index=a | search x=1 starthoursago=168 endhoursago=1", "900", "950") == (None, None, 4601.0)
    assert ready("index=a | search x=1 earliest=-7d", "900", "950") == (None, None, 1001.0)
    # those of the first search, of a subsearch, of a value and of another command do not
    for search in (
        "index=a earliest=-7d | search x=1",
        "index=a | search [search index=b earliest=-7d | fields x]",
        'index=a | search x="earliest=-7d"',
        "index=a | search first_earliest=7",
        "index=a | where earliest=7",
        'index=a | search x="open',
    ):
        assert ready(search, "900", "950") == ("900", "950", 1000.0)


@pytest.mark.parametrize(
    "text", ["plain", "it's", 'a"b\\c', "$x `y` !z", "two\nlines", "esc\x1b[31m", "\u202eabc'\\", ""]
)
def test_a_word_for_the_shell(text: str) -> None:
    word = shell(text)
    assert "\x1b" not in word
    assert "\u202e" not in word
    command = ["bash", "-c", f"LC_ALL=C.UTF-8; printf %s {word}"]
    assert subprocess.run(command, capture_output=True, check=True).stdout.decode() == text


def test_the_command_of_a_drilldown() -> None:
    ready = Ready("x", 'index=a | search dest="it\'s"', "-7d", None, 1000.0)
    words = shlex.split(ready.command([("--store", "my store")]))
    assert words == [
        *("trapline", "search", "--store", "my store", "--earliest=-7d", "--now", "1000.000"),
        'index=a | search dest="it\'s"',
    ]


def test_words_for_statuses_and_dispositions() -> None:
    assert [status(one) for one in ("0", "new", "In Progress", "in-progress", "clo", "5")] == [0, 1, 2, 2, 5, 5]
    assert [disposition(one) for one in ("disposition:2", "true positive", "benign", "undet", "4")] == [2, 1, 2, 6, 4]
    with pytest.raises(TraplineError, match="beginning of several"):
        disposition("false positive")
    with pytest.raises(TraplineError, match="no status 'clsoed'") as error:
        status("clsoed")
    assert error.value.hint == "did you mean 'Closed'?"
