"""Text to events by the index-time settings of an add-on (`knowledge.indextime`): lines, longer events, times.

Bounded: the text is read in blocks, an event is at most `lines.LINE_LIMIT` characters, and a regular expression that
does not come to an end costs the rest of the file, which is said, not the ingest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC

import regex

from trapline import times
from trapline.errors import InputError
from trapline.events import Cell
from trapline.ingest.eventtime import find, micros
from trapline.ingest.lines import LINE_LIMIT, Decoder
from trapline.ingest.source import Input, Sink
from trapline.knowledge.indextime import Clock, EventRules, LineRules, TimeRules
from trapline.pcre import SECONDS

_BLOCK = 2**20
_BACK = 1_000
"""Characters before new text in which a line end is looked for again (LINE_BREAKER_LOOKBEHIND has 100)."""


class EventTime:
    """Finds the time of an event in its text. One per file and set of rules."""

    def __init__(self, rules: TimeRules, mtime: float, sink: Sink) -> None:
        self._rules = rules
        self._mtime = mtime
        self._sink = sink
        self._format = times.reader(rules.format) if rules.format is not None else None
        self._yearless = self._format is not None and not self._format.groupindex.keys() & {"Y", "y", "s"}
        self._told = False

    def __call__(self, raw: str) -> int | None:
        """Microseconds since 1970 UTC, None where the text has no time in the place that the rules name."""
        rules = self._rules
        match rules.clock:
            case Clock.CURRENT:
                return round(time.time() * 1_000_000)
            case Clock.NONE:
                return round(self._mtime * 1_000_000)
            case Clock.TEXT:
                pass
        if rules.prefix is not None:
            found = rules.prefix.search(raw, timeout=SECONDS)
            if found is None:
                return None
            raw = raw[found.end() :]
        if self._format is None:
            moment = find(raw, self._mtime, rules.tz or UTC, rules.lookahead)
            if moment is None:
                return None
            if moment[1]:
                self._assumed()
            return moment[0]
        text = raw if rules.lookahead is None else raw[: rules.lookahead]
        epoch = times.parse_time(text, self._format, rules.tz or UTC, self._mtime)
        if epoch is None:
            return None
        if self._yearless:
            self._assumed()
            if epoch > self._mtime + 86_400:
                epoch = times.shift(epoch, "-1y", rules.tz or UTC) or epoch
        return round(epoch * 1_000_000)

    def _assumed(self) -> None:
        if not self._told:
            self._told = True
            self._sink.warn("times have no year: taken from the file's modification time")


class FieldTime:
    """The time of an event in its fields (TIMESTAMP_FIELDS). One per file."""

    def __init__(
        self,
        fields: Sequence[str],
        rules: TimeRules | None,
        mtime: float,
        sink: Sink,
        unfollowed: Callable[[str], None],
    ) -> None:
        """`rules`: what more is said of the time; a prefix is in the text of events, not in fields. `unfollowed` is
        told where the fields hold no time."""
        self._fields = fields
        self._clock = EventTime(replace(rules or TimeRules(), prefix=None), mtime, sink)
        self._known_form = rules is None or rules.format is None
        self._unfollowed = unfollowed
        self._told = False

    def __call__(self, names: Sequence[str], values: Sequence[Cell]) -> int | None:
        """Microseconds since 1970 UTC, None where the fields hold no time."""
        cells = dict(zip(names, values, strict=True))
        found = [cell[0] if isinstance(cell, list) else cell for name in self._fields if (cell := cells.get(name))]
        text = " ".join(found)
        moment = self._clock(text)
        if moment is None and self._known_form:
            moment = micros(text)
        if moment is None and not self._told:
            self._told = True
            self._unfollowed(f"events have no time in TIMESTAMP_FIELDS = {', '.join(self._fields)}"[:200])
        return moment


def read(
    file: Input,
    sink: Sink,
    rules: EventRules,
    sourcetype: str,
    kind: Callable[[str], str] | None = None,
) -> None:
    """Read text as events of a sourcetype; `kind` finds the sourcetype where each event tells its own.
    Raises InputError for a regular expression that runs into its time limit."""
    clock = EventTime(rules.time or TimeRules(), file.mtime, sink)
    number = 0
    try:
        for raw, moment in _events(file, sink, rules, clock):
            number += 1
            sink.add((), (), time=moment, raw=raw, host=None, source=None, sourcetype=kind(raw) if kind else sourcetype)
    except TimeoutError:
        raise InputError(
            f"a regular expression of the sourcetype {sourcetype} took more than {SECONDS:g} s after event {number}",
            file=file.name,
            hint="look at LINE_BREAKER, TIME_PREFIX and the BREAK settings in props.conf",
            code="ingest.slow-regex",
        ) from None


def _events(file: Input, sink: Sink, rules: EventRules, clock: EventTime) -> Iterator[tuple[str, int | None]]:
    """Events as (text, time)."""
    if rules.lines is None:
        lines: Iterator[str] = _lines(file, sink, None)
        merge = False
    else:
        lines = _lines(file, sink, rules.lines)
        merge = rules.lines.merge
    if rules.lines is None or not merge:
        for line in lines:
            yield line, clock(line)
        return
    yield from _merged(lines, sink, rules.lines, clock, dated=(rules.time or TimeRules()).clock is Clock.TEXT)


def _merged(
    lines: Iterator[str], sink: Sink, rules: LineRules, clock: EventTime, *, dated: bool
) -> Iterator[tuple[str, int | None]]:
    """Lines put together (SHOULD_LINEMERGE). The time of an event is that of its first line that has one."""
    held: list[str] = []
    cut = 0
    size = 0
    moment: int | None = None
    ended = False
    """The line before asked for a break (MUST_BREAK_AFTER)."""
    joined = False
    """Nothing breaks until MUST_BREAK_AFTER says so (MUST_NOT_BREAK_AFTER)."""
    for line in lines:
        found = clock(line) if dated else None
        wanted = (
            ended
            or (rules.before is not None and _has(rules.before, line))
            or (rules.before_date and dated and found is not None)
        )
        if joined and not ended:
            wanted = False
        if not ended and rules.not_before is not None and _has(rules.not_before, line):
            wanted = False
        full = len(held) >= rules.most or size + len(line) > LINE_LIMIT
        if held and (wanted or full):
            cut += not wanted
            yield "\n".join(held), moment if dated else clock("\n".join(held))
            held, size, moment = [], 0, None
        if moment is None:
            moment = found
        held.append(line)
        size += len(line) + 1
        ended = rules.after is not None and _has(rules.after, line)
        if ended:
            joined = False
        elif rules.not_after is not None and _has(rules.not_after, line):
            joined = True
    if held:
        yield "\n".join(held), moment if dated else clock("\n".join(held))
    if cut:
        sink.warn(f"{cut} events were cut after {rules.most} lines (MAX_EVENTS) or for their length")


def _has(pattern: regex.Pattern[str], line: str) -> bool:
    return pattern.search(line, timeout=SECONDS) is not None


def _lines(file: Input, sink: Sink, rules: LineRules | None) -> Iterator[str]:
    """The pieces of a text between the matches of LINE_BREAKER, blank ones left out, cut at TRUNCATE."""
    truncated = 0
    pattern = rules.breaker if rules is not None else regex.compile(r"([\r\n]+)")
    for line in _pieces(file, sink, pattern):
        if not line.strip():
            continue
        if rules is not None and rules.truncate is not None and len(line.encode()) > rules.truncate:
            line = line.encode()[: rules.truncate].decode(errors="ignore")
            truncated += 1
        yield line
    if truncated and rules is not None:
        sink.warn(f"{truncated} lines were longer than TRUNCATE = {rules.truncate} bytes: the rest of them is cut off")


def _pieces(file: Input, sink: Sink, pattern: regex.Pattern[str]) -> Iterator[str]:
    """What the first group of each match stands between; a match without one breaks before itself."""
    decode = Decoder(sink)
    text = ""
    searched = 0
    for block, last in _blocks(file, decode):
        text += block
        start = 0
        at = max(searched - _BACK, 0)
        while at <= len(text) and (found := pattern.search(text, at, timeout=SECONDS)) is not None:
            group = next((number for number in range(1, pattern.groups + 1) if found.start(number) >= 0), 0)
            begin, end = found.span(group) if group else (found.start(), found.start())
            if found.end() == len(text) and not last:
                break  # it may go on in the next block
            if begin < start or end == 0:
                at = max(found.end(), at + 1)
                continue
            yield text[start:begin]
            start = end
            # What follows the group may be the beginning of the next match.
            at = max(end, found.start() + 1)
        text = text[start:]
        searched = len(text)
        if len(text) > LINE_LIMIT and not last:
            sink.bad(f"no line end within {LINE_LIMIT // 2**20} MiB", f"an event that begins with {text[:40]!r}")
            text, searched = "", 0
    yield text


def _blocks(file: Input, decode: Decoder) -> Iterator[tuple[str, bool]]:
    """Blocks of text, each ending with a whole character, and whether it is the last."""
    with file.open() as stream:
        rest = b""
        while True:
            data = stream.read(_BLOCK)
            if not data:
                yield decode(rest), True
                return
            data = rest + data
            cut = data.rfind(b"\n") + 1 or _whole(data)
            rest = data[cut:]
            yield decode(data[:cut]), False


def _whole(data: bytes) -> int:
    """Where the last character that may be cut begins (UTF-8: at most three bytes before the end)."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte < 0x80:
            return len(data)
        if byte >= 0xC0:
            return len(data) - back
    return len(data)
