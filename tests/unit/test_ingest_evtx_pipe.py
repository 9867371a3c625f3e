"""EVTX parsed in a process of its own gives what parsing here gives, and a parser that dies is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.evtxkit import event, evtx, record_places
from trapline.ingest import evtxparse
from trapline.ingest.evtxparse import DIED, FRAME_EVENTS, Damage, parsed


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """Chunks of more events than one frame holds, some of them not ASCII, and one damaged record."""
    numbers = range(1, FRAME_EVENTS + 41)
    chunks = [
        [event(number, data=[("ServiceName", f"ünïcode {number}\u00ff")]) for number in numbers[at : at + 20]]
        for at in range(0, len(numbers), 20)
    ]
    file = bytearray(evtx(chunks))
    at = record_places(bytes(file))[7]
    file[at + 40 : at + 60] = b"\xee" * 20
    path = tmp_path / "damaged.evtx"
    path.write_bytes(bytes(file))
    return path


def test_a_process_of_its_own_gives_the_same(damaged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = list(parsed(damaged))
    monkeypatch.setattr(evtxparse, "LARGE", 0)
    assert list(parsed(damaged)) == here
    assert sum(isinstance(one, str) for one in here) > FRAME_EVENTS
    assert sum(isinstance(one, Damage) for one in here) == 1


def test_a_parser_that_dies_is_told(damaged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evtxparse, "LARGE", 0)
    found = parsed(damaged)
    damaged.unlink()  # the process of its own finds no file and ends without the frame that says it is done
    assert list(found) == [DIED]


def test_leaving_early_leaves_no_process(damaged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evtxparse, "LARGE", 0)
    found = parsed(damaged)
    assert isinstance(next(found), str)
    found.close()
    with pytest.raises(StopIteration):
        next(found)
