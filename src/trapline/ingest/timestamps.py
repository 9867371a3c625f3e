"""Timestamps of logs: ISO 8601 texts to microseconds since 1970 UTC, one by one and a column at a time.

Exact integers throughout: a float would lose the microseconds. Digits beyond the sixth are cut, as `_time` holds
microseconds. Dates from year 1 to 9999 are fine (Windows writes 1601-01-01 for "no time", facts/DATA.md §1).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROS = pa.timestamp("us", "UTC")
"""The type of `_time`."""

_ISO = re.compile(
    r"\s*(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?"
    r"\s*(?:(Z|z|UTC|GMT)|([+-])(\d\d):?(\d\d))?\s*",
    re.ASCII,
)
_PLAIN = r"^(?:\d{3}[1-9]|\d\d[1-9]\d|\d[1-9]\d\d|[1-9]\d{3})-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,9})?Z?$"
"""What Arrow can cast once the Z is gone and digits beyond microseconds are cut (RE2). Arrow would take the year 0."""


def iso_micros(text: str) -> int | None:
    """Microseconds since 1970 of `2024-03-04T10:11:25.4839860Z` and its like; None for what is no such date.

    Between date and time a T or a blank; any number of fraction digits; Z, UTC, an offset (`+02:00`, `+0200`) or
    nothing, which means UTC.
    """
    found = _ISO.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, _, sign, off_hours, off_minutes = found.groups()
    try:
        moment = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), tzinfo=UTC)
    except ValueError:
        return None
    seconds = int(second or 0)
    if seconds > 60:  # 60 is a leap second
        return None
    micros = to_micros(moment) + seconds * 1_000_000 + int((fraction or "")[:6].ljust(6, "0"))
    if sign is None:
        return micros
    offset = (int(off_hours) * 60 + int(off_minutes)) * 60_000_000
    return micros - offset if sign == "+" else micros + offset


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970 of an aware datetime."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def iso_column(texts: pa.Array) -> pa.Array:
    """`iso_micros` over a column of strings: timestamps[us, UTC], null for null and for what is no date."""
    if pc.all(pc.match_substring_regex(texts, _PLAIN)).as_py() is not False:
        plain = pc.utf8_slice_codeunits(pc.utf8_rtrim(texts, "Z"), 0, 26)
        try:
            return plain.cast(pa.timestamp("us")).cast(MICROS)
        except pa.ArrowInvalid:  # a 31st of February
            pass
    return pa.array([None if text is None else iso_micros(text) for text in texts.to_pylist()], pa.int64()).cast(MICROS)
