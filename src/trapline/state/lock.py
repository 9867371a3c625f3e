"""One scheduler per store: a lock that ends with its process, however that ends.

It is a transaction that is held open on a small SQLite file: every system that runs SQLite has locks for it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from trapline.errors import EngineError, TraplineError


@contextmanager
def held(path: Path, what: str) -> Iterator[None]:
    """Hold the lock of a file. Raises TraplineError where another process has it, EngineError where the file cannot be
    made."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise EngineError(f"{path} cannot be made: {error}", hint="check the permissions", code="state.lock") from None
    with closing(connection):
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise EngineError(f"{path} cannot be locked: {error}", code="state.lock") from None
            raise TraplineError(
                f"{what} is already running on this store",
                hint="stop it first, or use another store",
                code="schedule.running",
            ) from None
        yield
