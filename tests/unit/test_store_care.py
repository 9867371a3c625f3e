"""Snapshots, statistics, compaction and vacuum, and the command that shows and does them."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from deltalake import DeltaTable

from tests.unit.storekit import T0, Event, only, portion, raws, read
from trapline.cli import cli, main
from trapline.store import Compacted, Store, Vacuumed

HOUR = 3_600_000_000
DAY = 24 * HOUR


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


def days(store: Store, count: int) -> None:
    """An event a day, each in a commit of its own, later ones with more fields."""
    for day in range(count):
        event = {"a": str(day), f"n{day // 10}": "x", f"odd {day // 10}": "y"}
        store.append("main", [portion("f", day, [event], time=T0 + day * DAY)])


def test_a_time_range_prunes_files(store: Store) -> None:
    days(store, 12)
    view = store.snapshot()
    assert len(only(view).files) == 12
    part = view.between(T0 + 2 * DAY, T0 + 4 * DAY)
    table = only(part)
    assert table.rows == 3  # days 2 and 3, and the widest file
    assert {row["a"] for row in read(table, ("a",))} == {"2", "3", "10"}
    assert table.columns == only(view).columns
    assert read(table, tuple(table.fields))  # every column is in some file
    assert view.between(T0 + 100 * DAY, None).tables == ()
    assert view.between(None, T0).tables == ()
    assert only(view.between(None, T0 + 1)).earliest == T0
    assert view.between(None, None) == view


def test_hundreds_of_commits_with_checkpoints_keep_the_names(store: Store) -> None:
    days(store, 60)
    store.append("main", [portion("f", 60, [{"a": ["1", "2"]}])])
    folder = store.path / "main" / "test"
    assert list(folder.glob("_delta_log/*.checkpoint.parquet"))
    before = store.stats()
    DeltaTable(folder).create_checkpoint()
    for entry in sorted(folder.glob("_delta_log/*.json"))[:-1]:
        entry.unlink()
    assert store.stats() == before
    assert before[0].events == 61
    assert before[0].multi == ("a",)
    assert before[0].tail == tuple(f"odd {ten}" for ten in range(6))
    assert before[0].columns == ("a", *(f"n{ten}" for ten in range(6)))
    assert store.append("main", [portion("f", 60, [{"a": "again"}])]) == 0


def test_compaction_keeps_every_event_sorted_by_time(store: Store) -> None:
    for number, day in enumerate((3, 1, 2)):
        events: list[Event] = [{"a": str(day), f"n{day}": "x", "odd name": ["1", "2"]}, {"A": "y"}]
        store.append("main", [portion("f", number, events, time=T0 + day * DAY)])
    store.append("main", [portion("f", 9, [{}], time=None)])
    before = only(store.snapshot())
    fields = tuple(sorted(before.fields))
    rows = read(before, fields)
    assert store.compact() == (Compacted("main", "test", 4, 1),)
    after = only(store.snapshot())
    assert read(after, fields) == rows
    assert (after.rows, after.earliest, after.latest) == (before.rows, before.earliest, before.latest)
    assert (after.columns, after.tail, after.multi) == (before.columns, before.tail, before.multi)
    assert read(before, fields) == rows  # a running search keeps its files
    stored = DeltaTable(store.path / "main" / "test").to_pyarrow_table()
    assert stored["_time"].to_pylist()[:-1] == sorted(stored["_time"].to_pylist()[:-1])
    assert stored["_time"].to_pylist()[-1] is None
    assert store.compact() == (Compacted("main", "test", 1, 1),)
    assert store.append("main", [portion("f", 9, [{}])]) == 0


def test_what_came_since_a_moment(store: Store) -> None:
    days(store, 2)
    between = round(time.time() * 1e6) + 1000  # statistics of files know milliseconds
    time.sleep(0.005)
    store.append("main", [portion("g", 0, [{"a": "1"}, {"a": "2"}])])
    for _ in range(2):
        assert store.arrived(0) == {("main", "test"): 4}
        assert store.arrived(between) == {("main", "test"): 2}
        assert store.arrived(between + 3600 * 10**6) == {("main", "test"): 0}
        store.compact()  # then a file holds both


def test_vacuum_deletes_what_compaction_replaced_and_killed_writers_left(store: Store) -> None:
    days(store, 3)
    store.compact()
    orphan = store.path / "main" / "test" / "part-00001-00000000000000000000000000000000.parquet"
    orphan.write_bytes(b"half")
    old = orphan.stat().st_mtime - 48 * 3600
    assert store.vacuum(24) == (Vacuumed("main", "test", 0, 0),)
    os.utime(orphan, (old, old))
    assert store.vacuum(24) == (Vacuumed("main", "test", 1, 4),)
    (done,) = store.vacuum(0)
    assert done.files_removed == 3
    assert raws(store) == ["f/0/0", "f/1/0", "f/2/0"]
    assert len(list((store.path / "main" / "test").glob("*.parquet"))) == 1


def test_a_damaged_table_is_an_error_with_a_next_step(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    days(store, 1)
    (log,) = (store.path / "main" / "test" / "_delta_log").glob("*00000.json")
    log.write_text("{ not json")
    with pytest.raises(SystemExit) as left:
        main(["store", "stats", "--store", str(store.path)])
    assert left.value.code == 3
    assert "hint: check the disk" in capsys.readouterr().err


def run(*args: str) -> Any:
    result = CliRunner().invoke(cli, ["store", *args, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_the_command_in_json(store: Store) -> None:
    days(store, 3)
    where = ("--store", str(store.path))
    assert run("stats", *where) == {
        "store": str(store.path),
        "tables": [
            {
                "index": "main",
                "sourcetype": "test",
                "events": 3,
                "files": 3,
                "bytes": store.stats()[0].bytes,
                "earliest": "2023-11-14T22:13:20.000000Z",
                "latest": "2023-11-16T22:13:20.000000Z",
                "columns": ["a", "n0"],
                "tail": ["odd 0"],
                "multi": [],
            }
        ],
    }
    compacted = {"index": "main", "sourcetype": "test", "files_before": 3, "files_after": 1}
    assert run("compact", *where) == {"store": str(store.path), "tables": [compacted]}
    assert run("vacuum", *where)["tables"][0]["files_removed"] == 0
    assert run("vacuum", "--hours", "0", *where)["tables"][0]["files_removed"] == 3


def test_the_command_as_text(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store") as store:
        empty = CliRunner().invoke(cli, ["store", "stats", "--store", str(store.path)], catch_exceptions=False)
        assert "no events" in empty.output
        store.append("main", [portion("f", 0, [{"a": "1", "b\x1b[31m": "2"}], sourcetype="evil\x1b[31m")])
    for action in ("stats", "compact", "vacuum"):
        text = CliRunner().invoke(cli, ["store", action, "--store", str(store.path)], catch_exceptions=False).output
        assert "main" in text
        assert "\x1b" not in text
    assert "2023-11-14 22:13" in CliRunner().invoke(cli, ["store", "stats", "--store", str(store.path)]).output


def test_the_command_without_a_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for action in ("stats", "compact", "vacuum"):
        with pytest.raises(SystemExit) as left:
            main(["store", action, "--store", str(tmp_path / "none")])
        assert left.value.code == 2
        assert "trapline ingest" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
