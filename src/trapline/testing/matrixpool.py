"""The matrix over the cores: processes that take portions of data sets.

A process tells what it is at. One that ends, or stays at one detection for too long, costs that cell, or the data set
that it was reading, and the rest of its portion goes to another process.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import Any

from trapline.content.model import Detection
from trapline.detect.workers import LEAST, MEMORY
from trapline.errors import TraplineError
from trapline.testing.matrixsets import DataSet
from trapline.testing.matrixwork import At, Part, Phase, Ran, work
from trapline.testing.place import Surroundings
from trapline.testing.pool import context

TIMEOUT = 600.0
"""Seconds for one step: a detection over a data set, or reading it."""
DEATHS = 3
"""Processes that one data set may cost."""
BYTES = 64_000_000
"""Of the files of a portion, about: what a process asks about at once has to fit into its memory."""

Make = Callable[[], Surroundings]


@dataclass(frozen=True, slots=True)
class _Portion:
    parts: tuple[Part, ...]
    ask: bool = True


@dataclass(frozen=True, slots=True)
class _Start:
    """What a process begins with."""

    make: Make
    sets: Sequence[DataSet]
    detections: Sequence[Detection]
    memory: str
    threads: int


@dataclass(frozen=True, slots=True)
class _Unmade:
    """A process could not load what all share."""

    reason: str


@dataclass(slots=True)
class _Worker:
    process: Any
    pipe: Connection
    portion: _Portion
    done: set[int] = field(default_factory=set)
    at: At = (Phase.READ, -1, -1)
    since: float = field(default_factory=time.monotonic)


def portions(sets: Sequence[DataSet], parts: Sequence[Part], jobs: int) -> list[list[Part]]:
    """Alike in size, as few as there are processes, unless they are too large."""
    sizes = {part.at: _size(sets[part.at].path) for part in parts}
    count = min(len(parts), max(jobs, -(-sum(sizes.values()) // BYTES)))
    held: list[list[Part]] = [[] for _ in range(count)]
    for place, part in enumerate(sorted(parts, key=lambda one: (-sizes[one.at], one.at))):
        # To and fro, so that none has the larger of every pair.
        turn, at = divmod(place, count)
        held[at if turn % 2 == 0 else count - 1 - at].append(part)
    return [sorted(one, key=lambda part: part.at) for one in held if one]


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


class Pool:
    def __init__(
        self,
        sets: Sequence[DataSet],
        detections: Sequence[Detection],
        make: Make,
        jobs: int,
        cores: int,
        tell: Callable[[At], None],
        timeout: float = TIMEOUT,
    ) -> None:
        """`tell` is told what the processes are at."""
        memory = f"{max(LEAST, MEMORY // jobs)}MB"
        self.start = _Start(make, sets, detections, memory, max(1, cores // jobs))
        self.jobs = jobs
        self.tell = tell
        self.timeout = timeout
        self.context = context()
        self.waiting: deque[_Portion] = deque()
        self.workers: list[_Worker] = []
        self.deaths: dict[int, int] = {}

    def run(self, parts: Sequence[Part], *, ask: bool = True) -> Iterator[tuple[int, Ran]]:
        """(place, what came of it) of each part as they are done. Raises TraplineError where no process can begin."""
        self.waiting.extend(_Portion(tuple(one), ask) for one in portions(self.start.sets, parts, self.jobs))
        try:
            while self.waiting or self.workers:
                while self.waiting and len(self.workers) < self.jobs:
                    self._begin(self.waiting.popleft())
                busy = {one.pipe: one for one in self.workers}
                oldest = min(one.since for one in self.workers)
                for ready in wait(list(busy), timeout=max(0.05, oldest + self.timeout - time.monotonic())):
                    assert isinstance(ready, Connection)
                    yield from self._take(busy[ready])
                for one in list(self.workers):
                    if time.monotonic() - one.since > self.timeout:
                        yield from self._lost(one, f"it took longer than {self.timeout:g} s")
        finally:
            for one in self.workers:
                self._end(one)

    def _begin(self, portion: _Portion) -> None:
        ours, theirs = Pipe()
        process = self.context.Process(target=_serve, args=(theirs, self.start, portion), daemon=True)
        process.start()
        theirs.close()
        self.workers.append(_Worker(process, ours, portion))

    def _take(self, worker: _Worker) -> Iterator[tuple[int, Ran]]:
        """All that it has told."""
        while True:
            try:
                if not worker.pipe.poll():
                    return
                frame = worker.pipe.recv()
            except (EOFError, OSError):
                worker.process.join(5)
                yield from self._lost(worker, f"the process ended with code {worker.process.exitcode}")
                return
            worker.since = time.monotonic()
            match frame:
                case _Unmade(reason=reason):
                    raise _unmade(reason)
                case None:
                    self._end(worker)
                    self.workers.remove(worker)
                    return
                case (int(at), Ran() as ran):
                    worker.done.add(at)
                    yield at, ran
                case (Phase(), int(), int()):
                    worker.at = frame
                    self.tell(frame)

    def _end(self, worker: _Worker) -> None:
        worker.process.kill()
        worker.process.join(5)
        worker.pipe.close()

    def _lost(self, worker: _Worker, reason: str) -> Iterator[tuple[int, Ran]]:
        """What is left of its portion goes to another process, without what this one was at."""
        self._end(worker)
        self.workers.remove(worker)
        phase, at, number = worker.at
        left = [part for part in worker.portion.parts if part.at not in worker.done]
        if not left:
            return
        ask = worker.portion.ask and phase != Phase.ASK
        place = next((place for place, part in enumerate(left) if part.at == at), None)
        if place is not None:
            part = left[place]
            self.deaths[at] = self.deaths.get(at, 0) + 1
            if phase == Phase.RUN and self.deaths[at] <= DEATHS:
                left[place] = replace(part, lost={**part.lost, number: f"{reason} while this ran"})
            elif phase == Phase.SHARE and not part.alone:
                left[place] = replace(part, alone=True)
            else:
                del left[place]
                what = "while it was read" if phase == Phase.READ else f"{self.deaths[at]} times"
                yield at, Ran(0, (), f"{reason} {what}", {}, lost=True)
        elif phase != Phase.ASK:
            raise _unmade(reason)
        if left:
            self.waiting.appendleft(_Portion(tuple(left), ask))


def _unmade(reason: str) -> TraplineError:
    return TraplineError(f"the matrix cannot be set up: {reason}", hint="--jobs 1 shows where", code="testing.setup")


def _serve(pipe: Connection, start: _Start, portion: _Portion) -> None:
    try:
        try:
            from trapline.engines.duckdb import DuckDB

            around = start.make()
            around.engine = DuckDB(memory=start.memory, threads=start.threads)
        except Exception as error:  # no data set would fare better, so the user is told once
            pipe.send(_Unmade(f"{type(error).__name__}: {error}"[:500]))
            return
        with around.engine:
            for found in work(around, start.sets, start.detections, portion.parts, pipe.send, ask=portion.ask):
                pipe.send(found)
            pipe.send(None)
    except (BrokenPipeError, KeyboardInterrupt):
        return
