"""A search runs, or is refused with a reason: from any text to rows, over hostile events, in bounded time and memory.

A failing run writes the smallest input it found to crashers/*.run; commit that file with the fix. `tests.fuzz.running`
has the property.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.fuzz import harness, running, searches
from tests.fuzz.world import World, world
from trapline.spl.functions import registry


@pytest.fixture(scope="module")
def here() -> Iterator[World]:
    with world() as made:
        yield made


@pytest.mark.parametrize("path", [*harness.crashers(".run"), *harness.crashers(".spl")], ids=lambda path: path.stem)
def test_crashers(path: Path, here: World) -> None:
    text = harness.load(path)
    for name in ("rows", "store"):
        running.timed(text, here, name)


def test_searches_run_or_are_refused(here: World) -> None:
    """Always the same searches. Enough of them must run: a fuzzer whose inputs are all refused finds nothing."""
    ends = running.fuzz(here, seed=1, count=200).ends
    assert ends[running.End.RAN] > 35, ends


def test_searches_compile_or_are_refused(here: World) -> None:
    ends = running.fuzz(here, seed=2, count=1_000, every=1_000).ends
    assert ends[running.End.COMPILED] > 150, ends


def test_every_command_runs(here: World) -> None:
    """The generator gives each command, by its name in the registry, something that it can run."""
    rng = Random(1)
    silent = [name for name in searches.names() if not _runs(rng, name, here)]
    assert not silent


def _runs(rng: Random, name: str, here: World) -> bool:
    ends: Counter[running.End] = Counter()
    for _ in range(1_000):
        ends[running.check(searches.alone(rng, name), here, "rows")] += 1
        if ends[running.End.RAN]:
            return True
    return False


def test_every_function_runs(here: World) -> None:
    rng = Random(1)
    silent = []
    for name in registry():
        head = "where " if searches.wants(name)[0] else "eval x="
        calls = (head + searches.call(rng, 1, name) for _ in range(400))
        if not any(running.check(text, here, "rows") is running.End.RAN for text in calls):
            silent.append(name)
    assert not silent
