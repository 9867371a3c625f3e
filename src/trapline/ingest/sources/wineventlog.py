"""Classic WinEventLog text, as Splunk's Windows input writes it without renderXml (facts/DATA.md §1.2).

A record begins at a line `MM/DD/YYYY HH:MM:SS AM`; then `Key=Value` header lines in any order; `Message=` is the last
header and goes on to the next record. Line ends are mixed (headers LF, within the message CRLF), and there need not be
a blank line between records.

`_raw` is the record's text exactly, without the line ends after it. sourcetype `WinEventLog`, source
`WinEventLog:<LogName>`, host the ComputerName. The time has no zone: it is taken as UTC.

Fields: the headers; `Message`; and the message's `Label:<tab>value` lines, the label's blanks as `_`, repeated labels
as multivalues (Subject first). A label needs a tab or two blanks before its value, so that prose with a colon makes no
field; Sysmon's messages alone write `Name: value`. A line that holds nothing but a value two tabs in belongs to the
label above it (privileges, access lists).

Files that collect both forms exist: `<Event>` XML at the start of a line is an event of sourcetype XmlWinEventLog.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from trapline.ingest import winxml
from trapline.ingest.fieldset import Fields
from trapline.ingest.lines import LINE_LIMIT, Decoder, head_lines, lines
from trapline.ingest.source import Input, Sink
from trapline.ingest.timestamps import to_micros

HELP = "Windows events as Splunk's classic text (Key=Value lines, Message= last)"

_START = re.compile(rb"[\xe2\x80\x8e\x8f]{0,6}\d{1,2}/[\xe2\x80\x8e\x8f]{0,6}\d{1,2}/[\xe2\x80\x8e\x8f]{0,6}\d{4} ")
_LEADS = b"0123456789<\xe2"
_XML_START = re.compile(rb"<Event(?: [^>]{0,300})?>\s*(?:<System>|\Z)")
_STAMP = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}) (\d{1,2}):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?: ([AP]M))?", re.ASCII)
_MARKS = str.maketrans("", "", "\u200e\u200f")
"""Direction marks that Windows puts into dates."""
_HEADER = re.compile(r"([A-Za-z]\w{0,63})=(.*)", re.ASCII | re.DOTALL)
_LABEL = re.compile(r"[ \t]*([A-Za-z][^\t:=\r\n]{0,63}?) ?:(?:[ ]*\t[ \t]*| {2,}[ \t]*)([^ \t].*)")
_SYSMON_LABEL = re.compile(r"(\w{1,64}): (.*)", re.ASCII)
_VALUE_ONLY = re.compile(r"[ ]*\t[ ]*\t[ \t]*([^ \t].*)")
_ENOUGH = frozenset({"LogName", "EventCode"})


def sniff(head: bytes, name: str) -> int:
    """95 when a date line is followed by the headers LogName and EventCode."""
    found = head_lines(head, 60)
    for at, line in enumerate(found[:20]):
        if _time(line) is None:
            continue
        keys = {match[1] for follower in found[at + 1 : at + 25] if (match := _HEADER.fullmatch(follower))}
        if keys >= _ENOUGH:
            return 95
    return 0


def read(file: Input, sink: Sink) -> None:
    fields = Fields(sink, clean=True)
    decode = Decoder(sink)
    with file.open() as stream:
        for number, record in _records(lines(stream), decode, sink):
            if record[:1] == b"<":
                winxml.add_event(decode(record).rstrip("\r\n "), sink, f"line {number}")
            else:
                _event(number, decode(record), fields, sink)


def _records(numbered: Iterator[tuple[int, bytes | None]], decode: Decoder, sink: Sink) -> Iterator[tuple[int, bytes]]:
    """The texts of records, classic or XML. A line outside of them is kept as text, what is too long is lost."""
    held: list[bytes] = []
    size = first = 0
    told = False  # one bad record per stretch of text outside of records
    for number, line in numbered:
        if line and line[0] in _LEADS and _begins(line):
            if held:
                yield first, b"\n".join(held)
            held, size, first, told = [line], len(line), number, False
        elif line is None or size + len(line) > LINE_LIMIT:
            if held or not told:
                sink.bad(f"record longer than {LINE_LIMIT // 2**20} MiB", f"line {first if held else number}")
            held, told = [], True
            continue
        elif held:
            held.append(line)
            size += len(line) + 1
        elif line.strip():
            sink.keep(decode(line).rstrip("\r"), "text outside of records", f"line {number}", "WinEventLog")
        if held and held[0][:1] == b"<" and b"</Event>" in line:
            yield first, b"\n".join(held)
            held = []
    if held:
        yield first, b"\n".join(held)


def _begins(line: bytes) -> bool:
    if line[:1] == b"<":
        return _XML_START.match(line) is not None
    return len(line) < 100 and _START.match(line) is not None and _time(line.decode("utf-8", "replace")) is not None


def _time(line: str) -> int | None:
    """The time that is all there is on a record's first line, in microseconds."""
    found = _STAMP.fullmatch(line.translate(_MARKS).strip())
    if found is None:
        return None
    month, day, year, hour, minute, second, fraction, half = found.groups()
    hours = int(hour)
    if half is not None:
        hours = hours % 12 + (12 if half == "PM" else 0)
    try:
        moment = datetime(int(year), int(month), int(day), hours, int(minute), int(second), tzinfo=UTC)
    except ValueError:
        return None
    return to_micros(moment) + int((fraction or "").ljust(6, "0"))


def _event(number: int, raw: str, fields: Fields, sink: Sink) -> None:
    raw = raw.rstrip("\r\n")
    first, _, _ = raw.partition("\n")
    at = len(first) + 1
    pairs: list[tuple[str, str]] = []
    headers: dict[str, str] = {}
    message: str | None = None
    while at < len(raw):
        if raw.startswith("Message=", at):
            message = raw[at + 8 :]
            break
        end = raw.find("\n", at)
        line = raw[at:] if end < 0 else raw[at:end]
        at += len(line) + 1
        found = _HEADER.fullmatch(line.rstrip("\r"))
        if found is not None:
            key, value = found[1], found[2].strip()
            headers.setdefault(key, value)
            pairs.append((key, value))
    if not headers:
        sink.keep(raw, "a date without an event", f"line {number}", "WinEventLog")
        return
    if message is not None:
        pairs.append(("Message", message))
        pairs += _labels(message, sysmon="Sysmon" in headers.get("SourceName", ""))
    names, cells = fields.of(pairs)
    log = headers.get("LogName", "")
    sink.add(
        names,
        cells,
        time=_time(first),
        raw=raw,
        host=headers.get("ComputerName") or None,
        source=f"WinEventLog:{log}" if log else None,
        sourcetype="WinEventLog",
    )


def _labels(message: str, *, sysmon: bool) -> Iterator[tuple[str, str]]:
    label = ""
    for line in message.split("\n"):
        line = line.rstrip("\r \t")
        if sysmon:
            found = _SYSMON_LABEL.match(line)
            if found is not None:
                yield found[1], found[2].strip()
            continue
        found = _LABEL.match(line)
        if found is not None:
            label = found[1]
            yield label, found[2]
        elif label and (more := _VALUE_ONLY.match(line)) is not None:
            yield label, more[1]
        else:
            label = ""
