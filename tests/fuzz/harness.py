"""What the fuzzers share: running a property, and keeping the smallest input that breaks it.

A hang is too much work, not too much waiting: the limits are seconds of this process's CPU time, so that a machine that
is busy with other things, or stands still, breaks nothing. What waits for ever without working ends the process by the
clock, after `PATIENCE`.
"""

from __future__ import annotations

import faulthandler
import hashlib
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy, deferred

CRASHERS = Path(__file__).parent / "crashers"

SECONDS = 5.0
"""CPU seconds that one input may take. Inputs are at most some thousand characters: they take milliseconds."""

PATIENCE = 900
"""Seconds by the clock after which an input that does not come back ends the process, with a traceback."""

T = TypeVar("T")


class Hang(BaseException):
    """An input took too long. Not an Exception, so that nothing on the way up takes it for one of its own."""


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Raises Hang when the body has used so much CPU time; again every second, should something swallow it."""
    inside = True

    def stop(signum: int, frame: FrameType | None) -> None:
        if inside:
            raise Hang

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds, 1.0)
    faulthandler.register(signal.SIGALRM, file=2, chain=True)  # whose own handler then ends the process
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    finally:
        inside = False
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.unregister(signal.SIGALRM)


def bounded(check: Callable[[T], None], seconds: float = SECONDS) -> Callable[[T], None]:
    """The check, failing when it does not come back."""

    def run(value: T) -> None:
        try:
            with limit(seconds):
                check(value)
        except Hang:
            raise AssertionError(f"no end within {seconds:g} s of CPU time") from None

    return run


def fuzz(
    strategy: SearchStrategy[T], check: Callable[[T], None], keep: Callable[[T], Path], *, examples: int, seed: int = 0
) -> None:
    """Try `examples` inputs. `seed` 0 is the suite's run, the same every time. An input that breaks the check is made
    smaller, then kept as a file by `keep`, then the error is raised."""
    broken: list[T] = []
    run = bounded(check)

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=seed == 0,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(deferred(lambda: strategy))  # whose description is short; that of a grammar is not
    def prop(value: T) -> None:
        try:
            run(value)
        except Exception:  # whatever it is, the input is what matters here, and the error goes on
            broken[:] = [value]
            raise

    try:
        (prop if seed == 0 else _seeded(prop, seed))()
    except BaseException as error:
        if broken:
            error.add_note(f"kept as {keep(broken[0])}")
        raise


def _seeded(prop: Callable[[], None], number: int) -> Callable[[], None]:
    from hypothesis import seed

    return seed(number)(prop)


def smallest(text: str, check: Callable[[str], None], *, tries: int = 2_000, seconds: float = SECONDS) -> str:
    """A smaller text that breaks the check in the same way: with the same type of error, raised at the same line
    (and with the same `way`, if the error has one)."""
    run = bounded(check, seconds)

    def way(one: str) -> tuple[type[BaseException], int, str] | None:
        try:
            run(one)
        except Exception as error:  # as above
            trace = error.__traceback__
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            return type(error), trace.tb_lineno if trace is not None else 0, getattr(error, "way", "")
        return None

    wanted = way(text)
    if wanted is None:
        return text  # memory grows once
    size = max(1, len(text) // 2)
    while size and tries > 0:
        at, shorter = 0, False
        while at < len(text) and tries > 0:
            tries -= 1
            less = text[:at] + text[at + size :]
            if way(less) == wanted:
                text, shorter = less, True
            else:
                at += size
        size = size if shorter and size == 1 else size // 2
    return text


def kept(text: str, suffix: str) -> Path:
    """Write a crasher and return its path. The name is made of the content."""
    data = text.encode("utf-8", "surrogatepass")
    path = CRASHERS / f"{hashlib.sha256(data).hexdigest()[:12]}{suffix}"
    path.write_bytes(data)
    return path


def crashers(suffix: str) -> list[Path]:
    return sorted(CRASHERS.glob(f"*{suffix}"))


def load(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "surrogatepass")
