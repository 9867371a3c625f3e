"""In which minutes there is anything for a search: what the scheduler asks before it runs many windows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from trapline import app
from trapline.ingest.intake import Evidence, ingest
from trapline.knowledge.knowledge import Knowledge
from trapline.search import Session
from trapline.store import Store

START = 1_772_582_400.0
"""2026-03-04T00:00:00Z."""
DAY = 86_400.0
LINES = {
    60: "status=200 user=ann",
    61: "status=500 user=bob",
    3_700: "status=500 user=eve",
    7_300: "status=404 user=ann",
}


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    log = tmp_path / "web.log"
    log.write_text(
        "".join(f"2026-03-04T{at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}Z {text}\n" for at, text in LINES.items())
    )
    with Store.open(tmp_path / "store") as store:
        ingest([Evidence(str(log), "web")], store)
        yield Session(
            tables=store.snapshot().tables, macros=app.content().macros(), knowledge=Knowledge.built_in(), lookups={}
        )


def minutes(session: Session, spl: str) -> list[int] | None:
    found = session.minutes(spl, START, START + DAY)
    return None if found is None else sorted(int(one - START) for one in found)


@pytest.mark.parametrize(
    ("spl", "expected"),
    [
        ("index=main", [60, 3660, 7260]),
        ("index=main status=500 | stats count by user", [60, 3660]),
        ("index=main status=500 | stats count by user | where count > 5", [60, 3660]),
        ("index=main status=301 | stats count by user", []),
        ("index=main | where status=404 | eval x=now() | table user x", [7260]),
        ("index=main status=404 | bin _time span=1h | stats count by _time", [7260]),
        ("index=main status=404 | eval _time=0 | stats count by _time user", [7260]),
        ("index=main status=404 | dedup user | sort user", [7260]),
        ("index=main status=404 | append [search index=main status=500 user=eve] | stats count by user", [3660, 7260]),
        ("index=main status=404 | transaction user | table user", [7260]),
        ("index=main status=404 | spath | stats count by user", [7260]),
        ("index=main status=404 | join user [search index=main status=200] | stats count by user", [7260]),
    ],
)
def test_minutes_that_hold_something(session: Session, spl: str, expected: list[int]) -> None:
    assert minutes(session, spl) == expected


@pytest.mark.parametrize(
    "spl",
    [
        "index=main status=301 | stats count",  # a row even of no event
        "| makeresults | eval user=1",
        "index=main | where _time > now() - 60",  # depends on the time of the run
        "index=main earliest=-1h status=500",  # has its own range
        "index=main [search index=main status=500 | table user]",  # depends on other events
        "index=main status=404 | transaction user | stats count",
        "| inputlookup nothing.csv",
    ],
)
def test_what_cannot_be_said_beforehand(session: Session, spl: str) -> None:
    assert minutes(session, spl) is None


@pytest.mark.parametrize("spl", ["index=main status=500 | stats count by user", "index=main | timechart count by user"])
def test_windows_without_such_a_minute_give_no_row(session: Session, spl: str) -> None:
    found = session.minutes(spl, START, START + DAY)
    for hour in range(24):
        low = START + hour * 3_600
        rows = session.run(spl, earliest=low, latest=low + 3_600, now=low).rows
        if found is not None and not any(low <= one < low + 3_600 for one in found):
            assert rows == []


def test_fields_of_a_lookup_with_patterns_are_known_only_with_the_events(tmp_path: Path) -> None:
    addon = tmp_path / "addon"
    for place, text in {
        "default/props.conf": "[web]\nLOOKUP-kind = kinds user status OUTPUT kind\n",
        "default/transforms.conf": "[kinds]\nfilename = kinds.csv\nmatch_type = WILDCARD(user)\n",
        "lookups/kinds.csv": "user,status,kind\na*,200,admin\n",
    }.items():
        path = addon / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    log = tmp_path / "web.log"
    log.write_text("2026-03-04T00:01:00Z status=200 user=ann\n")
    with Store.throwaway() as store:
        ingest([Evidence(str(log), "web")], store)
        session = Session(tables=store.snapshot().tables, knowledge=app.knowledge([addon]), lookups={})
        assert session.run("index=main kind=admin | stats count by kind").rows
        assert minutes(session, "index=main kind=admin | stats count by kind") is None
        assert minutes(session, "index=main user=ann | stats count by user") == [60]
