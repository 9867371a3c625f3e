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
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache, wraps
from typing import Any

from trapline import pcre
from trapline.engines import structured
from trapline.errors import Doubt, SlowPattern, TraplineError, Warn
from trapline.times import floor_months, floor_time, format_time, parse_time, reader, shift, zone
from trapline.values import MOST_STEPS, Kind, fills, number_text, to_number


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
    except pcre.GAVE_UP as error:
        raise pcre.gave_up(pattern, error) from None


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
        return _filled(match, compiled.groups, pieces)

    try:
        return str(compiled.sub(fill, text, count=count, timeout=pcre.SECONDS))
    except pcre.GAVE_UP as error:
        raise pcre.gave_up(pattern, error) from None


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
    except pcre.GAVE_UP as error:
        raise pcre.gave_up(pattern, error) from None
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
    except pcre.GAVE_UP as error:
        raise pcre.gave_up(pattern, error) from None
    return found or None


def regex_tokens(text: str | None, pattern: str | None, empty: bool | None) -> list[str] | None:
    """makemv: the first group of every match; with `empty`, also where it matched nothing."""
    if text is None or pattern is None:
        return None
    compiled = pcre.python_pattern(pattern)
    group = 1 if compiled.groups else 0
    try:
        found = [match.group(group) or "" for match in compiled.finditer(text, timeout=pcre.SECONDS)]
    except pcre.GAVE_UP as error:
        raise pcre.gave_up(pattern, error) from None
    return [value for value in found if value or empty] or None


def regex_offsets(text: str | None, pattern: str | None, limit: float | None) -> list[str] | None:
    """rex offset_field: per match, `name=first-last` of each named group, counted from 0, joined by &."""
    if text is None or pattern is None:
        return None
    compiled = pcre.python_pattern(pattern)
    names = sorted(compiled.groupindex.items(), key=lambda item: item[1])
    found: list[str] = []
    try:
        for match in compiled.finditer(text, timeout=pcre.SECONDS):
            places = [(name, *match.span(group)) for name, group in names if match.end(group) > match.start(group)]
            if places:
                found.append("&".join(f"{name}={start}-{end - 1}" for name, start, end in places))
            if limit and len(found) >= limit:
                break
    except pcre.GAVE_UP as error:
        raise pcre.gave_up(pattern, error) from None
    return found or None


def regex_replace_nth(text: str | None, pattern: str | None, new: str | None, nth: float | None) -> str | None:
    """The nth match replaced (from 1), the others left."""
    if text is None or pattern is None or new is None or nth is None:
        return None
    compiled = pcre.python_pattern(pattern)
    try:
        for place, match in enumerate(compiled.finditer(text, timeout=pcre.SECONDS), 1):
            if place == nth:
                return text[: match.start()] + _filled(match, compiled.groups, _template(new)) + text[match.end() :]
    except pcre.GAVE_UP as error:
        raise pcre.gave_up(pattern, error) from None
    return text


def _filled(match: Any, groups: int, pieces: tuple[str | int, ...]) -> str:
    """A replacement with its group numbers filled in."""
    return "".join(p if isinstance(p, str) else (match.group(p) or "") if p <= groups else "" for p in pieces)


def wildcard_replace(text: str | None, pattern: str | None, new: str | None) -> str | None:
    """A text that a pattern matches by another one, whose `*` are what those of the pattern stand for."""
    if text is None or pattern is None or new is None:
        return None
    found = fills(pattern, text)
    if found is None:
        return text
    pieces = new.split("*")
    return "".join(piece + fill for piece, fill in zip(pieces, (*found, ""), strict=True))


def time_format(epoch: float | None, pattern: str | None, tz: str | None) -> str | None:
    return format_time(epoch, pattern, zone(tz or "UTC"))


