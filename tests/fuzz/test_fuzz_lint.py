"""lint meets every text with findings that lie in it, and so does the trace of where a search was written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz import harness, spltext
from trapline.errors import SplError
from trapline.lint.check import check as lint
from trapline.spl.macros import expand
from trapline.spl.origin import trace


def check(text: str) -> None:
    """The property. Raises AssertionError, or whatever escapes."""
    for one in lint(text, spltext.MACROS).findings:
        assert 0 <= one.span.start <= one.span.end, one
        assert one.span.start <= len(text), one
    try:
        grown = expand(text, spltext.MACROS)
    except SplError:
        return
    origin = trace(text, spltext.MACROS)
    assert origin.text == grown
    assert "".join(grown[one.made.start : one.made.end] for one in origin.pieces) == grown
    assert all(0 <= one.written.start <= one.written.end <= len(text) for one in origin.pieces)


@pytest.mark.parametrize("path", harness.crashers(".lint"), ids=lambda path: path.stem)
def test_crashers(path: Path) -> None:
    harness.bounded(check)(harness.load(path))


def test_any_text_is_checked() -> None:
    harness.fuzz(spltext.texts, check, lambda text: Path(harness.kept(text, ".lint")), examples=150)


def test_searches_of_the_case_files_are_checked() -> None:
    for text in spltext.known():
        harness.bounded(check)(text)
