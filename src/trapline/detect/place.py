"""The store as the scheduler sees it: sessions over what was there at a moment, and events that are added once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from trapline.detect.entries import SCHEDULER
from trapline.detect.run import Searcher
from trapline.plan import Table
from trapline.search import Arrivals, Session
from trapline.state.journal import Outgoing
from trapline.store import Store, collected

RAISED = ("risk", "notable", SCHEDULER)
"""Indexes that the scheduler itself writes to."""


class Searches(Searcher, Protocol):
    """A session over the store as it is now: `trapline.search.Session`."""

    def minutes(self, spl: str, earliest: float, latest: float) -> frozenset[float] | None: ...

    def arrivals(self, spl: str, earliest: float, latest: float, since: float) -> Sequence[Arrivals] | None: ...


class Place(Protocol):
    """Where events are, and where those go that are made."""

    @property
    def seen(self) -> float:
        """When it looked at the store last: epoch seconds. What came later is not in its sessions."""
        ...

    def refresh(self) -> None:
        """Look at the store."""
        ...

    def session(self) -> Searches:
        """A session over the store as it was seen, and what the scheduler has written since."""
        ...

    def renew(self) -> None:
        """Sessions are made anew: their macros are others."""
        ...

    def write(self, ready: Sequence[Outgoing]) -> None:
        """Add events, those that are there already left out."""
        ...

    def version(self) -> object:
        """Another value when other events than those of the scheduler have come."""
        ...

    def raised(self) -> object:
        """Another value when the scheduler has written events."""
        ...


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
            self._look_at(events, raised)
        self._seen = seen

    def session(self) -> Session:
        if self._session is None:
            self._session = self._make((*self._events, *self._raised))
        return self._session

    def renew(self) -> None:
        self._session = None

    def version(self) -> object:
        return self._events

    def raised(self) -> object:
        return self._raised

    def write(self, ready: Sequence[Outgoing]) -> None:
        for index in dict.fromkeys(one.index for one in ready):
            portions = [collected.portion(one.source, one.number, one.events) for one in ready if one.index == index]
            self._store.append(index, portions)
        self._look_at(self._events, self._store.snapshot(RAISED).tables)

    def _look_at(self, events: tuple[Table, ...], raised: tuple[Table, ...]) -> None:
        """The session stays: plans over tables that have not changed are not made again."""
        self._events, self._raised = events, raised
        if self._session is not None:
            self._session.tables = (*events, *raised)
