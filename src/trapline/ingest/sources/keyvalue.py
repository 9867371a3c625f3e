r"""Text with `key=value` pairs, one event per line; values with blanks are quoted.

sourcetype `kv` where the line does not tell (Splunk has no name for it: give --sourcetype for content that searches for
one); known lines are in `data/sourcetypes.yaml`. The time is the one at the start of the line (`eventtime.at_start`),
else that of the first pair named time, timestamp, _time, date, datetime, ts, eventtime, event_time or time_local, where
`date=` and `time=` belong together (firewalls write them so). Keys are cleaned as Splunk cleans them; repeated keys
become multivalues; quotes around values are taken off. A value in double quotes ends at the next one (KV_MODE = auto);
where an add-on says KV_MODE = auto_escaped, `\"` and `\\` within it are a quote and a backslash.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from trapline.ingest.eventtime import at_start, micros
from trapline.ingest.fieldset import Fields
from trapline.ingest.lines import event_lines, head_lines, head_text, is_event_xml
from trapline.ingest.source import Input, Sink
from trapline.ingest.sourcetypes import UNKNOWN, text_kind

HELP = "text with key=value pairs, one event per line"

_KEY = r"(?<![^\s,;|\[({])([A-Za-z_][A-Za-z0-9_.:\-]{0,63})="
_REST = r"|'([^']*)'|([^\s,;|\"'][^\s,;|]*)?)"
_PAIR = re.compile(_KEY + r'(?:"([^"]*+)"' + _REST)
_PAIR_ESCAPED = re.compile(_KEY + r'(?:"((?:[^"\\]|\\.)*+)"' + _REST)
_ESCAPED = re.compile(r'\\(["\\])')
_TIME_KEYS = ("_time", "timestamp", "time", "datetime", "eventtime", "event_time", "ts", "time_local", "date")


def sniff(head: bytes, name: str) -> int:
    """30 when most lines hold two pairs or more, which cover half of the text after the time, or one quoted pair."""
    found = head_lines(head)
    if not found or is_event_xml(head_text(head) or "") or found[0].lstrip()[:1] in ("{", "<"):
        return 0
    hits = sum(_is_kv(line[:4000]) for line in found)
    return 30 if hits * 5 >= len(found) * 4 else 0


def _is_kv(line: str) -> bool:
    pairs = list(_PAIR.finditer(line))
    stamp = at_start(line, 0)
    text = len(line.strip()) - (stamp[1] if stamp else 0)
    if len(pairs) == 1:
        return pairs[0][2] is not None and pairs[0].end() - pairs[0].start() >= text
    return len(pairs) >= 2 and sum(pair.end() - pair.start() + 1 for pair in pairs) * 2 >= text


def read(file: Input, sink: Sink) -> None:
    fields = Fields(sink, clean=True)
    assumed = bare = False
    pattern = _PAIR_ESCAPED if sink.escaped else _PAIR
    with file.open() as stream:
        for _, raw in event_lines(stream, sink):
            pairs = [
                (
                    key,
                    _unquoted(quoted, sink.escaped) if quoted is not None else single if single is not None else plain,
                )
                for key, quoted, single, plain in (pair.groups() for pair in pattern.finditer(raw))
                if quoted or single or plain
            ]
            if not pairs and not bare:
                bare = True
                sink.warn("lines without key=value pairs are events without fields")
            stamp = at_start(raw, file.mtime)
            if stamp is not None and stamp[2] and not assumed:
                assumed = True
                sink.warn("times have no year: taken from the file's modification time")
            time = stamp[0] if stamp is not None else _pair_time(pairs)
            names, cells = fields.of(pairs)
            start = raw[:1000]
            kind = text_kind(start)
            sink.add(
                names,
                cells,
                time=time,
                raw=raw,
                host=None,
                source=None,
                sourcetype="kv" if kind in UNKNOWN else kind,
            )


def _unquoted(value: str, escaped: bool) -> str:
    return _ESCAPED.sub(r"\1", value) if escaped else value


def _pair_time(pairs: Sequence[tuple[str, str]]) -> int | None:
    found: dict[str, str] = {}
    for key, value in pairs:
        found.setdefault(key.lower(), value)
    for key in _TIME_KEYS:
        if key not in found:
            continue
        if key == "time" and "date" in found and (both := micros(f"{found['date']} {found['time']}")) is not None:
            return both
        moment = micros(found[key])
        if moment is not None:
            return moment
    return None
