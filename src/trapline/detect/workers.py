"""Detections over more than one core: processes beside this one run them, this one puts together what they found.

`python -P -m trapline.detect.workers` is such a process. It reads what it is to do from standard input and writes what
came of it to standard output, both as pickles: they come from a process of our own. Detections that read the same
dataset of a data model go to the same process, which makes it once for all of them (`Session.share`); those that read
none are handed out as the processes become free. What came out is in the order of the detections, as from `run.run`.

Detections that write a lookup table, and those that name a table that another one writes, go to one process, in their
order: what one writes the next one reads.
"""

from __future__ import annotations

import os
import pickle
import re
import signal
import subprocess
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import IO, Any, Protocol

from trapline.content.model import Detection
from trapline.detect import run as runs
from trapline.detect.run import Dataset, Detected, Fared, Order, Profile, Progress
from trapline.errors import TraplineError
from trapline.search import Query, Session

LARGE = 100_000_000
"""Detections times events from which more processes pay: starting one takes about two seconds."""
MOST = 4
"""Processes at most without being asked for more: each holds memory of its own."""
MEMORY = 2_400
"""Megabytes that the engines of all processes may hold together; `LEAST` each."""
LEAST = 600
CHUNK = 16
"""Detections that are handed out at a time."""
_MADE, _READ = 4.0, 0.05
"""What making a dataset costs, and reading it, about, in seconds: to spread the work evenly."""
_DATASET = re.compile(r'\bdatamodel\s*[=:]?\s*"?(\w+)(?:\.(\w+))?', re.IGNORECASE)
_WRITES = ("outputlookup", "outputcsv", "collect")
_WRITTEN = re.compile(r"\boutputlookup\b([^|\]]*)", re.IGNORECASE)
_OPTION = re.compile(r"\w+\s*=\s*\S+")


