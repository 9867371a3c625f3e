"""JSON of any kind: one object per line, pretty-printed, run together, in an array, or wrapped (`{"Records": [...]}`).

Each object is an event: `_raw` its text as in the file, fields by Splunk's names (`jsonfields`). The sourcetype is
`_json` unless the content tells (`data/sourcetypes.yaml`: `aws:cloudtrail`, `suricata`, ..). The time comes from the
first of that file's keys that holds one: ISO 8601, or an epoch in seconds, milliseconds, microseconds or nanoseconds;
without a zone it is UTC.

Envelopes are opened: those of the HTTP Event Collector (`event` beside `time`, `host`, `source`, `sourcetype`,
`fields`; Splunk page "Format events for HTTP Event Collector") and the rows of a Splunk export (`_raw` beside `_time`,
`host`, `source`, `sourcetype` or `index`; `result`), the latter only where the sourcetype is not given: where it is, a
key `_raw` of an event is a key like others. Windows event XML in an envelope becomes a Windows event.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from trapline.ingest import jsonfields, splunkrow, winxml
from trapline.ingest.eventtime import micros
from trapline.ingest.fieldset import Fields
from trapline.ingest.jsondocs import JsonError, Record, first_records, loads, records
from trapline.ingest.lines import head_text, is_event_xml
from trapline.ingest.source import Input, Sink
from trapline.ingest.sourcetypes import JsonKind, json_kinds, lookup

HELP = "JSON: one object per line, arrays, pretty-printed or wrapped objects, HEC envelopes"

_KNOWN_LIMIT = 4096
_ENVELOPE = frozenset({"event", "time", "host", "source", "sourcetype", "index", "fields"})


def sniff(head: bytes, name: str) -> int:
    """60 when the first thing in the file is an object or an array of objects; 96 when these hold event XML."""
    if not first_records(head):
        return 0
    text = head_text(head) or ""
    if not is_event_xml(text):
        return 60
    return 96 if text.lstrip()[:1] in ("{", "[") else 0


def read(file: Input, sink: Sink) -> None:
    reader = _Reader(sink)
    with file.open() as stream:
        for record in records(stream, sink):
            reader.event(record)


class _Reader:
    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._fields = Fields(sink)
        self._kinds: dict[tuple[str, ...], tuple[JsonKind, ...]] = {}
        self._warned: set[str] = set()

    def event(self, record: Record) -> None:
        value = record.value
        try:
            if "event" in value and len(value) > 1 and value.keys() <= _ENVELOPE:
                self._envelope(record)
            elif not self._sink.named and isinstance(result := value.get("result"), dict) and splunkrow.is_row(result):
                self._exported(result, record)
            elif not self._sink.named and splunkrow.is_row(value):
                self._exported(value, record)
            else:
                self._plain(value, record.raw)
        except jsonfields.DepthError:
            self._sink.keep(record.raw, "nested too deeply", f"line {record.line}", json_kinds()[-1].sourcetype)

    def _plain(self, value: dict[str, Any], raw: str) -> None:
        kind = self._kind_of(value)
        names, cells = self._fields.of(jsonfields.pairs(value))
        host = lookup(value, kind.host) if kind.host else None
        self._sink.add(
            names,
            cells,
            time=_time(value, kind),
            raw=raw,
            host=host if isinstance(host, str) else None,
            source=kind.source,
            sourcetype=kind.sourcetype,
            empties=True,
        )

    def _kind_of(self, value: dict[str, Any]) -> JsonKind:
        """The first kind that fits. Which ones have the keys is looked up once per set of keys."""
        keys = tuple(value)
        kinds = self._kinds.get(keys)
        if kinds is None:
            if len(self._kinds) > _KNOWN_LIMIT:
                self._kinds.clear()
            kinds = self._kinds[keys] = tuple(kind for kind in json_kinds() if kind.has_keys(value))
        return next(kind for kind in kinds if kind.has_values(value))

    def _envelope(self, record: Record) -> None:
        envelope = record.value
        event = envelope["event"]
        if event is None or event == "":
            place = f"line {record.line}"
            self._sink.keep(record.raw, "HEC envelope without an event", place, json_kinds()[-1].sourcetype)
            return
        if "index" in envelope:
            self._warn("the index in HEC envelopes is not used: give --index")
        if isinstance(event, str) and event.lstrip()[:6] == "<Event":  # tells host, time and source by itself
            winxml.add_event(event.strip(), self._sink, f"line {record.line}")
            return
        value: object = event
        raw = event if isinstance(event, str) else _member(record.raw, "event")
        if isinstance(event, str) and event.lstrip()[:1] == "{":
            try:
                value = loads(event.encode("utf-8", "replace"))
            except JsonError:
                value = event
        kind = json_kinds()[-1]
        pairs: list[tuple[str, str]] = []
        if isinstance(value, dict):
            kind = self._kind_of(value)
            pairs += jsonfields.pairs(value)
        else:
            self._warn("HEC envelopes around plain text: no fields were extracted from the text")
        if isinstance(added := envelope.get("fields"), dict):
            pairs += [(name.removesuffix("{}"), text) for name, text in jsonfields.pairs(added)]
        names, cells = self._fields.of(pairs)
        time = micros(envelope.get("time"))
        if time is None and isinstance(value, dict):
            time = _time(value, kind)
        self._sink.add(
            names,
            cells,
            time=time,
            raw=raw,
            host=_text(envelope.get("host")),
            source=_text(envelope.get("source")),
            sourcetype=_text(envelope.get("sourcetype")) or kind.sourcetype,
            empties=True,
        )

    def _exported(self, value: dict[str, Any], record: Record) -> None:
        plain = {key: item for key, item in value.items() if isinstance(item, str)}
        row = splunkrow.splunk_row(plain)
        pairs = [(name.removesuffix("{}"), text) for name, text in jsonfields.pairs(value)]
        names, cells = self._fields.of(splunkrow.extracted(pairs))
        self._sink.add(
            names,
            cells,
            time=row.time,
            raw=row.raw or record.raw,
            host=row.host,
            source=row.source,
            sourcetype=row.sourcetype or json_kinds()[-1].sourcetype,
        )

    def _warn(self, reason: str) -> None:
        if reason not in self._warned:
            self._warned.add(reason)
            self._sink.warn(reason)


def _time(value: dict[str, Any], kind: JsonKind) -> int | None:
    for key in kind.time:
        found = lookup(value, key)
        if isinstance(found, str) and found.startswith("audit("):  # audit(1700000000.123:456)
            found = found[6:].partition(":")[0]
        moment = micros(found)
        if moment is not None:
            return moment
    return None


def _member(raw: str, key: str) -> str:
    """The text of a member of an object, as in the file where the strict parser takes it."""
    try:
        return bytes(msgspec.json.decode(raw.encode("utf-8", "replace"), type=dict[str, msgspec.Raw])[key]).decode()
    except msgspec.DecodeError:
        return json.dumps(loads(raw.encode("utf-8", "replace"))[key], ensure_ascii=False)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
