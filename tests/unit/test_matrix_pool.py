"""The matrix over many data sets: what is not run finds nothing, and a process that ends costs one cell."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from trapline import app
from trapline.content.model import Detection
from trapline.detect import run
from trapline.testing import matrix, matrixcache
from trapline.testing.matrixpool import portions
from trapline.testing.matrixsets import DataSet
from trapline.testing.matrixwork import Part, work
from trapline.testing.place import Surroundings

SEARCHES = {
    "plain": "index=main action=bad | stats count by dest",
    "rare": "index=main | stats count by action | where count < 3",
    "model": "| tstats count from datamodel=Endpoint.Processes by Processes.dest",
    "model too": "| tstats count from datamodel=Endpoint.Processes where Processes.user=x by Processes.dest",
    "always": "index=main action=never | stats count | eval found=if(count=0, 1, 0)",
    "first": "index=main | head 1 | search action=bad | table dest",
    "appended": "index=main action=bad | append [| makeresults | eval dest=1] | table dest",
    "late error": "index=main action=bad | lookup nosuchtable dest | stats count by dest",
    "error": "index=main | nosuchcommand",
}
SETS = 9


@pytest.fixture
def sets(tmp_path: Path) -> list[DataSet]:
    """Each second one has a bad action, the last one has many events."""
    for number in range(SETS):
        events = [
            {"time": 1_780_000_000 + at, "dest": f"h{number}", "action": "bad" if number % 2 and not at else "good"}
            for at in range(9 if number == SETS - 1 else 2)
        ]
        path = tmp_path / "data" / f"{number}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps(one) + "\n" for one in events))
    return matrix.find(app.content(), tmp_path / "data")


def detections() -> list[Detection]:
    base = next(iter(app.content().detections))
    return [replace(base, name=name, search=search) for name, search in SEARCHES.items()]


def test_what_is_not_run_finds_nothing(sets: list[DataSet]) -> None:
    around, given = Surroundings(app.content(), app.knowledge()), detections()
    parts = [Part(at, tuple(range(len(given)))) for at in range(SETS)]
    asked = dict(work(around, sets, given, parts, lambda _: None))
    plain = dict(work(around, sets, given, parts, lambda _: None, ask=False))
    assert {at: ran.cells for at, ran in asked.items()} == {at: ran.cells for at, ran in plain.items()}
    assert [ran.asked for ran in plain.values()] == [0] * SETS
    assert asked[0].asked == 0  # the first shows what keeps a detection from running
    assert [ran.asked for ran in asked.values()][2] >= 2
    assert asked[1].cells["plain"].rows == 1
    assert asked[2].cells["plain"].rows == 0
    assert asked[2].cells["late error"].reason


@dataclass(frozen=True)
class _Deadly:
    """Makes surroundings in which one detection ends its process."""

    name: str

    def __call__(self) -> Surroundings:
        around = Surroundings(app.content(), app.knowledge())
        profile = around.profile

        def ending(detection: Detection) -> run.Profile:
            if detection.name == self.name:
                os.kill(os.getpid(), signal.SIGKILL)
            return profile(detection)

        around.profile = ending
        return around


def test_a_process_that_ends_costs_one_cell(sets: list[DataSet], tmp_path: Path) -> None:
    given = detections()[:2]
    keys, cache = matrixcache.keys(app.content(), given, []), matrixcache.Cache(tmp_path / "cache")
    found = matrix.run_matrix(sets[:2], given, _Deadly("rare"), keys=keys, cache=cache, jobs=2)
    assert [ran.cells["plain"].rows for ran in found.ran] == [0, 1]
    assert ["-9" in (ran.cells["rare"].reason or "") for ran in found.ran] == [True, True]
    assert [(one.code, one.where) for one in found.warnings] == [("matrix.lost", "0.json"), ("matrix.lost", "1.json")]
    make = partial(Surroundings, app.content(), app.knowledge())
    again = matrix.run_matrix(sets[:2], given, make, keys=keys, cache=cache)
    assert ([ran.cells["rare"].rows for ran in again.ran], again.cached) == ([1, 2], 2)
    assert not again.warnings


def test_portions_are_alike_and_hold_all(sets: Sequence[DataSet]) -> None:
    parts = [Part(at, ()) for at in range(SETS)]
    found = portions(sets, parts, 2)
    assert sorted(part.at for one in found for part in one) == list(range(SETS))
    assert sorted(len(one) for one in found) == [4, 5]
