"""Zeek's own logs (conn.log, dns.log, ..): lines of tab-separated values under a header that begins with `#separator`.

Source: Zeek documentation, "Zeek Log Formats and Inspection"; the Splunk add-on for Zeek, which reads them with
INDEXED_EXTRACTIONS = tsv. The sourcetype is `bro_<log>` by the header's `#path`, as that add-on names them (`bro_conn`,
`bro_dns`); the time is the column `ts`. Names are cleaned as Splunk cleans those of indexed extractions: `id.orig_h` is
`id_orig_h`, a column `host` is `extracted_host`. What stands for "not set" (`#unset_field`, `-`) and for an empty list
(`#empty_field`, `(empty)`) makes no field; in Splunk they stay as values. Lists stay one text, separated as in the
file, and `T` and `F` stay what they are, as in Splunk.

A line with fewer values than there are columns is an event with a warning; one with more is bad.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from trapline.ingest.eventtime import micros
from trapline.ingest.fieldset import FIELD_LIMIT, Fields
from trapline.ingest.lines import event_lines, head_text
from trapline.ingest.source import Input, Sink

HELP = "Zeek logs as tab-separated values (JSON ones are json)"

SOURCETYPE = "bro"
"""The sourcetype of a log that does not say its path; of others, before the `_`."""
MOST_PATHS = 200
"""Logs that a file may name: each is a table of the store, and Zeek has some 80."""

_MARK = "#separator "
_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-]{0,63}", re.ASCII)
_ESCAPE = re.compile(r"\\x([0-9A-Fa-f]{2})")


@dataclass(slots=True)
class _Header:
    """What the lines that begin with `#` have said so far."""

    separator: str = "\t"
    unset: str = "-"
    empty: str = "(empty)"
    names: list[str] = field(default_factory=list)
    sourcetype: str = SOURCETYPE
    paths: set[str] = field(default_factory=set)

    def read(self, line: str) -> None:
        if line.startswith(_MARK):
            self.separator = _text(line.removeprefix(_MARK).strip()) or "\t"
            self.names = []
            self.sourcetype = SOURCETYPE
            return
        word, *values = line.rstrip("\r").split(self.separator)
        match word, values:
            case "#unset_field", [value, *_]:
                self.unset = value
            case "#empty_field", [value, *_]:
                self.empty = value
            case "#path", [value, *_]:
                self.sourcetype = self._sourcetype(value)
            case "#fields", _:
                self.names = values[: FIELD_LIMIT + 1]

    def _sourcetype(self, path: str) -> str:
        if not _PATH.fullmatch(path) or (path not in self.paths and len(self.paths) >= MOST_PATHS):
            return SOURCETYPE
        self.paths.add(path)
        return f"{SOURCETYPE}_{path}"


def _text(escaped: str) -> str:
    """`\\x09` is a tab."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), escaped)


def sniff(head: bytes, name: str) -> int:
    """95 for text that begins with `#separator` and names its fields."""
    text = head_text(head)
    return 95 if text is not None and text.startswith(_MARK) and "\n#fields" in text else 0


def read(file: Input, sink: Sink) -> None:
    """See the module."""
    fields = Fields(sink, clean=True)
    header = _Header()
    short = False
    with file.open() as stream:
        for number, raw in event_lines(stream, sink):
            if raw.startswith("#"):
                header.read(raw)
                continue
            names = header.names
            if not names:
                sink.keep(raw, "a line before #fields", f"line {number}", header.sourcetype)
                continue
            values = raw.split(header.separator)
            if len(values) > len(names):
                sink.keep(raw, "a line with more values than #fields names", f"line {number}", header.sourcetype)
                continue
            if len(values) < len(names) and not short:
                short = True
                sink.warn("lines with fewer values than #fields names: the last fields are empty")
            unset, empty = header.unset, header.empty
            pairs = [
                (name, value)
                for name, value in zip(names, values, strict=False)
                if value not in (unset, empty) and value
            ]
            listed, cells = fields.of(pairs)
            sink.add(
                listed,
                cells,
                time=next((micros(value) for name, value in pairs if name == "ts"), None),
                raw=raw,
                host=None,
                source=None,
                sourcetype=header.sourcetype,
            )
