"""The state database: what changes in place. Collections are its first part: JSON documents by their `_key`.

Sources: Splunk Developer Guide, "About KV Store collections"; collections.conf.spec.

SQLite in a file of the store, or any database that SQLAlchemy reaches by a URL. Every write is one transaction, and a
writer waits for the one before it, so that two processes may write at the same time.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from trapline.errors import EngineError, TraplineError

KEY = "_key"
"""The field of a document that names it."""
WAIT = 60
"""Seconds that a writer waits for another one."""
_BATCH = 500
"""Keys in one query: SQLite takes no more than 999 parameters."""

Document = Mapping[str, Any]

_META = sa.MetaData()
_COLLECTIONS = sa.Table(
    "collections",
    _META,
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
)
_DOCUMENTS = sa.Table(
    "documents",
    _META,
    sa.Column("collection", sa.String(200), primary_key=True),
    sa.Column("key", sa.String(1000), primary_key=True),
    sa.Column("place", sa.BigInteger, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Index("documents_in_order", "collection", "place"),
)


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection that was written to: how many documents it has, and how many writes it has seen."""

    name: str
    documents: int
    version: int


class State:
    """A state database. Any number of processes may have it open."""

    def __init__(self, url: str) -> None:
        """The database at a URL of SQLAlchemy; its tables are made where they are missing. Raises TraplineError for a
        URL that is none or names a driver that is not installed, EngineError where the database cannot be reached."""
        try:
            self._engine = sa.create_engine(url, poolclass=NullPool)
        except (ArgumentError, ImportError) as error:
            raise TraplineError(
                f"the state database cannot be used: {error}", hint="its URL is like sqlite:///FILE", code="state.url"
            ) from None
        self._lite = self._engine.dialect.name == "sqlite"
        if self._lite:
            sa.event.listen(self._engine, "connect", _prepare)
        with self._write() as connection:
            _META.create_all(connection)

    @classmethod
    def file(cls, path: Path) -> State:
        """A SQLite file; raises as `State`."""
        return cls(sa.URL.create("sqlite", database=str(path)).render_as_string(hide_password=False))

    def collections(self) -> list[Collection]:
        """Every collection that was written to, by name. Raises EngineError."""
        counts = (
            sa.select(_DOCUMENTS.c.collection, sa.func.count().label("n")).group_by(_DOCUMENTS.c.collection).subquery()
        )
        query = sa.select(_COLLECTIONS.c.name, _COLLECTIONS.c.version, counts.c.n).outerjoin(
            counts, counts.c.collection == _COLLECTIONS.c.name
        )
        with self._read() as connection:
            rows = connection.execute(query.order_by(_COLLECTIONS.c.name)).all()
        return [Collection(row.name, row.n or 0, row.version) for row in rows]

    def version(self, name: str) -> int | None:
        """A number that another write makes another one; None for a collection that nothing was ever written to.
        Raises EngineError."""
        with self._read() as connection:
            found: int | None = connection.scalar(sa.select(_COLLECTIONS.c.version).where(_COLLECTIONS.c.name == name))
        return found

    def documents(self, name: str) -> list[dict[str, Any]]:
        """The documents of a collection in the order in which they came, each with its `_key`. Raises EngineError."""
        query = (
            sa.select(_DOCUMENTS.c.key, _DOCUMENTS.c.body)
            .where(_DOCUMENTS.c.collection == name)
            .order_by(_DOCUMENTS.c.place)
        )
        with self._read() as connection:
            return [{**json.loads(row.body), KEY: row.key} for row in connection.execute(query)]

    def replace(self, name: str, documents: Sequence[Document]) -> None:
        """Make these the documents of a collection. Raises EngineError."""
        with self._write() as connection:
            connection.execute(_DOCUMENTS.delete().where(_DOCUMENTS.c.collection == name))
            self._put(connection, name, documents)

    def put(self, name: str, documents: Sequence[Document], *, update: bool = True) -> None:
        """Add documents; one whose `_key` is there takes the place of the old one, or without `update` is left out.
        Raises EngineError."""
        with self._write() as connection:
            self._put(connection, name, documents, update=update)

    def delete(self, name: str) -> bool:
        """Delete a collection; was there one? Raises EngineError."""
        with self._write() as connection:
            connection.execute(_DOCUMENTS.delete().where(_DOCUMENTS.c.collection == name))
            gone = connection.execute(_COLLECTIONS.delete().where(_COLLECTIONS.c.name == name))
        return gone.rowcount > 0

    def _put(self, connection: sa.Connection, name: str, documents: Sequence[Document], *, update: bool = True) -> None:
        bodies: dict[str, str] = {}
        for document in documents:
            key = str(document[KEY]) if KEY in document else uuid.uuid4().hex[:24]
            own = {field: value for field, value in document.items() if field != KEY}
            if update or key not in bodies:
                bodies[key] = json.dumps(own, ensure_ascii=False)
        table = _DOCUMENTS.c
        known: dict[str, int] = {}
        keys = list(bodies)
        for at in range(0, len(keys), _BATCH):
            query = sa.select(table.key, table.place).where(
                table.collection == name, table.key.in_(keys[at : at + _BATCH])
            )
            known.update((row.key, row.place) for row in connection.execute(query))
        last = connection.scalar(sa.select(sa.func.max(table.place)).where(table.collection == name)) or 0
        new = [key for key in keys if key not in known]
        if known and update:
            connection.execute(
                _DOCUMENTS.update()
                .where(table.collection == name, table.key == sa.bindparam("of"))
                .values(body=sa.bindparam("now")),
                [{"of": key, "now": bodies[key]} for key in known],
            )
        if new:
            connection.execute(
                _DOCUMENTS.insert(),
                [
                    {"collection": name, "key": key, "place": last + at, "body": bodies[key]}
                    for at, key in enumerate(new, 1)
                ],
            )
        raised = connection.execute(
            _COLLECTIONS.update().where(_COLLECTIONS.c.name == name).values(version=_COLLECTIONS.c.version + 1)
        )
        if not raised.rowcount:
            # A new one starts anywhere, so that one that was deleted and made again is told from the old.
            connection.execute(_COLLECTIONS.insert().values(name=name, version=uuid.uuid4().int % 2**30))

    @contextmanager
    def _read(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise _failed(error) from None

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.connect() as connection, connection.begin():
                if self._lite:
                    # A transaction that only later becomes a writer could not wait for the one before it.
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield connection
        except SQLAlchemyError as error:
            raise _failed(error) from None


def _prepare(connection: Any, _: object) -> None:
    """Leave transactions of SQLite to `State`."""
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {WAIT * 1000}")


def _failed(error: SQLAlchemyError) -> EngineError:
    reason = str(getattr(error, "orig", None) or error).splitlines()[0]
    return EngineError(f"the state database failed: {reason}", hint="check its place and permissions", code="state")
