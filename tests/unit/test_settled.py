"""Whole events have the fields and values that the plan of all stanzas gives them, whatever is left out of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.unit.knowledgekit import addon
from trapline import app
from trapline.engines.duckdb import DuckDB
from trapline.ingest.intake import Evidence, ingest
from trapline.knowledge import Knowledge
from trapline.knowledge.settled import NEVER, UNKNOWN, Known, _computed, _joined
from trapline.plan import Table
from trapline.samples import write
from trapline.search import Result, Session
from trapline.store import Store

PROPS = r"""
[web]
EXTRACT-code = code=(?<code>\d+)
FIELDALIAS-who = user AS src_user
EVAL-both = mvappend(user, code)
EVAL-none = if(isnull(absent), "no " . user, absent)
LOOKUP-l = table user OUTPUT team
LOOKUP-none = table user AS absent OUTPUTNEW team

[source::...odd.log]
EVAL-kind = "odd"
EVAL-code = "of the source"
EVAL-host = "other"

[source::/logs/(even|prime).log]
EVAL-kind = if(like(source, "/logs/e%"), "even", "prime")

[host::Alpha]
EVAL-where = "first " . host

[app]
rename = renamed

[renamed]
EVAL-kind = coalesce(kind, lower(sourcetype), "never")
FIELDALIAS-x = a AS first_a level ASNEW severity
EVAL-many = mvcount(split(list, ","))
"""
EVENTTYPES = r"""
[app_events]
search = sourcetype=renamed a=*

[web_odd]
search = sourcetype=WEB source=*odd* NOT user=root

[web_absent]
search = absent=* OR user=root

[never]
search = source=/nothing/* sourcetype=web

[not_never]
search = NOT (source=/nothing/* absent=1)

[host-%host%]
search = user=*
"""
TAGS = """
[eventtype=app_events]
application = enabled

[eventtype=web_odd]
web = enabled
odd = enabled

[eventtype=never]
web = enabled
never = enabled

[eventtype=not_never]
quiet = enabled

[user=root]
privileged = enabled

[kind=ODD]
strange = enabled
"""
EVENTS: dict[tuple[str, str, str], Sequence[str | dict[str, object]]] = {
    ("web", "/logs/odd.log", "alpha"): ["user=ann code=1", "user=root code=3", "code=7 user=bob"],
    ("web", "/logs/even.log", "beta"): ["user=ann code=2", "nothing at all", "user=eve absent=1"],
    ("app", "/logs/prime.log", "Alpha"): [
        {"a": "1", "list": "x,y", "level": "high", "tagged": ["p", "q"]},
        {"a": "2", "severity": "low", "user": "root", "tag": "own"},
    ],
    ("other", "/logs/other.log", "gamma"): [{"b": "3", "user": "zoe", "eventtype": "own"}],
}
SEARCHES = [
    "index=main",
    "index=main | head 1",
    "index=main | tail 2",
    "index=main | sort 3 user | reverse",
    "index=main sourcetype=web | head 2",
    "index=main sourcetype=renamed",
    "index=main source=*odd.log host=other",
    "index=main tag=web",
    "index=main eventtype=app_events | eval tag=mvcount(tag) | head 3",
    "index=main NOT tag=odd",
    "index=main | table *",
    "index=main | streamstats count by sourcetype | where count=1",
]


def _alike(tables: Sequence[Table], knowledge: Knowledge, spl: str, monkeypatch: pytest.MonkeyPatch) -> Result:
    """The result of a search, the same in a plan of everything."""
    with DuckDB() as engine:
        asked = Session(tables=tables, knowledge=knowledge, engine=engine)
        monkeypatch.setattr(sys.modules["trapline.search.context"], "WIDE", 100_000)
        full = asked.run(spl)
        monkeypatch.setattr(sys.modules["trapline.search.context"], "WIDE", 0)
        found = asked.run(spl)
    for one, other in zip(found.rows, full.rows, strict=True):
        names = [name for name in one | other if one.get(name) != other.get(name)]
        assert [(name, one.get(name), other.get(name)) for name in names] == []
    held = {name for row in full.rows for name in row}
    assert [name for name in found.fields if name in held] == [name for name in full.fields if name in held]
    assert [one.reason for one in found.warnings] == [one.reason for one in full.warnings]
    return found


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[Table]]:
    folder = tmp_path_factory.mktemp("events")
    with Store.throwaway() as store:
        for place, ((sourcetype, source, host), events) in enumerate(EVENTS.items()):
            path = folder / f"{place}.log"
            lines = [
                f"2026-03-04T0{at}:0{place}:00Z {one}" if isinstance(one, str) else json.dumps({"time": at, **one})
                for at, one in enumerate(events)
            ]
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            ingest([Evidence(str(path), sourcetype=sourcetype, source=source, host=host)], store)
        yield store.snapshot().tables


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Knowledge:
    folder = addon(
        tmp_path_factory.mktemp("addon"),
        props=PROPS,
        transforms="[table]\nfilename = table.csv\n",
        eventtypes=EVENTTYPES,
        tags=TAGS,
    )
    (folder / "lookups").mkdir(exist_ok=True)
    (folder / "lookups" / "table.csv").write_text("user,team\nann,red\nroot,blue\n", encoding="utf-8")
    return Knowledge.load([folder])


@pytest.mark.parametrize("spl", SEARCHES)
def test_own_addon(tables: Sequence[Table], own: Knowledge, spl: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _alike(tables, own, spl, monkeypatch).rows


def test_built_in_addons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write.write(tmp_path)
    with Store.throwaway() as store:
        ingest([Evidence(str(tmp_path))], store, rules=app.knowledge().index_time)
        # A plan of everything over all of them needs more memory than there is.
        tables = sorted(store.snapshot().tables, key=lambda one: one.rows)[:2]
        found = _alike(tables, Knowledge.built_in(), "search * | head 40", monkeypatch)
        assert found.rows


@pytest.mark.parametrize(
    ("op", "args", "value"),
    [
        ("eq", ("a", "a"), True),
        ("eq", ("a", None), UNKNOWN),
        ("eq", (None, "a"), None),
        ("in", ("a", "b", "a"), True),
        ("lower", ("ÀB",), UNKNOWN),
        ("lower", ("AB",), "ab"),
        ("like", ("a/b", "a/%"), True),
        ("like", ("a_b", "a_b"), UNKNOWN),
        ("wildcard", ("abcabc", "a*c*c"), True),
        ("wildcard", ("abc", "ab*bc"), False),
        ("not", (NEVER,), UNKNOWN),
        ("not", (None,), None),
        ("is_true", (None,), UNKNOWN),
    ],
)
def test_computed(op: str, args: tuple[Known, ...], value: Known) -> None:
    assert _computed(op, args) is value or _computed(op, args) == value


def test_three_values() -> None:
    assert _joined([True, UNKNOWN], ends=True) is True
    assert _joined([None, UNKNOWN], ends=True) is UNKNOWN
    assert _joined([None, False], ends=True) is None
    assert _joined([None, UNKNOWN], ends=False) is NEVER
    assert _joined([None, True], ends=False) is None
    assert _joined([NEVER, False], ends=False) is False
