"""A plan that is said to give no row gives none."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from trapline.engines.duckdb import DuckDB, engine
from trapline.engines.emptiness import MARK, Values, is_empty
from trapline.plan import (
    FALSE,
    NULL,
    Agg,
    Aggregate,
    Call,
    Col,
    Expand,
    Expr,
    Extend,
    Filter,
    Join,
    Limit,
    Lit,
    Node,
    Project,
    Rows,
    Union,
    both,
    call,
    either,
    text,
)
from trapline.rows import rows_from
from trapline.values import Kind

TEXTS = (
    "cmd.exe",
    "CMD.EXE",
    "reg.exe",
    "Reg",
    "",
    "e",
    "ümlaut.exe",
    "ÜMLAUT",
    "İ",
    "ΣΑΣ",
    "K",
    f"a{MARK}b",
    "42",
    "x\ny",
)
ROWS: list[dict[str, Any]] = [
    {"name": "CMD.exe", "path": "C:\\Windows\\cmd.exe", "user": "Ümlaut", "none": None, "n": 4, "m": ["a", "b"]},
    {"name": "Reg.EXE", "path": "42", "user": "ΣΑΣ", "n": 5, "m": "c"},
    {"name": None, "path": "", "user": f"a{MARK}b", "n": 5},
    {"name": "cmd.exe", "path": "x\ny", "user": "İstanbul K", "n": None},
]
OPS = ("eq", "contains", "starts_with", "ends_with")
COUNT = (("count", Agg("count_rows", None, Kind.NUMBER)),)


@pytest.fixture(scope="module")
def duck() -> Iterator[DuckDB]:
    with DuckDB() as made:
        yield made


@pytest.fixture(scope="module")
def kept(duck: DuckDB) -> Rows:
    return duck.keep(rows_from(ROWS))


def col(name: str) -> Col:
    return Col(name, Kind.TEXT)


def asks(op: str, name: str, *values: str, lower: bool = True) -> Call:
    subject: Expr = call("lower", Kind.TEXT, col(name)) if lower else col(name)
    return call(op, Kind.BOOL, subject, *map(text, values))


def condition(rng: random.Random, depth: int = 2) -> Expr:
    if depth and rng.random() < 0.5:
        parts = [condition(rng, depth - 1) for _ in range(rng.randint(1, 3))]
        made = rng.choice((both, either))(parts)
        return call("not", Kind.BOOL, call("is_true", Kind.BOOL, made)) if rng.random() < 0.2 else made
    name, lower = rng.choice(("name", "path", "user", "none")), rng.random() < 0.6
    if rng.random() < 0.1:
        return call("is_not_null", Kind.BOOL, col(name))
    if rng.random() < 0.2:
        return asks("in", name, *rng.sample(TEXTS, 2), lower=lower)
    return asks(rng.choice(OPS), name, rng.choice(TEXTS), lower=lower)


def over(rng: random.Random, node: Node) -> Node:
    """Something between the rows and a condition that leaves the fields with text there."""
    match rng.randrange(8):
        case 0:
            return Extend(node, (("name", call("coalesce", Kind.TEXT, col("path"), text("Reg"))), ("none", NULL)))
        case 1:
            swapped = (("name", "path"), ("path", "user"), ("user", "name"), ("none", "none"))
            return Project(node, tuple((new, col(old)) for new, old in swapped))
        case 2:
            return Aggregate(node, tuple((one, col(one)) for one in ("name", "path", "user", "none")), COUNT)
        case 3:
            return Union((node, Extend(node, (("user", col("name")),))))
        case 4:
            return Union((node, rows_from([{"name": "reg.exe", "path": "e", "user": "Reg", "none": "42"}])))
        case 5:
            return Filter(node, condition(rng))
        case 6 if "m" in node.schema:
            return Expand(node, "m", keep_null=True)
        case 7:
            return Extend(node, (("name", call("upper", Kind.TEXT, col("name"))),))
    return Limit(node, 3)


@pytest.mark.parametrize("seed", range(30))
def test_what_is_said_to_be_empty_is_empty(
    duck: DuckDB, kept: Rows, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(seed)
    plans: list[Node] = []
    for _ in range(8):
        node: Node = kept
        for _ in range(rng.randint(0, 3)):
            node = over(rng, node)
        plans.append(Filter(node, condition(rng)))
    told = [is_empty(one) for one in plans]
    monkeypatch.setattr(engine, "is_empty", lambda node: False)
    counts = [duck.count(one) for one in plans]
    assert [count for count, empty in zip(counts, told, strict=True) if empty and count] == []


SHOWN: Sequence[tuple[Expr, bool]] = (
    (asks("eq", "name", "cmd.exe"), False),
    (asks("eq", "name", "cmd"), True),
    (asks("starts_with", "name", "cmd"), False),
    (asks("starts_with", "name", "md"), True),
    (asks("ends_with", "name", ".exe"), False),
    (asks("ends_with", "name", ".ex"), True),
    (asks("contains", "path", "windows\\cmd"), False),
    (asks("contains", "path", "temp"), True),
    (asks("in", "name", "a.exe", "b.exe"), True),
    (asks("in", "name", "a.exe", "reg.exe"), False),
    (asks("eq", "none", "x"), True),
    (call("is_not_null", Kind.BOOL, col("none")), True),
    (asks("eq", "path", ""), False),
    (asks("eq", "name", ""), True),
    (asks("contains", "path", "43", lower=False), True),
    (call("not", Kind.BOOL, asks("eq", "name", "cmd")), False),
    (both([asks("eq", "name", "cmd.exe"), asks("eq", "name", "cmd")]), True),
    (either([asks("eq", "name", "cmd.exe"), asks("eq", "name", "cmd")]), False),
)


@pytest.mark.parametrize(("predicate", "empty"), SHOWN)
def test_conditions_on_kept_rows(kept: Rows, predicate: Expr, empty: bool) -> None:
    assert is_empty(Filter(kept, predicate)) == empty


def test_what_stands_over_nothing(kept: Rows) -> None:
    nothing = Filter(kept, FALSE)
    name = (("name", col("name")),)
    assert is_empty(Aggregate(nothing, name, COUNT))
    assert not is_empty(Aggregate(nothing, (), COUNT))
    assert is_empty(Union((nothing, rows_from([]))))
    assert not is_empty(Union((nothing, kept)))
    assert is_empty(Join(kept, nothing, ((col("name"), col("name")),), (("other", col("path")),), outer=False))
    assert not is_empty(Join(kept, nothing, ((col("name"), col("name")),), (("other", col("path")),), outer=True))
    assert is_empty(Limit(kept, 0))
    assert not is_empty(Filter(rows_from(ROWS), asks("eq", "name", "other")))


def test_too_many_values_are_not_held(duck: DuckDB, kept: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "VALUES", 3)
    fresh = duck.keep(rows_from(ROWS))
    assert not is_empty(Filter(fresh, asks("eq", "name", "other")))
    duck.drop(fresh)


def test_values_are_read_once() -> None:
    asked: list[int] = []

    def read() -> str:
        asked.append(1)
        return f"{MARK}a{MARK}"

    values = Values(read)
    assert values.hold("a")
    assert not values.hold("b")
    assert asked == [1]


def test_a_null_holds_for_no_row(kept: Rows) -> None:
    assert is_empty(Filter(kept, Lit(None, Kind.BOOL)))
