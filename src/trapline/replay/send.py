"""Recorded events on their way: in order of time, at a pace, in batches, into a store or to an HTTP Event Collector.

A batch is sent again after a failure that may pass, so that it can arrive twice where only the answer was lost; it
never is left out. Source of the form and the answers: "Format events for HTTP Event Collector" and "Troubleshoot HTTP
Event Collector" of Splunk's documentation.
"""

from __future__ import annotations

import json
import time
import uuid
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa

from trapline.errors import TraplineError
from trapline.events import EventBatch
from trapline.ingest.report import iso_text
from trapline.outputs.kinds import hec
from trapline.outputs.options import Secret
from trapline.outputs.output import Later, Refused, Undelivered
from trapline.outputs.wire import Poster
from trapline.replay.mark import Mark, Reached
from trapline.replay.recorded import Recorded
from trapline.store import Portion, Store

ATTEMPTS = 6
"""How often a batch is tried."""
LONGEST = 300.0
"""Seconds that are waited between two tries, at most, whatever the endpoint asks for."""
_BACK_OFF = 30.0
_FOR_GOOD = frozenset((401, 403, 404, 407))
"""Answers that no waiting changes while we run: the token or the address is wrong."""
_TICK = 0.5
"""Seconds of the clock whose events go together where they are paced."""


class SendError(TraplineError):
    """The endpoint did not take the events."""

    exit_code = 3

    def __init__(self, reason: str, *, hint: str, sent: int, of: int) -> None:
        super().__init__(f"{reason}; {sent:,} of {of:,} events were sent", hint=hint, code="replay")
        self.sent = sent

    def to_json(self) -> dict[str, Any]:
        return super().to_json() | {"sent": self.sent}


@dataclass(slots=True)
class Sent:
    """What came of a replay."""

    target: str
    events: int = 0
    batches: int = 0
    retries: int = 0
    before: int = 0
    """Events that an interrupted replay had sent: not sent again, and not in `events`."""
    blank: int = 0
    """Events without a text, which a collector refuses: left out."""
    shift: float = 0.0
    """Seconds that times were moved by."""
    earliest: int | None = None
    latest: int | None = None
    """Times of the events as they were sent, in microseconds since 1970."""
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return {
            "to": self.target,
            "events": self.events,
            "batches": self.batches,
            "retries": self.retries,
            "before": self.before,
            "blank": self.blank,
            "shift": round(self.shift, 6),
            "earliest": iso_text(self.earliest),
            "latest": iso_text(self.latest),
            "seconds": round(self.seconds, 3),
        }


