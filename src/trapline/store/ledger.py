"""The files that are wholly in an index.

SQLite, not a Delta table: `seen` is a point look-up before every file of a folder of thousands, and `finish` one tiny
write after each. One ledger per index, inside its folder, so that whoever deletes the folder of an index deletes what
is believed about it. Nothing depends on it but the skipping of known files: after a crash between the last append and
`finish`, the file is read again and every portion of it is skipped by its table.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

from trapline.errors import EngineError

NAME = "_files.sqlite"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    file_id TEXT PRIMARY KEY, label TEXT NOT NULL, events INTEGER NOT NULL, finished REAL NOT NULL
) WITHOUT ROWID
"""


class Ledger:
    """The ledger of one index folder, which must exist. Safe to use from several threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def seen(self, file_id: str) -> bool:
        with self._lock:
            if self._connection is None and not self._path.exists():
                return False
            try:
                found = self._open().execute("SELECT 1 FROM files WHERE file_id = ?", (file_id,)).fetchone()
            except sqlite3.Error as error:
                raise self._failed(error) from error
            return found is not None

    def finish(self, file_id: str, label: str, events: int) -> None:
        row = (file_id, label.encode("utf-8", "replace").decode(), events, time.time())
        with self._lock:
            try:
                self._open().execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", row)
            except sqlite3.Error as error:
                raise self._failed(error) from error

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect(self._path, timeout=30, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(_SCHEMA)
            self._connection = connection
        return self._connection

    def _failed(self, error: sqlite3.Error) -> EngineError:
        return EngineError(
            f"the list of ingested files {self._path} cannot be used: {error}",
            hint="check the disk and its permissions; the list may be deleted, files are then read again and their "
            "events recognised",
            code="ledger",
        )
