"""The store as the scheduler sees it: sessions over what was there at a moment, and events that are added once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from trapline.detect.scheduler import RAISED
from trapline.plan import Table
from trapline.search import Session
from trapline.state.journal import Outgoing
from trapline.store import Store, collected


class StorePlace:
    """A store, looked at when `refresh` is called. `make`: a session over tables."""

    def __init__(self, store: Store, make: Callable[[Sequence[Table]], Session]) -> None:
        self._store = store
        self._make = make
        self._events: tuple[Table, ...] = ()
        self._raised: tuple[Table, ...] = ()
        self._session: Session | None = None
        self._seen = 0.0
        self.refresh()

    @property
    def seen(self) -> float:
        return self._seen

    def refresh(self) -> None:
        seen = time.time()
        tables = self._store.snapshot().tables
        events = tuple(one for one in tables if one.index not in RAISED)
        raised = tuple(one for one in tables if one.index in RAISED)
        if (events, raised) != (self._events, self._raised):
            self._events, self._raised, self._session = events, raised, None
        self._seen = seen

    def session(self) -> Session:
        if self._session is None:
            self._session = self._make((*self._events, *self._raised))
        return self._session

    def version(self) -> object:
        return self._events

    def raised(self) -> object:
        return self._raised

    def write(self, ready: Sequence[Outgoing]) -> None:
        for index in dict.fromkeys(one.index for one in ready):
            portions = [collected.portion(one.source, one.number, one.events) for one in ready if one.index == index]
            self._store.append(index, portions)
        self._raised = self._store.snapshot(RAISED).tables
        self._session = None
