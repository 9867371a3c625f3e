"""Queue messages for the outputs that want them, and send what is due.

Delivery is at least once: a message is marked as sent after its endpoint took it, and every kind carries its key, by
which a receiver tells that it has it already. Outputs do not wait for each other; one that is down costs one attempt,
then it is left alone with all its messages until its back-off is over.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from trapline.errors import Warn
from trapline.outputs.message import Message, visible
from trapline.outputs.output import Later, Output, Refused
from trapline.state import deliveries
from trapline.state.deliveries import Deliveries, Status

LIMIT = 500
"""Messages of an output that one pass sends at most."""
SECONDS = 30.0
"""After this long an output begins no further message in a pass."""
_THREADS = 8


@dataclass(slots=True)
class Report:
    """What one pass did: how many messages of each output were sent, failed and wait for another attempt, or died."""

    sent: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    dead: Counter[str] = field(default_factory=Counter)
    warnings: list[Warn] = field(default_factory=list)

    def add(self, other: Report) -> None:
        self.sent += other.sent
        self.failed += other.failed
        self.dead += other.dead
        self.warnings += other.warnings

    def to_json(self) -> dict[str, Any]:
        names = sorted({*self.sent, *self.failed, *self.dead})
        return {
            "outputs": {
                one: {"sent": self.sent[one], "failed": self.failed[one], "dead": self.dead[one]} for one in names
            },
            "warnings": [one.to_json() for one in self.warnings],
        }


def queue(
    connection: sa.Connection,
    outputs: Sequence[Output],
    messages: Iterable[Message],
    now: float,
    *,
    hidden: Collection[str] = (),
) -> int:
    """Queue each message for each output that wants it, in the caller's transaction; how many deliveries were new.
    `now`: epoch seconds. `hidden`: keys of notables that a suppression hides."""
    given = [(one, one.dumps()) for one in messages]
    new = 0
    for output in outputs:
        wanted = [
            (one.key, text) for one, text in given if output.wants(one) and (output.suppressed or one.key not in hidden)
        ]
        new += deliveries.enqueue(connection, output.name, wanted, now)
    return new


def dispatch(
    waiting: Deliveries,
    outputs: Sequence[Output],
    now: float,
    *,
    limit: int = LIMIT,
    seconds: float = SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Report:
    """One pass: send what is due at `now` (epoch seconds), at most `limit` messages an output.

    Returns when every output is through, after `seconds` and one time limit of an output at most. Raises EngineError
    where the database fails."""
    report = Report()
    if not outputs:
        return report
    with ThreadPoolExecutor(min(_THREADS, len(outputs)), thread_name_prefix="output") as pool:
        for one in pool.map(lambda output: _pass(waiting, output, now, limit, seconds, clock), outputs):
            report.add(one)
    return report


def orphans(waiting: Deliveries, outputs: Sequence[Output]) -> list[Warn]:
    """Deliveries that wait for an output which the settings do not have."""
    known = {one.name for one in outputs}
    return [
        Warn(
            "outputs.orphan",
            f"{counts[Status.WAITING]} messages wait for the output '{name}', which the settings do not have",
            "add it again to send them",
        )
        for name, counts in waiting.counts().items()
        if name not in known and counts[Status.WAITING]
    ]


def _pass(
    waiting: Deliveries, output: Output, now: float, limit: int, seconds: float, clock: Callable[[], float]
) -> Report:
    report = Report()
    name, start = output.name, clock()
    down = waiting.down(name)
    for one in waiting.due(name, now, limit):
        if clock() - start > seconds:
            break
        try:
            note = output.send(Message.loads(one.body))
        except Later as error:
            at = now + clock() - start
            waiting.leave(one, at, after=error.after)
            status = waiting.failed(one, error.reason, at, most=output.attempts, after=error.after)
            (report.dead if status is Status.DEAD else report.failed)[name] += 1
            report.warnings.append(_warn(name, error.reason, status is Status.DEAD))
            break  # what comes next would meet the same, also in the passes to come: it is left alone for a while
        except Refused as error:
            down = _answers(waiting, name, down)
            waiting.refused(one, error.reason)
            report.dead[name] += 1
            report.warnings.append(_warn(name, error.reason, True))
        except Exception as error:
            # A defect of ours, which this message brings out: it must not hold up the others, nor go unseen.
            reason = visible(f"defect: {type(error).__name__}: {error}", 200)
            status = waiting.failed(one, reason, now, most=output.attempts)
            (report.dead if status is Status.DEAD else report.failed)[name] += 1
            report.warnings.append(_warn(name, reason, status is Status.DEAD))
        else:
            waiting.sent(one, note)
            down = _answers(waiting, name, down)
            report.sent[name] += 1
            if note:
                report.warnings.append(Warn("outputs.doubt", note, where=name))
    return report


def _answers(waiting: Deliveries, name: str, down: bool) -> bool:
    """An output took a message, or refused that very one: it is not down any more."""
    if down:
        waiting.up(name)
    return False


def _warn(name: str, reason: str, dead: bool) -> Warn:
    if dead:
        return Warn("outputs.dead", f"a message was given up: {reason}", "see: trapline outputs dead", name)
    return Warn("outputs.failed", reason, "it is tried again", name)