def jobs(detections: int, events: int) -> int:
    """How many processes pay for so many detections over so many events; 1 = none beside this one."""
    if detections * events < LARGE:
        return 1
    return max(1, min(cores(), MOST))


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    session: Session,
    detections: Sequence[Detection],
    profile: Callable[[Detection], Profile],
    order: Order,
    *,
    jobs: int,
    progress: Progress | None = None,
) -> Detected:
    """`run.run` with so many processes. What a process has no memory for, and what it leaves behind when it dies, is
    run here."""
    if jobs < 2 or len(detections) < 2 or not sys.executable:
        return runs.run(session, detections, profile, order, progress=progress)
    known = dict(_profiles(detections, profile))
    groups, free = spread(detections, session.macros, known, jobs)
    told = _Told(len(detections), progress)
    work = _Work([_Held(*group) for group in groups], deque(_chunks(free)))
    try:
        start = pickle.dumps(
            _Start(session.elsewhere(), order, f"{max(LEAST, MEMORY // jobs)}MB", max(1, cores() // jobs))
        )
    except (pickle.PicklingError, TypeError, AttributeError):  # what the caller gave it cannot go elsewhere
        return runs.run(session, detections, profile, order, progress=progress)
    parts = {number: _Part(number, detections[number], one) for number, one in known.items()}
    children = [_Child(at, work, parts, start, told) for at in range(jobs)]
    try:
        for child in children:
            child.thread.start()
        for child in children:
            while child.thread.is_alive():
                child.thread.join(0.5)  # an interrupt gets through
    finally:
        for child in children:
            child.stop()
    for number, detection in enumerate(detections):
        if (found := told.fared.get(number)) is None or _too_little(found):
            told.fared[number] = runs.one(session, detection, profile, order, number)
            told.detection(detection.name)
    return runs.collected([told.fared[number] for number in range(len(detections))], told.datasets)


def _profiles(
    detections: Sequence[Detection], profile: Callable[[Detection], Profile]
) -> Iterator[tuple[int, Profile]]:
    """By number. A detection without one is left to this process, which tells why."""
    for number, detection in enumerate(detections):
        try:
            yield number, profile(detection)
        except TraplineError:
            continue


def _too_little(found: Fared) -> bool:
    """Did it fail because the process had too little memory? This one may have more."""
    return found.outcome.error is not None and found.outcome.error.code == "detect.not-runnable.memory"


class _Defined(Protocol):
    @property
    def definition(self) -> str: ...


def spread(
    detections: Sequence[Detection], macros: Mapping[str, _Defined], numbers: Iterable[int], jobs: int
) -> tuple[list[tuple[list[int], list[int]]], list[int]]:
    """The numbers of the detections that each process does, because they share datasets or a table that is written:
    those that must be its own, then the others; and those that anyone may do. A guess from the text that is wrong costs
    time only, but for the tables."""
    numbers = list(numbers)
    together = _writing(detections, macros, numbers)
    reads = {number: _datasets(detections[number].search) for number in numbers}
    whole = {(model, "") for found in reads.values() for model, dataset in found if not dataset}
    joined = {
        number: [(model, "") if (model, "") in whole else (model, dataset) for model, dataset in found]
        for number, found in reads.items()
    }
    uses = Counter(name for found in joined.values() for name in set(found))
    groups: dict[object, list[int]] = {}
    free = []

    def key(names: Iterable[tuple[str, str]]) -> object:
        """The dataset that it pays most to make once."""
        return max(names, key=lambda name: (uses[name], name), default="written")

    written = key(name for number in together for name in joined[number])
    for number, found in joined.items():
        if number in together:
            groups.setdefault(written, []).append(number)
        elif found:
            groups.setdefault(key(found), []).append(number)
        else:
            free.append(number)
    loads: list[tuple[float, list[int]]] = [(0.0, []) for _ in range(jobs)]
    for group in sorted(groups.values(), key=len, reverse=True):
        at = min(range(jobs), key=lambda one: loads[one][0])
        load, held = loads[at]
        loads[at] = (load + _MADE + _READ * len(group), held + group)
    parted = []
    for _, held in loads:
        own = sorted(together.intersection(held))
        parted.append((own, sorted(set(held) - together)))
    return parted, free


def _chunks(numbers: Sequence[int]) -> Iterator[tuple[int, ...]]:
    return (tuple(numbers[at : at + CHUNK]) for at in range(0, len(numbers), CHUNK))


def _datasets(spl: str) -> list[tuple[str, str]]:
    return [(found[1].lower(), (found[2] or "").lower()) for found in _DATASET.finditer(spl)]


def _writing(detections: Sequence[Detection], macros: Mapping[str, _Defined], numbers: Sequence[int]) -> frozenset[int]:
    """Those that may write, and those that name what these write, themselves or through a macro."""
    writes = _mentions(macros, _WRITES)
    writers = [number for number in numbers if writes(detections[number].search)]
    if not writers:
        return frozenset()
    texts = [detections[number].search for number in writers]
    texts += [one.definition for one in macros.values() if "outputlookup" in one.definition.lower()]
    names = set()
    for text in texts:
        for found in _WRITTEN.finditer(text):
            words = re.findall(r"[\w.-]+", _OPTION.sub(" ", found[1]).lower())
            names |= {word.removesuffix(".gz").removesuffix(".csv") for word in words}
    reads = _mentions(macros, tuple(name for name in names if name))
    return frozenset(writers) | {number for number in numbers if reads(detections[number].search)}


def _mentions(macros: Mapping[str, _Defined], words: Sequence[str]) -> Callable[[str], bool]:
    """Whether a search holds one of the words, itself or through its macros."""
    marks = list(words)
    texts = {f"`{key.partition('(')[0].lower()}": one.definition.lower() for key, one in macros.items()}
    while more := [name for name, text in texts.items() if any(mark in text for mark in marks)]:
        marks += more
        for name in more:
            del texts[name]
    return lambda spl: any(mark in spl.lower() for mark in marks)


# --- what goes between the processes


@dataclass(frozen=True, slots=True)
class _Start:
    session: Session
    order: Order
    memory: str
    threads: int


@dataclass(frozen=True, slots=True)
class _Part:
    number: int
    detection: Detection
    profile: Profile

    def known(self, detection: Detection) -> Profile:
        return self.profile


@dataclass(frozen=True, slots=True)
class _Batch:
    numbers: tuple[int, ...]
    share: bool = False
    """What these read is made once for them, and what was made before is let go."""
    later: tuple[int, ...] = ()
    """Those that may come in the next batches and read the same."""


class _Held:
    """What one process does: at first, then in portions, of which others may take some when they have nothing to do."""

    def __init__(self, own: Sequence[int], others: Sequence[int]) -> None:
        half = max(CHUNK, len(others) // 2)
        self.later = deque(_chunks(others[half:]))
        self.first = _Batch((*own, *others[:half]), share=True, later=tuple(others[half:]))


@dataclass(slots=True)
class _Work:
    """What is to be done yet. A process does its own first, then what is free, then it takes from the others."""

    held: list[_Held]
    free: deque[tuple[int, ...]]
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self, process: int) -> _Batch | None:
        with self._lock:
            if self.held[process].later:
                return _Batch(self.held[process].later.popleft())
            if self.free:
                return _Batch(self.free.popleft())
            most = max(self.held, key=lambda one: len(one.later)).later
            if len(most) < 2:  # not worth making its datasets again
                return None
            taken = [most.pop() for _ in range(len(most) // 2)]
            return _Batch(tuple(number for chunk in reversed(taken) for number in chunk), share=True)


@dataclass(frozen=True, slots=True)
class _Making:
    """A dataset is being made."""

    done: int
    total: int
    name: str


@dataclass(frozen=True, slots=True)
class _Done:
    """A batch is done. `datasets`: those that it shared."""

    datasets: tuple[Dataset, ...] = ()


_Frame = _Making | _Done | tuple[int, Fared]


@dataclass(slots=True)
class _Told:
    """What the processes told, put together."""

    total: int
    progress: Progress | None
    fared: dict[int, Fared] = field(default_factory=dict)
    datasets: list[Dataset] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, frame: _Frame) -> None:
        with self._lock:
            match frame:
                case _Making():
                    if self.progress is not None:
                        self.progress("datasets", frame.done, frame.total, frame.name)
                case _Done():
                    self.datasets += frame.datasets
                case number, found:
                    self.fared[number] = found
                    self.detection(found.outcome.detection)

    def detection(self, name: str) -> None:
        if self.progress is not None:
            done = len(self.fared)
            self.progress("detections", done, self.total, name if done < self.total else "")


class _Child:
    """A process, and the thread here that talks with it."""

    def __init__(self, number: int, work: _Work, parts: Mapping[int, _Part], start: bytes, told: _Told) -> None:
        self.number, self.work, self.parts, self.start, self.told = number, work, parts, start, told
        self.thread = threading.Thread(target=self._talk, daemon=True)
        # -P: the folder where the user is may hold evidence, no Python of its own is to be found there.
        command = [sys.executable, "-P", "-m", __name__]
        self.process = subprocess.Popen(  # noqa: S603 - this interpreter and this module, there is no shell
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def _talk(self) -> None:
        """Until there is nothing more to do, or the process is gone."""
        into, out = self.process.stdin, self.process.stdout
        assert into is not None
        assert out is not None
        try:
            into.write(self.start)
            batch: _Batch | None = self.work.held[self.number].first
            while batch is not None:
                parts = tuple(self.parts[number] for number in batch.numbers)
                later = tuple(self.parts[number].detection.search for number in batch.later)
                send(into, (parts, batch.share, later))
                while True:
                    frame: _Frame = receive(out)
                    self.told.take(frame)
                    if isinstance(frame, _Done):
                        break
                batch = self.work.next(self.number)
            into.close()
        except (OSError, EOFError, pickle.UnpicklingError, IndexError):
            return  # what it has not told is run by the process that asked

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.thread.join()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    continue


def send(stream: IO[bytes], value: object) -> None:
    pickle.dump(value, stream, protocol=pickle.HIGHEST_PROTOCOL)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    return pickle.load(stream)  # noqa: S301 - from a process of our own, through a pipe that no other has


def main() -> None:
    """Do what standard input asks, until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asked ends this process
    into = sys.stdin.buffer
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what anything prints does not end up among the frames

    from trapline.engines.duckdb import DuckDB

    start: _Start = receive(into)
    session = start.session
    order = start.order
    tell = partial(send, out)
    with DuckDB(memory=start.memory, threads=start.threads) as engine, ExitStack() as sharing:
        session.engine = engine
        while True:
            try:
                parts, share, later = receive(into)
            except EOFError:
                return
            datasets: list[Dataset] = []
            if share:
                sharing.close()
                queries = [Query(spl, now=order.now) for spl in (*(part.detection.search for part in parts), *later)]
                shared = sharing.enter_context(
                    session.share(queries, progress=lambda done, total, name: tell(_Making(done, total, name)))
                )
                datasets = runs.made(shared)
            for part in parts:
                tell((part.number, runs.one(session, part.detection, part.known, order, part.number)))
            tell(_Done(tuple(datasets)))


if __name__ == "__main__":
    # What goes through the pipes is of that module, not of this one, which has the name __main__.
    from trapline.detect import workers

    try:
        workers.main()
    except BrokenPipeError:
        sys.stderr.close()
