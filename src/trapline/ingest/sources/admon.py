"""Active Directory monitoring (admon): changes of directory objects as Splunk's Windows input writes them.

An event begins with a line that is a time, such as `03/28/2023 19:31:14.812`, and goes on with `key=value` lines under
headings (`Names:`, `Object Details:`, ..), most of them indented. sourcetype and source are `ActiveDirectory`. The
value is the rest of the line; a key that is there twice becomes a multivalue. Lines without a pair that follow one
belong to its value. The machine that wrote it is not in the event: its host is the default.

Source: Admin Manual, "inputs.conf" ([admon://]); Getting Data In, "Monitor Active Directory".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from trapline.ingest.eventtime import micros
from trapline.ingest.fieldset import Fields
from trapline.ingest.lines import LINE_LIMIT, Decoder, head_text, lines
from trapline.ingest.source import Input, Sink

HELP = "Active Directory monitoring of Splunk's Windows input (admon)"

MOST_LINES = 5_000
"""Lines of one event. A longer one ends there; the rest of it is bad."""

_START = re.compile(r"\d\d/\d\d/\d{4} \d\d:\d\d:\d\d(?:\.\d{1,6})?", re.ASCII)
_PAIR = re.compile(r"\s*([A-Za-z][A-Za-z0-9_;:.\-]{0,127})=(.*)", re.ASCII | re.DOTALL)
_HEADING = re.compile(r"\S[A-Za-z ]{0,40}:\s*\Z", re.ASCII)


def sniff(head: bytes, name: str) -> int:
    """95 for a time alone on the first line and admonEventType= in what follows."""
    text = head_text(head)
    if text is None or "admonEventType=" not in text:
        return 0
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return 95 if _START.fullmatch(first) else 0


def read(file: Input, sink: Sink) -> None:
    """See the module."""
    fields = Fields(sink)
    decode = Decoder(sink)
    event: list[str] = []
    with file.open() as stream:
        for number, data in lines(stream):
            if data is None:
                sink.bad(f"line longer than {LINE_LIMIT // 2**20} MiB", f"line {number}")
                continue
            line = decode(data).rstrip("\r\n")
            if _START.fullmatch(line.strip()):
                _add(event, fields, sink)
                event = [line.strip()]
            elif not event:
                if line.strip():
                    sink.keep(line, "a line before the time of an event", f"line {number}", "ActiveDirectory")
            elif len(event) < MOST_LINES:
                event.append(line)
            else:
                sink.bad(f"an event of more than {MOST_LINES:,} lines", f"line {number}")
    _add(event, fields, sink)


def _add(event: Sequence[str], fields: Fields, sink: Sink) -> None:
    if not event:
        return
    raw = "\n".join(event).rstrip()
    pairs: list[tuple[str, str]] = []
    for line in event[1:]:
        found = _PAIR.match(line)
        if found is not None:
            pairs.append((found[1], found[2].strip()))
        elif pairs and line.strip() and not _HEADING.match(line):
            key, value = pairs[-1]
            pairs[-1] = (key, f"{value}\n{line.strip()}")
    names, cells = fields.of([(key, value) for key, value in pairs if value])
    sink.add(
        names,
        cells,
        time=micros(event[0]),
        raw=raw,
        host=None,
        source="ActiveDirectory",
        sourcetype="ActiveDirectory",
    )
