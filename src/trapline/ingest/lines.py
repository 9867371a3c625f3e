"""Reading text logs line by line in bounded memory, whatever their encoding and however long a line is."""

from __future__ import annotations

import codecs
import functools
import re
from collections.abc import Iterator
from typing import BinaryIO

from trapline.ingest.source import Sink

LINE_LIMIT = 16 * 2**20
"""Bytes of the longest line that becomes an event."""

_CHUNK = 2**20
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x7f]")
"""Control characters that no text log holds. ESC (colours), FS to US (auditd writes GS) and form feeds are left out."""
_WINDOWS_1252 = {
    byte: bytes([byte]).decode("cp1252") for byte in range(0x80, 0xA0) if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)
}
"""Where Windows-1252 differs from Latin-1; the five bytes that it leaves undefined stay control characters."""


def lines(stream: BinaryIO, limit: int = LINE_LIMIT) -> Iterator[tuple[int, bytes | None]]:
    """The lines of a stream as (number from 1, bytes without the LF). A CR before the LF stays: some formats mix line
    ends within one event. A line longer than `limit` bytes comes as None and is never held. UTF-16 with a byte order
    mark comes as UTF-8, and the byte order mark of UTF-8 is dropped."""
    number = 0
    pieces: list[bytes] = []
    held = 0
    too_long = False
    for chunk in _utf8_chunks(stream):
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            number += 1
            if too_long or held + end - start > limit:
                yield number, None
            elif pieces:
                pieces.append(chunk[start:end])
                yield number, b"".join(pieces)
            else:
                yield number, chunk[start:end]
            if pieces:
                pieces.clear()
            held = 0
            too_long = False
            start = end + 1
        rest = len(chunk) - start
        if rest == 0 or too_long:
            continue
        if held + rest > limit:
            too_long = True
            pieces.clear()
            held = 0
        else:
            pieces.append(chunk[start:])
            held += rest
    if too_long:
        yield number + 1, None
    elif held:
        yield number + 1, b"".join(pieces)


def _utf8_chunks(stream: BinaryIO) -> Iterator[bytes]:
    chunk = stream.read(_CHUNK)
    encoding = _utf16(chunk)
    if encoding is None:
        yield chunk.removeprefix(codecs.BOM_UTF8)
        while chunk := stream.read(_CHUNK):
            yield chunk
        return
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    while chunk:
        yield decoder.decode(chunk).encode()
        chunk = stream.read(_CHUNK)
    yield decoder.decode(b"", final=True).encode()


def _utf16(head: bytes) -> str | None:
    return "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else None


def decode(data: bytes) -> str:
    """Bytes of a log as text: UTF-8, else Windows-1252 (what older Windows tools write), so that no byte is lost."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1").translate(_WINDOWS_1252)


class Decoder:
    """`decode` that tells the sink, once, when it met bytes that are not UTF-8."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._told = False

    def __call__(self, data: bytes) -> str:
        try:
            return data.decode()
        except UnicodeDecodeError:
            if not self._told:
                self._told = True
                self._sink.warn("some bytes are not UTF-8 and were read as Windows-1252")
            return decode(data)


def event_lines(stream: BinaryIO, sink: Sink) -> Iterator[tuple[int, str]]:
    """The lines that are not blank as (number from 1, text without line end). One that is too long is told to the
    sink."""
    decoder = Decoder(sink)
    for number, data in lines(stream):
        if data is None:
            sink.bad(f"line longer than {LINE_LIMIT // 2**20} MiB", f"line {number}")
            continue
        text = decoder(data).rstrip("\r")
        if text.strip():
            yield number, text


@functools.lru_cache(maxsize=2)  # several sources ask for the same head
def head_text(head: bytes) -> str | None:
    """The head of a file as text for `sniff`, or None when it is empty or not text (control characters, NULs)."""
    encoding = _utf16(head)
    if encoding is None:
        if head.count(0) * 200 > len(head):
            return None
        text = head.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")
    else:
        text = head[: len(head) // 2 * 2].decode(encoding, "replace")
    if not text.strip() or len(_CONTROL.findall(text)) * 200 > len(text):
        return None
    return text


def head_lines(head: bytes, count: int = 50) -> list[str]:
    """The first lines of a text head that are not blank, without line ends; the last, cut one is left out when there
    are others. Empty for what is not text."""
    text = head_text(head)
    if text is None:
        return []
    found = text.split("\n", count * 2)
    whole = found[:-1] if len(found) > 1 and len(found[-1]) else found
    return [line.rstrip("\r") for line in whole if line.strip()][:count]


_EVENT_XML = re.compile(r"<(?:\w+:)?Event(?:\s[^>]{0,300})?>\s*<(?:\w+:)?System\b", re.ASCII)


def is_event_xml(text: str) -> bool:
    """Whether a text head holds Windows event XML, which belongs to other sources."""
    return _EVENT_XML.search(text) is not None
