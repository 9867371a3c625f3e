"""Scalar functions in Python: what an engine's SQL cannot say the way Splunk means it.

Each takes and gives plain values (text, float, list of text, bool, None) and is pure. An engine registers them as
vectorised user functions that run once per distinct argument tuple.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from trapline import pcre
from trapline.errors import TraplineError
from trapline.times import floor_months, floor_time, format_time, parse_time, reader, shift, zone
from trapline.values import Kind, number_text, to_number


@dataclass(frozen=True, slots=True)
class ScalarFunction:
    """A Python function of the engine vocabulary with the kinds of its arguments and result."""

    call: Callable[..., Any]
    args: tuple[Kind, ...]
    result: Kind


def regex_match(text: str | None, pattern: str | None) -> bool | None:
    if text is None or pattern is None:
        return None
    try:
        return pcre.python_pattern(pattern).search(text, timeout=pcre.SECONDS) is not None
    except TimeoutError:
        raise pcre.timed_out(pattern) from None


def regex_replace(text: str | None, pattern: str | None, new: str | None) -> str | None:
    if text is None or pattern is None or new is None:
        return None
    return _substitute(text, pattern, new, 0)


def regex_replace_first(text: str | None, pattern: str | None, new: str | None) -> str | None:
    if text is None or pattern is None or new is None:
        return None
    return _substitute(text, pattern, new, 1)


def _substitute(text: str, pattern: str, new: str, count: int) -> str:
    compiled = pcre.python_pattern(pattern)
    pieces = _template(new)

    def fill(match: Any) -> str:
        groups = compiled.groups
        parts = [p if isinstance(p, str) else (match.group(p) or "") if p <= groups else "" for p in pieces]
        return "".join(parts)

    try:
        return str(compiled.sub(fill, text, count=count, timeout=pcre.SECONDS))
    except TimeoutError:
        raise pcre.timed_out(pattern) from None


@lru_cache(maxsize=512)
def _template(new: str) -> tuple[str | int, ...]:
    r"""A replacement cut into literals and group numbers: \1, $1, \0; \\ is one backslash, & stays."""
    pieces: list[str | int] = []
    at = 0
    for match in re.finditer(r"\\(\d|\\|.)|\$(\d)", new, re.DOTALL):
        pieces.append(new[at : match.start()])
        at = match.end()
        escaped, dollar = match.groups()
        if dollar is not None:
            pieces.append(int(dollar))
        elif escaped.isdigit():
            pieces.append(int(escaped))
        else:
            pieces.append({"n": "\n", "t": "\t", "r": "\r"}.get(escaped, escaped))
    pieces.append(new[at:])
    return tuple(piece for piece in pieces if piece != "")


def regex_extract(text: str | None, pattern: str | None, group: float | None) -> str | None:
    """The text of a group in the first match; None without a match or where the group took no part."""
    if text is None or pattern is None or group is None:
        return None
    try:
        match = pcre.python_pattern(pattern).search(text, timeout=pcre.SECONDS)
    except TimeoutError:
        raise pcre.timed_out(pattern) from None
    return (match.group(int(group)) or None) if match else None


def regex_extract_all(
    text: str | None, pattern: str | None, group: float | None, limit: float | None
) -> list[str] | None:
    """The texts of a group in the first `limit` matches (0 = all)."""
    if text is None or pattern is None or group is None:
        return None
    found: list[str] = []
    try:
        for match in pcre.python_pattern(pattern).finditer(text, timeout=pcre.SECONDS):
            value = match.group(int(group))
            if value:
                found.append(value)
            if limit and len(found) >= limit:
                break
    except TimeoutError:
        raise pcre.timed_out(pattern) from None
    return found or None


def time_format(epoch: float | None, pattern: str | None, tz: str | None) -> str | None:
    return format_time(epoch, pattern, zone(tz or "UTC"))


def time_parse(text: str | None, pattern: str | None, tz: str | None) -> float | None:
    if text is None or pattern is None:
        return None
    compiled = _reader(pattern)
    return None if compiled is None else parse_time(text, compiled, zone(tz or "UTC"))


_reader = lru_cache(maxsize=256)(reader)


def time_shift(epoch: float | None, modifier: str | None, tz: str | None) -> float | None:
    return None if epoch is None or modifier is None else shift(epoch, modifier, zone(tz or "UTC"))


def time_floor(epoch: float | None, width: float | None, origin: float | None, tz: str | None) -> float | None:
    """A time floored to `width` seconds counted from `origin` by the zone's clock; whole days start at midnight."""
    if epoch is None or width is None:
        return None
    return floor_time(epoch, width, origin or 0.0, zone(tz or "UTC"))


