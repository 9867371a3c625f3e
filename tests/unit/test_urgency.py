"""The urgency of notables: severity, and the priority of assets and identities."""

from __future__ import annotations

from pathlib import Path

import pytest

from trapline import app
from trapline.detect.notable import SEVERITIES, Urgency
from trapline.detect.urgency import read_table, urgency_of
from trapline.errors import InputError
from trapline.knowledge.identities import PRIORITIES
from trapline.values import Row

ASSETS = """\
ip,nt_host,dns,priority
10.1.0.0/16,,,low
10.1.2.0/24,,,high
10.1.2.3,db1,db1.corp.example,critical
10.2.0.1-10.2.0.9,,,medium
,laptop,,
"""
IDENTITIES = """\
identity,email,priority
alice|CORP\\alice,alice@corp.example,critical
bob,,medium
"""


@pytest.fixture(scope="module")
def urgency(tmp_path_factory: pytest.TempPathFactory) -> Urgency:
    return given(tmp_path_factory.mktemp("lists"))


def given(folder: Path, table: str | None = None) -> Urgency:
    files = {"assets.csv": ASSETS, "identities.csv": IDENTITIES}
    for name, text in files.items():
        (folder / name).write_text(text)
    own = folder / "urgency.csv"
    if table is not None:
        own.write_text(table)
    known = app.with_lookups(app.knowledge(), None, folder / "assets.csv", folder / "identities.csv")
    return urgency_of(known, own if table is not None else None)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({}, "medium"),  # of a priority that is unknown
        ({"dest": "nobody.corp.example"}, "medium"),
        ({"dest": "DB1"}, "critical"),
        ({"src": "db1.corp.example"}, "critical"),
        ({"dvc": "10.1.2.3"}, "critical"),
        ({"dest": "10.1.2.4"}, "high"),  # the smaller network counts
        ({"dest": "10.1.9.9"}, "medium"),
        ({"dest": "10.2.0.5"}, "high"),
        ({"dest": "laptop"}, "medium"),  # an asset without a priority
        ({"user": "corp\\ALICE"}, "critical"),
        ({"src_user": "alice@corp.example"}, "critical"),
        ({"user": "alice", "dest": "10.1.9.9"}, "critical"),  # the highest counts
        ({"user": ["nobody", "alice"]}, "critical"),
        ({"host": "db1"}, "medium"),  # no field that counts
        ({"user": "db1", "dest": "alice"}, "medium"),  # a user is no asset, a host no identity
        ({"risk_object": "alice", "risk_object_type": "user"}, "critical"),
        ({"risk_object": "alice", "risk_object_type": "system"}, "medium"),
        ({"risk_object": "db1", "risk_object_type": "user"}, "medium"),
        ({"risk_object": "db1"}, "critical"),
    ],
)
def test_of_a_row(urgency: Urgency, row: Row, expected: str) -> None:
    assert urgency("high", row) == expected


def test_the_table() -> None:
    table = read_table()
    assert set(table) == {(priority, severity) for priority in PRIORITIES for severity in SEVERITIES}
    # facts/CONTENT.md §6.4
    rows = {
        "unknown": "informational low low low medium high",
        "low": "informational low low low medium high",
        "medium": "informational low low medium high critical",
        "high": "informational medium medium medium high critical",
    }
    for priority, wanted in rows.items():
        assert [table[priority, severity] for severity in SEVERITIES] == wanted.split()


def test_a_table_of_the_users_own(tmp_path: Path) -> None:
    urgency = given(tmp_path, "priority,severity,urgency\nunknown,high,Critical\n")
    assert urgency("high", {}) == "critical"
    assert urgency("medium", {}) == "low"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("priority,severity\nlow,low\n", "it has no column urgency"),
        ("priority,severity,urgency\nlow,low,low\nlow,hihg,low\n", "there is no severity 'hihg'"),
        ("priority,severity,urgency\nlow,high,unknown\n", "there is no urgency 'unknown'"),
    ],
)
def test_a_table_that_is_none(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(InputError) as error:
        given(tmp_path, text)
    assert error.value.reason == reason


def test_without_lists() -> None:
    assert urgency_of(None)("critical", {"user": "alice"}) == "high"
    assert urgency_of(app.knowledge())("unknown", {"dest": "x"}) == "low"
