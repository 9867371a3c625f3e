"""Bins: the spans that are chosen for a range (timechart page, "Default time spans", "Spans used when minspan is
specified"), and the steps from one bin to the next."""

from __future__ import annotations

from itertools import pairwise

import pytest

from trapline.errors import Span, SplError
from trapline.spl.bins import Bins, Fixed, Log, Months, all_steps, auto_number, auto_time, label, lower_bound

HOUR, DAY = 3600.0, 86_400.0
START = 1_704_067_200.0  # 2024-01-01


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (15 * 60, Fixed(10.0, timed=True)),
        (HOUR, Fixed(60.0, timed=True)),
        (4 * HOUR, Fixed(300.0, timed=True)),
        (DAY, Fixed(1800.0, timed=True)),
        (7 * DAY, Fixed(DAY, timed=True)),
        (30 * DAY, Fixed(DAY, timed=True)),
        (365 * DAY, Months(1)),
        (40 * 365 * DAY, Months(12)),
    ],
)
def test_default_spans(seconds: float, expected: Bins) -> None:
    assert auto_time(START, START + seconds - 1e-6, 100) == expected


@pytest.mark.parametrize(("least", "width"), [(1, 60), (61, 300), (900, 1800), (1801, HOUR), (DAY, DAY)])
def test_minspan_takes_the_next_step(least: float, width: float) -> None:
    assert auto_time(START, START + HOUR - 1, 100, least) == Fixed(width, timed=True)


def test_times_outside_of_the_calendar_have_no_months() -> None:
    assert auto_time(0, 1e18, 10) == Fixed(1e18)
    with pytest.raises(SplError, match="calendar"):
        all_steps(Months(1), 0, 1e18, Span(0, 0))


@pytest.mark.parametrize(
    ("low", "high", "most", "width"),
    [(0, 59, 100, 1), (0, 1000.5, 100, 100), (0.0, 0.9, 10, 0.1), (1, 4, 100, 1), (5, 5, 10, 1), (-50, 50, 11, 10)],
)
def test_numbers_take_a_power_of_ten(low: float, high: float, most: int, width: float) -> None:
    assert auto_number(low, high, most) == Fixed(width)


@pytest.mark.parametrize("bins", [Fixed(10.0), Fixed(0.1), Fixed(0.25), Log(1.0, 10.0), Log(2.0, 5.0)])
def test_every_step_begins_its_own_bin(bins: Bins) -> None:
    steps = all_steps(bins, 1.0, 30.0, Span(0, 0))
    assert all(bins.floor(step) == step for step in steps)
    assert [lower_bound(label(bins, step)) for step in steps] == steps


def test_months_follow_the_calendar() -> None:
    steps = all_steps(Months(1), START, START + 60 * DAY, Span(0, 0))
    assert [(after - before) / DAY for before, after in pairwise(steps)] == [31.0, 29.0]