def month_floor(epoch: float | None, months: float | None, tz: str | None) -> float | None:
    return None if months is None else floor_months(epoch, months, zone(tz or "UTC"))


def number_format(number: float | None, how: str | None) -> str | None:
    """tostring() with a format."""
    if number is None or how is None:
        return None
    match how:
        case "hex":
            return f"{'-' if number < 0 else ''}0x{int(abs(number)):X}"
        case "binary":
            return f"{int(number):b}"
        case "commas":
            if number == int(number):
                return f"{int(number):,}"
            return f"{_half_up(number, 2):,.2f}"
        case "duration":
            sign = "-" if number < 0 else ""
            whole = abs(number)
            days, rest = divmod(int(whole), 86_400)
            hours, rest = divmod(rest, 3600)
            minutes, seconds = divmod(rest, 60)
            clock = f"{hours:02d}:{minutes:02d}:{seconds:02d}"
            fraction = whole - int(whole)
            if fraction:
                clock += f"{fraction:.6f}"[1:]
            return f"{sign}{days}+{clock}" if days else sign + clock
    return number_text(number)


def _half_up(number: float, places: int) -> float:
    from decimal import ROUND_HALF_UP, Decimal

    return float(Decimal(repr(number)).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP))


def fixed(number: float | None, places: float | None) -> str | None:
    """A number with exactly that many decimals."""
    if number is None or places is None:
        return None
    return f"{_half_up(number, min(int(places), 30)):.{min(int(places), 30)}f}"


def number_in_base(text: str | None, base: float | None) -> float | None:
    """tonumber() with a base."""
    if text is None or base is None or not 2 <= base <= 36:
        return None
    digits = text.lower()
    if base == 16 and digits.startswith("0x"):
        digits = digits[2:]
    if not re.fullmatch(r"[+-]?[0-9a-z]{1,64}", digits):
        return None
    try:
        return float(int(digits, int(base)))
    except ValueError:
        return None


def cidr_match(subnet: str | None, address: str | None) -> bool | None:
    if subnet is None or address is None:
        return None
    network = _network(subnet)
    if network is None:
        return False
    try:
        return ipaddress.ip_address(address.strip()) in network
    except ValueError:
        return False