def time_parse(text: str | None, pattern: str | None, now: float | None, tz: str | None) -> float | None:
    if text is None or pattern is None:
        return None
    compiled = _reader(pattern)
    return None if compiled is None else parse_time(text, compiled, zone(tz or "UTC"), now)


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
    """tostring() with a format, in any case of letters; another one is the plain number."""
    if number is None or how is None:
        return None
    match how.lower():
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
            whole = round(abs(number), 6)
            days, rest = divmod(int(whole), 86_400)
            hours, rest = divmod(rest, 3600)
            minutes, seconds = divmod(rest, 60)
            clock = f"{hours:02d}:{minutes:02d}:{seconds:02d}"
            fraction = whole - int(whole)
            if fraction:
                clock += f"{fraction:.6f}"[1:]
            return f"{sign}{days}+{clock}" if days else sign + clock
    return number_text(number)


_WIDE = Context(prec=400)
"""Digits enough for any double with MOST_DECIMALS decimals."""
MOST_DECIMALS = 30


def _half_up(number: float, places: int) -> float:
    exact = Decimal(repr(number)).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP, context=_WIDE)
    return float(exact)


def fixed(number: float | None, places: float | None) -> str | None:
    """A number with exactly that many decimals, at most 30."""
    if number is None or places is None:
        return None
    count = max(0, int(min(places, MOST_DECIMALS)))
    return f"{_half_up(number, count):.{count}f}"


def round_half_up(number: float | None, places: float | None) -> float | None:
    """round() to a number of decimals that is computed; None for a negative one."""
    if number is None or places is None or places < 0:
        return None
    return number if places > 15 else _half_up(number, int(places))


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


def plus(parts: list[str | None] | None) -> str | None:
    """`a + b + ...` from left to right: two numbers are added, else both are joined as texts; null with a null."""
    if parts is None:
        return None
    total: str | None = None
    for part in parts:
        if part is None:
            return None
        if total is None:
            total = part
            continue
        left, right = to_number(total), to_number(part)
        total = total + part if left is None or right is None else number_text(left + right)
    return total


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


_PRINTF = re.compile(r"%([-+ 0#']*)(\*|\d+)?(?:\.(\*|\d*))?([diuoxXeEfFgGaAcszp%])")


def printf(pattern: str | None, args: list[str] | None) -> str | None:
    """printf(): C's conversions d i u o x X e E f F g G a A c s %, Splunk's z (as s) and p (as X), the flags
    `- + space 0 # '`, width and precision, also `*` (Search Reference, "Conversion functions")."""
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
        elif precision == "":
            precision = "0"
        return _converted(next(values, ""), flags, _small(width), _small(precision), conversion)

    return _PRINTF.sub(fill, pattern)


def _small(text: str | None) -> str:
    """A width or precision, bounded."""
    if text is None:
        return ""
    number = to_number(text)
    return "" if number is None else str(max(0, min(int(number), 1000)))


def _converted(value: str, flags: str, width: str, precision: str, conversion: str) -> str:
    conversion = {"z": "s", "p": "X", "i": "d", "u": "d"}.get(conversion, conversion)
    number = to_number(value)
    if conversion == "s":
        return _padded(value[: int(precision)] if precision else value, flags, width)
    if conversion == "c":
        is_code = number is not None and 0 <= number < 0x110000
        return _padded(chr(int(number)) if is_code and number is not None else value[:1], flags, width)
    number = number or 0.0
    if conversion in "aA":
        text = _hexadecimal(number, precision)
        return _signed(text.upper() if conversion == "A" else text, flags, width)
    whole = conversion in "doxX"
    if whole and precision == "0" and int(number) == 0:
        return _padded("", flags, width)
    point = f".{precision}" if precision else ""
    base = flags.replace("'", "").replace("-", "").replace("0", "") if whole and precision else flags.replace("'", "")
    if "'" in flags and conversion in "dfF":
        base = base.replace("-", "")
        text = f"%{base.replace('0', '')}{point}{conversion}" % (int(number) if whole else number)
        digits, mark, rest = text.partition(".")
        head = digits.lstrip("+- ")
        return _signed(digits[: len(digits) - len(head)] + _grouped(head) + mark + rest, flags, width)
    if conversion == "o" and "#" in flags:
        return _signed(f"0{int(number):o}" if number else "0", flags, width)
    if whole and precision:
        text = f"%{base}{point}{conversion}" % int(number)
        return _padded(text, flags, width)
    return f"%{base}{width}{point}{conversion}" % (int(number) if whole else number)


