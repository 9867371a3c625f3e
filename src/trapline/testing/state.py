"""The state database of a throwaway store."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from trapline.errors import EngineError
from trapline.state.database import Database
from trapline.store import Store

NAME = "state.db"


def state_of(store: Store) -> Database:
    """The state database in the folder of a store, made where it is missing. Raises EngineError."""
    path = store.path / NAME
    if not path.exists():
        try:
            path.write_bytes(_empty())
        except OSError as error:
            raise EngineError(f"{path} cannot be written: {error.strerror}", code="state") from None
    return Database.file(path)


@cache
def _empty() -> bytes:
    """An empty one: all steps of the migration take longer than many a search."""
    with TemporaryDirectory(prefix="trapline-state-") as folder:
        path = Path(folder) / NAME
        Database.file(path)
        return path.read_bytes()