@lru_cache(maxsize=4096)
def _network(subnet: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(subnet.strip(), strict=False)
    except ValueError:
        return None


def url_decode(text: str | None) -> str | None:
    return None if text is None else urllib.parse.unquote(text, errors="replace")


def sha512(text: str | None) -> str | None:
    return None if text is None else hashlib.sha512(text.encode()).hexdigest()


_PRINTF = re.compile(r"%([-+ 0#']*)(\*|\d+)?(?:\.(\*|\d+))?([diuoxXeEfFgGaAcsp%])")


def printf(pattern: str | None, args: list[str] | None) -> str | None:
    """printf(): C's conversions d i u o x X e E f F g G c s p %, flags `- + space 0 # '`, width and precision, also
    `*`."""
    if pattern is None:
        return None
    values = iter(args or [])

    def fill(match: re.Match[str]) -> str:
        flags, width, precision, conversion = match.groups()
        if conversion == "%":
            return "%"
        if width == "*":
            width = next(values, "0")
        if precision == "*":
            precision = next(values, "0")
        return _converted(next(values, ""), flags, _small(width), _small(precision), conversion)

    return _PRINTF.sub(fill, pattern)


def _small(text: str | None) -> str:
    """A width or precision, bounded."""
    if text is None:
        return ""
    number = to_number(text)
    return "" if number is None else str(max(0, min(int(number), 1000)))


def _converted(value: str, flags: str, width: str, precision: str, conversion: str) -> str:
    grouped = "'" in flags
    flags = flags.replace("'", "")
    point = f".{precision}" if precision else ""
    if conversion in "sp":
        return f"%{flags}{width}{point}s" % value
    if conversion == "c":
        return f"%{flags}{width}s" % value[:1]
    number = to_number(value) or 0.0
    if conversion in "diu":
        text = f"%{flags}{width}{point}d" % int(number)
        return f"{int(number):,}" if grouped else text
    if conversion in "oxX":
        return f"%{flags}{width}{point}{conversion}" % int(number)
    if conversion in "aA":
        return float(number).hex()
    return f"%{flags}{width}{point}{conversion}" % number


def guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with an error text that survives the way through an engine's own exception."""

    def call(*args: Any) -> Any:
        try:
            return function(*args)
        except TraplineError as error:
            raise RuntimeError(MARK + error.code + "|" + error.reason + "|" + (error.hint or "") + MARK) from None

    return call


MARK = "\x1etrapline\x1e"

FUNCTIONS: dict[str, ScalarFunction] = {
    "regex_match": ScalarFunction(regex_match, (Kind.TEXT, Kind.TEXT), Kind.BOOL),
    "regex_replace": ScalarFunction(regex_replace, (Kind.TEXT, Kind.TEXT, Kind.TEXT), Kind.TEXT),
    "regex_replace_first": ScalarFunction(regex_replace_first, (Kind.TEXT, Kind.TEXT, Kind.TEXT), Kind.TEXT),
    "regex_extract": ScalarFunction(regex_extract, (Kind.TEXT, Kind.TEXT, Kind.NUMBER), Kind.TEXT),
    "regex_extract_all": ScalarFunction(
        regex_extract_all, (Kind.TEXT, Kind.TEXT, Kind.NUMBER, Kind.NUMBER), Kind.MULTI
    ),
    # The time zone of the search comes last; the engine adds it.
    "time_format": ScalarFunction(time_format, (Kind.NUMBER, Kind.TEXT, Kind.TEXT), Kind.TEXT),
    "time_parse": ScalarFunction(time_parse, (Kind.TEXT, Kind.TEXT, Kind.TEXT), Kind.NUMBER),
    "time_shift": ScalarFunction(time_shift, (Kind.NUMBER, Kind.TEXT, Kind.TEXT), Kind.NUMBER),
    "time_floor": ScalarFunction(time_floor, (Kind.NUMBER, Kind.NUMBER, Kind.NUMBER, Kind.TEXT), Kind.NUMBER),
    "month_floor": ScalarFunction(month_floor, (Kind.NUMBER, Kind.NUMBER, Kind.TEXT), Kind.NUMBER),
    "number_format": ScalarFunction(number_format, (Kind.NUMBER, Kind.TEXT), Kind.TEXT),
    "fixed": ScalarFunction(fixed, (Kind.NUMBER, Kind.NUMBER), Kind.TEXT),
    "number_in_base": ScalarFunction(number_in_base, (Kind.TEXT, Kind.NUMBER), Kind.NUMBER),
    "cidr_match": ScalarFunction(cidr_match, (Kind.TEXT, Kind.TEXT), Kind.BOOL),
    "url_decode": ScalarFunction(url_decode, (Kind.TEXT,), Kind.TEXT),
    "sha512": ScalarFunction(sha512, (Kind.TEXT,), Kind.TEXT),
    "printf": ScalarFunction(printf, (Kind.TEXT, Kind.MULTI), Kind.TEXT),
}
"""By name in the engine vocabulary."""
