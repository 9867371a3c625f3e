"""The text of a query: what is written in short is what sqlglot's own writer says."""

from __future__ import annotations

import gc
import weakref

import pytest
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.generators.duckdb import DuckDBGenerator

from trapline.engines.duckdb import writer
from trapline.engines.duckdb.trees import sql_type
from trapline.search import search
from trapline.sql import column, ident

EVENTS = [
    {"_time": 1_700_000_000 + place, "user": user, "bytes": place * 10, 'a "b"': "x", "tags": ["p", "q"]}
    for place, user in enumerate(["ann", "bob", "ann", "Cy"])
]

SEARCHES = [
    "search user=a* bytes>5 | table user bytes",
    "search user=ann OR user=bob | stats count sum(bytes) AS total values(tags) earliest(bytes) BY user | sort - total",
    "eval x=if(bytes>10, 'a \"b\"', null()), y=round(bytes/3, 2) | where isnotnull(x) | fields x y",
    "streamstats sum(bytes) AS running BY user | eventstats max(running) AS most | head 3 | reverse",
    "bin _time span=1h | stats dc(user) BY _time | rename _time AS time",
    "mvexpand tags | dedup user tags | search NOT user=bob",
    "join type=left user [search bytes>0 | stats max(bytes) AS most BY user] | table user most",
    "append [search user=bob] | stats count BY user",
    'rex field=user "(?<first>.)" | top limit=2 first',
    "timechart span=1m count BY user",
]


def general(tree: exp.Expr) -> str:
    made = DuckDBGenerator(dialect=DuckDB(), normalize_functions=False, comments=False)
    return made.generate(tree.copy(), copy=False)


@pytest.mark.parametrize("spl", SEARCHES)
def test_queries_are_written_as_sqlglot_writes_them(spl: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[str, str]] = []
    short = writer.text

    def both(tree: exp.Expression | exp.Query, *, pretty: bool = False) -> str:
        long = general(tree)
        found = short(tree, pretty=pretty)
        written.append((found, long))
        return found

    monkeypatch.setattr(writer, "text", both)
    search(spl, EVENTS, store=True)
    assert written
    for found, long in written:
        assert found == long


@pytest.mark.parametrize(
    "tree",
    [
        column("plain"),
        column('with "quotes"'),
        column("with\nbreak"),
        exp.Identifier(this="bare", quoted=False),
        exp.Alias(this=exp.Literal.number(1), alias=ident("one")),
        exp.Cast(this=exp.Null(), to=sql_type("VARCHAR")),
        exp.Cast(this=exp.Null(), to=sql_type("VARCHAR[]")),
        exp.Cast(this=column("a"), to=sql_type("DECIMAL(30,12)")),
        exp.Cast(this=column("a"), to=sql_type("TIMESTAMPTZ")),
        exp.TryCast(this=column("a"), to=sql_type("BIGINT"), safe=True),
        exp.Ordered(this=column("a"), desc=True, nulls_first=False),
        exp.Ordered(this=column("a"), desc=False, nulls_first=False),
        exp.Ordered(this=column("a"), desc=True, nulls_first=True),
        exp.select(column("a")),
        exp.select(column("a")).from_(exp.Table(this=ident("t"))).distinct(),
        exp.select(column("a")).from_(exp.Table(this=ident("t"))).limit(3).offset(2),
        exp.select(exp.Star()).from_(exp.select(column("a")).from_(exp.Table(this=ident("t"))).subquery("q")),
        exp.select(exp.Star()).from_(exp.select(exp.Literal.number(1)).subquery()),
    ],
    ids=general,
)
def test_nodes_are_written_as_sqlglot_writes_them(tree: exp.Expression) -> None:
    assert writer.text(tree.copy()) == general(tree)


def test_a_tree_that_is_written_needs_no_garbage_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        tree = exp.select(exp.Alias(this=column("a"), alias=ident("b"))).from_(exp.Table(this=ident("t")))
        parts = [weakref.ref(one) for one in tree.walk()]
        writer.text(tree)
        del tree
        assert len(parts) == 7
        assert all(one() is None for one in parts)
    finally:
        gc.enable()
