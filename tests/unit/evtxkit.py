"""Writes small EVTX files, whole ones and damaged ones, so that tests need none of anybody's logs.

The format as libyal's libevtx documents it ("Windows XML Event Log (EVTX)"): a file header, chunks of 64 KiB, records
of binary XML. No templates are used: every element is written out, as text (and, outside of templates, without a
dependency identifier).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

CHUNK = 65_536
_FILETIME_1970 = 116_444_736_000_000_000


@dataclass(frozen=True, slots=True)
class Element:
    """An XML element with attributes and either a text or children."""

    name: str
    attributes: Sequence[tuple[str, str]] = ()
    text: str | None = None
    children: Sequence[Element] = field(default=())


def event(
    number: int,
    *,
    event_id: str = "7045",
    channel: str | None = "System",
    computer: str = "dc1.lab.example",
    time: str = "2024-03-04T10:11:25.483986Z",
    data: Iterable[tuple[str, str]] = (),
) -> Element:
    """A Windows event."""
    system = [
        Element("Provider", [("Name", "Service Control Manager"), ("Guid", "555908D1-A6D7-4695-8E1E-26931D2012F4")]),
        Element("EventID", [("Qualifiers", "16384")], event_id),
        Element("TimeCreated", [("SystemTime", time)]),
        Element("EventRecordID", text=str(number)),
        Element("Correlation"),
        *([Element("Channel", text=channel)] if channel is not None else []),
        Element("Computer", text=computer),
        Element("Security", [("UserID", "S-1-5-18")]),
    ]
    named = [Element("Data", [("Name", name)], value) for name, value in data]
    namespace = ("xmlns", "http://schemas.microsoft.com/win/2004/08/events/event")
    return Element(
        "Event", [namespace], children=[Element("System", children=system), Element("EventData", children=named)]
    )


def evtx(chunks: Sequence[Sequence[Element]]) -> bytes:
    """A file with these events in these chunks."""
    parts = []
    number = 1
    for events in chunks:
        parts.append(_chunk(events, number))
        number += len(events)
    header = bytearray(4096)
    struct.pack_into(
        "<8sQQQIHHHH", header, 0, b"ElfFile\0", 0, max(0, len(parts) - 1), number, 128, 1, 3, 4096, len(parts)
    )
    struct.pack_into("<I", header, 124, zlib.crc32(header[:120]))
    return bytes(header) + b"".join(parts)


def record_places(file: bytes) -> list[int]:
    """Where the records are."""
    places, at = [], 0
    while (at := file.find(b"\x2a\x2a\x00\x00", at)) >= 0:
        places.append(at)
        at += 4
    return places


def _chunk(events: Sequence[Element], number: int) -> bytes:
    body = bytearray(512)
    last = 512
    for offset, one in enumerate(events):
        last = len(body)
        _record(body, one, number + offset)
    free = len(body)
    assert free <= CHUNK, "too many events for a chunk"
    body.extend(bytes(CHUNK - free))
    first, final = number, number + len(events) - 1
    struct.pack_into("<8sQQQQIII", body, 0, b"ElfChnk\0", first, final, first, final, 128, last, free)
    struct.pack_into("<I", body, 52, zlib.crc32(body[512:free]))
    struct.pack_into("<I", body, 124, zlib.crc32(bytes(body[:120]) + bytes(body[128:512])))
    return bytes(body)


def _record(body: bytearray, event_: Element, number: int) -> None:
    start = len(body)
    body += struct.pack("<4sIQQ", b"\x2a\x2a\x00\x00", 0, number, _FILETIME_1970 + number * 10_000_000)
    body += b"\x0f\x01\x01\x00"
    _element(body, event_)
    body += b"\x00"
    body.extend(bytes(-(len(body) - start + 4) % 8))
    size = len(body) - start + 4
    body += struct.pack("<I", size)
    struct.pack_into("<I", body, start + 4, size)


def _element(body: bytearray, element: Element) -> None:
    body.append(0x41 if element.attributes else 0x01)
    size_at = len(body)
    body.extend(bytes(4))
    _name(body, element.name)
    if element.attributes:
        list_at = len(body)
        body.extend(bytes(4))
        for place, (name, value) in enumerate(element.attributes):
            body.append(0x06 if place == len(element.attributes) - 1 else 0x46)
            _name(body, name)
            _text(body, value)
        struct.pack_into("<I", body, list_at, len(body) - list_at - 4)
    body.append(0x02)
    if element.text is not None:
        _text(body, element.text)
    for child in element.children:
        _element(body, child)
    body.append(0x04)
    struct.pack_into("<I", body, size_at, len(body) - size_at - 4)


def _name(body: bytearray, name: str) -> None:
    body += struct.pack("<I", len(body) + 4)
    hashed = 0
    for char in name:
        hashed = hashed * 65599 + ord(char)
    body += struct.pack("<IHH", 0, hashed & 0xFFFF, len(name)) + name.encode("utf-16-le") + b"\0\0"


def _text(body: bytearray, text: str) -> None:
    encoded = text.encode("utf-16-le")
    body += struct.pack("<BBH", 0x05, 0x01, len(encoded) // 2) + encoded
