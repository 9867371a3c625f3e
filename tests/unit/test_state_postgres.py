"""The state database on PostgreSQL: the same as on SQLite.

It needs the programs of a server (initdb, postgres) and psycopg.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from tests.unit.test_scheduler import EVENTS, EXPECTED, NAME, add, late, made, rows, scheduler, simulate
from tests.unit.test_scheduler import at as moment
from tests.unit.test_scheduler import risk as risk_of
from trapline.state.collections import Collections
from trapline.state.database import HEAD, Database
from trapline.state.deliveries import Deliveries, enqueue
from trapline.state.deliveries import Status as Delivery
from trapline.state.journal import Cursor, Found, Journal, NewNotable, Outgoing, Throttle, Tick
from trapline.state.notables import Edit, Notables
from trapline.state.tables import META

URL = "TRAPLINE_TEST_POSTGRES"
"""Environment variable with the URL of an empty database, in place of a server of our own."""


def _user() -> str | None:
    """Whom a server runs as: it refuses to be root."""
    if os.geteuid():
        return None
    names = {one.pw_name for one in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), None)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of a server."""
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("psycopg, the driver of PostgreSQL, is not installed")
    if given := os.environ.get(URL):
        yield given
        return
    programs = {name: shutil.which(name) for name in ("initdb", "postgres")}
    if None in programs.values() or (os.geteuid() == 0 and _user() is None):
        pytest.skip(f"no PostgreSQL server can be started here; {URL} names one")
    folder = Path(tempfile.mkdtemp(prefix="trapline-pg-"))
    user = _user()
    if user is not None:
        shutil.chown(folder, user)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = str(folder / "data")
    subprocess.run(
        [str(programs["initdb"]), "-D", data, "-U", "trapline", "-A", "trust", "-E", "UTF8", "--locale=C"],
        user=user,
        check=True,
        capture_output=True,
        cwd=folder,
    )
    options = ("listen_addresses=127.0.0.1", f"unix_socket_directories={folder}", "fsync=off")
    words = [word for one in options for word in ("-c", one)]
    command = [str(programs["postgres"]), "-D", data, "-p", str(port), *words]
    process = subprocess.Popen(command, user=user, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"postgresql+psycopg://trapline@127.0.0.1:{port}/postgres"
    finally:
        process.terminate()
        process.wait(timeout=30)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def url(server: str) -> str:
    """A database without tables."""
    engine = sa.create_engine(server, poolclass=sa.NullPool)
    for _ in range(50):  # it listens before it answers
        try:
            with engine.begin() as connection:
                connection.exec_driver_sql("DROP SCHEMA public CASCADE")
                connection.exec_driver_sql("CREATE SCHEMA public")
            break
        except sa.exc.OperationalError:
            time.sleep(0.1)
    return server


def test_its_tables_are_those_of_the_steps(url: str) -> None:
    database = Database(url)
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), META) == []
    with database.write() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
        META.create_all(connection, [META.tables["collections"], META.tables["documents"]])
    database = Database(url)  # that of the first Trapline
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), META) == []
        assert connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == HEAD


def test_collections(url: str) -> None:
    state = Collections(Database(url))
    state.put("c", [{"_key": "b", "n": 1}, {"_key": "a", "v": ["x", 2, True]}])
    state.put("c", [{"_key": "c"}, {"_key": "b", "n": 2}])
    assert state.documents("c") == [{"_key": "b", "n": 2}, {"_key": "a", "v": ["x", 2, True]}, {"_key": "c"}]
    state.replace("c", [{"_key": str(at)} for at in range(2_500)])
    assert state.collections()[0].documents == 2_500
    assert state.delete("c")


def test_two_writers_lose_nothing(url: str) -> None:
    Database(url)

    def write(name: str) -> None:
        state = Collections(Database(url))
        for at in range(20):
            state.put("c", [{"_key": f"{name}-{at}", "n": at}, {"_key": "both", "n": at}])

    threads = [threading.Thread(target=write, args=(name,)) for name in "ab"]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(Collections(Database(url)).documents("c")) == 41


def test_the_journal(url: str) -> None:
    journal = Journal(Database(url))
    tick = Tick(cursors={"a": Cursor(1.0, 2.0)}, found=[Found("a", 2.0, "k", "c")])
    tick.throttles.append(Throttle("a", "k", 2.0, 9.0))
    tick.events.append(("risk", [{"_time": 1.5, "text": '\u00e4 " \\ \n'}]))
    odd = "a\0b"
    tick.notables.append(NewNotable("e", 1.0, "a", odd, "high", "low", odd, "x", 1, "nobody", 6, {"f": odd}))
    journal.commit(tick)
    tick.notables.clear()
    journal.commit(tick)
    (kept,) = Notables(journal.database).find()
    assert (kept.title, kept.entity, kept.fields) == ("a b", "a b", {"f": odd})
    assert journal.cursors() == {"a": Cursor(1.0, 2.0)}
    assert journal.found("a", 2.0) == {"k": "c"}
    assert list(journal.throttles(3.0)) == [("a", "k")]
    sent: list[Outgoing] = []

    def cut(ready: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        journal.deliver(cut)
    assert journal.deliver(sent.extend) == 2
    assert journal.deliver(sent.extend) == 0
    assert [one.events[0]["text"] for one in sent] == ['\u00e4 " \\ \n'] * 2
    assert journal.id == Journal(Database(url)).id


def test_deliveries(url: str) -> None:
    database = Database(url)
    with database.write() as connection:
        assert enqueue(connection, "out", [("k1", "{}"), ("k2", "{}")], 0) == 2
    with database.write() as connection:
        assert enqueue(connection, "out", [("k1", "{}"), ("k3", "{}")], 0) == 1
    waiting = Deliveries(database)
    first, second, third = waiting.due("out", 1.0, 10)
    waiting.sent(first)
    waiting.refused(second, "no\0")
    assert waiting.failed(third, "later", 1.0, most=2) is Delivery.WAITING
    assert waiting.counts()["out"] == {Delivery.WAITING: 1, Delivery.SENT: 1, Delivery.DEAD: 1}
    assert len(waiting.retry(2.0)) == 1
    assert sum(waiting.forget(5.0).values()) == 3


def test_the_scheduler_over_it(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAPLINE_STATE", url)
    settings = f"risk: {{deduplicate: 1d, cap: {{score: 40}}}}\ndetections: {{{NAME}: {{notable: true}}}}\n"
    folder = made(tmp_path, *EVENTS[:1], EVENTS[3], settings=settings)
    simulate(folder, "2026-03-02", "2026-03-03")
    assert risk_of(folder) == EXPECTED[:1]  # the second is a duplicate
    add(folder, tmp_path, EVENTS[1])
    with scheduler(folder) as one:
        assert one.late() == 1
        assert late(one) == [(moment("2026-03-02T11:00"), 1)]
        one.backfill(one.missing(moment("2026-03-02T00:01"), moment("2026-03-03")))
        assert late(one) == []
        notables = Notables(one.journal.database)
        found = list(notables.find())
        assert len(found) == 3
        notables.change(found[0].event_id, Edit(status=5), who="ann", now=1.0, comment="done")
        assert notables.last_changes()[found[0].event_id].comment == "done"
        assert one.journal.forget(moment("2026-03-04")) == 25
    assert len(rows(folder, "index=notable")) == 3
    assert not (folder / "state.db").exists()
