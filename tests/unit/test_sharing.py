"""A batch of searches reads each dataset once: the results are those of each search alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.knowledgekit import addon, session, xml
from trapline.engines.duckdb import DuckDB
from trapline.engines.emptiness import Kept
from trapline.errors import TraplineError
from trapline.ingest.intake import ingest
from trapline.knowledge import Knowledge, built_in_addons
from trapline.knowledge.sharing import Shared, Sharing, Use, planned
from trapline.plan import Rows
from trapline.samples.write import write
from trapline.search import Query, Result, Session, search
from trapline.store import Store

NOW = 1_772_700_000.0


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """The sample logs."""
    folder = tmp_path_factory.mktemp("logs")
    with Store.throwaway() as store, DuckDB() as engine:
        ingest([write(folder).logs], store)
        yield Session(tables=store.snapshot().tables, engine=engine)


def outcome(session: Session, query: Query) -> Result | str:
    try:
        return session.run(query.spl, earliest=query.earliest, latest=query.latest, now=query.now)
    except TraplineError as error:
        return error.reason


DATASETS = {
    "Endpoint.Processes": ("dest", "user", "process_name", "parent_process_name", "process", "process_id", "action"),
    "Endpoint.Services": ("dest", "service_name", "start_mode", "user", "vendor_product"),
    "Authentication": ("dest", "user", "src", "action", "app", "signature_id"),
    "Change.All_Changes": ("dest", "user", "action", "object", "result", "command"),
}
AGGREGATIONS = (
    "count",
    "dc({0})",
    "values({0}) as v",
    "min(_time) as first",
    "max(_time)",
    "latest({0}) as l",
    "list({1})",
)


def queries(seed: int, times: tuple[float, float]) -> list[Query]:
    """Searches made at random, some of them the same but for their time."""
    pick = random.Random(seed)
    made = []
    for _ in range(14):
        name, fields = pick.choice(list(DATASETS.items()))
        prefix = name.rpartition(".")[2]
        named = [f"{prefix}.{one}" for one in pick.sample(fields, 4)]
        wanted = ", ".join(one.format(*named) for one in pick.sample(AGGREGATIONS, 2))
        options = pick.choice(["", "summariesonly=false fillnull_value=null ", "fillnull_value=none "])
        where = pick.choice(["", f"where {named[2]}=*", f"where NOT {named[2]}=a* ", f'where {named[2]} IN ("*e*", x)'])
        by = pick.choice(
            ["", f" by {named[3]}", f" by _time span=1h {named[3]} {named[0]}", f" by {named[1]} sourcetype"]
        )
        span = times[1] - times[0]
        window = pick.choice([(None, None), (times[0] + span / 4, times[1]), (times[0], times[1] - span / 3)])
        made.append(Query(f"| tstats {options}{wanted} from datamodel={name} {where}{by}", *window, now=NOW))
    made.append(Query("| tstats count from datamodel=Change where nodename=All_Changes.Account_Management", now=NOW))
    made.append(
        Query("| tstats count from datamodel=Change by nodename All_Changes.Account_Management.src_user", now=NOW)
    )
    made.append(Query("index=* | stats count by EventCode", now=NOW))
    made.append(Query("| tstats count from datamodel=Endpoint.Nothing by host", now=NOW))
    return made


@pytest.mark.parametrize("seed", range(4))
def test_rows_and_warnings_are_those_of_each_search_alone(logs: Session, seed: int) -> None:
    (seen,) = logs.run("| tstats min(_time) as a max(_time) as b").rows
    batch = queries(seed, (float(str(seen["a"])), float(str(seen["b"]))))
    alone = [outcome(logs, one) for one in batch]
    with logs.share(batch) as sharing:
        assert sharing.found
        assert any(one.rows for one in sharing.found)
        shared = [outcome(logs, one) for one in batch]
    for one, before, after in zip(batch, alone, shared, strict=True):
        assert before == after, one.spl
    assert [outcome(logs, one) for one in batch] == alone


def test_a_search_that_is_not_of_the_batch_is_answered_too(logs: Session) -> None:
    own = "| tstats count from datamodel=Endpoint.Processes where Processes.process_path=* by Processes.process_path"
    before = logs.run(own).rows
    assert before
    of_batch = Query("| tstats count from datamodel=Endpoint.Processes by Processes.dest")
    with logs.share([of_batch, of_batch]) as sharing:
        assert [one.name for one in sharing.found] == ["Endpoint.Processes"]
        assert logs.run(own).rows == before
        every = "| tstats values(Processes.*) from datamodel=Endpoint.Processes"
        assert logs.run(every).rows == logs.run(every).rows


def test_subsearches_share_and_the_engine_lets_go(logs: Session) -> None:
    both = Query(
        "| tstats count from datamodel=Endpoint.Processes by Processes.dest"
        " | append [| tstats count from datamodel=Endpoint.Processes by Processes.user]"
    )
    before = logs.run(both.spl)
    with logs.share([both]) as sharing:
        (one,) = sharing.found
        assert one.uses == 2
        assert one.kept is not None
        node = one.kept.node
        assert isinstance(node, Rows)
        assert isinstance(node.data, Kept)
        assert logs.run(both.spl) == before
    assert logs.engine is not None
    assert logs.engine._connection.sql("SELECT * FROM duckdb_tables() WHERE NOT internal").fetchall() == []


def test_what_a_subsearch_returns_is_asked_of_the_shared_rows(logs: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = "| tstats count from datamodel=Endpoint.Processes by Processes.process_name Processes.dest"
    asked = (
        "| tstats count from datamodel=Endpoint.Processes where"
        ' [| makeresults | eval n="cmd.exe" | rename n as Processes.process_name | table Processes.process_name]'
        " by Processes.dest"
    )
    before = logs.run(asked, now=NOW)
    assert before.rows
    with logs.share([Query(plain, now=NOW), Query(plain, now=NOW), Query(asked, now=NOW)]) as sharing:
        found: list[object] = []
        find = Sharing.find

        def noted(self: Sharing, model: str, dataset: str, read: frozenset[str], *times: float | None) -> Shared | None:
            found.append(find(self, model, dataset, read, *times))
            return find(self, model, dataset, read, *times)

        monkeypatch.setattr(Sharing, "find", noted)
        assert logs.run(asked, now=NOW) == before
        assert found == sharing.found


def test_what_depends_on_the_time_or_on_given_rows_is_not_shared(tmp_path: Path) -> None:
    twice = [Query("| tstats count from datamodel=M.D by D.age", now=NOW)] * 2
    model = {"D": {"search": "user=*", "fields": ["user"], "calculated": {"age": "round(now()-_time)"}}}
    with session(tmp_path, [{"user": "a"}, {"user": "b"}]) as one:
        one.datamodels = {"M": model}
        with one.share(twice) as sharing:
            assert sharing.found == []
            assert len(one.run(twice[0].spl, now=NOW).rows) == 2
        given = Session(events=[{"user": "a"}], datamodels={"M": {"D": {"events": [{"age": 1}]}}})
        with given.share(twice) as sharing:
            assert sharing.found == []
            assert given.run(twice[0].spl).rows == [{"D.age": 1, "count": 1}]


def test_a_doubt_about_a_field_is_told_only_to_searches_that_read_it(tmp_path: Path) -> None:
    own = addon(tmp_path, props="[source::...]\nEXTRACT-code = (?<status>(unclosed in _raw\n")
    events = [xml("Security", 4688, NewProcessName="C:\\a.exe", SubjectUserName="eve") for _ in range(2)]
    known = Knowledge.load([*built_in_addons(), own])
    model = {"D": {"search": "EventCode=4688", "fields": ["status", "dest"]}}
    with session(tmp_path, events, known) as one:
        one.datamodels = {"M": model}
        batch = [Query(f"| tstats count from datamodel=M.D by D.{name}", now=NOW) for name in ("status", "dest")]
        alone = [outcome(one, query) for query in batch]
        with one.share(batch) as sharing:
            assert [shared.name for shared in sharing.found] == ["M.D"]
            assert [outcome(one, query) for query in batch] == alone
        told = [isinstance(result, Result) and bool(result.warnings) for result in alone]
        assert told == [True, False]


def test_time_ranges_that_are_alike_share() -> None:
    def use(earliest: float | None, latest: float | None, field: str = "D.a") -> Use:
        return Use("M", "D", frozenset({field}), earliest, latest)

    hour, day = 3600.0, 86400.0
    groups = planned([use(0, hour), use(600, hour + 600, "D.b"), use(0, 30 * day), use(day, 31 * day), use(None, None)])
    assert [(one.earliest, one.latest, sorted(one.read), one.uses) for one in groups] == [
        (0, 31 * day, ["D.a"], 2),
        (0, hour + 600, ["D.a", "D.b"], 2),
    ]
    assert planned([use(0, hour), use(10 * day, 10 * day + hour)]) == []
    (same,) = planned([use(None, None), use(None, None)])
    assert same.uses == 2


def test_more_rows_than_fit_into_memory_go_to_disk(tmp_path: Path) -> None:
    spill = tmp_path / "spill"
    rows = [{"n": str(number), "text": f"{number}" * 40} for number in range(20_000)]
    with DuckDB(memory="24MB", temporary=str(spill)) as engine:
        given = Session(events=rows, engine=engine).given()
        kept = [engine.keep(given) for _ in range(6)]
        assert list(spill.iterdir())
        assert [engine.count(one) for one in kept] == [20_000] * 6
        first = engine.execute(kept[0])
        assert first.data.column(0).to_pylist() == [str(number) for number in range(20_000)]
        for one in kept:
            engine.drop(one)


def test_the_rows_of_a_search_in_memory_are_not_touched() -> None:
    assert search("| tstats count", [{"_raw": "a"}], store=True) == [{"count": 1}]
