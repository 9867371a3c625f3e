"""Notables as they stand: who has them, their status, urgency and disposition, and every change with its author.

A change and its record are one transaction. Each notable has a version, the number of its changes: who says which
version he saw (`expected`) does not overwrite what somebody else changed meanwhile. Suppressions are kept here too;
what they hide is decided where they are read (`trapline.detect.notablequeue`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import sqlalchemy as sa

from trapline.errors import TraplineError
from trapline.state.database import Database
from trapline.state.tables import CHANGES, NOTABLES, SUPPRESSIONS
from trapline.values import Row

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Stored:
    """A notable as it stands. Times are epoch seconds. `fields`: those of its event, which never change. `version`: how
    often it was changed, `changed`: when last."""

    event_id: str
    time: float
    search: str
    title: str
    severity: str
    urgency: str
    entity: str | None
    entity_type: str | None
    status: int
    owner: str
    disposition: int
    changed: float
    version: int
    fields: Row


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the history. `changes`: by name, the old and the new value."""

    event_id: str
    time: float
    who: str
    changes: Mapping[str, tuple[Any, Any]]
    comment: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"changes": {name: {"old": a, "new": b} for name, (a, b) in self.changes.items()}}


@dataclass(frozen=True, slots=True)
class Suppression:
    """Hides notables whose search and fields match: `search` and the values of `fields` are patterns, all must match.
    `earliest` (included), `latest` (not included): of the notables, None = open. `expires`: None = never. `ended_by`:
    who ended it, None where nobody did."""

    name: str
    search: str
    fields: Mapping[str, str]
    earliest: float | None
    latest: float | None
    owner: str
    reason: str
    created: float
    expires: float | None = None
    ended_by: str | None = None

    def active(self, now: float) -> bool:
        return self.expires is None or now < self.expires


