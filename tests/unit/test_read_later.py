"""Of wide events a stage that runs in between takes what the stages after it read: the rows are the same."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from trapline.engines.duckdb import DuckDB
from trapline.engines.duckdb.engine import Output
from trapline.plan import Node
from trapline.search import Session

FILLER = {f"x{number}": str(number) for number in range(150)}
EVENTS: list[dict[str, Any]] = [
    {"_time": 40, "_raw": "<k>v1</k><user>eve</user>", "user": "ann", "code": "2", "a1": "p", "a2": "q", **FILLER},
    {"_time": 30, "_raw": "<k>v2</k>", "user": "bob", "code": "1", "a2": "r", **FILLER},
    {"_time": 20, "_raw": "<k>v3</k>", "code": "1", "user": "ann", "host": "h1", **FILLER},
    {"_time": 10, "_raw": "none", "code": "9", "a1": ["m", "n"], **FILLER},
]
SEARCHES = [
    "search * | fillnull | stats count by user host",
    "search * | fillnull | foreach x1* [eval s=coalesce(s, 0)+<<FIELD>>] | foreach a* [eval s=s.'<<FIELD>>'] | table s",
    "search * | fillnull value=none | rename host AS h | eval c=h.user | table c code",
    "search * | foreach a* [eval all=mvappend(all, '<<FIELD>>')] | stats values(all) AS all by code",
    "search * | transaction user startswith=(code=1) endswith=(code=2) | where duration>5 | table user code duration",
    "search * | transaction user keepevicted=t | search eventcount>=1 | stats values(host) AS host by user closed_txn",
    "search * | xmlkv | search k=* | table k user",
    'search * | xmlkv | eval seen=if(k="v1", user, code) | where isnotnull(seen) | table seen',
    "search * | xmlkv | stats count by user",
    "search * | xmlkv | transaction k user keepevicted=t mvlist=k | where eventcount=1 | table k code",
    "search * | fillnull a1 | transaction code | where duration<15 AND eventcount>1 | stats values(a2) AS all by code",
    'search * | stats count by user | appendpipe [map search="search code=1"] | stats values(a2) AS a by code',
    'search * | fields user | map search="search user=$user$" maxsearches=2 | table code a1',
    "search * | appendpipe [fillnull | eval code=7] | stats count AS n values(host) AS h by code",
    "search user=* | appendpipe [fillnull | fields - a*] | filldown a1 | where x1=1 | stats count by a1",
    "search * | filldown a* | table _time a1 a2",
    "search * | fillnull | chart count by user code",
    "search * | fillnull | eventstats count AS n by code | where n>1 | fields user n | fields - _*",
    "search * | foreach x* [eval all=if(code=1, mvappend(all, '<<FIELD>>'), all)] | eval n=mvcount(all) | table user n",
]


class Noting(DuckDB):
    """An engine that knows how wide the widest rows were that it gave."""

    widest = 0

    def execute(self, node: Node, *, tz: str = "UTC", ordered: bool = True) -> Output:
        self.widest = max(self.widest, len(node.schema))
        return super().execute(node, tz=tz, ordered=ordered)


@pytest.mark.parametrize("spl", SEARCHES)
def test_the_rows_are_those_of_all_fields(spl: str, monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = Session(events=EVENTS, store=True).run(spl)
    monkeypatch.setattr(sys.modules["trapline.search.context"], "WIDE", 100_000)
    whole = Session(events=EVENTS, store=True).run(spl)
    assert whole.rows, "the search shows nothing"
    assert (narrow.fields, narrow.rows) == (whole.fields, whole.rows)


@pytest.mark.parametrize("spl", SEARCHES[:15])
def test_few_fields_are_read(spl: str) -> None:
    with Noting() as engine:
        Session(events=EVENTS, store=True, engine=engine).run(spl)
        assert engine.widest < (75 if "x1*" in spl else 20)


def test_all_fields_are_read_where_all_are_shown() -> None:
    (row, *_) = Session(events=EVENTS, store=True).run("search * | fillnull value=none").rows
    assert row.keys() >= FILLER.keys()
