"""Cron schedules: which minutes they are, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trapline import app
from trapline.detect import cron
from trapline.detect.clockgaps import changes, gaps
from trapline.detect.jobs import Job
from trapline.errors import TraplineError

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, tz: ZoneInfo | None = None) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=tz or UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("0 * * * *", "2026-03-04T14:00:00", "2026-03-04T15:00:00"),
        ("0 * * * *", "2026-03-04T14:59:59", "2026-03-04T15:00:00"),
        ("*/15 * * * *", "2026-03-04T14:46:10", "2026-03-04T15:00:00"),
        ("10 0 * * *", "2026-03-04T00:10:00", "2026-03-05T00:10:00"),
        ("30 8-18/5 * * 1-5", "2026-03-06T18:30:00", "2026-03-09T08:30:00"),
        ("5,7 23 31 12 *", "2026-03-04T00:00:00", "2026-12-31T23:05:00"),
        ("0 0 29 2 *", "2026-03-04T00:00:00", "2028-02-29T00:00:00"),
        ("0 0 * * 7", "2026-03-04T00:00:00", "2026-03-08T00:00:00"),
        ("0 0 13 * 5", "2026-03-04T00:00:00", "2026-03-06T00:00:00"),  # a Friday, or a 13th
        ("0 0 */2 * 5", "2026-03-04T00:00:00", "2026-03-13T00:00:00"),  # a star: both must hold
    ],
)
def test_the_next_time(text: str, after: str, expected: str) -> None:
    assert cron.parse(text).after(at(after)) == at(expected)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("* * * *", "4 fields"),
        ("60 * * * *", "minute '60' is not within 0-59"),
        ("0 * * jan *", "month 'jan'"),
        ("@hourly", "1 fields"),
        ("*/0 * * * *", "no step"),
        ("5/10 * * * *", "a step without a range"),
        ("9-3 * * * *", "not within"),
        ("0 0 31 2 *", "no such day"),
        ("² * * * *", "no number"),
        (", * * * *", "no number"),
    ],
)
def test_what_is_no_schedule(text: str, reason: str) -> None:
    with pytest.raises(TraplineError, match=reason):
        cron.parse(text)


def test_clocks_that_are_put_forward_and_back() -> None:
    night = cron.parse("30 2 * * *")
    forward = list(night.between(at("2026-03-28T00:00:00", BERLIN), at("2026-03-31T00:00:00", BERLIN), BERLIN))
    assert [datetime.fromtimestamp(one, BERLIN).strftime("%d %H:%M") for one in forward] == [
        "28 02:30",
        "29 03:00",
        "30 02:30",
    ]
    assert cron.parse("30 1 * * *").after(at("2026-03-29T01:30:00", BERLIN), BERLIN) == at("2026-03-30T01:30", BERLIN)
    back = list(night.between(at("2026-10-24T00:00:00", BERLIN), at("2026-10-27T00:00:00", BERLIN), BERLIN))
    assert [datetime.fromtimestamp(one, BERLIN).day for one in back] == [24, 25, 26]
    hourly = cron.parse("0 * * * *")
    assert len(list(hourly.between(at("2026-10-24T23:00:00", BERLIN), at("2026-10-25T23:00:00", BERLIN), BERLIN))) == 25
    assert len(list(hourly.between(at("2026-03-28T23:00:00", BERLIN), at("2026-03-29T23:00:00", BERLIN), BERLIN))) == 23


FIELD = st.sampled_from(["*", "*/7", "3", "1,5", "2-6", "1-6/2"])


@given(st.tuples(FIELD, FIELD, FIELD, FIELD, st.sampled_from(["*", "0", "1-5", "7", "*/2"])), st.integers(0, 2**31))
def test_each_time_is_the_first_that_matches(fields: tuple[str, ...], moment: int) -> None:
    schedule = cron.parse(" ".join(fields))
    found = schedule.after(moment)
    assert found is not None
    assert found > moment
    assert found % 60 == 0
    # nothing before it: every minute between, as far as a day, is no time of the schedule
    probe = found - 60
    while probe > max(moment, found - 86_400):
        assert schedule.after(probe) == found
        probe -= 3_540


@pytest.mark.parametrize(
    ("text", "times"),
    [
        # as UTC: the hour from 2 to 3 of Berlin comes at 0 and at 1
        ("*/30 0-6 * * *", ["00:00", "00:30", "01:00", "01:30", "02:00", "02:30"]),
        ("*/30 2 * * *", ["00:00", "00:30", "01:00", "01:30"]),
        ("0 * * * *", ["00:00", "01:00", "02:00"]),
        ("0 */2 * * *", ["00:00", "01:00"]),
        ("0 0-23 * * *", ["00:00", "01:00", "02:00"]),
        ("0 0-6 * * *", ["00:00", "01:00", "02:00"]),
        ("0 2-3 * * *", ["00:00", "01:00", "02:00"]),
        ("0,30 2,9 * * *", ["00:00", "00:30"]),
        ("0 2 * * *", ["00:00"]),
        ("0 3 * * *", ["02:00"]),
    ],
)
def test_the_repeated_hour(text: str, times: list[str]) -> None:
    found = cron.parse(text).between(at("2026-10-25T00:00:00") - 1, at("2026-10-25T02:59:00"), BERLIN)
    assert [datetime.fromtimestamp(one, UTC).strftime("%H:%M") for one in found] == times


@pytest.mark.parametrize(
    ("text", "earliest", "latest", "missed"),
    [
        ("0 12 * * *", "-24h@h", "now", [("10:00", "11:00")]),
        ("0 12 * * *", "-1d@m", "now", []),
        ("0 12 * * *", "-24h@h", "-1h@h", [("09:00", "11:00")]),  # an hour of each day is left out anyway
        ("0 12 * * *", "-1d@m", "-1h@m", []),
        ("0 0,2,4,6,8,10,12,14,16,18,20,22 * * *", "-120m@m", "now", [("00:00", "01:00")]),
        ("0 */2 * * *", "-120m@m", "now", []),
        ("*/15 0-6 * * *", "-15m@m", "now", []),
        ("0 9 * * 1", "-7d@m", "now", []),
    ],
)
def test_what_is_left_out_where_clocks_change(
    text: str, earliest: str, latest: str, missed: list[tuple[str, str]]
) -> None:
    (change,) = changes(BERLIN, at("2026-10-01T00:00:00"), at("2026-11-01T00:00:00"))
    assert abs(change - at("2026-10-25T01:00:00")) <= 60
    detection = next(iter(app.content().detections))
    found = gaps(Job("a", detection, cron.parse(text), earliest, latest), change, BERLIN)
    shown = [
        tuple(datetime.fromtimestamp(each, UTC).strftime("%H:%M") for each in (one.start, one.end)) for one in found
    ]
    assert shown == missed
