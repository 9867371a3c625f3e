"""The queue of the outputs: what each still has to send, what it has sent, and what it gave up on.

A message is queued in the transaction that decides on it (`enqueue`), so that neither is there without the other. It is
marked as sent after the endpoint took it: a crash in between sends it once more, with the same key. One process sends
at a time (that which holds the lock of the scheduler). An endpoint that is down or asks to be left alone has a back-off
of its own: until it is over no message is due, and then one of them tries.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from trapline.state.database import Database
from trapline.state.tables import DELIVERIES, ENDPOINTS

FIRST_WAIT = 10.0
"""Seconds before the second attempt; each further one waits twice as long."""
LONGEST_WAIT = 3600.0
JITTER = 0.25
"""Share of the wait that is added by chance, so that what failed together does not come back together."""
MAX_ERROR = 1000
"""Characters of an error that are kept."""
_CHUNK = 500


class Status(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"
    """Given up: it stays until it is forgotten, and `retry` sends it again."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message (`body`: JSON text) on its way to an output. Times are epoch seconds. `attempts`: those that failed."""

    id: int
    output: str
    key: str
    body: str
    status: Status
    attempts: int
    due: float
    created: float
    error: str | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def enqueue(connection: sa.Connection, output: str, messages: Iterable[tuple[str, str]], now: float) -> int:
    """Queue messages, (key, body) each, in the caller's transaction. A key that the output has already is left as it
    is. How many were new."""
    given = dict(messages)
    keys = list(given)
    for start in range(0, len(keys), _CHUNK):
        some = keys[start : start + _CHUNK]
        table = DELIVERIES.c
        there = sa.select(table.key).where(table.output == output, table.key.in_(some))
        for key in connection.scalars(there).all():
            del given[key]
    rows = [
        {
            "output": output,
            "key": key,
            "body": body,
            "status": Status.WAITING,
            "attempts": 0,
            "due": now,
            "created": now,
        }
        for key, body in given.items()
    ]
    if rows:
        connection.execute(DELIVERIES.insert(), rows)
    return len(rows)


def backoff(number: int, attempts: int) -> float:
    """Seconds to wait after so many failed attempts (1 or more). The same for the same delivery."""
    wait = min(FIRST_WAIT * 2.0 ** min(attempts - 1, 20), LONGEST_WAIT)
    chance = hashlib.sha256(f"{number}/{attempts}".encode()).digest()[0] / 256
    return wait * (1 + JITTER * chance)


