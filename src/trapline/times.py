"""Time as Splunk writes it: relative modifiers, strftime and strptime variables. Epoch seconds in and out.

Sources: Search Reference, "Time modifiers", "Date and time format variables", "Date and time functions"; Search
Manual, "How time zones are processed"; facts/CONTENT.md §9. What depends on a calendar takes the time zone as `tz`, UTC
by default: days, weeks, months and years are those of its clock; seconds, minutes and hours are spans of real time.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trapline.errors import Span, SplError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_UNITS = {
    "s": "s sec secs second seconds",
    "m": "m min mins minute minutes",
    "h": "h hr hrs hour hours",
    "d": "d day days",
    "w": "w week weeks",
    "mon": "mon month months",
    "q": "q qtr qtrs quarter quarters",
    "y": "y yr yrs year years",
}
_UNIT = {word: unit for unit, words in _UNITS.items() for word in words.split()}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_TERM = re.compile(r"([+-])(\d*)([A-Za-z]+)|@([A-Za-z]+)([0-7])?")
_ABSOLUTE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?::(\d{1,2}):(\d{1,2}):(\d{1,2})(\.\d+)?)?\Z")
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:?\d\d)?)?\Z")
_NUMBER = re.compile(r"-?\d+(\.\d*)?\Z")


@lru_cache(maxsize=64)
def zone(name: str) -> tzinfo:
    """A time zone by its name in the IANA database, such as Europe/Berlin. Raises SplError."""
    if name.upper() in ("UTC", "GMT", "Z", "ETC/UTC"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SplError(
            f"'{name}' is not a time zone", hint="write a name such as Europe/Berlin or America/New_York", code="time"
        ) from None


def moment(epoch: float, tz: tzinfo = UTC) -> datetime:
    """The datetime of epoch seconds in a time zone. Raises OverflowError beyond the years 1-9999."""
    when = _EPOCH + timedelta(microseconds=round(epoch * 1_000_000))
    return when if tz is UTC else when.astimezone(tz)


def epoch_of(when: datetime) -> float:
    """Epoch seconds; exact to the microsecond."""
    return (when - _EPOCH) // timedelta(microseconds=1) / 1_000_000


def shift(epoch: float, modifier: str, tz: tzinfo = UTC) -> float | None:
    """relative_time(): each term of the modifier applied from left to right, `+-<n><unit>` moves, `@<unit>` snaps down.
    None if it is not a modifier or leaves the calendar."""
    text = modifier.strip()
    if text in ("", "now", "now()"):
        return epoch if text else None
    if text.startswith("now"):
        text = text[3:]
    at = 0
    try:
        when = moment(epoch, tz)
        while at < len(text):
            match = _TERM.match(text, at)
            if match is None:
                return None
            at = match.end()
            sign, amount, unit, snap, weekday = match.groups()
            if snap is not None:
                moved = _snap(when, snap.lower(), weekday)
                if moved is None:
                    return None
                when = moved
            else:
                known = _UNIT.get(unit.lower())
                if known is None or len(amount) > 12:
                    return None
                when = _move(when, (-1 if sign == "-" else 1) * int(amount or 1), known)
        return epoch_of(when)
    except (OverflowError, ValueError):
        return None


def _move(when: datetime, amount: int, unit: str) -> datetime:
    if unit in ("d", "w"):
        return when + timedelta(seconds=amount * _SECONDS[unit])  # the same time by the clock, whatever its offset
    if unit in _SECONDS:
        return (when.astimezone(UTC) + timedelta(seconds=amount * _SECONDS[unit])).astimezone(when.tzinfo)
    months = amount * {"mon": 1, "q": 3, "y": 12}[unit]
    year, month = divmod(when.year * 12 + when.month - 1 + months, 12)
    for day in range(when.day, 27, -1):
        try:
            return when.replace(year=year, month=month + 1, day=day)
        except ValueError:
            continue
    return when.replace(year=year, month=month + 1)


def _snap(when: datetime, unit: str, weekday: str | None) -> datetime | None:
    midnight = when.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if unit == "w" or (weekday is None and _UNIT.get(unit) == "w"):
        wanted = int(weekday or 0) % 7
        return midnight - timedelta(days=(when.isoweekday() - wanted) % 7)
    if weekday is not None:
        return None
    match _UNIT.get(unit):
        case "s":
            return when.replace(microsecond=0)
        case "m":
            return when.replace(second=0, microsecond=0)
        case "h":
            return when.replace(minute=0, second=0, microsecond=0)
        case "d":
            return midnight
        case "mon":
            return midnight.replace(day=1)
        case "q":
            return midnight.replace(month=(when.month - 1) // 3 * 3 + 1, day=1)
        case "y":
            return midnight.replace(month=1, day=1)
    return None


def floor_time(epoch: float | None, width: float, origin: float, tz: tzinfo) -> float | None:
    """The start of the group of `width` seconds by the clock of the zone that a time falls in; groups begin `origin`
    seconds from its 1970-01-01 00:00. Days begin at midnight however long they are. None outside the calendar."""
    if epoch is None or not math.isfinite(epoch) or width <= 0:
        return None
    try:
        local = moment(epoch, tz)
        if width <= 3600:  # an hour that the clock shows twice is two hours
            offset = (local.utcoffset() or timedelta()).total_seconds()
            return math.floor((epoch + offset - origin) / width) * width + origin - offset
        start = datetime(1970, 1, 1) + timedelta(seconds=origin)
        whole = (local.replace(tzinfo=None) - start) // timedelta(seconds=width)
        return epoch_of((start + timedelta(seconds=width) * whole).replace(tzinfo=tz, fold=0))
    except (OverflowError, ValueError):
        return None


def floor_months(epoch: float | None, months: float, tz: tzinfo) -> float | None:
    """The start of the group of `months` calendar months, counted from January 1970, that a time falls in."""
    if epoch is None or not math.isfinite(epoch) or months < 1:
        return None
    try:
        local = moment(epoch, tz)
        whole = (local.year - 1970) * 12 + local.month - 1
        year, month = divmod(int(whole // months * months), 12)
        return epoch_of(datetime(1970 + year, month + 1, 1, tzinfo=tz))
    except (OverflowError, ValueError):
        return None


def time_bound(
    value: str | float | None, now: float, *, what: str, span: Span | None = None, tz: tzinfo = UTC
) -> float | None:
    """An earliest or latest: epoch seconds, a modifier, `now`, %m/%d/%Y[:%H:%M:%S] or an ISO 8601 date; None, "" and 0
    of earliest mean open. Raises SplError."""
    if value is None or value == "":
        return None
    if isinstance(value, int | float):
        return float(value)
    text = value.strip()
    if _NUMBER.match(text):
        return float(text)
    absolute = _ABSOLUTE.match(text)
    if absolute is not None:
        month, day, year, hour, minute, second, fraction = absolute.groups()
        try:
            when = datetime(
                int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=tz
            )
        except ValueError as error:
            raise SplError(f"{what}: '{text}' is not a date: {error}", span=span, code="time") from None
        return epoch_of(when) + float(fraction or 0)
    if _ISO.match(text):
        try:
            when = datetime.fromisoformat(text)
        except ValueError as error:
            raise SplError(f"{what}: '{text}' is not a date: {error}", span=span, code="time") from None
        return epoch_of(when if when.tzinfo is not None else when.replace(tzinfo=tz))
    if text.startswith("rt"):
        raise SplError(
            f"{what}: real-time windows are not supported",
            span=span,
            hint="schedule the search with a relative range such as -5m",
            code="time",
        )
    found = shift(now, text, tz)
    if found is None:
        raise SplError(
            f"{what}: '{text}' is not a time",
            span=span,
            hint="write epoch seconds, a modifier such as -24h@h, now, or MM/DD/YYYY:HH:MM:SS",
            code="time",
        )
    return found


def span_seconds(text: str) -> float | None:
    """A span such as 10m, 1h, 30s, 7d in seconds; None if it is no fixed span (1mon is not)."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)?\s*([A-Za-z]+)?", text.strip())
    if match is None or (match.group(1) is None and match.group(2) is None):
        return None
    amount = float(match.group(1) or 1)
    if match.group(2) is None:
        return amount
    word = match.group(2).lower()
    parts = {"us": 1e-6, "ms": 1e-3, "cs": 1e-2, "ds": 1e-1}
    if word in parts:
        return amount * parts[word]
    unit = _UNIT.get(word)
    return amount * _SECONDS[unit] if unit in _SECONDS else None


