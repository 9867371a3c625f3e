"""A store that several processes use, and that survives being killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.unit.storekit import Event, portion, raws, read
from trapline.store import Portion, Store
from trapline.store.delta import Conflict, open_log

ROOT = Path(__file__).resolve().parents[2]

PORTIONS = 12
ROWS = 5


def job(file_id: str, number: int) -> Portion:
    """Some portion of a file, the same every time: two sourcetypes, names that keep coming, odd and multiple cells."""
    events: list[Event] = [
        {
            "sourcetype": "one" if place % 2 else "two:b",
            "always": str(place),
            f"new{number // 3}": "x",
            f"odd {number // 5}": "y",
            f"mv{number // 4}": ["a", "b"] if place == 3 else "c",
        }
        for place in range(ROWS)
    ]
    return portion(file_id, number, events)


def ingest(path: str, file_id: str, several: int = 1) -> None:
    """What an ingest does with a file."""
    with Store.open(path) as store:
        if store.seen("main", file_id):
            return
        for start in range(0, PORTIONS, several):
            store.append("main", [job(file_id, number) for number in range(start, min(PORTIONS, start + several))])
        store.finish("main", file_id, "label", PORTIONS * ROWS)


@contextmanager
def running(path: Path, file_id: str, several: int = 1) -> Iterator[subprocess.Popen[bytes]]:
    code = f"from tests.unit.test_store_shared import ingest; ingest({str(path)!r}, {file_id!r}, {several})"
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def forking(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has imported all and done nothing, and forks an ingest for every line it gets: so that a kill can
    hit anywhere and costs no new interpreter. It answers with the process id, and after an empty line with the exit."""
    code = f"""
import os
from tests.unit.test_store_shared import ingest
while line := input():
    if not (child := os.fork()):
        file_id, several = line.split()
        ingest({str(path)!r}, file_id, int(several))
        os._exit(0)
    print(child, flush=True)
    input()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def expected(*file_ids: str) -> list[str]:
    return sorted(f"{one}/{number}/{place}" for one in file_ids for number in range(PORTIONS) for place in range(ROWS))


def check_whole(store: Store) -> int:
    """Every portion that a table shows is all there, once, with its fields. Returns the rows."""
    view = store.snapshot(["main"])
    rows = 0
    for table in view.tables:
        found = read(table, ("always", *sorted(table.fields)))
        rows += len(found)
        per_portion = Counter(str(row["_raw"]).rsplit("/", 1)[0] for row in found)
        assert set(per_portion.values()) <= {ROWS // 2 if table.sourcetype == "one" else ROWS - ROWS // 2}
        for row in found:
            _, number, place = str(row["_raw"]).split("/")
            assert row["always"] == place
            assert row[f"new{int(number) // 3}"] == "x"
            assert row[f"odd {int(number) // 5}"] == "y"
            assert row[f"mv{int(number) // 4}"] == (["a", "b"] if place == "3" else "c")
    return rows


def test_killed_at_any_moment_nothing_is_lost_and_nothing_doubled(tmp_path: Path) -> None:
    path = tmp_path / "store"
    store = Store.open(path)
    dice = random.Random(7)
    files: list[str] = []
    midway: set[int] = set()
    rows = 0
    with forking(path) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        # File after file until kills have met enough different states, however fast this machine is.
        while len(midway) < 6:
            files.append(f"f{len(files)}")
            patience = 0.1
            while not store.seen("main", files[-1]):
                print(files[-1], dice.choice((1, 1, 2)), file=server.stdin, flush=True)
                child = int(server.stdout.readline())
                time.sleep(dice.random() * patience)
                os.kill(child, signal.SIGKILL)  # still there, perhaps as a zombie: its parent has not been told to wait
                print(file=server.stdin, flush=True)
                assert int(server.stdout.readline()) in (0, -signal.SIGKILL)
                before, rows = rows, check_whole(store)
                assert rows >= before
                if 0 < rows - (len(files) - 1) * PORTIONS * ROWS < PORTIONS * ROWS:
                    midway.add(rows)
                patience += 0.03  # some run must come to the end
    total = len(files) * PORTIONS * ROWS
    assert rows == total
    assert raws(store) == expected(*files)
    store.compact()
    assert check_whole(store) == total
    store.vacuum(0)
    assert raws(store) == expected(*files)
    left = sorted(file.name for file in path.rglob("*.parquet") if "_delta_log" not in file.parts)
    assert left == sorted(Path(file).name for table in store.snapshot().tables for file in table.files)


@pytest.mark.parametrize("other", ["f", "g"])
def test_two_writers_and_a_reader(tmp_path: Path, other: str) -> None:
    path = tmp_path / "store"
    store = Store.open(path)
    with running(path, "f", 2) as first, running(path, other, 3) as second:
        counts = [0]
        while first.poll() is None or second.poll() is None:
            counts.append(check_whole(store))
        assert counts == sorted(counts)
        assert (first.returncode, second.returncode) == (0, 0), (first.stderr, second.stderr)
    assert raws(store) == expected(*{"f", other})


def test_a_declaration_brings_what_others_committed_before_it(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    store.append("main", [portion("f", 0, [{"a": "1"}])])
    folder = store.path / "main" / "test"
    log = open_log(folder)
    assert log is not None
    store.append("main", [portion("f", 1, [{"a": "1"}])])
    assert log.held("f") == 0
    assert log.declare(log.layout.grow({"b": 1, "odd name": 1}, (), ()))
    assert log.held("f") == 1
    assert not log.declare(log.layout)
    assert not log.declare(log.layout.grow({"c": 1}, ("a",), ()))
    assert not log.declare(log.layout.grow({"d": 1, "odd too": 1}, ("a",), ()))


def test_a_declaration_that_was_overtaken_is_a_conflict(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    store.append("main", [portion("f", 0, [{"a": "1"}])])
    folder = store.path / "main" / "test"
    logs = [open_log(folder), open_log(folder)]
    store.append("main", [portion("f", 1, [{"b": "1", "odd name": "2"}])])
    for log, names in zip(logs, ({"c": 1}, {"odd too": 1}), strict=True):
        assert log is not None
        with pytest.raises(Conflict):
            log.declare(log.layout.grow(names, (), ()))


def test_names_without_events_are_no_columns_yet(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    store.append("main", [portion("f", 0, [{"a": "1"}])])
    log = open_log(store.path / "main" / "test")
    assert log is not None
    log.declare(log.layout.grow({"killed": 1}, (), ()))  # and killed before the commit
    (table,) = store.snapshot().tables
    assert set(table.columns) == {"a"}
    store.append("main", [portion("f", 1, [{"b": "2", "killed": "3"}])])
    (table,) = store.snapshot().tables
    assert [row.get("killed") for row in read(table, ("killed",))] == [None, "3"]


def test_compaction_while_others_write(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    failures: list[BaseException] = []

    def write(file_id: str) -> None:
        try:
            ingest(str(store.path), file_id)
        except BaseException as error:
            failures.append(error)
            raise

    writers = [threading.Thread(target=write, args=(name,)) for name in "fg"]
    for thread in writers:
        thread.start()
    while any(thread.is_alive() for thread in writers):
        store.compact()
        check_whole(store)
    assert not failures
    assert raws(store) == expected("f", "g")


def test_two_compactions_at_once(tmp_path: Path) -> None:
    path = tmp_path / "store"
    ingest(str(path), "f")
    threads = [threading.Thread(target=Store.open(path).compact) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = Store.open(path)
    assert raws(store) == expected("f")
    assert [table.files for table in store.stats()] == [1, 1]


def test_a_snapshot_never_changes(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    store.append("main", [job("f", 0)])
    store.append("main", [job("f", 1)])
    view = store.snapshot()
    before = [read(table, tuple(table.fields)) for table in view.tables]
    store.append("main", [job("f", 9)])
    store.compact()
    store.vacuum(1)
    assert [read(table, tuple(table.fields)) for table in view.tables] == before
