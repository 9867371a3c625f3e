"""Whole events of many tables are narrowed before they run: the rows are the same."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import pytest

from trapline import app
from trapline.ingest.intake import Evidence, ingest
from trapline.knowledge import Knowledge
from trapline.plan import Table
from trapline.samples import write
from trapline.search import Session
from trapline.store import Store

SEARCHES = [
    "search * | head 3",
    "search * | reverse | head 3",
    "search * | eval n=len(_raw) | head 7",
    "search EventCode=* | sort 4 Computer EventCode",
    "search * | eval _time=0-_time | sort 3 _time",
    "search * | head 20 | tail 2",
    "search Image=nothing | head 3",
]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[Table]]:
    folder = tmp_path_factory.mktemp("logs")
    write.write(folder)
    with Store.throwaway() as store:
        ingest([Evidence(str(folder))], store, rules=app.knowledge().index_time)
        yield store.snapshot().tables


@pytest.mark.parametrize("spl", SEARCHES)
def test_the_rows_are_those_of_all_tables(tables: Sequence[Table], spl: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(tables) > 1
    monkeypatch.setattr(sys.modules["trapline.search.context"], "WIDE", 20)
    narrow = Session(tables=tables, knowledge=Knowledge.load([])).run(spl)
    few = Session(tables=tables, knowledge=Knowledge.load([])).run(f"{spl} | table _time _raw host")
    assert [{name: row.get(name) for name in few.fields} for row in narrow.rows] == few.rows
    assert bool(narrow.rows) == ("nothing" not in spl)
