"""strftime as the engine writes it: the same text as `times.format_time`, to the microsecond and to the last year."""

from __future__ import annotations

import random

import pytest

from trapline.search import Session
from trapline.times import format_time

FORMS = (
    "%Y-%m-%dT%H:%M:%S",
    "%F %T %%F",
    "%m/%d/%y %I:%M %p",
    "%a %A %b %B %j",
    "%S.%f",
    "%d%%",
    "no clock",
    "%3N %q %",
)


@pytest.mark.parametrize("form", FORMS)
def test_texts_are_those_of_times(form: str) -> None:
    draw = random.Random(7)
    times = [draw.uniform(-62135596800, 253402300799) for _ in range(300)]
    times += [draw.randrange(2**31) + draw.choice((0.5e-6, 1.5e-6, 0.9999995, 0.1234565)) for _ in range(300)]
    times += [
        0.0,
        -0.5,
        0.9999994,
        0.9999996,
        -62135596800.0,
        -62135596801.0,
        253402300799.0,
        253402300800.0,
        1e15,
        1e300,
    ]
    rows = Session(events=[{"at": at} for at in times]).run(f'eval text=strftime(at, "{form}")').rows
    assert [row.get("text") for row in rows] == [format_time(at, form) for at in times]
