"""W3C Extended Log File Format (IIS, ELB, proxies): a `#Fields:` line names the columns of the lines after it.

Source: W3C working draft "Extended Log File Format"; props.conf.spec, INDEXED_EXTRACTIONS = w3c. Names are cleaned as
Splunk cleans them: `cs(User-Agent)` is `cs_User_Agent_`, `c-ip` is `c_ip`. `-` means that there is no value, and the
field is kept with it, as in Splunk. The time is that of the columns `date` and `time` (UTC by the format's definition),
or `x-timestamp`, `timestamp` and their like; a file whose lines have a time only takes the date from `#Date:`. The
sourcetype is `iis` (Splunk's pretrained name), for IIS's own HTTPERR logs too; a log with a column
`x-edge-location` is one of Amazon CloudFront.

A line with fewer values than there are columns is an event with a warning; one with more is bad.
"""

from __future__ import annotations

import re

from trapline.ingest.eventtime import micros
from trapline.ingest.fieldset import Fields
from trapline.ingest.lines import event_lines, head_text
from trapline.ingest.source import Input, Sink

HELP = "W3C extended logs (IIS): #Fields: names the columns"

CLOUDFRONT = "aws:cloudfront:accesslogs"

_FIELDS = re.compile(r"^#Fields:\s*(\S.*)$", re.MULTILINE | re.IGNORECASE)
_VALUE = re.compile(r'"((?:[^"]|"")*)"|(\S+)')
_CLEAN = re.compile(r"[^A-Za-z0-9_]")
_TIME = ("x_timestamp", "timestamp", "datetime", "date_time")


def sniff(head: bytes, name: str) -> int:
    """90 for text with a line that begins with `#Fields:` before any other than `#` lines."""
    text = head_text(head)
    if text is None or not text.lstrip().startswith("#"):
        return 0
    found = _FIELDS.search(text)
    if found is None:
        return 0
    before = [line for line in text[: found.start()].splitlines() if line.strip()]
    return 90 if all(line.startswith("#") for line in before) else 0


def read(file: Input, sink: Sink) -> None:
    """See the module."""
    fields = Fields(sink)
    names: list[str] = []
    date = ""
    short = False
    with file.open() as stream:
        for number, raw in event_lines(stream, sink):
            if raw.startswith("#"):
                directive, _, rest = raw.partition(":")
                match directive.lower():
                    case "#fields":
                        names = [_CLEAN.sub("_", name) for name in rest.split()]
                    case "#date":
                        date = rest.strip().split(" ", 1)[0]
                continue
            if not names:
                sink.keep(raw, "a line before #Fields:", f"line {number}", "iis")
                continue
            values = [quoted.replace('""', '"') if quoted or not bare else bare for quoted, bare in _VALUE.findall(raw)]
            if len(values) > len(names):
                sink.keep(raw, "a line with more values than #Fields: names", f"line {number}", "iis")
                continue
            if len(values) < len(names) and not short:
                short = True
                sink.warn("lines with fewer values than #Fields: names: the last fields are empty")
            pairs = list(zip(names, values, strict=False))
            found = dict(pairs)
            listed, cells = fields.of(pairs)
            sink.add(
                listed,
                cells,
                time=_time(found, date),
                raw=raw,
                host=None,
                source=None,
                sourcetype=CLOUDFRONT if "x_edge_location" in found else "iis",
            )


def _time(found: dict[str, str], date: str) -> int | None:
    day, clock = found.get("date", date), found.get("time")
    if day and clock:
        return micros(f"{day} {clock}")
    return next((moment for name in _TIME if (moment := micros(found.get(name))) is not None), None)
