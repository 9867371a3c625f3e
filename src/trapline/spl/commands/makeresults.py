"""makeresults: rows from nothing.

Syntax:
    | makeresults [<count> | count=<n>] [annotate=<bool>] [format=(csv|json) data="<text>"] [splunk_server=<name>]
        [splunk_server_group=<name>]

Options:
    count=<n> (1): how many rows.
    annotate=<bool> (false): the default fields of an event, empty but for _time and splunk_server (local).
    format=(csv|json) (none): the form of data.
    data="<text>" (none): the rows: CSV with a header, or a JSON array of objects.
    splunk_server=<name> (none): no effect: there is one place.
    splunk_server_group=<name> (none): no effect, as splunk_server.

Source: Search Reference, "makeresults".
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass

import pyarrow as pa

from trapline.errors import Span, SplError
from trapline.plan import Node, Rows
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, flag
from trapline.spl.cursor import count as whole
from trapline.values import Kind

MAX_ROWS = 10_000_000
ANNOTATED = ("_raw", "_time", "host", "source", "sourcetype", "splunk_server", "splunk_server_group")
"""The fields of annotate=true. Only two of them have a value."""
HERE = "local"
"""The name of the server, as in eventcount."""


@dataclass(frozen=True, slots=True)
class MakeResults:
    count: int
    annotate: bool
    form: str | None
    data: str
    span: Span

    def generate(self, context: Context) -> Node:
        if self.form is not None:
            return context.given(_read(self.form, self.data, self.span))
        time = pa.repeat(float(int(context.now)), self.count)
        if not self.annotate:
            return Rows({"_time": Kind.NUMBER}, pa.table({"_time": time}))
        columns = {name: pa.nulls(self.count, pa.string()) for name in ANNOTATED}
        columns |= {"_time": time, "splunk_server": pa.repeat(HERE, self.count)}
        schema = {name: Kind.NUMBER if name == "_time" else Kind.TEXT for name in ANNOTATED}
        return Rows(schema, pa.table(columns))


def _read(form: str, data: str, span: Span) -> list[dict[str, object]]:
    if form == "csv":
        rows = csv.DictReader(io.StringIO(data.lstrip("\n")), skipinitialspace=True)
        return [{name: value for name, value in row.items() if name and value != ""} for row in rows]
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise SplError(f"makeresults: the data is not JSON: {error}", span=span, code="data") from None
    items = found if isinstance(found, list) else [found]
    if not all(isinstance(item, dict) for item in items):
        raise SplError("makeresults: the data must be JSON objects", span=span, code="data")
    return items


def parse(cursor: Cursor) -> MakeResults:
    annotate = False
    count: int | None = None
    form: str | None = None
    data: str | None = None
    start = cursor.here().start
    while not cursor.done():
        option = cursor.option(("count", "annotate", "format", "data", "splunk_server", "splunk_server_group"))
        if option is None:
            count = cursor.amount("a number of rows", "makeresults count=5")
            continue
        match option:
            case ("count", value, span):
                count = whole(value, span)
            case ("annotate", value, span):
                annotate = flag(value, span)
            case ("format", value, span):
                form = value.lower()
                if form not in ("csv", "json"):
                    cursor.fail(f"makeresults reads csv or json, not {value}", span)
            case ("data", value, _):
                data = value
    span = cursor.since(start)
    if (form is None) != (data is None):
        cursor.fail("format and data of makeresults go together", span, 'makeresults format=csv data="<text>"')
    if form is not None and (annotate or count is not None):
        cursor.fail("the rows of makeresults are those of data, without count and annotate", span)
    if count is not None and count > MAX_ROWS:
        cursor.fail(f"makeresults makes at most {MAX_ROWS:,} rows", span)
    return MakeResults(1 if count is None else count, annotate, form, data or "", span)