class Deliveries:
    """The queue of a state database. Every method raises EngineError where the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, output: str, now: float, limit: int) -> list[Delivery]:
        """What an output has to send now, the longest due first: nothing while its endpoint is left alone."""
        table = DELIVERIES.c
        waits = sa.select(ENDPOINTS.c.output).where(ENDPOINTS.c.output == output, ENDPOINTS.c.until > now)
        return self._select(
            sa.select(DELIVERIES)
            .where(table.output == output, table.status == Status.WAITING, table.due <= now, ~waits.exists())
            .order_by(table.due, table.id)
            .limit(limit)
        )

    def sent(self, one: Delivery, note: str | None = None) -> None:
        """The endpoint has it. Only its key is kept, and what was doubtful."""
        self._set(one.id, status=Status.SENT, body="", error=_short(note))

    def failed(self, one: Delivery, error: str, now: float, *, most: int, after: float | None = None) -> Status:
        """An attempt failed: it is due again later (not before `after` seconds), or dead after `most` attempts."""
        attempts = one.attempts + 1
        if attempts >= most:
            self._set(one.id, status=Status.DEAD, attempts=attempts, error=_short(error))
            return Status.DEAD
        due = now + max(backoff(one.id, attempts), after or 0.0)
        self._set(one.id, attempts=attempts, due=due, error=_short(error))
        return Status.WAITING

    def refused(self, one: Delivery, error: str) -> None:
        """It will never be taken: dead at once."""
        self._set(one.id, status=Status.DEAD, attempts=one.attempts + 1, error=_short(error))

    def down(self, output: str) -> bool:
        """Did the last attempt of an output find its endpoint down?"""
        with self._database.read() as connection:
            query = sa.select(ENDPOINTS.c.output).where(ENDPOINTS.c.output == output)
            return connection.execute(query).one_or_none() is not None

    def leave(self, one: Delivery, now: float, *, after: float | None = None) -> None:
        """The endpoint did not let a message in: nothing is sent to it before its back-off, which doubles with each
        failure in a row, and `after` seconds are over."""
        same = ENDPOINTS.c.output == one.output
        with self._database.write() as connection:
            before = connection.scalar(sa.select(ENDPOINTS.c.failures).where(same)) or 0
            wait = max(backoff(one.id, before + 1), after or 0.0)
            connection.execute(sa.delete(ENDPOINTS).where(same))
            connection.execute(
                ENDPOINTS.insert().values(output=one.output, failures=before + 1, until=now + wait),
            )

    def up(self, output: str) -> None:
        """The endpoint answers again: what waits for it may be sent."""
        with self._database.write() as connection:
            connection.execute(sa.delete(ENDPOINTS).where(ENDPOINTS.c.output == output))

    def dead(self, output: str | None = None, limit: int = 1000) -> list[Delivery]:
        """What was given up, the newest first."""
        query = sa.select(DELIVERIES).where(DELIVERIES.c.status == Status.DEAD)
        if output is not None:
            query = query.where(DELIVERIES.c.output == output)
        return self._select(query.order_by(DELIVERIES.c.id.desc()).limit(limit))

    def retry(self, now: float, *, ids: Sequence[int] | None = None, output: str | None = None) -> list[int]:
        """Dead deliveries are due at once, with all their attempts: those named, those of an output, or all; so are
        their endpoints. Gives their ids."""
        table = DELIVERIES.c
        query = sa.select(table.id, table.output).where(table.status == Status.DEAD).order_by(table.id)
        if output is not None:
            query = query.where(table.output == output)
        parts = [None] if ids is None else [ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK)]
        with self._database.write() as connection:
            found: dict[int, str] = {}
            for part in parts:
                some = query if part is None else query.where(table.id.in_(part))
                found |= {row.id: row.output for row in connection.execute(some)}
            dead = list(found)
            again = sa.update(DELIVERIES).values(status=Status.WAITING, attempts=0, due=now)
            for start in range(0, len(dead), _CHUNK):
                connection.execute(again.where(table.id.in_(dead[start : start + _CHUNK])))
            for name in sorted(set(found.values())):
                connection.execute(sa.update(ENDPOINTS).where(ENDPOINTS.c.output == name).values(until=now))
        return dead

    def counts(self) -> dict[str, dict[Status, int]]:
        """How many deliveries of each output are waiting, sent, dead."""
        table = DELIVERIES.c
        query = sa.select(table.output, table.status, sa.func.count()).group_by(table.output, table.status)
        found: dict[str, dict[Status, int]] = {}
        with self._database.read() as connection:
            for output, status, count in connection.execute(query):
                found.setdefault(output, dict.fromkeys(Status, 0))[Status(status)] = count
        return found

    def forget(self, before: float) -> dict[Status, int]:
        """Delete what was queued before a time, and say what it was. A key that is forgotten can be queued again.
        What still waits then is of an output that the settings no longer have."""
        table = DELIVERIES.c
        with self._database.write() as connection:
            query = sa.select(table.status, sa.func.count()).where(table.created < before).group_by(table.status)
            found = {Status(status): count for status, count in connection.execute(query)}
            connection.execute(sa.delete(DELIVERIES).where(table.created < before))
        return found

    def _select(self, query: sa.Select[Any]) -> list[Delivery]:
        with self._database.read() as connection:
            rows = connection.execute(query).mappings().all()
        return [Delivery(**(dict(row) | {"status": Status(row["status"])})) for row in rows]

    def _set(self, number: int, **values: object) -> None:
        with self._database.write() as connection:
            connection.execute(sa.update(DELIVERIES).where(DELIVERIES.c.id == number).values(**values))


def _short(text: str | None) -> str | None:
    return None if text is None else text[:MAX_ERROR].replace("\0", " ")
