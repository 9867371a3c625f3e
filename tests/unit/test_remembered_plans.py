"""What knowledge remembers from search to search is never the answer to another question.

Every search is run three times: what is written is remembered when it is met for the second time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tests.unit.knowledgekit import addon
from trapline.engines.duckdb import DuckDB
from trapline.ingest.intake import Evidence, ingest
from trapline.knowledge import Knowledge
from trapline.search import Macro, Session
from trapline.store import Store
from trapline.values import Row


def _put(store: Store, folder: Path, name: str, events: Sequence[Mapping[str, object]]) -> None:
    path = folder / name
    path.write_text("".join(f"{json.dumps(one)}\n" for one in events), encoding="utf-8")
    ingest([Evidence(str(path), sourcetype="app", source="app.log")], store)


def _rows(session: Session, spl: str, **times: float) -> list[Row]:
    found = [session.run(spl, **times).rows for _ in range(3)]
    assert found[0] == found[1] == found[2]
    return found[0]


def test_changed_files_of_an_addon_are_seen(tmp_path: Path) -> None:
    spl = "* | table b eventtype tag out"
    with Store.throwaway() as store, DuckDB() as engine:
        _put(store, tmp_path, "1.json", [{"a": "1"}])
        tables = store.snapshot().tables

        def asked(value: str) -> list[Row]:
            folder = addon(
                tmp_path,
                props=f'[app]\nEVAL-b = a . "{value}"\nLOOKUP-l = table b OUTPUT out\n',
                transforms="[table]\nfilename = table.csv\n",
                eventtypes=f"[kind_{value}]\nsearch = b=1{value}\n",
                tags=f"[eventtype=kind_{value}]\ntag_{value} = enabled\n",
            )
            (folder / "lookups").mkdir(exist_ok=True)
            (folder / "lookups" / "table.csv").write_text(f"b,out\n1{value},found {value}\n", encoding="utf-8")
            return _rows(Session(tables=tables, engine=engine, knowledge=Knowledge.load([folder])), spl)

        for value in ("x", "y", "x"):
            own = {"b": f"1{value}", "eventtype": f"kind_{value}", "tag": f"tag_{value}", "out": f"found {value}"}
            assert asked(value) == [own]


def test_new_events_and_new_columns_are_seen(tmp_path: Path) -> None:
    props = "[app]\nEVAL-both = coalesce(new, a)\nFIELDALIAS-x = new AS other\n"
    knowledge = Knowledge.load([addon(tmp_path, props=props, eventtypes="[fresh]\nsearch = new=*\n")])
    spl = "* | sort a | table a both other eventtype"
    with Store.throwaway() as store, DuckDB() as engine:
        _put(store, tmp_path, "1.json", [{"a": "1"}])
        session = Session(tables=store.snapshot().tables, engine=engine, knowledge=knowledge)
        assert _rows(session, spl) == [{"a": "1", "both": "1"}]
        _put(store, tmp_path, "2.json", [{"a": "2"}])
        session.tables = store.snapshot().tables
        assert _rows(session, spl) == [{"a": "1", "both": "1"}, {"a": "2", "both": "2"}]
        _put(store, tmp_path, "3.json", [{"a": "3", "new": "n"}])
        session.tables = store.snapshot().tables
        assert _rows(session, spl)[2:] == [{"a": "3", "both": "n", "other": "n", "eventtype": "fresh"}]
        session.tables = store.snapshot().tables[:0]
        assert _rows(session, spl) == []


def test_times_zones_and_macros_of_a_search_are_its_own(tmp_path: Path) -> None:
    knowledge = Knowledge.load(
        [
            addon(
                tmp_path,
                props='[app]\nEVAL-at = now()\nEVAL-clock = strftime(0, "%H:%M")\n',
                eventtypes="[mine]\nsearch = `own`\n\n[outer]\nsearch = eventtype=mine\n",
            )
        ]
    )
    with Store.throwaway() as store, DuckDB() as engine:
        _put(store, tmp_path, "1.json", [{"a": "1", "_time": 10}, {"a": "2", "_time": 20}])
        tables = store.snapshot().tables
        session = Session(tables=tables, engine=engine, knowledge=knowledge)
        assert _rows(session, "a=1 | table at clock", now=5) == [{"at": "5", "clock": "00:00"}]
        assert _rows(session, "a=1 | table at clock", now=6) == [{"at": "6", "clock": "00:00"}]
        session.tz = "Asia/Tokyo"
        assert _rows(session, "a=1 | table at clock", now=6) == [{"at": "6", "clock": "09:00"}]
        for own, other in (("1", "2"), ("2", "1"), ("1", "2")):
            session = replace(session, macros={"own": Macro("own", f"a={own}")})
            assert _rows(session, "eventtype=outer | table a") == [{"a": own}]
            assert _rows(session, "* | where isnull(eventtype) | table a") == [{"a": other}]


def test_the_same_events_several_times_in_one_search(tmp_path: Path) -> None:
    """With lookups, whose rows are put under a name for every query, and an order that each part has for itself."""
    folder = addon(
        tmp_path,
        props="[app]\nLOOKUP-l = table a OUTPUT out\n",
        transforms="[table]\nfilename = table.csv\n",
    )
    (folder / "lookups").mkdir(exist_ok=True)
    (folder / "lookups" / "table.csv").write_text("a,out\n1,one\n2,two\n", encoding="utf-8")
    with Store.throwaway() as store, DuckDB() as engine:
        _put(store, tmp_path, "1.json", [{"a": "1"}, {"a": "2"}, {"a": "3"}])
        session = Session(tables=store.snapshot().tables, engine=engine, knowledge=Knowledge.load([folder]))
        assert _rows(session, "* | sort a | table a out") == [
            {"a": "1", "out": "one"},
            {"a": "2", "out": "two"},
            {"a": "3"},
        ]
        twice = (
            "* | sort a | table a out | append [search a=2 | table a out] | join type=left a [search * | table a out]"
        )
        assert _rows(session, twice) == [
            {"a": "1", "out": "one"},
            {"a": "2", "out": "two"},
            {"a": "3"},
            {"a": "2", "out": "two"},
        ]
        # A field that differs by letter case takes the identifier that the remembered text has for the other.
        cased = "* | eval OUT=a | sort OUT | table OUT out"
        assert _rows(session, cased) == [{"OUT": "1", "out": "one"}, {"OUT": "2", "out": "two"}, {"OUT": "3"}]
        assert _rows(session, "* | stats count by out") == [{"out": "one", "count": 1}, {"out": "two", "count": 1}]


def test_what_is_doubtful_is_told_every_time(tmp_path: Path) -> None:
    knowledge = Knowledge.load([addon(tmp_path, props="[app]\nEVAL-b = nonesuch(a)\n")])
    with Store.throwaway() as store, DuckDB() as engine:
        _put(store, tmp_path, "1.json", [{"a": "1"}])
        session = Session(tables=store.snapshot().tables, engine=engine, knowledge=knowledge)
        first, *others = [session.run("* | table a b").warnings for _ in range(3)]
        assert first
        assert all(one == first for one in others)


def test_plans_that_are_remembered_are_bounded(tmp_path: Path) -> None:
    knowledge = Knowledge.load([addon(tmp_path, props="[app]\nEVAL-b = a\n")])
    with Store.throwaway() as store, DuckDB() as engine:
        _put(store, tmp_path, "1.json", [{"a": "1"}])
        session = Session(tables=store.snapshot().tables, engine=engine, knowledge=knowledge)
        for at in range(600):
            session.sql("* | table b", earliest=at, pretty=False)
        assert all(len(bound._plans) <= 512 for bound in knowledge._bound.values())
