"""Grouping events into transactions: the rules of `transaction`, over rows that come newest first.

Source: Search Reference, "transaction"; Search Manual, "Identify and group events into transactions";
transactiontypes.conf.spec. As events are seen in reverse order of time, the last event of a transaction opens it and
its first one closes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from trapline.values import Row, Scalar, compact, to_number, value_text

MAX_EVENTS = 1_000
"""The default of maxevents"""
NO_FIELD = ("", "")


@dataclass(frozen=True, slots=True)
class Rules:
    """What makes a transaction. Spans in seconds; None: no bound."""

    fields: tuple[str, ...] = ()
    maxspan: float | None = None
    maxpause: float | None = None
    maxevents: int | None = MAX_EVENTS
    starts: bool = False
    """There is a startswith; a row that satisfies it has START."""
    ends: bool = False
    connected: bool = True
    unifyends: bool = False
    keepevicted: bool = False
    keeporphans: bool = False
    maxopentxn: int = 5_000
    maxopenevents: int = 100_000


START = "_txn_start"
END = "_txn_end"
ORPHAN = "_txn_orphan"
_OWN = frozenset({START, END, "_indextime", "_serial"})


@dataclass(frozen=True, slots=True)
class Rendering:
    """How the values of several events become one field. `lists`: True all, or those named, as they come; else distinct
    values in lexical order."""

    lists: bool | frozenset[str] = False
    nullstr: str = "NULL"
    mvraw: bool = False

    def is_list(self, name: str) -> bool:
        return self.lists if isinstance(self.lists, bool) else name in self.lists


@dataclass(slots=True, eq=False)
class Txn:
    """A transaction that is being put together. `events`, newest first; `known`: the values of the fields that tie its
    events."""

    number: int
    used: int = 0
    """The number of the event that was added last"""
    events: list[tuple[float, Row]] = field(default_factory=list)
    known: dict[str, set[str]] = field(default_factory=dict)
    has_start: bool = False
    has_end: bool = False
    closed: bool = False
    evicted: bool = False

    @property
    def newest(self) -> float:
        return self.events[0][0]

    @property
    def oldest(self) -> float:
        return self.events[-1][0]


class Grouping:
    """Takes events newest first and gives transactions, in the order of their newest events."""

    def __init__(self, rules: Rules, rendering: Rendering, overflow: Callable[[], None]) -> None:
        self.rules = rules
        self.rendering = rendering
        self.overflow = overflow
        self._open: dict[int, Txn] = {}
        """By number; the one that was opened or added to last is the last."""
        self._by_age: dict[int, Txn] = {}
        """The same, in the order of their newest events."""
        self._by_value: dict[tuple[str, str], dict[int, Txn]] = {}
        self._count = 0
        self._held = 0
        self._full: set[tuple[str, str]] = set()
        """Of transactions that were closed for their number of events: the values that tie them."""
        self.split = False
        """Has such a transaction gone on as another one?"""

    def run(self, rows: Iterable[Row]) -> Iterator[Row]:
        finished: list[tuple[int, Txn | Row]] = []
        for row in rows:
            self._add(row, finished)
        for txn in list(self._open.values()):
            self._drop(txn, finished, closed=False)
        for _, one in sorted(finished, key=lambda pair: pair[0]):
            if isinstance(one, Txn):
                if self._shown(one):
                    yield self._rendered(one)
            else:
                yield one

    def _shown(self, txn: Txn) -> bool:
        """A transaction without the start or the end that it should have is evicted, and one that memory forced out."""
        rules = self.rules
        whole = (not rules.starts or txn.has_start) and (not rules.ends or txn.has_end) and not txn.evicted
        return whole or rules.keepevicted

    # --- one event

    def _add(self, row: Row, finished: list[tuple[int, Txn | Row]]) -> None:
        rules = self.rules
        self._count += 1
        time = to_number(value_text(row["_time"])) if "_time" in row else None
        values = {name: _values(row[name]) for name in rules.fields if name in row}
        starts, ends = START in row, END in row
        loose = bool(rules.fields) and not values
        if time is None or (loose and (rules.unifyends or not (starts or ends))):
            if rules.keeporphans:
                kept = {name: cell for name, cell in row.items() if name not in _OWN}
                finished.append((self._count, {**kept, ORPHAN: 1}))
            return
        self._expire(time, finished)
        txn = self._match(values, loose)
        if txn is not None and not self._fits(txn, time):
            self._drop(txn, finished, closed=True)
            txn = None
        if ends and txn is not None:
            # The end of an earlier transaction: what was open had its end later and will find no start any more.
            self._drop(txn, finished, closed=False)
            txn = None
        if txn is None:
            txn = Txn(self._count)
            txn.has_end = ends
            if self._full and not self.split:
                tied = {(name, value) for name, own in values.items() for value in own} if rules.fields else {NO_FIELD}
                self.split = not tied.isdisjoint(self._full)
        self._join(txn, time, row, values)
        if starts and rules.starts:
            txn.has_start = True
            self._drop(txn, finished, closed=True)
        elif rules.maxevents is not None and len(txn.events) >= rules.maxevents:
            self._full |= {(name, value) for name, own in txn.known.items() for value in own} or {NO_FIELD}
            self._drop(txn, finished, closed=True)
        while len(self._open) > rules.maxopentxn or self._held > rules.maxopenevents:
            self.overflow()
            oldest = next(iter(self._open.values()))
            oldest.evicted = True
            self._drop(oldest, finished, closed=False)

    def _expire(self, time: float, finished: list[tuple[int, Txn | Row]]) -> None:
        """Close what no event can be added to any more; only the first ones need a look."""
        maxpause, maxspan = self.rules.maxpause, self.rules.maxspan
        while maxpause is not None and self._open:
            txn = next(iter(self._open.values()))
            if txn.oldest - time <= maxpause:
                break
            self._drop(txn, finished, closed=True)
        while maxspan is not None and self._by_age:
            txn = next(iter(self._by_age.values()))
            if txn.newest - time <= maxspan:
                break
            self._drop(txn, finished, closed=True)

    def _match(self, values: dict[str, set[str]], loose: bool) -> Txn | None:
        """The open transaction that an event belongs to, the last used one of several."""
        if not self._open:
            return None
        if not self.rules.fields or loose:
            return next(reversed(self._open.values()))
        candidates: dict[int, Txn] = {}
        for name, own in values.items():
            for value in own:
                candidates.update(self._by_value.get((name, value), {}))
        fitting = [txn for txn in candidates.values() if _consistent(txn, values)]
        if not fitting and not self.rules.connected:
            fitting = [txn for txn in self._open.values() if not (txn.known.keys() & values.keys())]
        return max(fitting, key=lambda txn: txn.used, default=None)

    def _fits(self, txn: Txn, time: float) -> bool:
        rules = self.rules
        if rules.maxspan is not None and txn.newest - time > rules.maxspan:
            return False
        return rules.maxpause is None or txn.oldest - time <= rules.maxpause

    def _join(self, txn: Txn, time: float, row: Row, values: dict[str, set[str]]) -> None:
        txn.events.append((time, row))
        txn.used = self._count
        self._held += 1
        self._open.pop(txn.number, None)
        self._open[txn.number] = txn
        self._by_age.setdefault(txn.number, txn)
        for name, own in values.items():
            txn.known.setdefault(name, set()).update(own)
            for value in own:
                self._by_value.setdefault((name, value), {})[txn.number] = txn

    def _drop(self, txn: Txn, finished: list[tuple[int, Txn | Row]], *, closed: bool) -> None:
        """Take a transaction out of the open ones."""
        self._open.pop(txn.number, None)
        self._by_age.pop(txn.number, None)
        self._held -= len(txn.events)
        for name, own in txn.known.items():
            for value in own:
                holders = self._by_value.get((name, value))
                if holders is not None:
                    holders.pop(txn.number, None)
                    if not holders:
                        del self._by_value[name, value]
        txn.closed = closed
        finished.append((txn.number, txn))

    # --- the result

    def _rendered(self, txn: Txn) -> Row:
        """One row: `_time` of the earliest event, the values of all, oldest first."""
        events = [row for _, row in reversed(txn.events)]
        times = [time for time, _ in txn.events]
        result: Row = {"_time": min(times)}
        raws = [value_text(row["_raw"]) for row in events if "_raw" in row]
        if raws:
            result["_raw"] = (compact(raws) or "") if self.rendering.mvraw else "\n".join(raws)
        names = dict.fromkeys(name for row in events for name in row if name not in _OWN)
        for name in names:
            if name in ("_time", "_raw"):
                continue
            value = self._merged(name, events)
            if value is not None:
                result[name] = value
        whole = (not self.rules.starts or txn.has_start) and (not self.rules.ends or txn.has_end)
        result["duration"] = _tidy(max(times) - min(times))
        result["eventcount"] = len(events)
        result["closed_txn"] = int(txn.closed and whole)
        return result

    def _merged(self, name: str, events: Sequence[Row]) -> Scalar | list[Scalar] | None:
        if not self.rendering.is_list(name):
            distinct = {value_text(one): None for row in events if name in row for one in _cells(row[name])}
            return compact(sorted(distinct))
        values: list[Scalar] = []
        for row in events:
            values += _cells(row[name]) if name in row else [self.rendering.nullstr]
        return compact(values)


def _consistent(txn: Txn, values: dict[str, set[str]]) -> bool:
    """No field says something else than the transaction does."""
    return all(name not in txn.known or own & txn.known[name] for name, own in values.items())


def _values(cell: Scalar | list[Scalar]) -> set[str]:
    return {value_text(one) for one in _cells(cell)}


def _cells(cell: Scalar | list[Scalar]) -> list[Scalar]:
    return cell if isinstance(cell, list) else [cell]


def _tidy(seconds: float) -> float:
    """Without the noise of subtracting times."""
    rounded = round(seconds, 6)
    return int(rounded) if rounded == int(rounded) else rounded
