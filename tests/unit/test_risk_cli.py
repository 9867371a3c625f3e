"""`trapline risk`: modifiers by hand, entities by score, what raised one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.unit.riskkit import DAY, WEEK
from trapline import app
from trapline.cli import cli
from trapline.errors import InputError
from trapline.state.journal import Journal


def run(store: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["risk", *words, "--store", str(store)])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("risk") / "store"
    for entity, kind, score, message in (
        ("ws1", "system", "40", 'say "x" \\ y'),
        ("alice", "user", "50", "phished"),
        ("ws1", "system", "-7.5", "was ours"),
    ):
        done = run(place, "add", entity, "--type", kind, "--score", score, "--message", message)
        assert done.exit_code == 0, done.output
    return place


def test_top(store: Path) -> None:
    found = json.loads(run(store, "top", "--json").stdout)
    assert [(one["entity"], one["type"], one["score"], one["events"], one["sources"]) for one in found] == [
        ("alice", "user", 50.0, 1, ["AdHoc Risk Score"]),
        ("ws1", "system", 32.5, 2, ["AdHoc Risk Score"]),
    ]
    shown = run(store, "top", "--limit", "1")
    assert "alice" in shown.stdout
    assert "2 entities, 1 shown" in shown.stdout


def test_timeline(store: Path) -> None:
    found = json.loads(run(store, "timeline", "WS1", "--json").stdout)
    assert [(one["score"], one["total"], one["message"]) for one in found] == [
        (40.0, 40.0, 'say "x" \\ y'),
        (-7.5, 32.5, "was ours"),
    ]


def test_each_name_of_an_asset_or_identity_finds_the_same_timeline(tmp_path: Path) -> None:
    place = tmp_path / "store"
    for entity, kind, score in (
        ("alice", "user", "-50"),
        ("CORP\\alice", "user", "7.5"),
        ("FS01", "system", "100"),
        ("FS01.corp.example", "system", "1"),
        ("FS01", "user", "3"),
        ("bob", "user", "9"),
    ):
        done = run(place, "add", entity, "--type", kind, "--score", score, "--message", "m")
        assert done.exit_code == 0, done.output
    (place / "lookups").mkdir()
    (place / "lookups" / "identities.csv").write_text("identity,email\nalice|CORP\\alice,al@corp.example\n")
    (place / "lookups" / "assets.csv").write_text("ip,nt_host,dns\n10.0.0.5,FS01,fs01.corp.example\n")

    def scores(name: str) -> list[float]:
        return sorted(one["score"] for one in json.loads(run(place, "timeline", name, "--json").stdout))

    for name in ("alice", "ALICE", "CORP\\alice", "corp\\ALICE", "al@corp.example", "al"):
        assert scores(name) == [-50.0, 7.5], name
    for name in ("10.0.0.5", "fs01.corp.example", "FS01.corp.example"):
        assert scores(name) == [1.0, 100.0], name
    assert scores("fs01") == [1.0, 3.0, 100.0]  # what risk events themselves call so is found, whatever its type
    assert scores("bob") == [9.0]
    assert scores("10.0.0.6") == []


def test_an_entity_without_risk(store: Path) -> None:
    assert run(store, "timeline", "ws*").exit_code == 1
    assert json.loads(run(store, "timeline", "nobody", "--json").stdout) == []
    assert json.loads(run(store, "top", "--latest", "-1d", "--json").stdout) == []


def test_a_modifier_is_a_risk_event_that_is_there_once(store: Path) -> None:
    assert Journal(app.database(store)).deliver(lambda _: pytest.fail("something is still to be sent")) == 0
    with app.session(app.content(), app.knowledge(), store=store) as (session, _):
        rows = session.run(
            "index=risk risk_object=alice | table source sourcetype search_name description risk_message risk_object "
            "risk_object_type risk_score"
        ).rows
    assert rows == [
        {
            "source": "AdHoc Risk Score",
            "sourcetype": "stash",
            "search_name": "AdHoc Risk Score",
            "description": "phished",
            "risk_message": "phished",
            "risk_object": "alice",
            "risk_object_type": "user",
            "risk_score": "50.0",
        }
    ]


@pytest.mark.parametrize(
    "words",
    [
        ("add", " ", "--type", "user", "--score", "1", "--message", "m"),
        ("add", "a", "--type", "user", "--score", "nan", "--message", "m"),
        ("add", "a", "--type", "host", "--score", "1", "--message", "m"),
        ("add", "a", "--type", "user", "--score", "1", "--message", ""),
    ],
)
def test_what_is_no_modifier(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert run(tmp_path / "store", *words).exit_code == 2
    assert not (tmp_path / "store").exists()


def test_no_store(tmp_path: Path) -> None:
    assert isinstance(run(tmp_path / "none", "top").exception, InputError)


def test_the_rules_of_the_library_are_enabled_by_their_type(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        cli, ["content", "enable", "--type", "Correlation", "--store", str(tmp_path / "store"), "--json"]
    )
    assert json.loads(done.stdout) == {"enabled": True, "detections": [WEEK, DAY], "changed": 2}
