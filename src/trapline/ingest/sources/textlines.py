"""Plain text, one event per line, when nothing else fits: `_raw` and a time, no fields.

The time is the first one in the line's first 128 characters (`eventtime.find`); syslog's has no year, which is taken
from the file's modification time, with a warning. The sourcetype is `text`, or `syslog` for lines with a syslog header;
some lines are known better (`data/sourcetypes.yaml`: `linux_secure`, `cisco:asa`, ..). The host of a header and
extractions for search time come with add-ons.
"""

from __future__ import annotations

from trapline.ingest.eventtime import at_start, find
from trapline.ingest.lines import event_lines, head_lines, head_text, is_event_xml
from trapline.ingest.source import Input, Sink
from trapline.ingest.sourcetypes import text_kind

HELP = "any text, one event per line, without fields (the last resort)"


def sniff(head: bytes, name: str) -> int:
    """10 when most lines begin with a time, 1 for other text."""
    text = head_text(head)
    if text is None or is_event_xml(text):
        return 0
    found = head_lines(head)
    timed = sum(at_start(line, 0) is not None for line in found)
    return 10 if timed * 2 > len(found) else 1


def read(file: Input, sink: Sink) -> None:
    sink.warn("plain text: the lines are events without fields")
    assumed = False
    with file.open() as stream:
        for _, raw in event_lines(stream, sink):
            stamp = find(raw, file.mtime)
            if stamp is not None and stamp[1] and not assumed:
                assumed = True
                sink.warn("times have no year: taken from the file's modification time")
            start = raw[:1000]
            sink.add(
                (),
                (),
                time=stamp[0] if stamp is not None else None,
                raw=raw,
                host=None,
                source=None,
                sourcetype=text_kind(start),
            )