def _grouped(digits: str) -> str:
    """Commas between thousands."""
    cut = len(digits) % 3
    parts = [digits[:cut]] if cut else []
    parts += [digits[at : at + 3] for at in range(cut, len(digits), 3)]
    return ",".join(parts)


def _padded(text: str, flags: str, width: str) -> str:
    size = int(width or 0)
    return text.ljust(size) if "-" in flags else text.rjust(size)


def _signed(text: str, flags: str, width: str) -> str:
    """A number's text with its sign flag and width."""
    if not text.startswith(("-", "+", " ")):
        text = ("+" if "+" in flags else " " if " " in flags else "") + text
    if "0" in flags and "-" not in flags:
        sign = text[:1] if text[:1] in ("-", "+", " ") else ""
        return sign + text[len(sign) :].rjust(int(width or 0) - len(sign), "0")
    return _padded(text, flags, width)


def _hexadecimal(number: float, precision: str) -> str:
    """C's %a: 0x1.922p+1, rounded to so many hexadecimal digits; without a precision as many as it takes."""
    sign, text = ("-", (-number).hex()) if number < 0 else ("", number.hex())
    mantissa, _, exponent = text.partition("p")
    lead, _, digits = mantissa[2:].partition(".")
    if precision:
        places = int(precision)
        scaled = int(lead + digits, 16)
        drop = 4 * (len(digits) - places)
        if drop > 0:
            scaled = (scaled + (1 << (drop - 1))) >> drop
            text = f"{scaled:x}".rjust(places + 1, "0")
            lead, digits = (text[:-places], text[-places:]) if places else (text, "")
        else:
            digits = digits.ljust(places, "0")
    else:
        digits = digits.rstrip("0")
    return f"{sign}0x{lead}{'.' if digits else ''}{digits}p{int(exponent):+d}"


# --- significant figures -------------------------------------------------------------------------------------------


def significant(text: str | None) -> float | None:
    """How many significant figures a number is written with; None for no number."""
    if text is None or to_number(text) is None:
        return None
    digits = re.split("[eE]", text.lstrip("+-"))[0].replace(".", "").lstrip("0")
    return float(max(len(digits), 1))


def decimals(text: str | None) -> float | None:
    """How many decimals a number is written with."""
    if text is None or to_number(text) is None:
        return None
    return float(len(re.split("[eE]", text)[0].partition(".")[2]))


def round_significant(number: float | None, figures: float | None) -> float | None:
    """Rounded half up to so many significant figures."""
    if number is None or figures is None or number == 0:
        return number
    exact = Decimal(repr(number))
    last = Decimal(1).scaleb(exact.adjusted() + 1 - max(int(min(figures, MOST_DECIMALS)), 1))
    return float(exact.quantize(last, rounding=ROUND_HALF_UP, context=_WIDE))


_CLOCK = re.compile(r"(?:(\d{1,9})\+)?(?:(\d{1,9}):)?(\d{1,9}):(\d{1,9}(?:\.\d{1,9})?)\Z", re.ASCII)


def duration_seconds(text: str | None) -> float | None:
    """convert's durations: [D+][HH:]MM:SS[.SSS] as seconds; None for any other text."""
    match = None if text is None else _CLOCK.match(text)
    if match is None:
        return None
    days, hours, minutes, seconds = match.groups()
    return int(days or 0) * 86_400 + int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)


# --- others --------------------------------------------------------------------------------------------------------


def ip_mask(mask: str | None, address: str | None) -> str | None:
    """ipmask(): the bits of an IPv4 address that a mask keeps; None where either is none."""
    if mask is None or address is None:
        return None
    try:
        kept = int(ipaddress.IPv4Address(mask.strip())) & int(ipaddress.IPv4Address(address.strip()))
    except ValueError:
        return None
    return str(ipaddress.IPv4Address(kept))