class Target(Protocol):
    """Where events go."""

    most: int
    """Events that are handed over at once, at most."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    def send(self, batches: Sequence[EventBatch], sent: Sent) -> None:
        """Take events and count them in `sent`. Raises Undelivered and TraplineError."""
        ...


@dataclass(slots=True)
class OurStore:
    """An index of a store of ours."""

    store: Store
    index: str
    most: int = 60_000
    _id: str = field(default_factory=lambda: f"replay-{uuid.uuid4().hex}")
    _number: int = 0

    @property
    def name(self) -> str:
        return str(self.store.path)

    def send(self, batches: Sequence[EventBatch], sent: Sent) -> None:
        self.store.append(self.index, [Portion(self._id, self._number, batches)])
        self._number += 1
        sent.batches += 1
        sent.events += sum(batch.table.num_rows for batch in batches)


@dataclass(slots=True)
class Collector:
    """An HTTP Event Collector. `index`: None = the one of the token."""

    poster: Poster
    token: Secret
    index: str | None = None
    attempts: int = ATTEMPTS
    sleep: Callable[[float], None] = time.sleep
    most: int = 1_000
    most_bytes: int = 512 << 10

    @property
    def name(self) -> str:
        return self.poster.url.target

    def send(self, batches: Sequence[EventBatch], sent: Sent) -> None:
        held: list[bytes] = []
        size = 0
        for event in _lines(batches, self.index):
            if event is None:
                sent.blank += 1
                continue
            if held and size + len(event) > self.most_bytes:
                self._post(held, sent)
                held, size = [], 0
            held.append(event)
            size += len(event)
        if held:
            self._post(held, sent)

    def _post(self, events: Sequence[bytes], sent: Sent) -> None:
        body = b"\n".join(events)
        for attempt in range(1, self.attempts + 1):
            try:
                hec.taken(self.poster.post(body, hec.headers(self.token)), self.name)
                break
            except Later as error:
                if attempt == self.attempts or error.status in _FOR_GOOD:
                    raise
                wait = error.after if error.after is not None else min(2.0 ** (attempt - 1), _BACK_OFF)
                sent.retries += 1
                self.sleep(min(wait, LONGEST))
        sent.batches += 1
        sent.events += len(events)


def _lines(batches: Sequence[EventBatch], index: str | None) -> Iterator[bytes | None]:
    """The events as HEC takes them, in order of time; None for one without a text."""
    rows: list[tuple[int, str, str, str, str]] = []
    for batch in batches:
        table = batch.table
        columns = (table.column(name).to_pylist() for name in ("host", "source", "_raw"))
        times = table.column("_time").cast(pa.int64()).to_pylist()
        rows += [(at, batch.sourcetype, *rest) for at, *rest in zip(times, *columns, strict=True)]
    rows.sort(key=lambda row: row[0])
    for at, sourcetype, host, source, raw in rows:
        if not raw or not raw.strip():
            yield None
            continue
        meta = {"time": round(at / 1e6, 6), "host": host, "source": source, "sourcetype": sourcetype}
        if index is not None:
            meta["index"] = index
        yield json.dumps({**meta, "event": raw}, ensure_ascii=False).encode("utf-8", "replace")


def send(
    events: Recorded,
    target: Target,
    *,
    speed: float | None = None,
    retime: bool = False,
    mark: Mark | None = None,
    progress: Callable[[int], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.time,
) -> Sent:
    """Send all events on.

    `speed`: how many seconds of the events pass in one of the clock; None: as fast as it goes. `retime`: all times are
    moved by one distance, so that the newest event is of this moment; the time written inside an event stays. `mark`:
    go on where it says, and keep it. `progress` is called with the events behind us. Raises SendError, what
    `Store.append` raises, and what a mark does.
    """
    sent = Sent(target.name)
    if not events.events:
        return sent
    first, last = events.times[0].as_py(), events.times[-1].as_py()
    shift = round(now() * 1e6) - last if retime else 0
    reached = mark.read() if mark is not None else None
    if reached is not None:
        shift, sent.before = reached.shift, reached.sent
    if mark is not None and sent.before == events.events:
        mark.done()
        return sent
    first = events.times[sent.before].as_py()
    sent.shift = shift / 1e6
    sent.earliest, sent.latest = first + shift, last + shift
    begun = clock()
    for start, end in _cuts(events, target.most, speed, sent.before):
        if speed is not None:
            early = (events.times[start].as_py() - first) / 1e6 / speed - (clock() - begun)
            if early > 0:
                sleep(early)
        try:
            target.send(events.part(start, end, shift), sent)
        except Undelivered as error:
            sent.seconds = clock() - begun
            raise SendError(error.reason, hint=_hint(error), sent=sent.before + sent.events, of=events.events) from None
        if mark is not None:
            mark.write(Reached(end, shift))
        if progress is not None:
            progress(end)
    if mark is not None:
        mark.done()
    sent.seconds = clock() - begun
    return sent


def _cuts(events: Recorded, most: int, speed: float | None, begin: int = 0) -> Iterator[tuple[int, int]]:
    """Where the events are cut into what goes at once: at a number, and at the pace's moments."""
    total = events.events
    if speed is None:
        yield from ((at, min(at + most, total)) for at in range(begin, total, most))
        return
    times = events.times.to_numpy(zero_copy_only=False)
    span = round(_TICK * speed * 1e6)
    start = begin
    while start < total:
        limit = min(start + most, total)
        end = max(bisect_right(times, int(times[start]) + span, start, limit), start + 1)
        yield start, end
        start = end


def _hint(error: Undelivered) -> str:
    match error:
        case Later(status=401 | 403):
            return "check the token; Splunk lists them in Settings > Data inputs > HTTP Event Collector"
        case Later(status=404):
            return "check the URL: https://splunk:8088 is enough, the path of the collector is added"
        case Later() if "certificate" in error.reason:
            return "--ca FILE names the certificates to trust; --insecure does not check"
        case Refused():
            return "the collector's own reason is above: a wrong --index is the usual one"
        case _:
            return "is it reachable, and is it an HTTP Event Collector? What was sent already would be sent again"
