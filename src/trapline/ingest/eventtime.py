"""The time of an event whose format does not say where it stands or how it is written.

A time without a zone is taken as UTC. What Splunk guesses from the forwarder's time zone is not known here
(props.conf, TZ).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

from trapline.ingest.timestamps import EPOCH, iso_micros, to_micros

_EPOCH = re.compile(r"(\d{9,11})(?:\.(\d{1,9}))?|(\d{13}|\d{16}|\d{19})", re.ASCII)
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}


def micros(value: object) -> int | None:
    """Microseconds since 1970 UTC of a JSON value or a text: ISO 8601 and its like (`timestamps.iso_micros`), or an
    epoch in seconds (with or without fraction), milliseconds, microseconds or nanoseconds, told apart by the number of
    digits (9 to 11, 13, 16, 19). Or the other shapes of `at_start`, if the text holds nothing else. None: no time."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    text = str(value).strip() if isinstance(value, str) or value < 10**20 else ""
    if not text or len(text) > 64:
        return None
    found = _EPOCH.fullmatch(text)
    if found is not None:
        seconds, fraction, whole = found.groups()
        if whole is not None:
            return int(whole[:10]) * 1_000_000 + int(whole[10:16].ljust(6, "0"))
        return int(seconds) * 1_000_000 + int((fraction or "")[:6].ljust(6, "0"))
    moment = iso_micros(text)
    if moment is not None:
        return moment
    at = at_start(text, None)
    return at[0] if at is not None and at[1] == len(text) else None


def _clock(text: str) -> tuple[int, int, int, int]:
    hour, minute, rest = text.split(":", 2)
    second, _, fraction = rest.replace(",", ".").partition(".")
    return int(hour), int(minute), min(int(second), 59), int(fraction[:6].ljust(6, "0")) if fraction else 0


def _offset(text: str | None) -> int:
    """Microseconds that a zone such as `+0200` is ahead of UTC."""
    if not text or text[0] not in "+-":
        return 0
    digits = text[1:].replace(":", "")
    size = (int(digits[:2]) * 60 + int(digits[2:4])) * 60_000_000
    return size if text[0] == "+" else -size


_ISO = re.compile(
    r"\[?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:\s?(?:Z|UTC|GMT)\b|[+-]\d\d:?\d\d)?)\]?", re.ASCII
)
_SLASHED = re.compile(r"\[?(\d{4})/(\d\d)/(\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,9})?)\]?", re.ASCII)
_AMERICAN = re.compile(r"\[?(\d\d)/(\d\d)/(\d{4}) (\d\d:\d\d:\d\d(?:\.\d{1,9})?)(?: ([AP])M)?\]?", re.ASCII)
_WEB = re.compile(r"\[?(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d:\d\d:\d\d(?:\.\d{1,9})?)(?: ([+-]\d{4}))?\]?", re.ASCII)
_SYSLOG = re.compile(r"([A-Z][a-z]{2}) ([ \d]\d) (?:(\d{4}) )?(\d\d:\d\d:\d\d(?:\.\d{1,9})?)(?![\d:])", re.ASCII)
_SECONDS = re.compile(r"(\d{10}(?:\.\d{1,9})?)(?=\s|\Z)", re.ASCII)
_PRIORITY = re.compile(r"<\d{1,3}>(?:\d )?", re.ASCII)


def at_start(line: str, mtime: float | None) -> tuple[int, int, bool] | None:
    """The time at the start of a line: (microseconds since 1970 UTC, where it ends, whether the year was assumed).

    ISO 8601, `2024/03/04 10:11:25`, `03/04/2024 10:11:25 AM` (month first), `04/Mar/2024:10:11:25 +0000`, syslog's
    `Mar  4 10:11:25` and epoch seconds; brackets around it and a syslog priority before it are skipped. Syslog has no
    year: the newest one that does not put the event a day after `mtime` (epoch seconds). None: no time there, or a
    syslog time and no `mtime`.
    """
    head = line[:80]
    priority = _PRIORITY.match(head)
    begin = priority.end() if priority else 0
    for pattern, read in _SHAPES:
        found = pattern.match(head, begin)
        if found is None:
            continue
        try:
            moment = read(found)
        except (ValueError, KeyError):
            return None
        return None if moment is None else (moment, found.end(), False)
    found = _SYSLOG.match(head, begin)
    if found is None:
        return None
    month, day, year, clock = found.groups()
    try:
        if year is not None:
            return _moment(int(year), _MONTHS[month.lower()], int(day), clock), found.end(), False
        if mtime is None:
            return None
        return _latest(mtime, _MONTHS[month.lower()], int(day), clock), found.end(), True
    except (ValueError, KeyError):
        return None


def find(text: str, mtime: float | None, tz: tzinfo = UTC, within: int | None = 128) -> tuple[int, bool] | None:
    """The first time in the first `within` characters of a text, wherever it stands: (microseconds since 1970 UTC,
    whether the year was assumed). The shapes of `at_start`, epoch seconds only at the start. A time that names no zone
    is one of `tz`. Source: Getting Data In, "How timestamp assignment works"."""
    head = text if within is None else text[:within]
    for one in _ANYWHERE.finditer(head):
        found = at_start(head[one.start() :], mtime)
        if found is None:
            continue
        moment, end, assumed = found
        if tz is not UTC and not _ZONED.search(head[one.start() : one.start() + end]):
            moment = to_micros((EPOCH + timedelta(microseconds=moment)).replace(tzinfo=tz))
        return moment, assumed
    return None


_ANYWHERE = re.compile(
    r"\A|(?<![\w.:/+-])(?=\[?(?:\d{4}[-/]\d\d[-/]\d\d|\d\d/\d\d/\d{4} |\d\d/[A-Z][a-z]{2}/|[A-Z][a-z]{2} [ \d]\d ))",
    re.ASCII,
)
_ZONED = re.compile(r"(?:Z|UTC|GMT|[+-]\d\d:?\d\d)\]?\Z|\A\d{10}(?:\.\d+)?\Z", re.ASCII)


def _moment(year: int, month: int, day: int, clock: str, half: str | None = None) -> int:
    hour, minute, second, fraction = _clock(clock)
    if half is not None:
        hour = hour % 12 + (12 if half == "P" else 0)
    return to_micros(datetime(year, month, day, hour, minute, second, tzinfo=UTC)) + fraction


def _latest(mtime: float, month: int, day: int, clock: str) -> int:
    """A date without a year, in the newest year that leaves it at most a day after `mtime`."""
    newest = int(mtime * 1_000_000) + 86_400_000_000
    year = datetime.fromtimestamp(mtime, UTC).year
    for back in range(10):  # 29 February may be up to eight years back
        try:
            moment = _moment(year + 1 - back, month, day, clock)
        except ValueError:
            continue
        if moment <= newest:
            return moment
    raise ValueError(clock)


_SHAPES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], int | None]], ...] = (
    (_ISO, lambda m: iso_micros(m[1])),
    (_SLASHED, lambda m: _moment(int(m[1]), int(m[2]), int(m[3]), m[4])),
    (_AMERICAN, lambda m: _moment(int(m[3]), int(m[1]), int(m[2]), m[4], m[5])),
    (_WEB, lambda m: _moment(int(m[3]), _MONTHS[m[2].lower()], int(m[1]), m[4]) - _offset(m[5])),
    (_SECONDS, lambda m: micros(m[1])),
)
