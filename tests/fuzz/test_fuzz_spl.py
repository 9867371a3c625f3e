"""The parser meets every text with a pipeline or a TraplineError, in bounded time.

A failing run writes the smallest input it found to crashers/*.spl; commit that file with the fix.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tests.fuzz import harness, spltext
from trapline.errors import SplError, TraplineError
from trapline.spl.command import Pipeline
from trapline.spl.parser import parse


def check(text: str) -> None:
    """The property. Raises AssertionError, or whatever escapes the parser."""
    try:
        pipeline = parse(text, macros=spltext.MACROS)
    except TraplineError as error:
        _check_error(text, error)
        return
    spans = [stage.span for stage in pipeline.stages]
    assert all(0 <= span.start <= span.end <= len(pipeline.text) for span in spans)
    assert all(one.end <= other.start for one, other in pairwise(spans))


def _check_error(text: str, error: TraplineError) -> None:
    assert error.reason
    assert error.render().startswith("error: ")
    assert error.to_json()["reason"] == error.reason
    if isinstance(error, SplError):
        assert error.query or not text
        if error.span is not None:
            assert 0 <= error.span.start <= error.span.end <= len(error.query), f"{error.span} is outside the text"


def keep(text: str) -> Path:
    return harness.kept(text, ".spl")


@pytest.mark.parametrize("path", harness.crashers(".spl"), ids=lambda path: path.stem)
def test_crashers(path: Path) -> None:
    harness.bounded(check)(harness.load(path))


def test_any_text_parses_or_is_refused() -> None:
    harness.fuzz(spltext.texts, check, keep, examples=300)


@pytest.mark.parametrize(
    "unit", ["a ", "a | ", "(", "[ search ", "NOT ", "`term` ", "`empty`", "\\", '"a" ', "x=1 OR ", "f(", "a, "]
)
def test_long_searches(unit: str) -> None:
    """Ten times the text may not take a hundred times as long: 100,000 characters in the time of any input."""
    for head in ("search ", "eval x=", "table "):
        harness.bounded(check)(head + unit * (100_000 // len(unit)))


def test_macros_that_double_each_other_are_refused() -> None:
    """2**40 macros: of one character each the text grows, of none it does not, and both must end."""
    for name in ("bomb40", "void40", "grow26(x)"):
        harness.bounded(_refused)(f"search `{name}`")


def _refused(text: str) -> None:
    with pytest.raises(SplError, match="macro"):
        parse(text, macros=spltext.MACROS)


def test_searches_of_the_case_files_are_read() -> None:
    """The corpus is worth damaging: the parser reads most of it."""
    good = sum(isinstance(_parsed(text), Pipeline) for text in spltext.known())
    assert good > 150


def _parsed(text: str) -> Pipeline | None:
    try:
        return parse(text, macros=spltext.MACROS)
    except TraplineError:
        return None
