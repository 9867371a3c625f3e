"""Whole events whose fields are read last: the rows are those of one query over all fields."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from trapline import app, wide
from trapline.engines.duckdb import DuckDB, Output
from trapline.errors import EngineError
from trapline.ingest.intake import Evidence, ingest
from trapline.knowledge import Knowledge
from trapline.plan import Node, Table
from trapline.samples import write
from trapline.search import Result, Session
from trapline.store import Store

SEARCHES = [
    "search *",
    "search sourcetype=_json",
    "search * | head 3",
    "search * | reverse | head 3",
    "search * | sort 4 - EventCode",
    "search * | sort 0 Computer, - _time | head 10 | sort user",
    "search * | dedup EventCode sortby - _time",
    "search * | dedup 2 host keepevents=true | head 30",
    "search * | eventstats count AS n BY EventCode | where n>3 | head 5",
    "search * | streamstats count BY sourcetype | where count<=2",
    "search * | eval host=upper(host), kept=EventCode | head 6",
    "search * | rename EventCode AS code, host AS EventCode | head 6",
    "search * | rename host AS source | head 6",
    "search * | fields - user, E* | head 9",
    "search * | fields user, E*, host | head 9",
    'search * | rex field=_raw "(?<word>[A-Z]\\w+)" | head 6',
    'search * | eval l=split("a,b,c", ",") | mvexpand l | head 7',
    "search * | head 20 | tail 2",
    "search * | lookup who host OUTPUT owner | where isnotnull(owner) | head 4",
    "search * | lookup who host | head 4",
    'search * | makemv delim="." host | head 3',
    "search * | addinfo | head 2 | fields - info_sid",
    "search nothing=here | head 3",
    'search * | eval sourcetype="other", source=null() | head 3',
    "search * | table *",
    "search * | table nosuch E* host",
    'search * | fieldformat EventCode="E".EventCode | head 2',
]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[Table]]:
    folder = tmp_path_factory.mktemp("logs")
    write.write(folder)
    lines = [{"time": f"2026-03-02T10:00:0{n}Z", "n": n, "list": [n, "x"], "user": f"u{n}"} for n in range(9)]
    (folder / "own.json").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    with Store.throwaway() as store:
        rules = app.knowledge().index_time
        ingest([Evidence(str(folder))], store, rules=rules)
        yield store.snapshot().tables


HOSTS = ("DC01.corp.example", "FS02.corp.example", "WS-101.corp.example")


def _run(tables: Sequence[Table], spl: str, engine: DuckDB | None = None, knowledge: Knowledge | None = None) -> Result:
    lookups: dict[str, Any] = {"who": {"rows": [{"host": host, "owner": "files"} for host in HOSTS]}}
    own = knowledge or Knowledge.load([])
    return Session(tables=tables, knowledge=own, lookups=lookups, engine=engine).run(spl, now=1_772_500_000)


def _searching() -> Any:
    return sys.modules["trapline.search.context"]


@pytest.mark.parametrize("spl", SEARCHES)
def test_the_rows_and_fields_are_those_of_one_query(
    tables: Sequence[Table], spl: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_searching(), "WIDE", 20)
    monkeypatch.setattr(wide, "PORTION", 600)
    late = _run(tables, spl)
    with monkeypatch.context() as without:
        without.setattr(_searching(), "late", lambda _: None)
        assert late.fields == _run(tables, spl).fields
    monkeypatch.setattr(_searching(), "WIDE", 100_000)
    whole = _run(tables, spl)
    assert late.rows == whole.rows
    assert late.warnings == whole.warnings
    assert bool(late.rows) == ("nothing" not in spl)


def test_the_fields_that_knowledge_gives_are_there(tables: Sequence[Table], monkeypatch: pytest.MonkeyPatch) -> None:
    spl = "search EventCode=7045 | sort - _time | head 3"
    late = _run(tables, spl, knowledge=app.knowledge())
    monkeypatch.setattr(_searching(), "late", lambda _: None)
    assert late.rows == _run(tables, spl, knowledge=app.knowledge()).rows
    assert {"tag", "dest", "ServiceName"} <= late.rows[0].keys()


class _Small(DuckDB):
    """Has memory for a few fields of whole events."""

    refused = 0

    def execute(self, node: Node, *, tz: str = "UTC", ordered: bool = True) -> Output:
        if not ordered and len(node.schema) > 12:
            self.refused += 1
            raise EngineError("too much", code="memory")
        return super().execute(node, tz=tz, ordered=ordered)


def test_fields_are_read_in_parts_where_memory_does_not_hold_all(
    tables: Sequence[Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_searching(), "WIDE", 20)
    engine = _Small()
    spl = "search EventCode=* | head 5"
    assert _run(tables, spl, engine).rows == _run(tables, spl).rows
    assert engine.refused


def test_fields_with_the_names_of_places_are_fields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_searching(), "WIDE", 3)
    own = {"_event_file": "a", "_event_row": "b", "file_row_number": "c", "filename": "d"}
    (tmp_path / "own.json").write_text(json.dumps({"time": "2026-03-02T10:00:00Z", **own}), "utf-8")
    with Store.throwaway() as store:
        ingest([Evidence(str(tmp_path / "own.json"))], store, rules=app.knowledge().index_time)
        (row,) = _run(store.snapshot().tables, "search * | head 1").rows
    assert {name: row.get(name) for name in ("file_row_number", "filename")} == {
        "file_row_number": "c",
        "filename": "d",
    }
