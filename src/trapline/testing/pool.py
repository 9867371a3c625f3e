"""Many detections over the cores: processes that take one detection after another.

A process that dies or takes too long costs the detection it was at, and is replaced.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkContext, SpawnContext
from pathlib import Path
from typing import Any

from trapline.content.catalog import Content
from trapline.errors import TraplineError
from trapline.testing.model import DetectionResult, Failure, Kind, Status, TestResult
from trapline.testing.plan import Work

FEW = 4
"""Detections that one process is faster with: another has to load what all tests share."""
TIMEOUT = 300.0
"""Seconds for all tests of one detection."""

Testing = Callable[[Work], DetectionResult]
Making = Callable[[Content], Testing]
"""Makes what tests, once per process; a function of a module, for it may have to be sent to a process."""


def run(
    works: Sequence[Work], content: Content, make: Making, jobs: int, timeout: float = TIMEOUT
) -> Iterator[tuple[int, DetectionResult]]:
    """(place in `works`, result) as they are done. With one job, or few detections, in this process, without `timeout`
    (seconds per detection)."""
    if jobs <= 1 or len(works) <= FEW:
        testing = make(content)
        for at, work in enumerate(works):
            yield at, testing(work)
        return
    yield from _Pool(works, content, make, min(jobs, len(works)), timeout).run()


@dataclass(slots=True)
class _Worker:
    process: Any
    pipe: Connection
    at: int | None = None
    """What it works on."""
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class _Unmade:
    """A process could not load what all tests share."""

    reason: str


class _Pool:
    def __init__(self, works: Sequence[Work], content: Content, make: Making, jobs: int, timeout: float) -> None:
        self.works = works
        self.content = content
        self.make = make
        self.jobs = jobs
        self.timeout = timeout
        self.context = context()
        self.waiting = list(range(len(works)))[::-1]
        self.workers: list[_Worker] = []

    def run(self) -> Iterator[tuple[int, DetectionResult]]:
        try:
            for _ in range(self.jobs):
                self._start()
            while any(one.at is not None for one in self.workers):
                busy = {one.pipe: one for one in self.workers if one.at is not None}
                oldest = min(one.since for one in busy.values())
                for ready in wait(list(busy), timeout=max(0.05, oldest + self.timeout - time.monotonic())):
                    assert isinstance(ready, Connection)
                    yield self._take(busy[ready])
                for one in list(self.workers):
                    if one.at is not None and time.monotonic() - one.since > self.timeout:
                        yield self._lost(one, f"it took longer than {self.timeout:g} s", "raise --timeout")
        finally:
            for one in self.workers:
                one.pipe.close()
                if one.at is not None:
                    one.process.terminate()
            for one in self.workers:
                one.process.join(5)
                if one.process.is_alive():
                    one.process.kill()

    def _start(self) -> None:
        if not self.waiting:
            return
        ours, theirs = multiprocessing.Pipe()
        arguments = (theirs, self.works, self.content, self.make)
        process = self.context.Process(target=_serve, args=arguments, daemon=True)
        process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self.workers.append(worker)
        self._give(worker)

    def _give(self, worker: _Worker) -> None:
        worker.at = self.waiting.pop() if self.waiting else None
        worker.since = time.monotonic()
        if worker.at is not None:
            worker.pipe.send(worker.at)

    def _take(self, worker: _Worker) -> tuple[int, DetectionResult]:
        assert worker.at is not None
        at = worker.at
        try:
            result = worker.pipe.recv()
        except (EOFError, OSError):
            worker.process.join(5)
            return self._lost(worker, f"the process that tested it ended with code {worker.process.exitcode}", None)
        if isinstance(result, _Unmade):
            raise TraplineError(
                f"the tests cannot be set up: {result.reason}",
                hint="--jobs 1 shows where",
                code="testing.setup",
            )
        assert isinstance(result, DetectionResult)
        self._give(worker)
        return at, result

    def _lost(self, worker: _Worker, reason: str, hint: str | None) -> tuple[int, DetectionResult]:
        assert worker.at is not None
        at, detection = worker.at, self.works[worker.at].detection
        worker.process.terminate()
        worker.process.join(5)
        worker.pipe.close()
        self.workers.remove(worker)
        self._start()
        failure = Failure(reason, hint, code="lost")
        seconds = time.monotonic() - worker.since
        name = detection.tests[0].name if detection.tests else "unit"
        result = TestResult(name, Kind.UNIT, Status.ERROR, (failure,), seconds=seconds)
        from trapline.testing.runner import described

        return at, described(detection, [result], seconds)


def _serve(pipe: Connection, works: Sequence[Work], content: Content, make: Making) -> None:
    testing: Testing | None = None
    while True:
        try:
            at = pipe.recv()
        except (EOFError, OSError, KeyboardInterrupt):
            return
        try:
            if testing is None:
                try:
                    testing = make(content)
                except Exception as error:  # no detection would fare better, so the user is told once
                    pipe.send(_Unmade(f"{type(error).__name__}: {error}"[:500]))
                    return
            pipe.send(testing(works[at]))
        except (BrokenPipeError, KeyboardInterrupt):
            return


def context() -> ForkContext | SpawnContext:
    """Forking is fast and shares the content, but only safe while there is one thread."""
    tasks = Path("/proc/self/task")
    alone = tasks.is_dir() and len(list(tasks.iterdir())) == 1
    return multiprocessing.get_context("fork") if alone else multiprocessing.get_context("spawn")