@dataclass(frozen=True, slots=True)
class Edit:
    """What to change; None = as it is."""

    status: int | None = None
    owner: str | None = None
    urgency: str | None = None
    disposition: int | None = None

    def values(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which notables: all that is given must hold. `earliest` is included, `latest` not."""

    statuses: Sequence[int] = ()
    owners: Sequence[str] = ()
    urgencies: Sequence[str] = ()
    earliest: float | None = None
    latest: float | None = None


class Conflict(TraplineError):
    """Somebody else has changed the notable meanwhile."""

    exit_code = 1


@dataclass(slots=True)
class Notables:
    """The notables of a state database."""

    database: Database
    _columns: Sequence[Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        count = sa.select(sa.func.count()).where(CHANGES.c.event_id == NOTABLES.c.event_id).scalar_subquery()
        self._columns = (NOTABLES, count.label("version"))

    def find(self, wanted: Wanted = Wanted()) -> Iterator[Stored]:
        """The notables, the newest first, read as they are asked for. Raises EngineError."""
        columns = NOTABLES.c
        query = sa.select(*self._columns).order_by(columns.time.desc(), columns.event_id)
        if wanted.statuses:
            query = query.where(columns.status.in_(wanted.statuses))
        if wanted.owners:
            query = query.where(sa.func.lower(columns.owner).in_([one.lower() for one in wanted.owners]))
        if wanted.urgencies:
            query = query.where(columns.urgency.in_(wanted.urgencies))
        if wanted.earliest is not None:
            query = query.where(columns.time >= wanted.earliest)
        if wanted.latest is not None:
            query = query.where(columns.time < wanted.latest)
        with self.database.read() as connection:
            for row in connection.execution_options(yield_per=_BATCH).execute(query).mappings():
                yield _stored(row)

    def get(self, event_id: str) -> Stored:
        """The notable of an id, or of a part of it that only one has: its beginning, or that of its digest. Raises
        TraplineError where there is none or several, EngineError."""
        with self.database.read() as connection:
            return self._one(connection, event_id)

    def last_changes(self) -> dict[str, Change]:
        """The last change of each notable that was changed, by its id. Raises EngineError."""
        newest = sa.select(sa.func.max(CHANGES.c.id)).group_by(CHANGES.c.event_id)
        with self.database.read() as connection:
            rows = connection.execute(CHANGES.select().where(CHANGES.c.id.in_(newest))).all()
        return {one.event_id: _change(one) for one in rows}

    def history(self, event_id: str) -> list[Change]:
        """The changes of a notable, the oldest first. Raises EngineError."""
        query = CHANGES.select().where(CHANGES.c.event_id == event_id).order_by(CHANGES.c.id)
        with self.database.read() as connection:
            rows = connection.execute(query).all()
        return [_change(one) for one in rows]

    def change(
        self,
        event_id: str,
        edit: Edit,
        *,
        who: str,
        now: float,
        comment: str = "",
        expected: int | None = None,
        owners: Sequence[str] | None = None,
        statuses: Sequence[int] | None = None,
    ) -> Stored:
        """Change a notable and record it; a comment alone is a change too. It is refused where its version is not the
        `expected` one, its owner none of `owners`, or its status none of `statuses`. What is so already is no change.
        Returns it as it stands then. Raises Conflict, TraplineError, EngineError."""
        with self.database.write() as connection:
            found = self._one(connection, event_id, lock=True)
            if expected is not None and found.version != expected:
                last = connection.scalar(
                    sa.select(CHANGES.c.who)
                    .where(CHANGES.c.event_id == found.event_id)
                    .order_by(CHANGES.c.id.desc())
                    .limit(1)
                )
                raise Conflict(
                    f"it is at version {found.version}, not {expected}: {last or 'nobody'} changed it last",
                    hint=f"look at it again: trapline notables show {short(found.event_id)}",
                    code="notables.changed",
                )
            if owners is not None and found.owner not in owners:
                raise Conflict(
                    f"{found.owner} has it",
                    hint="talk to them, or take it over with --force",
                    code="notables.owned",
                )
            if statuses is not None and found.status not in statuses:
                raise Conflict(
                    "its status does not allow that",
                    hint=f"look at its history: trapline notables show {short(found.event_id)}",
                    code="notables.status",
                )
            changes = {
                name: (getattr(found, name), value)
                for name, value in edit.values().items()
                if getattr(found, name) != value
            }
            if not changes and not comment:
                return found
            if changes:
                values = {name: new for name, (_, new) in changes.items()}
                same = NOTABLES.c.event_id == found.event_id
                connection.execute(NOTABLES.update().where(same).values(changed=now, **values))
            entry = {
                "event_id": found.event_id,
                "time": now,
                "who": who,
                "changes": json.dumps(changes, ensure_ascii=False),
                "comment": comment,
            }
            connection.execute(CHANGES.insert().values(**entry))
            return self._one(connection, found.event_id)

    def suppressions(self) -> list[Suppression]:
        """All of them, also those that expired, in the order in which they were made. Raises EngineError."""
        with self.database.read() as connection:
            rows = connection.execute(SUPPRESSIONS.select().order_by(SUPPRESSIONS.c.created, SUPPRESSIONS.c.name))
            return [Suppression(**dict(one) | {"fields": json.loads(one["fields"])}) for one in rows.mappings()]

    def suppress(self, one: Suppression) -> Suppression:
        """Add a suppression; without a name it gets one. Raises TraplineError for a name that is taken, EngineError."""
        with self.database.write() as connection:
            taken = set(connection.scalars(sa.select(SUPPRESSIONS.c.name)))
            name = one.name or next(
                name for at in range(len(taken) + 1) if (name := f"suppression-{at + 1}") not in taken
            )
            if name in taken:
                raise TraplineError(
                    f"there is a suppression '{name}' already",
                    hint="give another --name; trapline notables list --suppressions shows them",
                    code="notables.suppression",
                )
            values = asdict(one) | {"name": name, "fields": json.dumps(dict(one.fields), ensure_ascii=False)}
            connection.execute(SUPPRESSIONS.insert().values(**values))
        return Suppression(**asdict(one) | {"name": name})

    def unsuppress(self, name: str, who: str, now: float) -> bool:
        """End a suppression: it stays as one that expired, with who ended it. False where it had already. Raises
        TraplineError where there is none of that name, EngineError."""
        with self.database.write() as connection:
            columns = SUPPRESSIONS.c
            expires = connection.execute(sa.select(columns.expires).where(columns.name == name)).one_or_none()
            if expires is None:
                raise TraplineError(
                    f"there is no suppression '{name}'",
                    hint="trapline notables list --suppressions shows them",
                    code="notables.suppression",
                )
            if expires[0] is not None and expires[0] <= now:
                return False
            connection.execute(SUPPRESSIONS.update().where(columns.name == name).values(expires=now, ended_by=who))
        return True

    def _one(self, connection: sa.Connection, event_id: str, *, lock: bool = False) -> Stored:
        column = NOTABLES.c.event_id
        query = sa.select(column).where(column == event_id)
        ids = list(connection.scalars(query))
        if not ids and event_id:
            starts = [column.startswith(event_id, autoescape=True)]
            starts.append(column.contains(f"@@notable@@{event_id}", autoescape=True))
            ids = list(connection.scalars(sa.select(column).where(sa.or_(*starts)).order_by(column).limit(6)))
        if not ids:
            raise TraplineError(
                f"there is no notable '{event_id}'", hint="trapline notables list shows them", code="notables.unknown"
            )
        if len(ids) > 1:
            some = ", ".join(short(one, 16) for one in ids[:5]) + (", ..." if len(ids) > 5 else "")
            raise TraplineError(
                f"'{event_id}' begins the ids of several notables", hint=f"give more: {some}", code="notables.ambiguous"
            )
        if lock:  # of databases that let writers in side by side; SQLite does not
            connection.execute(sa.select(column).where(column == ids[0]).with_for_update())
        return _stored(connection.execute(sa.select(*self._columns).where(column == ids[0])).mappings().one())


def short(event_id: str, size: int = 8) -> str:
    """The beginning of the digest in an id, by which people name a notable."""
    return event_id.rpartition("@@")[2][:size]


def _change(row: Any) -> Change:
    changes = {name: (old, new) for name, (old, new) in json.loads(row.changes).items()}
    return Change(row.event_id, row.time, row.who, changes, row.comment)


def _stored(row: Mapping[Any, Any]) -> Stored:
    values = {str(name): value for name, value in row.items()}
    return Stored(fields=json.loads(values.pop("body")), **values)
