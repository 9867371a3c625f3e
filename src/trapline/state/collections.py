"""Collections (the KV store): JSON documents by their `_key`.

Sources: Splunk Developer Guide, "About KV Store collections"; collections.conf.spec.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from trapline.state.database import Database
from trapline.state.tables import COLLECTIONS, DOCUMENTS

KEY = "_key"
"""The field of a document that names it."""
_BATCH = 500
"""Keys in one query: SQLite takes no more than 999 parameters."""

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection that was written to: how many documents it has, and how many writes it has seen."""

    name: str
    documents: int
    version: int


class Collections:
    """The collections of a state database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collections(self) -> list[Collection]:
        """Every collection that was written to, by name. Raises EngineError."""
        counts = (
            sa.select(DOCUMENTS.c.collection, sa.func.count().label("n")).group_by(DOCUMENTS.c.collection).subquery()
        )
        query = sa.select(COLLECTIONS.c.name, COLLECTIONS.c.version, counts.c.n).outerjoin(
            counts, counts.c.collection == COLLECTIONS.c.name
        )
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(COLLECTIONS.c.name)).all()
        return [Collection(row.name, row.n or 0, row.version) for row in rows]

    def version(self, name: str) -> int | None:
        """A number that another write makes another one; None for a collection that nothing was ever written to.
        Raises EngineError."""
        with self._database.read() as connection:
            found: int | None = connection.scalar(sa.select(COLLECTIONS.c.version).where(COLLECTIONS.c.name == name))
        return found

    def documents(self, name: str) -> list[dict[str, Any]]:
        """The documents of a collection in the order in which they came, each with its `_key`. Raises EngineError."""
        query = (
            sa.select(DOCUMENTS.c.key, DOCUMENTS.c.body)
            .where(DOCUMENTS.c.collection == name)
            .order_by(DOCUMENTS.c.place)
        )
        with self._database.read() as connection:
            return [{**json.loads(row.body), KEY: row.key} for row in connection.execute(query)]

    def replace(self, name: str, documents: Sequence[Document]) -> None:
        """Make these the documents of a collection. Raises EngineError."""
        with self._database.write() as connection:
            connection.execute(DOCUMENTS.delete().where(DOCUMENTS.c.collection == name))
            self._put(connection, name, documents)

    def put(self, name: str, documents: Sequence[Document], *, update: bool = True) -> None:
        """Add documents; one whose `_key` is there takes the place of the old one, or without `update` is left out.
        Raises EngineError."""
        with self._database.write() as connection:
            self._put(connection, name, documents, update=update)

    def delete(self, name: str) -> bool:
        """Delete a collection; was there one? Raises EngineError."""
        with self._database.write() as connection:
            connection.execute(DOCUMENTS.delete().where(DOCUMENTS.c.collection == name))
            gone = connection.execute(COLLECTIONS.delete().where(COLLECTIONS.c.name == name))
        return gone.rowcount > 0

    def _put(self, connection: sa.Connection, name: str, documents: Sequence[Document], *, update: bool = True) -> None:
        bodies: dict[str, str] = {}
        for document in documents:
            key = str(document[KEY]) if KEY in document else uuid.uuid4().hex[:24]
            own = {field: value for field, value in document.items() if field != KEY}
            if update or key not in bodies:
                bodies[key] = json.dumps(own, ensure_ascii=False)
        table = DOCUMENTS.c
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
                DOCUMENTS.update()
                .where(table.collection == name, table.key == sa.bindparam("of"))
                .values(body=sa.bindparam("now")),
                [{"of": key, "now": bodies[key]} for key in known],
            )
        if new:
            connection.execute(
                DOCUMENTS.insert(),
                [
                    {"collection": name, "key": key, "place": last + at, "body": bodies[key]}
                    for at, key in enumerate(new, 1)
                ],
            )
        raised = connection.execute(
            COLLECTIONS.update().where(COLLECTIONS.c.name == name).values(version=COLLECTIONS.c.version + 1)
        )
        if not raised.rowcount:
            # A new one starts anywhere, so that one that was deleted and made again is told from the old.
            connection.execute(COLLECTIONS.insert().values(name=name, version=uuid.uuid4().int % 2**30))
