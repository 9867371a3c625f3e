"""Searches of the scheduler over more than one core: processes that stay, and keep what they have made ready.

`python -P -m trapline.detect.crew` is such a process. It reads searches from standard input and writes what came of
them to standard output, as pickles: they come from a process of our own. It reads the store and writes nothing: what is
made of the rows, and all that is written, is done by the process that asked, which runs searches too. So it may die at
any moment; what it had in hand is run again, by whoever is free.

A process costs about two seconds to start, as much as some thirty searches over little data. None is started before
that pays: see `Crew.worth`.
"""

from __future__ import annotations

import os
import pickle
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import dataclass
from typing import IO, Any

from trapline.detect.place import Searches
from trapline.detect.workers import LEAST, MEMORY, cores, receive, send
from trapline.errors import TraplineError, Warn
from trapline.plan import Table
from trapline.search import Query, Result, Session

SHARED = 8
"""So many searches of one time read datasets of data models together."""
MANY = 40
"""So many searches at once are worth starting the processes for."""
PAYS = 4.0
"""Seconds that searches which could have been run beside each other took one after the other, after which the
processes are started: so they never cost more than twice what they could have saved."""
DEATHS = 5
"""So many processes that died are replaced; then the rest does with what is left."""
_TOO_LITTLE = ("memory",)
"""Codes of errors that the process that asked may not have: it may hold more memory."""
_DATASET = re.compile(r'\bdatamodel\s*[=:]?\s*"?(\w+)(?:\.(\w+))?', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Task:
    """A search with its window, epoch seconds; `minutes`: it is only asked which minutes hold something for it."""

    spl: str
    earliest: float | None
    latest: float | None
    now: float
    minutes: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a task. `failure`: why nothing did. `seconds`: that it took."""

    result: Result | None = None
    minutes: frozenset[float] | None = None
    failure: str | None = None
    code: str = ""
    seconds: float = 0.0


def answer(session: Searches, task: Task) -> Answer:
    """Do a task. What goes wrong is in the answer, nothing is raised."""
    begun = time.perf_counter()
    try:
        if task.minutes:
            assert task.earliest is not None
            assert task.latest is not None
            return Answer(minutes=session.minutes(task.spl, task.earliest, task.latest))
        result = session.run(task.spl, earliest=task.earliest, latest=task.latest, now=task.now)
        return Answer(result, seconds=time.perf_counter() - begun)
    except TraplineError as error:
        return Answer(failure=failure(error), code=error.code, seconds=time.perf_counter() - begun)
    except Exception as error:  # a defect of ours in one search must not stop the others
        return Answer(failure=failure(error), seconds=time.perf_counter() - begun)


def failure(error: Exception) -> str:
    """Why a run failed, in one line."""
    if isinstance(error, TraplineError):
        return error.reason + (f" ({error.hint})" if error.hint else "")
    return f"internal error, {type(error).__name__}: {str(error)[:200]}"


def answers(session: Searches, tasks: Sequence[Task]) -> Iterator[Answer]:
    """Do tasks one after the other, in this process."""
    with sharing(session, tasks, len(tasks)):
        for task in tasks:
            yield answer(session, task)


def sharing(session: Searches, tasks: Sequence[Task], total: int) -> AbstractContextManager[object]:
    """What so many searches at once read of data models, of which these are some, is read once."""
    queries = [Query(one.spl, one.earliest, one.latest, one.now) for one in tasks if not one.minutes]
    return session.share(queries) if total >= SHARED and len(queries) > 1 else nullcontext()


# --- what goes between the processes


@dataclass(frozen=True, slots=True)
class _Begin:
    """A session, from now on this one."""

    session: Session
    memory: str
    threads: int


@dataclass(frozen=True, slots=True)
class _Tables:
    """The tables from now on: new ones, and the numbers of those that were there. `forget`: lookup tables changed."""

    tables: tuple[Table | int, ...]
    forget: bool


@dataclass(frozen=True, slots=True)
class _Share:
    """Tasks that come now, of so many in all."""

    tasks: tuple[Task, ...]
    total: int


_READY = "ready"


class _Work:
    """The tasks of a batch. `take` and `put` are called by several threads."""

    def __init__(self, tasks: Sequence[Task], owners: Sequence[int], processes: int) -> None:
        self.tasks = tasks
        self.done: dict[int, Answer] = {}
        self.changed = threading.Condition()
        self._held: list[deque[int]] = [deque() for _ in range(processes)]
        self._open = True
        for number, owner in enumerate(owners):
            self._held[owner].append(number)

    def of(self, process: int) -> tuple[Task, ...]:
        with self.changed:
            return tuple(self.tasks[number] for number in self._held[process])

    def take(self, process: int) -> int | None:
        """The next task of a process; one of the others where it has none left."""
        with self.changed:
            if not self._open:
                return None
            if self._held[process]:
                return self._held[process].popleft()
            most = max(self._held, key=len)
            return most.pop() if most else None

    def put(self, number: int, answer: Answer) -> None:
        with self.changed:
            self.done[number] = answer
            self.changed.notify_all()

    def back(self, number: int, process: int) -> None:
        """A task whose process is gone."""
        with self.changed:
            self._held[process].appendleft(number)
            self.changed.notify_all()

    def close(self) -> None:
        with self.changed:
            self._open = False


class Crew:
    """So many processes, this one among them, that do the tasks of a session."""

    def __init__(self, jobs: int) -> None:
        self.jobs = max(1, jobs)
        self._children: dict[int, _Child] = {}
        self._owners: dict[str, int] = {}
        self._loads = [0] * self.jobs
        self._spent = 0.0
        self._deaths = 0
        self._forgets = 0
        self._warnings: list[Warn] = []
        self._packed: tuple[Session, _Packed] | None = None

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes."""
        for child in self._children.values():
            child.stop()
        self._children.clear()

    def forget(self) -> None:
        """A search has changed a lookup table."""
        self._forgets += 1

    def warnings(self) -> list[Warn]:
        """What is to be told, once."""
        told, self._warnings = self._warnings, []
        return told

    def worth(self, count: int) -> bool:
        """Whether so many tasks at once are to be spread: several, if the processes are there, or are worth starting
        now: for many at once, or after some time that they could have saved."""
        if self.jobs < 2 or count < 2 or not sys.executable:
            return False
        return bool(self._children) or count >= MANY or self._spent >= PAYS

    def answers(self, session: Searches, tasks: Sequence[Task]) -> Iterator[Answer]:
        """What comes of tasks, in their order, as from `answers`."""
        if not isinstance(session, Session) or not self.worth(len(tasks)):
            begun = time.perf_counter()
            taken = 0.0
            for one in answers(session, tasks):
                taken += time.perf_counter() - begun
                yield one
                begun = time.perf_counter()
            self._spent += taken if len(tasks) > 1 else 0.0
            return
        begin = self._begun(session)
        if begin is None:  # what the session holds cannot go elsewhere
            yield from answers(session, tasks)
            return
        self._start()
        work = _Work(tasks, [self._owner(one) for one in tasks], self.jobs)
        own = work.of(0)
        for child in self._children.values():
            child.give(_Order(work, begin, session.tables, self._forgets))
        try:
            with sharing(session, own, len(tasks)):
                for number in range(len(tasks)):
                    while number not in work.done:
                        mine = work.take(0)
                        if mine is not None:
                            work.put(mine, answer(session, tasks[mine]))
                        else:
                            self._wait(work, number)
                    found = work.done.pop(number)
                    yield answer(session, tasks[number]) if found.code in _TOO_LITTLE else found
        finally:
            work.close()
            for child in self._children.values():
                child.rest()
            self._bury()

    def _wait(self, work: _Work, number: int) -> None:
        """Until a task is done, or one is to be had."""
        with work.changed:
            if number not in work.done and not any(work._held):
                work.changed.wait(0.5)

    def _owner(self, task: Task) -> int:
        """The process whose turn a search is: always the same, and the same for those that read the same dataset."""
        found = _DATASET.search(task.spl)
        key = found[0].lower() if found is not None else task.spl
        if key not in self._owners:
            self._owners[key] = min(range(self.jobs), key=lambda one: self._loads[one])
        owner = self._owners[key]
        self._loads[owner] += 1
        return owner

    def _begun(self, session: Session) -> _Packed | None:
        """A session for the processes. Packed here and now: what it holds changes while searches run."""
        if self._packed is None or self._packed[0] is not session:
            memory, threads = f"{max(LEAST, MEMORY // self.jobs)}MB", max(1, cores() // self.jobs)
            elsewhere = session.elsewhere()
            elsewhere.writer = None  # searches that write are run here
            try:
                packed = pickle.dumps(_Begin(elsewhere, memory, threads), pickle.HIGHEST_PROTOCOL)
            except (pickle.PicklingError, TypeError, AttributeError) as error:
                self.jobs = 1
                self.close()
                reason = f"searches run in one process: what they need cannot be handed to another ({error})"
                self._warnings.append(Warn("schedule.worker", reason))
                return None
            self._packed = session, _Packed(packed, tuple(session.tables))
        return self._packed[1]

    def _start(self) -> None:
        for number in range(1, self.jobs):
            if number not in self._children and self._deaths < DEATHS:
                try:
                    self._children[number] = _Child(number, self.jobs)
                except OSError as error:
                    self._deaths = DEATHS
                    self._warnings.append(
                        Warn("schedule.worker", f"no process could be started: {error}", "searches run in this one")
                    )

    def _bury(self) -> None:
        for number, child in list(self._children.items()):
            if child.gone:
                child.stop()
                del self._children[number]
                self._deaths += 1
                hint = "another one takes its place" if self._deaths < DEATHS else "no other one takes its place"
                reason = f"a process that ran searches has ended ({child.ended}); what it had in hand was run again"
                self._warnings.append(Warn("schedule.worker", reason, hint))


@dataclass(frozen=True, slots=True)
class _Packed:
    """A session as it is sent, and the tables that it had then."""

    begin: bytes
    tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True)
class _Order:
    """A batch to take part in, and what its session is by now."""

    work: _Work
    session: _Packed
    tables: Sequence[Table]
    forgets: int


class _Child:
    """A process, and the thread here that talks with it."""

    def __init__(self, number: int, jobs: int) -> None:
        self.number, self.jobs = number, jobs
        self.gone = False
        self.ended = ""
        self._orders: queue.SimpleQueue[_Order | None] = queue.SimpleQueue()
        self._resting = threading.Event()
        self._resting.set()
        self._ready = False
        self._session: _Packed | None = None
        self._tables: tuple[Table, ...] = ()
        self._forgets = 0
        # -P: the folder where the user is may hold evidence, no Python of its own is to be found there.
        command = [sys.executable, "-P", "-m", __name__]
        self.process = subprocess.Popen(  # noqa: S603 - this interpreter and this module, there is no shell
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.thread = threading.Thread(target=self._talk, name=f"crew-{number}", daemon=True)
        self.thread.start()

    def give(self, order: _Order) -> None:
        """Let it take part in a batch, as soon as it is there."""
        if not self.gone and self._resting.is_set():
            self._resting.clear()
            self._orders.put(order)

    def rest(self) -> None:
        """Wait until it has nothing of a closed batch in hand; one that is still starting has none."""
        while not self.gone and self._ready and not self._resting.wait(0.5):
            continue

    def stop(self) -> None:
        self.process.kill()
        self.ended = f"exit {self.process.wait()}" if not self.ended else self.ended
        self._orders.put(None)
        self.thread.join()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()

    def _talk(self) -> None:
        into, out = self.process.stdin, self.process.stdout
        assert into is not None
        assert out is not None
        try:
            if receive(out) != _READY:
                return
            self._ready = True
            while (order := self._orders.get()) is not None:
                self._batch(into, out, order)
                self._resting.set()
        except (OSError, EOFError, pickle.PickleError, TypeError, AttributeError, IndexError):
            return
        finally:
            self.gone = True
            with suppress(subprocess.TimeoutExpired):
                self.ended = f"exit {self.process.wait(1)}"
            self._resting.set()

    def _batch(self, into: IO[bytes], out: IO[bytes], order: _Order) -> None:
        """Hand over tasks of a batch until there are no more."""
        work = order.work
        number = work.take(self.number)
        try:
            if number is None:
                return
            self._bring_up_to_date(into, order)
            rest = work.of(self.number)
            send(into, _Share((work.tasks[number], *rest), len(work.tasks)))
            while number is not None:
                send(into, work.tasks[number])
                found: Answer = receive(out)
                work.put(number, found)
                number = work.take(self.number)
        except BaseException:
            if number is not None:
                self.gone = True
                work.back(number, self.number)
            raise

    def _bring_up_to_date(self, into: IO[bytes], order: _Order) -> None:
        if order.session is not self._session:
            into.write(order.session.begin)
            into.flush()
            self._session, self._tables, self._forgets = order.session, order.session.tables, order.forgets
        tables = tuple(order.tables)
        if tables != self._tables or order.forgets != self._forgets:
            places = {id(one): at for at, one in enumerate(self._tables)}
            send(into, _Tables(tuple(places.get(id(one), one) for one in tables), order.forgets != self._forgets))
            self._tables, self._forgets = tables, order.forgets


# --- in the process


def _incoming(stream: IO[bytes]) -> queue.SimpleQueue[Any]:
    """What comes in. This process ends when nobody is there any more who asks, whatever it is doing then."""
    found: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def read() -> None:
        while True:
            try:
                found.put(receive(stream))
            except (OSError, EOFError, pickle.UnpicklingError):
                os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return found


def main() -> None:
    """Do what standard input asks, until it ends."""
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)  # who asked ends this process, after the tick
    incoming = _incoming(sys.stdin.buffer)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what anything prints does not end up among the frames

    from trapline.engines.duckdb import DuckDB

    send(out, _READY)
    session: Session | None = None
    engine: DuckDB | None = None
    shared = ExitStack()
    while True:
        order = incoming.get()
        match order:
            case _Begin():
                shared.close()
                session = order.session
                engine = engine or DuckDB(memory=order.memory, threads=order.threads)
                session.engine = engine
            case _Tables():
                assert session is not None
                shared.close()
                session.tables = tuple(session.tables[one] if isinstance(one, int) else one for one in order.tables)
                if order.forget and session.knowledge is not None:
                    session.knowledge.forget()
            case _Share():
                assert session is not None
                shared.close()
                shared.enter_context(sharing(session, order.tasks, order.total))
            case Task():
                assert session is not None
                send(out, answer(session, order))


if __name__ == "__main__":
    # What goes through the pipes is of that module, not of this one, which has the name __main__.
    from trapline.detect import crew

    try:
        crew.main()
    except BrokenPipeError:
        sys.stderr.close()
