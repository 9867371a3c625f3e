"""Windows event XML as text: Splunk's XmlWinEventLog, exports of `wevtutil` and Event Viewer, Sysmon for Linux.

What counts is `<Event ...>...</Event>`, on one line or many, in any quotes; what stands between events (an XML
declaration, `<Events>`, a syslog header, comments) is passed over. `_raw` is the exact text of the event. An event that
is cut off or malformed is kept as text, without fields.
"""

from __future__ import annotations

import re
from itertools import pairwise

from trapline.ingest.source import Input, Sink
from trapline.ingest.winxml import CUT_OFF, SOURCETYPE, take_event

HELP = "Windows event XML as text (XmlWinEventLog, wevtutil, Sysmon for Linux)"

MAX_EVENT = 16 << 20
"""Bytes of one event. A longer one is lost, so that memory stays bounded."""

_BLOCK = 4 << 20
_START = re.compile(r"<Event(?=[\s>])")
_START_BYTES = re.compile(rb"<Event(?=[\s>])")
_END = "</Event>"
_END_BYTES = b"</Event>"
_MUCH = 1024
"""Characters in one place between events from which passing over them is worth a warning."""
_SNIFF = re.compile(rb"<Event(?:\s[^<>]*)?>\s*<System[\s>]")
_CLASSIC = re.compile(rb"^\d\d/\d\d/\d{4} \d\d:\d\d:\d\d [AP]M\r?\n\w+=", re.MULTILINE)


def sniff(head: bytes, name: str) -> int:
    """An Event element with System in it: surest at the start, less sure deep inside something else. Files that mix it
    with classic text are for `wineventlog`, which reads both."""
    found = _SNIFF.search(head)
    if found is None:
        return 0
    before = head[: found.start()].lstrip()
    if before[:1] in (b"{", b"["):
        return 10
    if _CLASSIC.search(head) is not None:
        return 50
    return 95 if found.start() < 2048 else 40


def read(file: Input, sink: Sink) -> None:
    """See `source.SourceModule.read`."""
    reader = _Reader(sink)
    with file.open() as stream:
        while block := stream.read(_BLOCK):
            reader.feed(block)
    reader.end()


class _Reader:
    """Finds the events in blocks of bytes. Holds at most one event and one block."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._rest = b""
        self._skipping = False
        self._line = 1
        """Number of the line that the block at hand begins in."""
        self._counted = 0
        self._lines = 0

    def feed(self, block: bytes) -> None:
        data = self._rest + block
        if self._skipping:
            end = data.find(_END_BYTES)
            if end < 0:
                self._keep(data, len(data) - len(_END_BYTES) + 1)
                return
            self._skipping = False
            end += len(_END_BYTES)
            self._line += data.count(b"\n", 0, end)
            data = data[end:]
        end = data.rfind(_END_BYTES)
        if end >= 0:
            end += len(_END_BYTES)
            self._events(self._decode(data[:end]))
        self._keep(data, max(end, 0), counted=True)
        if len(self._rest) > MAX_EVENT:
            start = _START_BYTES.search(self._rest)
            if start is None:
                self._sink.warn("much text between events passed over")
                self._keep(self._rest, len(self._rest) - 16)
            else:
                line = self._line + self._rest.count(b"\n", 0, start.start())
                self._sink.bad("an event of more than 16 MiB", f"line {line}")
                self._skipping = True
                self._keep(self._rest, len(self._rest) - len(_END_BYTES) + 1)

    def end(self) -> None:
        """No more blocks come."""
        if self._skipping:
            return
        start = _START_BYTES.search(self._rest)
        if start is not None:
            text = self._decode(self._rest)
            self._counted = self._lines = 0
            self._cut_off(text, [found.start() for found in _START.finditer(text)], len(text))
        elif len(self._rest.strip()) > _MUCH:
            self._sink.warn("much text between events passed over")

    def _keep(self, data: bytes, start: int, *, counted: bool = False) -> None:
        """Go on at this place of the data. `counted`: the lines before it are counted already."""
        start = max(start, 0)
        if not counted:
            self._line += data.count(b"\n", 0, start)
        self._rest = data[start:]

    def _decode(self, data: bytes) -> str:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            self._sink.warn("bytes that are not UTF-8 became U+FFFD")
            return data.decode("utf-8", "replace")

    def _events(self, text: str) -> None:
        """All events of a text that ends with the end of one."""
        sink = self._sink
        self._counted = self._lines = 0
        at = 0
        stop = text.find(_END)
        while stop >= 0:
            stop += len(_END)
            start = text.find("<Event", at, stop)
            if start >= 0 and text[start + 6] not in _AFTER_NAME:
                found = _START.search(text, start, stop)
                start = -1 if found is None else found.start()
            if start - at > _MUCH and len(text[at:start].strip()) > _MUCH:
                sink.warn("much text between events passed over")
            if start < 0:
                self._lost(text, at, stop, "the end of an event without its start")
            elif stop - start > MAX_EVENT:
                sink.bad("an event of more than 16 MiB", self._place(text, start))
            else:
                reason = take_event(text[start:stop], sink)
                if reason is not None:
                    self._failed(text, start, stop, reason)
            at = stop
            stop = text.find(_END, at)
        self._line += text.count("\n")

    def _failed(self, text: str, start: int, stop: int, reason: str) -> None:
        """Keep the record as text. Where an event is cut off and the next follows it, that one is still good."""
        again = [found.start() for found in _START.finditer(text, start + 1, stop)]
        if not again:
            self._lost(text, start, stop, reason)
            return
        self._cut_off(text, [start, *again[:-1]], again[-1])
        reason_again = take_event(text[again[-1] : stop], self._sink)
        if reason_again is not None:
            self._lost(text, again[-1], stop, reason_again)

    def _cut_off(self, text: str, starts: list[int], stop: int) -> None:
        """Keep events that are cut off, each up to the start of the next."""
        for start, end in pairwise([*starts, stop]):
            self._lost(text, start, end, CUT_OFF)

    def _lost(self, text: str, start: int, stop: int, reason: str) -> None:
        self._sink.keep(text[start:stop].strip(), reason, self._place(text, start), SOURCETYPE)

    def _place(self, text: str, at: int) -> str:
        """Called with places that grow, mostly: the lines up to the last one are not counted again."""
        if at < self._counted:
            self._counted, self._lines = 0, 0
        self._lines += text.count("\n", self._counted, at)
        self._counted = at
        return f"line {self._line + self._lines}"


_AFTER_NAME = " >\t\r\n"
