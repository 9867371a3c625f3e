"""The state database: collections of documents, also under two writers; databases of an older and a newer Trapline."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from trapline.errors import EngineError, TraplineError
from trapline.state.collections import Collections
from trapline.state.database import HEAD, Database
from trapline.state.journal import Journal, Throttle, Tick
from trapline.state.tables import META

WRITER = """
import sys
from pathlib import Path
from trapline.state.collections import Collections
from trapline.state.database import Database
state = Collections(Database.file(Path(sys.argv[1])))
for at in range(40):
    state.put("c", [{"_key": f"{sys.argv[2]}-{at}", "n": at}, {"_key": "both", "n": at}])
"""


def test_documents_keep_their_order_and_are_replaced_by_key(tmp_path: Path) -> None:
    state = Collections(Database.file(tmp_path / "state.db"))
    state.put("c", [{"_key": "b", "n": 1}, {"_key": "a", "v": ["x", 2, True]}])
    state.put("c", [{"_key": "c"}, {"_key": "b", "n": 2}])
    assert state.documents("c") == [{"_key": "b", "n": 2}, {"_key": "a", "v": ["x", 2, True]}, {"_key": "c"}]
    state.put("c", [{"_key": "b", "n": 3}, {"_key": "d"}, {"_key": "d", "n": 4}], update=False)
    assert [one["_key"] for one in state.documents("c")] == ["b", "a", "c", "d"]
    assert state.documents("c")[0] == {"_key": "b", "n": 2}
    assert state.documents("c")[3] == {"_key": "d"}
    state.replace("c", [{"n": 1}, {"n": 2}])
    assert [one["n"] for one in state.documents("c")] == [1, 2]
    assert len({one["_key"] for one in state.documents("c")}) == 2


def test_every_write_makes_another_version(tmp_path: Path) -> None:
    state = Collections(Database.file(tmp_path / "state.db"))
    assert state.version("c") is None
    seen = []
    for write in (lambda: state.put("c", []), lambda: state.replace("c", [{}]), lambda: state.delete("c")):
        write()
        seen.append(state.version("c"))
    assert seen[0] is not None
    assert seen[1] is not None
    assert seen[0] != seen[1]
    assert seen[2] is None
    assert state.delete("c") is False
    assert state.collections() == []


def test_more_documents_than_one_query_takes(tmp_path: Path) -> None:
    state = Collections(Database.file(tmp_path / "state.db"))
    for turn in range(2):
        state.put("c", [{"_key": str(at), "n": turn} for at in range(2_500)])
    found = state.documents("c")
    assert [one["_key"] for one in found] == [str(at) for at in range(2_500)]
    assert {one["n"] for one in found} == {1}
    assert state.collections()[0].documents == 2_500


def test_two_processes_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name]) for name in "ab"]
    assert [one.wait() for one in writers] == [0, 0]
    assert len(Collections(Database.file(path)).documents("c")) == 81


def test_what_is_no_database_says_so(tmp_path: Path) -> None:
    with pytest.raises(TraplineError, match="cannot be used"):
        Database("nonsense")
    (tmp_path / "state.db").write_text("this is no database, however long it may be " * 50)
    with pytest.raises(EngineError, match="not a database"):
        Database.file(tmp_path / "state.db")


OLD = """
CREATE TABLE collections (name VARCHAR(200) NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (name));
CREATE TABLE documents (
    collection VARCHAR(200) NOT NULL, "key" VARCHAR(1000) NOT NULL, place BIGINT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (collection, "key"));
CREATE INDEX documents_in_order ON documents (collection, place);
INSERT INTO collections VALUES ('c', 7);
INSERT INTO documents VALUES ('c', 'a', 1, '{"n": 1}');
"""
"""A state database as the first Trapline with collections made it."""


def test_an_old_database_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with sqlite3.connect(path) as made:
        made.executescript(OLD)
    database = Database.file(path)
    assert Collections(database).documents("c") == [{"_key": "a", "n": 1}]
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), META) == []
        assert connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == HEAD
    assert Collections(Database.file(path)).version("c") == 7


def test_a_new_database_is_what_the_steps_make(tmp_path: Path) -> None:
    tables = []
    for name in ("new.db", "old.db"):
        with sqlite3.connect(tmp_path / name) as made:
            if name == "old.db":
                made.executescript(OLD)
        Database.file(tmp_path / name)
        with sqlite3.connect(tmp_path / name) as made:
            kinds = "SELECT m.name, i.* FROM sqlite_master m, pragma_table_info(m.name) i WHERE m.type = 'table'"
            others = "SELECT name, tbl_name FROM sqlite_master WHERE type = 'index' AND name NOT LIKE 'sqlite_auto%'"
            tables.append((sorted(made.execute(kinds)), sorted(made.execute(others))))
    assert tables[0] == tables[1]
    assert len(tables[0][0]) > 50


STEP_3 = """
ALTER TABLE found DROP COLUMN recorded;
ALTER TABLE scores DROP COLUMN recorded;
DROP TABLE throttles;
DROP TABLE endpoints;
ALTER TABLE suppressions DROP COLUMN ended_by;
CREATE TABLE throttles (search VARCHAR(400) NOT NULL, "key" VARCHAR(64) NOT NULL, since FLOAT NOT NULL,
    until FLOAT NOT NULL, PRIMARY KEY (search, "key"));
INSERT INTO throttles VALUES ('a', 'k', 2.0, 9.0);
INSERT INTO found VALUES ('a', 2.0, 'k', 'c');
UPDATE alembic_version SET version_num = '0003';
"""
"""What makes of a database one as it was before throttles had periods."""


def test_throttles_stay_when_they_become_periods(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    Database.file(path)
    with sqlite3.connect(path) as made:
        made.executescript(STEP_3)
    journal = Journal(Database.file(path))
    journal.commit(Tick(throttles=[Throttle("a", "k", 12.0, 19.0)]))
    periods = {
        at: [(one.since, one.until) for one in journal.throttles(at).values()] for at in (1.0, 2.0, 8.0, 9.0, 12.0)
    }
    assert periods == {1.0: [], 2.0: [(2.0, 9.0)], 8.0: [(2.0, 9.0)], 9.0: [], 12.0: [(12.0, 19.0)]}
    assert journal.found("a", 2.0) == {"k": "c"}
    journal.forget(20.0)  # what was found then was written down at an unknown time; the throttle a moment ago
    assert journal.forgotten() == {"a": 9.0}
    assert journal.found("a", 2.0) == {}
    assert [one.until for one in journal.throttles(15.0).values()] == [19.0]


def test_a_newer_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    Database.file(path)
    with sqlite3.connect(path) as made:
        made.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(TraplineError, match="newer Trapline"):
        Database.file(path)