_SEARCH_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|\\.|[\[\]|]|[^"\\\[\]|]++', re.DOTALL)
_COMMAND = re.compile(r"\s*([A-Za-z_]\w*)(?=\s*\Z|\s+(?![=<>!])|[\"'(])")


def commands_of(search: str | None) -> list[str] | None:
    """commands(): the commands of a search text, those of subsearches left out. A text that starts with neither a pipe
    nor a word is a search."""
    if search is None:
        return None
    stages = [""]
    depth = 0
    for piece in _SEARCH_TOKEN.findall(search):
        if piece == "[":
            depth += 1
        elif piece == "]":
            depth = max(0, depth - 1)
        elif piece == "|" and depth == 0:
            stages.append("")
        elif depth == 0:
            stages[-1] += piece
    found = [_COMMAND.match(stage) for stage in stages]
    names = [match.group(1) for match in found if match is not None]
    if stages[0].strip() and found[0] is None:
        names.insert(0, "search")
    return names or None


MOST_SLOW = 3
"""How many slow patterns of data one query may meet before it is refused: each costs seconds."""


def of_data(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of a text and a pattern where the pattern is a value of an event. One that is no regular expression,
    or that has no end, costs its own row only: "if, at search time, the expression cannot be evaluated successfully for
    a given event", the result is null (Search Reference, "eval")."""

    @wraps(function)
    def call(text: str | None, pattern: str | None, *rest: Any) -> Any:
        try:
            return function(text, pattern, *rest)
        except TraplineError as error:
            reason = f"a value that is used as a regular expression gives null: {error.reason}"
            raise Doubt(Warn(error.code, reason, error.hint)) from None

    return call


def steps(count: float | None) -> float | None:
    """How many values mvrange() gives. Raises Doubt for too many."""
    if count is not None and count > MOST_STEPS:
        reason = f"mvrange() gives null where it would give more than {MOST_STEPS:,} values"
        raise Doubt(Warn("values", reason, "a greater step, or a nearer end"))
    return count


def told(code: str | None, reason: str | None, hint: str | None) -> bool | None:
    """A cap of the search has cut: see plan.told. Raises Doubt."""
    raise Doubt(Warn(code or "cut", reason or "", hint or None), each=True)


@dataclass(slots=True)
class Doubts:
    """What functions told while queries ran: the first of each code, for events can hold any number of them; all of
    what the search itself says."""

    found: dict[str, Warn] = field(default_factory=dict)
    slow: int = 0

    def add(self, doubt: Doubt) -> None:
        """Raises SlowPattern when there are too many of what takes long."""
        warn = doubt.warn
        self.found.setdefault(f"{warn.code}: {warn.reason}" if doubt.each else warn.code, warn)
        if warn.code == SlowPattern.CODE:
            self.slow += 1
            if self.slow > MOST_SLOW:
                raise SlowPattern(
                    f"more than {MOST_SLOW} values that stand for a regular expression take too long: {warn.reason}",
                    hint="use a regular expression of the search itself",
                )

    def take(self) -> tuple[Warn, ...]:
        """What was told since the last time."""
        taken = tuple(self.found.values())
        self.found.clear()
        self.slow = 0
        return taken


def guarded(function: Callable[..., Any], doubts: Doubts) -> Callable[..., Any]:
    """The function with an error text that survives the way through an engine's own exception. What is doubtful is
    told, and null or what was found nevertheless."""

    def call(*args: Any) -> Any:
        try:
            try:
                return function(*args)
            except Doubt as doubt:
                doubts.add(doubt)
                return doubt.value
        except TraplineError as error:
            raise RuntimeError(failure(error.code, error.reason, error.hint)) from None

    return call


def failure(code: str, reason: str, hint: str | None = None) -> str:
    """The error text from which an engine makes its EngineError."""
    return MARK + CUT.join((code, reason, hint or "")) + MARK


MARK = "\x1etrapline\x1e"
CUT = "\x1f"

OF_DATA: dict[str, ScalarFunction] = {
    "regex_match": ScalarFunction(of_data(regex_match), (Kind.TEXT, Kind.TEXT), Kind.BOOL),
    "regex_replace": ScalarFunction(of_data(regex_replace), (Kind.TEXT, Kind.TEXT, Kind.TEXT), Kind.TEXT),
}
"""Functions of the vocabulary as they are where the pattern comes from data."""

BOUNDS: dict[str, ScalarFunction] = {"steps": ScalarFunction(steps, (Kind.NUMBER,), Kind.NUMBER)}
"""What an engine asks for while it works out others."""

TOLD: dict[str, ScalarFunction] = {"told": ScalarFunction(told, (Kind.TEXT, Kind.TEXT, Kind.TEXT), Kind.BOOL)}
"""What an engine must neither leave out nor work out beforehand: it is called to be heard."""

FUNCTIONS: dict[str, ScalarFunction] = {
    "regex_match": ScalarFunction(regex_match, (Kind.TEXT, Kind.TEXT), Kind.BOOL),
    "regex_replace": ScalarFunction(regex_replace, (Kind.TEXT, Kind.TEXT, Kind.TEXT), Kind.TEXT),
    "regex_replace_first": ScalarFunction(regex_replace_first, (Kind.TEXT, Kind.TEXT, Kind.TEXT), Kind.TEXT),
    "wildcard_replace": ScalarFunction(wildcard_replace, (Kind.TEXT, Kind.TEXT, Kind.TEXT), Kind.TEXT),
    "regex_extract": ScalarFunction(regex_extract, (Kind.TEXT, Kind.TEXT, Kind.NUMBER), Kind.TEXT),
    "regex_extract_all": ScalarFunction(
        regex_extract_all, (Kind.TEXT, Kind.TEXT, Kind.NUMBER, Kind.NUMBER), Kind.MULTI
    ),
    # The time zone of the search comes last; the engine adds it.
    "time_format": ScalarFunction(time_format, (Kind.NUMBER, Kind.TEXT, Kind.TEXT), Kind.TEXT),
    "time_parse": ScalarFunction(time_parse, (Kind.TEXT, Kind.TEXT, Kind.NUMBER, Kind.TEXT), Kind.NUMBER),
    "time_shift": ScalarFunction(time_shift, (Kind.NUMBER, Kind.TEXT, Kind.TEXT), Kind.NUMBER),
    "time_floor": ScalarFunction(time_floor, (Kind.NUMBER, Kind.NUMBER, Kind.NUMBER, Kind.TEXT), Kind.NUMBER),
    "month_floor": ScalarFunction(month_floor, (Kind.NUMBER, Kind.NUMBER, Kind.TEXT), Kind.NUMBER),
    "number_format": ScalarFunction(number_format, (Kind.NUMBER, Kind.TEXT), Kind.TEXT),
    "round": ScalarFunction(round_half_up, (Kind.NUMBER, Kind.NUMBER), Kind.NUMBER),
    "fixed": ScalarFunction(fixed, (Kind.NUMBER, Kind.NUMBER), Kind.TEXT),
    "number_in_base": ScalarFunction(number_in_base, (Kind.TEXT, Kind.NUMBER), Kind.NUMBER),
    "plus": ScalarFunction(plus, (Kind.MULTI,), Kind.TEXT),
    "cidr_match": ScalarFunction(cidr_match, (Kind.TEXT, Kind.TEXT), Kind.BOOL),
    "url_decode": ScalarFunction(url_decode, (Kind.TEXT,), Kind.TEXT),
    "sha512": ScalarFunction(sha512, (Kind.TEXT,), Kind.TEXT),
    "printf": ScalarFunction(printf, (Kind.TEXT, Kind.MULTI), Kind.TEXT),
    "regex_tokens": ScalarFunction(regex_tokens, (Kind.TEXT, Kind.TEXT, Kind.BOOL), Kind.MULTI),
    "regex_offsets": ScalarFunction(regex_offsets, (Kind.TEXT, Kind.TEXT, Kind.NUMBER), Kind.MULTI),
    "regex_replace_nth": ScalarFunction(regex_replace_nth, (Kind.TEXT, Kind.TEXT, Kind.TEXT, Kind.NUMBER), Kind.TEXT),
    "significant": ScalarFunction(significant, (Kind.TEXT,), Kind.NUMBER),
    "decimals": ScalarFunction(decimals, (Kind.TEXT,), Kind.NUMBER),
    "round_significant": ScalarFunction(round_significant, (Kind.NUMBER, Kind.NUMBER), Kind.NUMBER),
    "duration_seconds": ScalarFunction(duration_seconds, (Kind.TEXT,), Kind.NUMBER),
    "ip_mask": ScalarFunction(ip_mask, (Kind.TEXT, Kind.TEXT), Kind.TEXT),
    "commands_of": ScalarFunction(commands_of, (Kind.TEXT,), Kind.MULTI),
    "json_fragment": ScalarFunction(structured.fragment, (Kind.TEXT, Kind.BOOL), Kind.TEXT),
    "json_list": ScalarFunction(structured.list_fragment, (Kind.MULTI, Kind.BOOL), Kind.TEXT),
    "json_object": ScalarFunction(structured.build_object, (Kind.MULTI, Kind.MULTI), Kind.TEXT),
    "json_array": ScalarFunction(structured.build_array, (Kind.MULTI,), Kind.TEXT),
    "json_valid": ScalarFunction(structured.valid, (Kind.TEXT,), Kind.BOOL),
    "json_container": ScalarFunction(structured.as_container, (Kind.TEXT, Kind.TEXT), Kind.TEXT),
    "json_extract": ScalarFunction(structured.extract, (Kind.TEXT, Kind.MULTI), Kind.TEXT),
    "json_extract_exact": ScalarFunction(structured.extract_exact, (Kind.TEXT, Kind.MULTI), Kind.TEXT),
    "json_keys": ScalarFunction(structured.keys, (Kind.TEXT,), Kind.TEXT),
    "json_entries": ScalarFunction(structured.entries, (Kind.TEXT,), Kind.TEXT),
    "json_has_key": ScalarFunction(structured.has_key, (Kind.TEXT, Kind.TEXT), Kind.BOOL),
    "json_values": ScalarFunction(structured.array_values, (Kind.TEXT, Kind.BOOL), Kind.MULTI),
    "json_change": ScalarFunction(structured.change, (Kind.TEXT, Kind.TEXT, Kind.MULTI, Kind.MULTI), Kind.TEXT),
    "json_delete": ScalarFunction(structured.delete, (Kind.TEXT, Kind.MULTI), Kind.TEXT),
    "json_fields": ScalarFunction(structured.json_fields, (Kind.TEXT,), Kind.MULTI),
    "spath": ScalarFunction(structured.spath, (Kind.MULTI, Kind.TEXT), Kind.MULTI),
    "spath_fields": ScalarFunction(structured.spath_fields, (Kind.MULTI, Kind.NUMBER), Kind.MULTI),
    "xpath": ScalarFunction(structured.xpath, (Kind.TEXT, Kind.TEXT), Kind.MULTI),
    "xml_fields": ScalarFunction(structured.xml_fields, (Kind.TEXT,), Kind.MULTI),
    "listed_values": ScalarFunction(structured.listed_values, (Kind.TEXT, Kind.TEXT), Kind.MULTI),
    "regex_fields": ScalarFunction(structured.regex_fields, (Kind.TEXT, Kind.TEXT, Kind.MULTI, Kind.TEXT), Kind.MULTI),
    "kv_fields": ScalarFunction(
        structured.kv_fields,
        (Kind.TEXT, Kind.TEXT, Kind.TEXT, Kind.NUMBER, Kind.NUMBER, Kind.TEXT),
        Kind.MULTI,
    ),
}
"""By name in the engine vocabulary."""
