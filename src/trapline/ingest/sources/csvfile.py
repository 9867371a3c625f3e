"""CSV with a header line (RFC 4180), also separated by semicolons, tabs or bars; cells may hold line ends.

The header's names are the fields, `_raw` is the row's text as in the file, sourcetype `csv`. The time comes from the
first of the columns `_time`, `timestamp`, `@timestamp`, `datetime`, `time`, `date`, .. that holds one (any case). Rows
of a Splunk export keep their own `_raw`, `_time`, `host`, `source` and `sourcetype`.

A row with fewer cells than the header is an event (the rest are empty) and a warning; one with more is bad, as its
cells cannot be told apart. A header name that is empty becomes `EXTRA_FIELD_n`, as in Splunk; repeated names make
multivalues.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator

from trapline.errors import InputError
from trapline.ingest import splunkrow
from trapline.ingest.eventtime import micros
from trapline.ingest.fieldset import FIELD_LIMIT, Fields
from trapline.ingest.lines import LINE_LIMIT, Decoder, decode, head_text, lines
from trapline.ingest.source import Input, Sink
from trapline.knowledge.structured import WHITESPACE, Structure
from trapline.pcre import SECONDS

HELP = "CSV with a header line, also separated by ; tab or |"

_SEPARATORS = ",;\t|"
_ROW_LIMIT = LINE_LIMIT
_TITLES = 20
"""Lines in which a header is looked for."""
_BLANKS = re.compile(r"[ \t]+")
_TIME = (
    "_time", "@timestamp", "timestamp", "datetime", "date_time", "time", "eventtime", "event_time", "timecreated",
    "timegenerated", "date and time", "date", "ts",
)  # fmt: skip


def sniff(head: bytes, name: str) -> int:
    """40 for a header of names and rows, most of the same number of cells; 85 when it is a Splunk export."""
    text = head_text(head)
    if text is None:
        return 0
    separator = _separator(text)
    if separator is None:
        return 0
    header = _rows(text, separator)[0]
    return 85 if splunkrow.MARK in header else 40


def _rows(text: str, separator: str) -> list[list[str]]:
    """The whole rows of a head, at most 20."""
    out: list[list[str]] = []
    whole = text.rpartition("\n")[0] if text.count("\n") > 1 and not text.endswith("\n") else text
    try:
        for row in csv.reader(io.StringIO(whole, newline=""), delimiter=separator, strict=True):
            if row:
                out.append(row)
            if len(out) == 20:
                break
    except csv.Error:
        return out if len(out) > 2 else []  # a cell that the head cuts
    return out


def _separator(text: str) -> str | None:
    """The separator with which the first rows form a table, or None."""
    best: tuple[int, str] | None = None
    for separator in _SEPARATORS:
        if separator not in text[:LINE_LIMIT].partition("\n")[0]:
            continue
        rows = _rows(text, separator)
        if len(rows) < 2 or not _is_header(rows[0]):
            continue
        width = Counter(len(row) for row in rows[1:]).most_common(1)[0][0]
        same = sum(len(row) == len(rows[0]) for row in rows)
        if width == len(rows[0]) and same * 10 >= len(rows) * 6 and (best is None or width > best[0]):
            best = (width, separator)
    return best[1] if best else None


def _is_header(cells: list[str]) -> bool:
    """Whether cells can be names: two at least, short, no numbers, mostly filled and different."""
    names = [cell.strip() for cell in cells]
    filled = [name for name in names if name]
    return (
        len(filled) >= 2
        and len(filled) * 2 >= len(names)
        and len(set(filled)) * 2 >= len(filled)
        and all(len(name) <= 128 and "=" not in name and not name[:1].isdigit() for name in filled)
        and all(name[:1].isalpha() or name[:1] in "_@#$\"'(%" for name in filled)
        and sum(len(name.split()) <= 6 for name in filled) == len(filled)
    )


class _Tape:
    """Feeds lines to the csv reader and remembers the text of the row that it is reading."""

    def __init__(self, numbered: Iterator[tuple[int, bytes | None]], sink: Sink, *, squeeze: bool) -> None:
        self.line = 0
        """Where the row begins, from 1."""
        self.squeeze = squeeze
        """Any number of spaces and tabs is one space to the reader."""
        self._again: str | None = None
        self._numbered = numbered
        self._sink = sink
        self._decode = Decoder(sink)
        self._held: list[str] = []
        self._size = 0

    def __iter__(self) -> _Tape:
        return self

    def again(self, line: str) -> _Tape:
        """Give a line once more, or what is left of it."""
        self._again = line
        return self

    def tell(self, reason: str) -> None:
        self._sink.warn(reason)

    def __next__(self) -> str:
        if self._again is not None:
            line, self._again = self._again, None
            return line
        for number, data in self._numbered:
            if data is None:
                self._sink.bad(f"line longer than {LINE_LIMIT // 2**20} MiB", f"line {number}")
                continue
            if not self._held:
                self.line = number
            line = self._decode(data) + "\n"
            self._held.append(line)
            self._size += len(line)
            if self._size > _ROW_LIMIT:
                raise csv.Error("a row without end")
            return _BLANKS.sub(" ", line.strip(" \t\r\n")) + "\n" if self.squeeze else line
        raise StopIteration

    def take(self) -> str:
        text = "".join(self._held)
        self._held = []
        self._size = 0
        return text.rstrip("\r\n")


def read(file: Input, sink: Sink, said: Structure | None = None) -> None:
    """See `source.SourceModule`. `said`: what an add-on says of the header and the rows. Raises TimeoutError where a
    regular expression of it does not come to an end."""
    text = head_text(file.head)
    if text is None and b"\0" in file.head:
        raise InputError("not a text file", file=file.name, hint="CSV is text with a header line")
    text = text or decode(file.head)
    said = said or Structure()
    separator = said.separator or next((one for at in range(_TITLES) if (one := _separator(_after(text, at)))), None)
    if separator is None:
        counts = Counter(one for one in text.partition("\n")[0] if one in _SEPARATORS)
        separator = counts.most_common(1)[0][0] if counts else ","
    csv.field_size_limit(_ROW_LIMIT)
    with file.open() as stream:
        tape = _Tape(lines(stream), sink, squeeze=separator == WHITESPACE)
        header = _header(tape, said, separator, text)
        if header is None:
            raise InputError("no header line", file=file.name, hint="CSV begins with the names of its columns")
        if len(header) > FIELD_LIMIT:
            raise InputError(
                f"the header has {len(header)} columns, more than {FIELD_LIMIT}",
                file=file.name,
                hint="is this CSV? name another format with --format",
            )
        table = _Table(header, sink, said)
        begun = False
        for row in _read(tape, separator, said.quote):
            raw = tape.take()
            if row is None:
                if raw.strip():
                    sink.keep(raw, "not valid CSV", f"line {tape.line}", "csv")
            elif row and raw.strip():
                if not begun and said.preamble is not None and said.preamble.search(raw, timeout=SECONDS):
                    continue
                begun = True
                table.row(row, raw, tape.line)


def _read(tape: _Tape, separator: str, quote: str) -> Iterator[list[str] | None]:
    """The rows of a tape, None for one that is no CSV."""
    reader = csv.reader(
        tape,
        delimiter=" " if separator == WHITESPACE else separator,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
    )
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield None


def _header(tape: _Tape, said: Structure, separator: str, text: str) -> list[str] | None:
    """The names of the columns; the tape is at the first row then. None: there is no header."""
    if said.names and not said.header_line and said.header is None:
        return list(said.names)
    own = said.header_separator or separator
    skipped = said.header_line - 1 if said.header_line else 0
    if not said.header_line and said.header is None and said.preamble is None:
        skipped = _titles(text, own)
    tape.squeeze = own == WHITESPACE
    for line in tape:
        if tape.line > skipped and line.strip():
            if said.preamble is not None and said.preamble.search(line, timeout=SECONDS):
                pass
            elif said.header is None:
                break
            elif (found := said.header.search(line, timeout=SECONDS)) is not None:
                line = line[found.end() :]
                break
        tape.take()
    else:
        return None
    if skipped and not said.header_line:
        tape.tell(f"lines before the header are left out: {skipped}")
    rows = _read(tape.again(line), own, said.header_quote)
    row = next(rows, None)
    tape.take()
    tape.squeeze = separator == WHITESPACE
    if row is None:
        return None
    return list(said.names) or _names(row)


def _titles(text: str, separator: str) -> int:
    """How many lines before the header do not hold the separator, where another one soon does."""
    first = text.split("\n", _TITLES)[:_TITLES]
    mark = " " if separator == WHITESPACE else separator
    return next((at for at, line in enumerate(first) if mark in line), 0)


def _after(text: str, count: int) -> str:
    """A text without its first lines."""
    return text.split("\n", count)[count] if text.count("\n") >= count else ""


def _names(row: list[str]) -> list[str]:
    return [cell.strip() or f"EXTRA_FIELD_{at}" for at, cell in enumerate(row, 1)]


class _Table:
    def __init__(self, header: list[str], sink: Sink, said: Structure) -> None:
        self._missing = said.missing
        self._header = header
        self._sink = sink
        self._fields = Fields(sink)
        self._splunk = splunkrow.MARK in header
        lower = [name.lower() for name in header]
        self._times = [lower.index(name) for name in _TIME if name in lower]
        self._short = False

    def row(self, row: list[str], raw: str, line: int) -> None:
        width = len(self._header)
        if len(row) > width:
            self._sink.keep(raw, "row with more cells than the header", f"line {line}", "csv")
            return
        if len(row) < width and not self._short:
            self._short = True
            self._sink.warn("rows with fewer cells than the header: the missing ones are empty")
        if self._missing is not None:
            row = ["" if self._missing.fullmatch(cell, timeout=SECONDS) else cell for cell in row]
        pairs = zip(self._header, row, strict=False)
        if self._splunk:
            self._exported(dict(pairs), raw)
            return
        names, cells = self._fields.of(pairs)
        moments = (micros(row[at]) for at in self._times if at < len(row))
        time = next((moment for moment in moments if moment is not None), None)
        self._sink.add(names, cells, time=time, raw=raw, host=None, source=None, sourcetype="csv")

    def _exported(self, row: dict[str, str], raw: str) -> None:
        own = splunkrow.splunk_row(row)
        names, cells = self._fields.of(splunkrow.extracted((name, text) for name, text in row.items()))
        self._sink.add(
            names,
            [cell.split("\n") if isinstance(cell, str) and "\n" in cell else cell for cell in cells],
            time=own.time,
            raw=own.raw or raw,
            host=own.host,
            source=own.source,
            sourcetype=own.sourcetype or "csv",
        )