# --- strftime ------------------------------------------------------------------------------------------------------

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]  # C locale, whatever the machine's
_VARIABLE = re.compile(r"%(?:([1-9])[NQ]|:{1,3}z|E?[A-Za-z%+])")


def format_time(epoch: float | None, pattern: str | None, tz: tzinfo = UTC) -> str | None:
    """strftime(): epoch seconds as text. A variable that is not known stays as written. None outside years 1-9999."""
    if epoch is None or pattern is None or not math.isfinite(epoch):
        return None
    try:
        when = moment(epoch, tz)
    except OverflowError:
        return None
    return _VARIABLE.sub(lambda match: _variable(when, match.group()), pattern)


def _variable(when: datetime, variable: str) -> str:
    if variable[1:-1].isdigit():  # %3N: so many digits of the fraction
        return f"{when.microsecond:06d}000"[: int(variable[1:-1])]
    year, week, weekday = when.isocalendar()
    hour12 = when.hour % 12 or 12
    day = when.timetuple().tm_yday
    match variable:
        case "%%":
            return "%"
        case "%Y":
            return f"{when.year:04d}"
        case "%y":
            return f"{when.year % 100:02d}"
        case "%C":
            return f"{when.year // 100:02d}"
        case "%m":
            return f"{when.month:02d}"
        case "%d":
            return f"{when.day:02d}"
        case "%e":
            return f"{when.day:2d}"
        case "%j":
            return f"{day:03d}"
        case "%H":
            return f"{when.hour:02d}"
        case "%k":
            return f"{when.hour:2d}"
        case "%I":
            return f"{hour12:02d}"
        case "%l":
            return f"{hour12:2d}"
        case "%M":
            return f"{when.minute:02d}"
        case "%S":
            return f"{when.second:02d}"
        case "%p":
            return "AM" if when.hour < 12 else "PM"
        case "%a":
            return _DAYS[weekday - 1][:3]
        case "%A":
            return _DAYS[weekday - 1]
        case "%b" | "%h":
            return _MONTHS[when.month - 1][:3]
        case "%B":
            return _MONTHS[when.month - 1]
        case "%u":
            return str(weekday)
        case "%w":
            return str(weekday % 7)
        case "%U":
            return f"{(day + 6 - weekday % 7) // 7:02d}"
        case "%W":
            return f"{(day + 6 - (weekday - 1)) // 7:02d}"
        case "%V":
            return f"{week:02d}"
        case "%G":
            return f"{year:04d}"
        case "%g":
            return f"{year % 100:02d}"
        case "%f":
            return f"{when.microsecond:06d}"
        case "%N":
            return f"{when.microsecond:06d}000"
        case "%Q":
            return f"{when.microsecond // 1000:03d}"
        case "%s":
            return str((when - _EPOCH) // timedelta(seconds=1))
        case "%z":
            return _offset_text(when, "", 2)
        case "%:z":
            return _offset_text(when, ":", 2)
        case "%::z":
            return _offset_text(when, ":", 3)
        case "%:::z":
            return _offset_text(when, "", 1)
        case "%Ez":
            return f"{round((when.utcoffset() or timedelta()).total_seconds() / 60):+d}"
        case "%Z":
            return when.tzname() or ""
        case "%n":
            return "\n"
        case "%t":
            return "\t"
        case "%F":
            return f"{when.year:04d}-{when.month:02d}-{when.day:02d}"
        case "%T" | "%X":
            return f"{when.hour:02d}:{when.minute:02d}:{when.second:02d}"
        case "%R":
            return f"{when.hour:02d}:{when.minute:02d}"
        case "%D" | "%x":
            return f"{when.month:02d}/{when.day:02d}/{when.year % 100:02d}"
        case "%r":
            return f"{hour12:02d}:{when.minute:02d}:{when.second:02d} {_variable(when, '%p')}"
        case "%v":
            return f"{when.day:2d}-{_MONTHS[when.month - 1][:3]}-{when.year:04d}"
        case "%c":
            return "".join(
                _variable(when, one) for one in ("%a", "%n", "%b", "%n", "%e", "%n", "%T", "%n", "%Y")
            ).replace("\n", " ")
        case "%+":
            return (
                f"{_variable(when, '%a')} {_variable(when, '%b')} {when.day:2d} {_variable(when, '%T')} "
                f"{when.tzname()} {when.year}"
            )
    return variable


def _offset_text(when: datetime, mark: str, parts: int) -> str:
    """The distance from UTC: +0100, +01:00, +01:00:00."""
    seconds = round((when.utcoffset() or timedelta()).total_seconds())
    sign, seconds = ("-" if seconds < 0 else "+"), abs(seconds)
    clock = (seconds // 3600, seconds // 60 % 60, seconds % 60)
    return sign + mark.join(f"{part:02d}" for part in clock[:parts])


# --- strptime ------------------------------------------------------------------------------------------------------

_EXPAND = {
    "%F": "%Y-%m-%d",
    "%T": "%H:%M:%S",
    "%X": "%H:%M:%S",
    "%R": "%H:%M",
    "%r": "%I:%M:%S %p",
    "%D": "%m/%d/%y",
    "%x": "%m/%d/%y",
    "%v": "%e-%b-%Y",
    "%c": "%a %b %e %H:%M:%S %Y",
    "%+": "%a %b %e %H:%M:%S %Z %Y",
}
_READ = {
    "%Y": r"(?P<Y>\d{4})",
    "%y": r"(?P<y>\d{2})",
    "%m": r"(?P<m>\d{1,2})",
    "%d": r"(?P<d>\d{1,2})",
    "%e": r"\s*(?P<d>\d{1,2})",
    "%j": r"(?P<j>\d{1,3})",
    "%H": r"(?P<H>\d{1,2})",
    "%k": r"\s*(?P<H>\d{1,2})",
    "%I": r"(?P<I>\d{1,2})",
    "%l": r"\s*(?P<I>\d{1,2})",
    "%M": r"(?P<M>\d{1,2})",
    "%S": r"(?P<S>\d{1,2})",
    "%p": r"(?P<p>[AaPp])\.?[Mm]\.?",
    "%b": r"(?P<b>[A-Za-z]{3,9})",
    "%B": r"(?P<b>[A-Za-z]{3,9})",
    "%h": r"(?P<b>[A-Za-z]{3,9})",
    "%a": r"[A-Za-z]{3,9}",
    "%A": r"[A-Za-z]{3,9}",
    "%f": r"(?P<f>\d{1,9})",
    "%s": r"(?P<s>-?\d{1,19})",
    "%z": r"(?P<z>Z|[+-]\d{2}(?::?\d{2}(?::\d{2})?)?)",
    "%Ez": r"(?P<E>[+-]?\d{1,4})",
    "%Z": r"(?P<Z>[A-Za-z]{1,5})",
    "%%": "%",
    "%n": r"\s+",
    "%t": r"\s+",
}
_ZONES = {"z": 0, "utc": 0, "gmt": 0, "ut": 0, "wet": 0, "west": 1, "bst": 1, "cet": 1, "cest": 2, "eet": 2, "eest": 3}
_ZONES |= {"msk": 3, "jst": 9, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7}
"""Hours from UTC of zone abbreviations, as logs of Europe and the United States mean them."""


_MONTH = frozenset(("%m", "%b", "%B", "%h"))
_DAY = frozenset(("%d", "%e", "%j", "%s"))


def reader(pattern: str) -> re.Pattern[str] | None:
    """The regular expression that reads a strptime pattern; None if it uses a variable that cannot be read, or has a
    month but no day (Search Reference, "strptime"). A fraction of a second may be missing, with the mark before it."""
    pattern = re.sub(r"%[%FTXRrDxvc+]", lambda match: _EXPAND.get(match.group(), match.group()), pattern)
    out: list[str] = []
    at = 0
    seen: set[str] = set()
    used: set[str] = set()
    seconds_before = -1
    for match in _VARIABLE.finditer(pattern):
        variable = match.group()
        between = _literal(pattern[at : match.start()])
        fraction = variable == "%f" or variable[-1] in "NQ"
        if fraction:
            digits = match.group(1)
            # %s%3N: where the seconds end is told by the number of digits
            piece = rf"(?P<f>\d{{{digits}}})" if digits and seconds_before == match.start() else r"(?P<f>\d{1,9})"
            if between.endswith((r"\.", ",")):
                mark = r"\." if between.endswith(r"\.") else ","
                between, piece = between.removesuffix(mark), f"(?:{mark}{piece})?"
        elif variable.startswith("%:"):
            piece = _READ["%z"]
        else:
            piece = _READ.get(variable, "")
        group = re.search(r"\?P<(\w)>", piece)
        if not piece or (group is not None and group.group(1) in seen):
            return None
        if group is not None:
            seen.add(group.group(1))
        used.add(variable)
        out += (between, piece)
        at = match.end()
        seconds_before = at if variable == "%s" else -1
    out.append(_literal(pattern[at:]))
    if used & _MONTH and not used & _DAY:
        return None
    try:
        return re.compile(r"\s*" + "".join(out), re.ASCII)
    except re.error:
        return None


def _literal(text: str) -> str:
    return re.sub(r"(?:\\?\s)+", r"\\s+", re.escape(text))


def parse_time(text: str | None, pattern: re.Pattern[str], tz: tzinfo = UTC, now: float | None = None) -> float | None:
    """strptime(): the epoch seconds of a text, None if it does not match. Without a zone it is `tz`; without a date it
    is that of `now`, without a year that year's (without `now`: of 1970)."""
    if text is None:
        return None
    match = pattern.match(text)
    if match is None:
        return None
    found = match.groupdict()
    try:
        if found.get("s") is not None:
            return float(found["s"]) + (float(f"0.{found['f']}") if found.get("f") else 0.0)
        today = _EPOCH if now is None else moment(now).astimezone(tz)
        if found.get("Y") is not None:
            year = int(found["Y"])
        else:
            year = today.year if found.get("y") is None else _short_year(found["y"] or "")
        dated = any(found.get(part) is not None for part in "Yymbdj")
        month = _month(found) if dated else today.month
        if month is None:
            return None
        hour = int(found.get("H") or 0)
        if found.get("I") is not None:
            hour = int(found["I"]) % 12 + (12 if (found.get("p") or "a").lower() == "p" else 0)
        day = int(found.get("d") or (1 if dated else today.day))
        when = datetime(year, month, day, hour, int(found.get("M") or 0), tzinfo=UTC)
        if found.get("j") is not None:
            when = when.replace(month=1, day=1) + timedelta(days=int(found["j"]) - 1)
        seconds = int(found.get("S") or 0)
        fraction = float(f"0.{found['f']}") if found.get("f") else 0.0
        if seconds > 60:
            return None
        if found.get("z") is None and found.get("Z") is None and found.get("E") is None:
            return epoch_of(when.replace(tzinfo=tz)) + seconds + fraction
        offset = _offset(found)
        return None if offset is None else epoch_of(when) + seconds + fraction - offset
    except (ValueError, OverflowError):
        return None


def _short_year(text: str) -> int:
    year = int(text)
    return 1900 + year if year >= 69 else 2000 + year


def _month(found: dict[str, str | None]) -> int | None:
    name = found.get("b")
    if name is None:
        return int(found.get("m") or 1)
    for place, month in enumerate(_MONTHS, 1):
        if name.lower() in (month.lower(), month[:3].lower()):
            return place
    return None


def _offset(found: dict[str, str | None]) -> int | None:
    offset = found.get("z")
    if offset is not None and offset != "Z":
        digits = offset[1:].replace(":", "").ljust(6, "0")
        seconds = int(digits[:2]) * 3600 + int(digits[2:4]) * 60 + int(digits[4:])
        return -seconds if offset[0] == "-" else seconds
    minutes = found.get("E")
    if minutes is not None:
        return int(minutes) * 60
    name = found.get("Z")
    hours = 0 if name is None else _ZONES.get(name.lower())
    return None if hours is None else hours * 3600
