"""What the scheduler writes down: how far each search has come, its runs, what they found, what is throttled, and the
events that still have to go to the store.

A tick of the scheduler is one transaction (`commit`). Before it nothing has happened, and a tick that was cut off is
run again; after it everything is decided, and what is in the outbox goes to the store, which knows by its number what
it holds already (`deliver`). So a crash at any point neither loses nor doubles an event.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from trapline.state.database import Database
from trapline.state.tables import CURSORS, FOUND, NOTABLES, OUTBOX, PROPERTIES, RUNS, SCORES, THROTTLES
from trapline.values import Row


class Kind(StrEnum):
    """Why a search ran."""

    SCHEDULED = "scheduled"
    BACKFILL = "backfill"


class Status(StrEnum):
    """How a run ended."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a search. Times are epoch seconds; `earliest`, `latest`: its window, None = open."""

    search: str
    scheduled: float
    kind: Kind
    sid: str
    earliest: float | None
    latest: float | None
    started: float
    seconds: float
    status: Status
    rows: int = 0
    findings: int = 0
    late: int = 0
    """Events of its window that came after it."""
    reason: str | None = None
    """Why it failed or was skipped, or what is doubtful about it."""
    duplicates: int = 0
    """Risk events that were left out because the same had been there (settings of risk)."""
    capped: int = 0
    """Risk events whose score was lowered."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Cursor:
    """All times of a schedule after `since` to `scheduled` are accounted for."""

    since: float
    scheduled: float


@dataclass(frozen=True, slots=True)
class Arrived:
    """What of the store is accounted for: all that came before `until` (epoch seconds), and of what came shortly before
    it and after it the appends with these `stamps` (microseconds)."""

    until: float
    stamps: frozenset[int]


@dataclass(frozen=True, slots=True)
class Found:
    """A finding by its `key`; `content` tells whether it has changed."""

    search: str
    scheduled: float
    key: str
    content: str


@dataclass(frozen=True, slots=True)
class Throttle:
    """No alert of this search for these values (`key`) after `since`, until `until`."""

    search: str
    key: str
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Score:
    """A score that a search gave to an object at a time of its schedule. `object`, `message`: hashes."""

    search: str
    scheduled: float
    object: str
    message: str
    score: float


@dataclass(frozen=True, slots=True)
class NewNotable:
    """A notable as it begins. `fields`: those of its event."""

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
    fields: Row


@dataclass(slots=True)
class Tick:
    """All that one tick decides."""

    runs: list[Run] = field(default_factory=list)
    cursors: dict[str, Cursor] = field(default_factory=dict)
    found: list[Found] = field(default_factory=list)
    throttles: list[Throttle] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    notables: list[NewNotable] = field(default_factory=list)
    events: list[tuple[str, list[Row]]] = field(default_factory=list)
    """(index, events)."""
    also: list[Callable[[sa.Connection], object]] = field(default_factory=list)
    """What else belongs to the transaction."""

    def add(self, later: Tick) -> None:
        """Take in a later tick. Events of an index go together, so that the store makes one file of them."""
        self.runs += later.runs
        self.cursors |= later.cursors
        self.found += later.found
        self.throttles += later.throttles
        self.scores += later.scores
        self.notables += later.notables
        self.also += later.also
        merged: dict[str, list[Row]] = {}
        for index, rows in (*self.events, *later.events):
            merged.setdefault(index, []).extend(rows)
        self.events = list(merged.items())


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Events on their way to the store. `source` and `number` name them for good."""

    source: str
    number: int
    index: str
    events: list[Row]


