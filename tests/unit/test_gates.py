"""A plan asked first whether it can give a row gives the same as one that is run at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from trapline import app
from trapline.engines.duckdb import engine
from trapline.ingest.intake import Evidence, ingest
from trapline.narrow import gates
from trapline.plan import Node
from trapline.samples import write
from trapline.search import Session
from trapline.store import Store

SEARCHES = [
    "search EventCode=7045 | stats count by host ServiceName",
    "search EventCode=1 Image=nothing | stats count by Image",
    "search EventCode=1 Image=nothing | stats count",
    "search Image=nothing | eventstats count by host | where count>1",
    "search Image=nothing | stats count by Image | append [search EventCode=7045 | stats count by ServiceName]",
    "search EventCode=7045 | append [search Image=nothing | stats count by host] | stats count by sourcetype",
    "search Image=nothing | stats count by host | appendpipe [stats count | eval host=\"none\"]",
    "search EventCode=7045 | join type=outer host [search Image=nothing | stats count by host] | table host count",
    "search EventCode=7045 | join host [search Image=nothing | stats count by host] | table host count",
    "search Image=nothing | stats count by host | addcoltotals",
    "search EventCode=7045 | where len(ServiceName)>1000 | makemv ServiceName | mvexpand ServiceName",
    "search Image=nothing | timechart count",
    "tstats count from datamodel=Endpoint.Services by Services.dest Services.service_name",
    "tstats count from datamodel=Web by Web.url",
]  # fmt: skip


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    folder = tmp_path_factory.mktemp("logs")
    write.write(folder)
    knowledge = app.knowledge()
    with Store.throwaway() as store:
        ingest([Evidence(str(folder))], store)
        yield Session(tables=store.snapshot().tables, macros=dict(knowledge.macros), knowledge=knowledge)


@pytest.mark.parametrize("spl", SEARCHES)
def test_the_rows_are_the_same(session: Session, spl: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def noted(node: Node) -> list[Node] | None:
        found = gates(node)
        asked.append(found is not None)
        return found

    told = session.run(spl, now=1_772_700_000).rows
    monkeypatch.setattr(engine, "is_empty", lambda node: False)
    monkeypatch.setattr(engine, "gates", noted)
    first = session.run(spl, now=1_772_700_000).rows
    assert asked
    monkeypatch.setattr(engine, "gates", lambda node: None)
    assert session.run(spl, now=1_772_700_000).rows == first == told
