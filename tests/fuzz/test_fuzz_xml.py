"""Windows event XML: no text raises anything, and the fast path gives what the slow path gives.

A failing run writes the events it found to crashers/*.xmlevents, one a JSON line.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fuzz import harness, xmltext
from tests.unit.collect import Collector
from trapline.ingest.winxml import WindowsEvents


def check(texts: list[str], *, rendered: bool = False) -> None:
    """The property: a reader that has seen the events before gives what a new one gives that sees only this one."""
    reader = WindowsEvents(rendered=rendered)
    for number, text in enumerate(texts):
        fast, slow = Collector(), Collector()
        wrong = reader.take(text, fast)
        assert wrong == WindowsEvents(rendered=rendered).take(text, slow)
        assert fast.events == slow.events, f"event {number} differs on the fast path"
        assert len(fast.events) == (0 if wrong else 1)


def check_rendered(texts: list[str]) -> None:
    check(texts, rendered=True)


def keep(texts: list[str]) -> Path:
    return harness.kept("".join(json.dumps(text) + "\n" for text in texts), ".xmlevents")


@pytest.mark.parametrize("path", harness.crashers(".xmlevents"), ids=lambda path: path.stem)
def test_crashers(path: Path) -> None:
    texts = [json.loads(line) for line in harness.load(path).splitlines()]
    harness.bounded(check)(texts)


def test_events_as_text() -> None:
    harness.fuzz(xmltext.streams(), check, keep, examples=120)


def test_events_of_a_binary_parser() -> None:
    """The texts that a parser of binary events writes: double quotes, no apostrophe in tags."""
    harness.fuzz(xmltext.streams(quotes='"', harm=False), check_rendered, keep, examples=80)
