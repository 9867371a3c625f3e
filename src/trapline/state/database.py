"""The database itself: SQLite in a file of the store, or any database that SQLAlchemy reaches by a URL.

Every write is one transaction, and a writer waits for the one before it, so that two processes may write at the same
time. A database of an older Trapline is brought up to date when it is opened (`migrations/`, Alembic).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from trapline.errors import EngineError, TraplineError
from trapline.state.tables import META

HEAD = "0005"
"""The newest step of `migrations/versions`."""
FIRST = "0001"
"""What a database is that knows of no steps: it holds collections only."""
WAIT = 60
"""Seconds that a writer waits for another one."""
WRITER = 0x7472_6170
"""The number of the lock that writers wait for where a database lets them in side by side."""
_VERSION = sa.Table("alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True))


class Database:
    """A state database. Any number of processes may have it open, and any number of threads may use it."""

    def __init__(self, url: str | sa.URL) -> None:
        """The database at a URL of SQLAlchemy; its tables are made where they are missing. Raises TraplineError for a
        URL that is none or names a driver that is not installed, and for the database of a newer Trapline; EngineError
        where the database cannot be reached."""
        try:
            self._engine = sa.create_engine(url, poolclass=NullPool)
        except (ArgumentError, ImportError) as error:
            raise TraplineError(
                f"the state database cannot be used: {error}", hint="its URL is like sqlite:///FILE", code="state.url"
            ) from None
        self._lite = self._engine.dialect.name == "sqlite"
        self._lock = threading.Lock()
        if self._lite:
            sa.event.listen(self._engine, "connect", _prepare)
        self._bring_up_to_date()

    @classmethod
    def file(cls, path: Path) -> Database:
        """A SQLite file; raises as `Database`."""
        return cls(sa.URL.create("sqlite", database=str(path)))

    @classmethod
    def at(cls, place: str | Path) -> Database:
        """A file, or what a URL names; raises as `Database`."""
        return cls(place) if isinstance(place, str) and "://" in place else cls.file(Path(place))

    @property
    def name(self) -> str:
        """For people, without a password."""
        return self._engine.url.render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection to read from. Raises EngineError."""
        try:
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise _failed(error) from None

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One transaction: all of it holds at the end, or on any error nothing of it. Raises EngineError."""
        try:
            with self._lock, self._engine.connect() as connection, connection.begin():
                if self._lite:
                    # A transaction that only later becomes a writer could not wait for the one before it.
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                elif self._engine.dialect.name == "postgresql":
                    # Held until the transaction ends: a row that two writers add must not be refused to the second.
                    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER})")
                yield connection
        except SQLAlchemyError as error:
            raise _failed(error) from None

    def watch(self) -> Callable[[], object]:
        """What gives another value after any transaction of another connection or process, in some microseconds; for
        a database that counts none always None. It holds a connection. Raises EngineError, and so does what it
        gives."""
        if not self._lite:
            return lambda: None
        try:
            connection = self._engine.raw_connection()
        except SQLAlchemyError as error:
            raise _failed(error) from None

        def version() -> object:
            try:
                return connection.cursor().execute("PRAGMA data_version").fetchone()[0]
            except sqlite3.Error as error:
                raise EngineError(f"the state database failed: {error}", code="state") from None

        return version

    def _bring_up_to_date(self) -> None:
        with self.read() as connection:
            version = _version(connection)
        if version == HEAD:
            return
        with self.write() as connection:
            version = _version(connection)  # another process may have been first
            if version is None:
                META.create_all(connection)
                _VERSION.create(connection, checkfirst=True)
                connection.execute(_VERSION.insert().values(version_num=HEAD))
            elif version != HEAD:
                from trapline.state.migrate import upgrade

                upgrade(connection, version)


def step(place: str | Path) -> str | None:
    """The step that a database is at, which stays as it is; None for one without tables. Raises TraplineError for a URL
    that is none, EngineError where the database cannot be reached."""
    url = place if isinstance(place, str) and "://" in place else sa.URL.create("sqlite", database=str(place))
    try:
        with sa.create_engine(url, poolclass=NullPool).connect() as connection:
            return _version(connection)
    except (ArgumentError, ImportError) as error:
        raise TraplineError(
            f"the state database cannot be used: {error}", hint="its URL is like sqlite:///FILE", code="state.url"
        ) from None
    except SQLAlchemyError as error:
        raise _failed(error) from None


def _version(connection: sa.Connection) -> str | None:
    """The step that a database is at; None for one without any table of ours."""
    has = sa.inspect(connection).has_table
    if has(_VERSION.name):
        found: str | None = connection.scalar(sa.select(_VERSION.c.version_num))
        if found is not None:
            return found
    return FIRST if has("collections") else None


def _prepare(connection: Any, _: object) -> None:
    """Leave transactions of SQLite to `Database`. Readers do not wait for the writer."""
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {WAIT * 1000}")
    connection.execute("PRAGMA journal_mode = WAL")


def _failed(error: SQLAlchemyError) -> EngineError:
    reason = str(getattr(error, "orig", None) or error).splitlines()[0]
    return EngineError(f"the state database failed: {reason}", hint="check its place and permissions", code="state")
