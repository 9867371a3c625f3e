"""A process that is told to stop in the midst of a query stops: no search is called broken for it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator

import pytest

from trapline.search import Session

SLOW = 'eval y=replace(x.n, "(a|aa)+(?=c)", "") | stats count by y'
"""Runs our own functions for minutes."""


@pytest.fixture
def told() -> Iterator[Callable[[], None]]:
    """Sends this process a signal that raises SystemExit, in a moment."""

    def end(*_: object) -> None:
        raise SystemExit(143)

    before = signal.signal(signal.SIGTERM, end)
    timers: list[threading.Timer] = []

    def send() -> None:
        timers.append(threading.Timer(1, os.kill, (os.getpid(), signal.SIGTERM)))
        timers[0].start()

    yield send
    for one in timers:
        one.cancel()
    signal.signal(signal.SIGTERM, before)


def test_in_a_function_of_ours(told: Callable[[], None]) -> None:
    session = Session(events=[{"x": "a" * 24 + "b", "n": number} for number in range(20_000)])
    told()
    with pytest.raises((SystemExit, KeyboardInterrupt)):
        session.run(SLOW)
    assert session.run("stats count").rows == [{"count": 20_000}]
