"""collect: the rows as new events of an index.

Syntax:
    collect index=<index> [addtime=<bool>] [host=<text>] [marker=<text>] [output_format=(raw|hec)]
        [run_in_preview=<bool>] [source=<text>] [sourcetype=<text>] [spool=<bool>] [testmode=<bool>] [uselb=<bool>]
        [file=<text>]

Options:
    index=<index> (required): where the events go.
    addtime=<bool> (true): the time stands before the fields of an event that has no _raw.
    host=<text> (the host of the row): the host of the events.
    marker=<text> (none): a text at the end of each event, such as key=value pairs.
    output_format=(raw|hec) (raw): the form in which Splunk hands events on; both give the same events here.
    run_in_preview=<bool> (false): no effect: there are no previews.
    source=<text> (search): the source of the events.
    sourcetype=<text> (stash): the sourcetype of the events.
    spool=<bool> (true): no effect: there is one way into the store.
    testmode=<bool> (false): writes nothing and shows in _raw what it would write.
    uselb=<bool> (false): no effect: there are no indexers to choose from.
    file=<text> (none): refused.

Differences:
    - Refused: file=, as events go to the store and not to a file of your naming.

Source: Search Reference, "collect".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trapline.errors import Span
from trapline.plan import Node
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, flag
from trapline.times import format_time
from trapline.values import Row, to_number, value_text

ALIASES = ("stash",)
TEXTS = ("index", "file", "host", "marker", "output_format", "source", "sourcetype")
FLAGS = ("addtime", "run_in_preview", "spool", "testmode", "uselb")
_FORM = "%m/%d/%Y %H:%M:%S %z"


@dataclass(frozen=True, slots=True)
class Collect:
    index: str
    addtime: bool
    testmode: bool
    host: str | None
    source: str | None
    sourcetype: str
    marker: str
    span: Span

    def lower(self, context: Context, source: Node) -> Node:
        node = context.materialise(source)
        rows = context.rows(node)
        events = [self._event(context, row) for row in rows]
        if self.testmode:
            return context.given([{**row, "_raw": event["_raw"]} for row, event in zip(rows, events, strict=True)])
        context.write_events(self.index, events)
        return node

    def _event(self, context: Context, row: Row) -> Row:
        time = _time(context, row)
        raw = value_text(row["_raw"]) if "_raw" in row else self._text(context, row, time)
        if self.marker:
            raw = f"{raw}, {self.marker}" if raw else self.marker
        event: Row = {name: value for name, value in row.items() if not name.startswith("_")}
        event |= {"_time": time, "_raw": raw, "sourcetype": self.sourcetype, "index": self.index}
        if self.host is not None:
            event["host"] = self.host
        event["source"] = self.source or "search"
        return event

    def _text(self, context: Context, row: Row, time: float) -> str:
        stamp = format_time(time, _FORM, context.tz) if self.addtime else None
        return ", ".join([*([stamp] if stamp else []), *_pairs(row)])


def _pairs(row: Row) -> Iterable[str]:
    for name in sorted(row):
        if not name.startswith("_"):
            value = value_text(row[name]).replace("\\", "\\\\").replace('"', '\\"')
            yield f'{name}="{value}"'


def _time(context: Context, row: Row) -> float:
    for name in ("_time", "info_min_time"):
        if name in row:
            found = to_number(value_text(row[name]))
            if found is not None:
                return found
    return context.now if context.earliest is None else context.earliest


def parse(cursor: Cursor) -> Collect:
    start = cursor.here().start
    texts: dict[str, str] = {}
    flags = {"addtime": True, "testmode": False}
    while not cursor.done():
        option = cursor.option((*TEXTS, *FLAGS))
        if option is None:
            if cursor.at_option():
                cursor.no_option()
            if cursor.take(","):
                continue
            cursor.fail(f"unexpected {cursor.found()}", hint="collect index=summary")
        name, value, span = option
        if name in FLAGS:
            # run_in_preview, spool and uselb are about Splunk's way of moving the events; there is one way here.
            flags[name] = flag(value, span)
        elif name == "file":
            cursor.unsupported("events go to the store, not to a file of your naming", span, "leave file= out")
        elif name == "output_format" and value.lower() not in ("raw", "hec"):
            cursor.fail(f"'{value}' is not an output format", span, "raw or hec")
        else:
            texts[name] = value
    if "index" not in texts:
        cursor.fail("collect needs an index", cursor.since(start), "collect index=summary")
    return Collect(
        texts["index"],
        flags["addtime"],
        flags["testmode"],
        texts.get("host"),
        texts.get("source"),
        texts.get("sourcetype", "stash"),
        texts.get("marker", ""),
        cursor.since(start),
    )
