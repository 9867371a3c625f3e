"""collect: the rows as new events of an index.

Syntax:
    collect [index=<index>] [addinfo=<bool>] [addtime=<bool>] [host=<text>] [marker=<text>] [output_format=(raw|hec)]
        [run_in_preview=<bool>] [source=<text>] [sourcetype=<text>] [spool=<bool>] [testmode=<bool>]
        [timeformat=<text>] [uselb=<bool>] [file=<text>]

Options:
    index=<index> (summary): where the events go.
    addinfo=<bool> (true): the bounds and the time of the search stand before the fields of an event that has no _raw.
    addtime=<bool> (true): the time stands before all that.
    host=<text> (the host of an event with _raw): the host of the events.
    marker=<text> (none): a text at the end of each event; its key=value pairs are fields.
    output_format=(raw|hec) (raw): hec writes events without _raw as JSON, and keeps host, source and sourcetype of the
        rows (stash_hec if there is none); addtime, host, marker, source, sourcetype and uselb do not go with it.
    run_in_preview=<bool> (false): no effect: there are no previews.
    source=<text> (search): the source of the events.
    sourcetype=<text> (stash): the sourcetype of the events.
    spool=<bool> (true): refused if false: events go to the store, not to a file.
    testmode=<bool> (false): writes nothing and shows in _raw what it would write.
    timeformat=<text> (%m/%d/%Y %H:%M:%S %z): how addtime writes the time.
    uselb=<bool> (true): no effect: an event is not split into lines.
    file=<text> (none): refused.

Differences:
    - An index that does not exist is made.
    - Refused: file= and spool=false, as events go to the store.
    - Fields are stored as they are, not extracted again from the text.

Source: Search Reference, "collect"; Knowledge Manager Manual, "Use summary indexing for increased search efficiency".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from trapline.errors import Span
from trapline.plan import Node
from trapline.spl.bins import Bounds, search_bounds
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, flag
from trapline.times import format_time
from trapline.values import Row, Value, to_number, value_text

ALIASES = ("stash",)
INDEX = "summary"
"""Splunk's default summary index."""
TEXTS = ("index", "file", "host", "marker", "output_format", "source", "sourcetype", "timeformat")
FLAGS = ("addinfo", "addtime", "run_in_preview", "spool", "testmode", "uselb")
NOT_WITH_HEC = ("addtime", "timeformat", "host", "marker", "source", "sourcetype", "uselb")
FORM = "%m/%d/%Y %H:%M:%S %z"
OWN = ("host", "source", "sourcetype", "index")
"""Metadata that an event has of its own: in the text of a summary they are the fields extracted_host and so on."""
_PLAIN = re.compile(r"[A-Za-z0-9]+\Z")
"""A value that holds no character which ends a term, and so needs no quotes."""
_MARK = re.compile(r'([A-Za-z_][\w.\-]*)=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


@dataclass(frozen=True, slots=True)
class Collect:
    index: str
    addinfo: bool
    addtime: bool
    testmode: bool
    hec: bool
    host: str | None
    source: str | None
    sourcetype: str
    marker: str
    timeformat: str
    span: Span

    def lower(self, context: Context, source: Node) -> Node:
        bounds = search_bounds(context, source)
        node = context.materialise(source)
        rows = context.rows(node)
        events = [self._event(context, row, bounds) for row in rows]
        if self.testmode:
            return context.given([{**row, "_raw": event["_raw"]} for row, event in zip(rows, events, strict=True)])
        context.write_events(self.index, events)
        return node

    def _event(self, context: Context, row: Row, bounds: Bounds) -> Row:
        time = _time(context, row, bounds)
        info = _info(context, bounds) if self.addinfo and "_raw" not in row else {}
        fields = {name: value for name, value in row.items() if not name.startswith("_")}
        if self.hec:
            own = {name: fields.pop(name) for name in OWN if name in fields and name != "index"}
            fields.pop("index", None)
            raw = value_text(row["_raw"]) if "_raw" in row else json.dumps(fields, ensure_ascii=False, sort_keys=True)
            own = {"source": "search", "sourcetype": "stash_hec", **own}
            return {**fields, **own, "_time": time, "_raw": raw, "index": self.index}
        host = self.host
        if "_raw" in row:
            raw = value_text(row["_raw"])
            host = host or (value_text(fields["host"]) if "host" in fields else None)
            fields = {name: value for name, value in fields.items() if name not in OWN}
        else:
            raw = self._text(context, time, info, fields)
            fields = {f"extracted_{name}" if name in OWN else name: value for name, value in fields.items()}
        if self.marker:
            raw = f"{raw}, {self.marker}" if raw else self.marker
        event: Row = {**info, **fields, **_marks(self.marker)}
        event |= {"_time": time, "_raw": raw, "source": self.source or "search", "sourcetype": self.sourcetype}
        event["index"] = self.index
        if host is not None:
            event["host"] = host
        return event

    def _text(self, context: Context, time: float, info: Row, fields: Row) -> str:
        stamp = format_time(time, self.timeformat, context.tz) if self.addtime else None
        return ", ".join(
            [*([stamp] if stamp else []), *(f"{name}={value}" for name, value in info.items()), *_pairs(fields)]
        )


def _info(context: Context, bounds: Bounds) -> Row:
    """The bounds and the time of the search, as addinfo gives them; a bound that it does not have is left out."""
    known = {"min": bounds.earliest, "max": bounds.latest, "search": context.now}
    return {f"info_{name}_time": f"{value:.3f}" for name, value in known.items() if value is not None}


def _pairs(fields: Row) -> Iterator[str]:
    for name in sorted(fields):
        text = value_text(fields[name])
        if not _PLAIN.match(text):
            text = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        yield f"{name}={text}"


def _marks(marker: str) -> dict[str, Value]:
    """The fields that a marker adds."""
    return {
        name: bare or quoted.replace('\\"', '"').replace("\\\\", "\\") for name, quoted, bare in _MARK.findall(marker)
    }


def _time(context: Context, row: Row, bounds: Bounds) -> float:
    for name in ("_time", "info_min_time"):
        if name in row:
            found = to_number(value_text(row[name]))
            if found is not None:
                return found
    return context.now if bounds.earliest is None else bounds.earliest


def parse(cursor: Cursor) -> Collect:
    start = cursor.here().start
    texts: dict[str, str] = {}
    flags: dict[str, bool] = {}
    places: dict[str, Span] = {}
    while not cursor.done():
        option = cursor.option((*TEXTS, *FLAGS))
        if option is None:
            if cursor.at_option():
                cursor.no_option()
            if cursor.take(","):
                continue
            cursor.fail(f"unexpected {cursor.found()}", hint="collect index=summary")
        name, value, span = option
        places[name] = span
        if name in FLAGS:
            # run_in_preview and uselb are about Splunk's way of moving the events; there is one way here.
            flags[name] = flag(value, span)
            if name == "spool" and not flags[name]:
                cursor.unsupported("events go to the store, not to a file", span, "leave spool= out")
        elif name == "file":
            cursor.unsupported("events go to the store, not to a file of your naming", span, "leave file= out")
        elif name == "output_format" and value.lower() not in ("raw", "hec"):
            cursor.fail(f"'{value}' is not an output format", span, "raw or hec")
        else:
            texts[name] = value
    hec = texts.get("output_format", "raw").lower() == "hec"
    if hec and (wrong := next((name for name in NOT_WITH_HEC if name in places), None)) is not None:
        cursor.fail(f"{wrong} does not go with output_format=hec", places[wrong], "output_format=raw")
    return Collect(
        texts.get("index") or INDEX,
        flags.get("addinfo", not hec),
        flags.get("addtime", True),
        flags.get("testmode", False),
        hec,
        texts.get("host"),
        texts.get("source"),
        texts.get("sourcetype", "stash"),
        texts.get("marker", ""),
        texts.get("timeformat", FORM),
        cursor.since(start),
    )
