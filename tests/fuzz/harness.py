"""What the fuzzers share: running a property, and keeping the smallest input that breaks it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

from tests.conformance import Hang, limit

CRASHERS = Path(__file__).parent / "crashers"

SECONDS = 5.0
"""How long one input may take. Inputs are at most some thousand characters: they take milliseconds."""

T = TypeVar("T")


def bounded(check: Callable[[T], None]) -> Callable[[T], None]:
    """The check, failing when it does not come back."""

    def run(value: T) -> None:
        try:
            with limit(SECONDS):
                check(value)
        except Hang:
            raise AssertionError(f"no end within {SECONDS:g} s") from None

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
    @given(strategy)
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
