"""Figures of a state database: how many runs, notables and events on their way there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from trapline.state.database import Database
from trapline.state.journal import Status
from trapline.state.tables import NOTABLES, OUTBOX, RUNS


@dataclass(frozen=True, slots=True)
class RunFigures:
    """Runs of a search with one status. `seconds`: of all of them, `longest`: of one. `late`: events that came late."""

    search: str
    status: Status
    runs: int
    seconds: float
    longest: float
    findings: int
    late: int


def runs(database: Database, since: float) -> Sequence[RunFigures]:
    """Runs of times of the schedule from a moment (epoch seconds) on. Raises EngineError."""
    table = RUNS.c
    query = (
        sa.select(
            table.search,
            table.status,
            sa.func.count(),
            sa.func.sum(table.seconds),
            sa.func.max(table.seconds),
            sa.func.sum(table.findings),
            sa.func.sum(table.late),
        )
        .where(table.scheduled >= since)
        .group_by(table.search, table.status)
        .order_by(table.search, table.status)
    )
    with database.read() as connection:
        return [RunFigures(search, Status(status), *rest) for search, status, *rest in connection.execute(query)]


def notables(database: Database) -> dict[tuple[int, str], int]:
    """How many notables there are by status and urgency. Raises EngineError."""
    table = NOTABLES.c
    query = sa.select(table.status, table.urgency, sa.func.count()).group_by(table.status, table.urgency)
    with database.read() as connection:
        return {(status, urgency): count for status, urgency, count in connection.execute(query)}


def undelivered(database: Database) -> int:
    """How many writes to the store were decided and not made yet. Raises EngineError."""
    with database.read() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(OUTBOX)) or 0