class Journal:
    """The scheduler's part of a state database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._id: str | None = None

    @property
    def id(self) -> str:
        """Of the database: one made anew has another one. Raises EngineError."""
        if self._id is None:
            with self.database.write() as connection:
                found: str | None = connection.scalar(sa.select(PROPERTIES.c.value).where(PROPERTIES.c.name == "id"))
                if found is None:
                    found = uuid.uuid4().hex
                    connection.execute(PROPERTIES.insert().values(name="id", value=found))
                self._id = found
        return self._id

    def cursors(self) -> dict[str, Cursor]:
        """By the name of the search. Raises EngineError."""
        with self.database.read() as connection:
            return {one.search: Cursor(one.since, one.scheduled) for one in connection.execute(CURSORS.select())}

    def throttles(self, now: float) -> dict[tuple[str, str], Throttle]:
        """Those that last beyond a moment, by search and key. Raises EngineError."""
        with self.database.read() as connection:
            query = THROTTLES.select().where(THROTTLES.c.since <= now, THROTTLES.c.until > now)
            rows = connection.execute(query.order_by(THROTTLES.c.since.desc())).all()
        return {(one.search, one.key): Throttle(one.search, one.key, one.since, one.until) for one in rows}

    def found(self, search: str, scheduled: float) -> dict[str, str]:
        """What a search has found in the window of a time: content by key. Raises EngineError."""
        query = sa.select(FOUND.c.key, FOUND.c.content).where(FOUND.c.search == search, FOUND.c.scheduled == scheduled)
        with self.database.read() as connection:
            return {one.key: one.content for one in connection.execute(query)}

    def scores(self, search: str, earliest: float, latest: float) -> list[Score]:
        """What a search gave between two times of its schedule, both left out. Raises EngineError."""
        table = SCORES.c
        query = sa.select(table.search, table.scheduled, table.object, table.message, table.score)
        query = query.where(table.search == search, table.scheduled > earliest, table.scheduled < latest)
        with self.database.read() as connection:
            return [Score(*row) for row in connection.execute(query.order_by(table.id))]

    def commit(self, tick: Tick) -> None:
        """Make a tick's decisions hold, all or none. Raises EngineError."""
        recorded = {"recorded": time.time()}
        with self.database.write() as connection:
            _insert(connection, RUNS, (asdict(one) for one in tick.runs))
            for again in (one for one in tick.runs if one.kind is Kind.BACKFILL and one.status is Status.DONE):
                same = (RUNS.c.search == again.search, RUNS.c.scheduled == again.scheduled, RUNS.c.sid != again.sid)
                connection.execute(RUNS.update().where(*same).values(late=0))  # it has seen them
            cursors = [{"search": name} | asdict(cursor) for name, cursor in tick.cursors.items()]
            _replace(connection, CURSORS, ("search",), cursors)
            _replace(connection, FOUND, ("search", "scheduled", "key"), [asdict(one) | recorded for one in tick.found])
            throttles = [asdict(one) | recorded for one in tick.throttles]
            _replace(connection, THROTTLES, ("search", "key", "since"), throttles)
            _insert(connection, SCORES, (asdict(one) | recorded for one in tick.scores))
            for notable in tick.notables:
                # PostgreSQL keeps no NUL in a text; JSON has a code for it.
                values = {
                    name: value.replace("\0", " ") if isinstance(value, str) else value
                    for name, value in asdict(notable).items()
                }
                values["body"] = json.dumps(values.pop("fields"), ensure_ascii=False)
                connection.execute(NOTABLES.insert().values(changed=notable.time, **values))
            bodies = [
                {"index": index, "body": json.dumps(list(events), ensure_ascii=False)}
                for index, events in tick.events
                if events
            ]
            _insert(connection, OUTBOX, bodies)
            for more in tick.also:
                more(connection)

    def deliver(self, write: Callable[[Sequence[Outgoing]], None]) -> int:
        """Hand what is in the outbox to `write`, in order, and take it out. What `write` was given when the process was
        cut off comes again. Returns how many events there were. Raises EngineError and what `write` raises."""
        source = f"outbox-{self.id}"
        with self.database.read() as connection:
            if connection.scalar(sa.select(OUTBOX.c.number).limit(1)) is None:
                return 0
        with self.database.write() as connection:
            rows = connection.execute(OUTBOX.select().order_by(OUTBOX.c.number).with_for_update()).mappings().all()
            ready = [Outgoing(source, row["number"], row["index"], json.loads(row["body"])) for row in rows]
            write(ready)
            connection.execute(OUTBOX.delete().where(OUTBOX.c.number <= max(one.number for one in ready)))
        return sum(len(one.events) for one in ready)

    def runs(
        self,
        searches: Sequence[str] = (),
        *,
        earliest: float | None = None,
        latest: float | None = None,
        statuses: Sequence[Status] = (),
        late: bool = False,
        over: tuple[float, float] | None = None,
        limit: int | None = None,
    ) -> list[Run]:
        """Runs by their scheduled time, the newest first. `searches`: only of these. `over`: whose window has a part of
        this time range. Raises EngineError."""
        query = sa.select(RUNS).order_by(RUNS.c.scheduled.desc(), RUNS.c.id.desc())
        if searches:
            query = query.where(RUNS.c.search.in_(list(searches)))
        if earliest is not None:
            query = query.where(RUNS.c.scheduled >= earliest)
        if latest is not None:
            query = query.where(RUNS.c.scheduled < latest)
        if statuses:
            query = query.where(RUNS.c.status.in_([one.value for one in statuses]))
        if late:
            query = query.where(RUNS.c.late > 0)
        if over is not None:
            query = query.where(sa.or_(RUNS.c.earliest.is_(None), RUNS.c.earliest < over[1]), RUNS.c.latest > over[0])
        with self.database.read() as connection:
            return [_run(row._mapping) for row in connection.execute(query.limit(limit))]

    def arrived(self) -> Arrived | None:
        """What of the store is accounted for; None if late events were never looked for. Raises EngineError."""
        with self.database.read() as connection:
            found = connection.scalar(sa.select(PROPERTIES.c.value).where(PROPERTIES.c.name == "arrived"))
        if found is None:
            return None
        values = json.loads(found)
        return Arrived(values["until"], frozenset(values["stamps"]))

    def note_arrived(self, arrived: Arrived, late: Mapping[str, int], tick: Tick) -> None:
        """Note what of the store is accounted for, with the late events of runs, by sid, and what `tick` has. Raises
        EngineError."""

        def note(connection: sa.Connection) -> None:
            for sid, count in late.items():
                connection.execute(RUNS.update().where(RUNS.c.sid == sid).values(late=RUNS.c.late + count))
            value = json.dumps({"until": arrived.until, "stamps": sorted(arrived.stamps)})
            connection.execute(PROPERTIES.delete().where(PROPERTIES.c.name == "arrived"))
            connection.execute(PROPERTIES.insert().values(name="arrived", value=value))

        tick.also.append(note)
        self.commit(tick)

    def forget(self, before: float) -> int:
        """Drop runs, findings and throttles of a time before a moment that were written down before it, too; returns
        how many runs. It stays known until when findings were dropped (`forgotten`). Raises EngineError."""
        found = sa.and_(FOUND.c.scheduled < before, FOUND.c.recorded < before)
        throttles = sa.and_(THROTTLES.c.until < before, THROTTLES.c.recorded < before)
        with self.database.write() as connection:
            until: dict[str, float] = {}
            for query in (
                sa.select(FOUND.c.search, sa.func.max(FOUND.c.scheduled)).where(found).group_by(FOUND.c.search),
                sa.select(THROTTLES.c.search, sa.func.max(THROTTLES.c.until))
                .where(throttles)
                .group_by(THROTTLES.c.search),
            ):
                for search, last in connection.execute(query):
                    until[search] = max(last, until.get(search, last))
            if until:
                known = _forgotten(connection)
                value = json.dumps(known | {name: max(at, known.get(name, at)) for name, at in until.items()})
                connection.execute(PROPERTIES.delete().where(PROPERTIES.c.name == "forgotten"))
                connection.execute(PROPERTIES.insert().values(name="forgotten", value=value))
            gone = connection.execute(RUNS.delete().where(RUNS.c.scheduled < before, RUNS.c.started < before)).rowcount
            connection.execute(FOUND.delete().where(found))
            connection.execute(SCORES.delete().where(SCORES.c.scheduled < before, SCORES.c.recorded < before))
            connection.execute(THROTTLES.delete().where(throttles))
        return gone

    def forgotten(self) -> dict[str, float]:
        """By search: the time of the schedule until which it is not known any more what was found. Raises
        EngineError."""
        with self.database.read() as connection:
            return _forgotten(connection)


def _forgotten(connection: sa.Connection) -> dict[str, float]:
    found = connection.scalar(sa.select(PROPERTIES.c.value).where(PROPERTIES.c.name == "forgotten"))
    return {} if found is None else dict(json.loads(found))


def _insert(connection: sa.Connection, table: sa.Table, rows: Iterable[Mapping[str, Any]]) -> None:
    many = list(rows)
    if many:
        connection.execute(table.insert(), many)


def _replace(
    connection: sa.Connection, table: sa.Table, keys: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert rows in place of those with the same keys."""
    if not rows:
        return
    same = [table.c[key] == sa.bindparam(f"of_{key}") for key in keys]
    connection.execute(table.delete().where(*same), [{f"of_{key}": row[key] for key in keys} for row in rows])
    connection.execute(table.insert(), list(rows))


def _run(row: Mapping[Any, Any]) -> Run:
    values = {name: value for name, value in row.items() if name != "id"}
    return Run(**values | {"kind": Kind(row["kind"]), "status": Status(row["status"])})
