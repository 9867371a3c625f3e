"""From files to a store: recognise the format, read, cut into portions, append, and account for everything met.

One thread reads while another writes. A file is cut into portions at fixed numbers of events or bytes, so that a second
reading after a kill cuts alike and the store can skip what it has. Small files share an append, for a commit costs some
20 ms; a large file makes many.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import gc
import hashlib
import importlib
import pkgutil
import queue
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc

from trapline import tabular
from trapline.errors import InputError, TraplineError
from trapline.events import Cell, EventBatch, EventBuilder, Layout
from trapline.ingest import eventbreak, eventtime, sources
from trapline.ingest.fieldset import Fields
from trapline.ingest.files import File, Limits, Skipped, walk
from trapline.ingest.lines import LINE_LIMIT, decode
from trapline.ingest.report import FileReport, IngestReport, SourceReport
from trapline.ingest.routing import Router
from trapline.ingest.source import SourceModule
from trapline.ingest.sources import csvfile
from trapline.ingest.sourcetypes import text_kind
from trapline.ingest.timestamps import MICROS
from trapline.knowledge.indextime import EventRules, IndexTime, built_in
from trapline.store import Portion, Store

PORTION_EVENTS = 60_000
"""Events in a portion of a file, at most. Fixed, for portions must be repeatable: after a change, do not go on with
what a run of an older version left half done."""
PLAIN = frozenset({"textlines", "keyvalue"})
"""Formats in which nothing but index-time settings tells where an event ends."""
KEY_VALUE = frozenset({None, "auto", "auto_escaped"})
"""What KV_MODE is where key=value pairs are fields."""
STRUCTURED = {"json": "jsonevents", "csv": "csvfile", "tsv": "csvfile", "psv": "csvfile", "w3c": "w3c"}
"""The format of each kind of INDEXED_EXTRACTIONS."""
HEADED = frozenset({"zeektsv"})
"""Formats whose header says more of them than INDEXED_EXTRACTIONS does."""
UNKNOWN_HOST = "unknown"
"""The host of events that name none, as Splunk always gives one: what groups by host must not lose them."""
PORTION_CHARS = 64 << 20
"""Characters of raw text after which a portion ends."""
APPEND_EVENTS = 120_000
"""Events waiting after which they are appended."""
APPEND_CHARS = 96 << 20


@dataclass(frozen=True, slots=True)
class Evidence:
    """A path and what its events are to be called, where that is not to come from their content."""

    path: str
    """A file, a folder, a glob, or - for standard input."""
    sourcetype: str | None = None
    source: str | None = None
    host: str | None = None
    index: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an ingest is. `disk`: bytes read of the user's files since the last call, `events` so far in all."""

    name: str
    disk: int
    events: int


@functools.cache
def formats() -> dict[str, SourceModule]:
    """The log sources by name: the modules of `ingest.sources`."""
    names = sorted(module.name for module in pkgutil.iter_modules(sources.__path__))
    return {name: cast("SourceModule", importlib.import_module(f"{sources.__name__}.{name}")) for name in names}


def format_of(head: bytes, name: str) -> str | None:
    """The name of the source that is surest about a file with this head, None if none knows it."""
    scores = [(-module.sniff(head, name), format_name) for format_name, module in formats().items()]
    best, found = min(scores)
    return found if best < 0 else None


def ingest(
    paths: Iterable[Evidence | str | Path],
    store: Store,
    *,
    index: str = "main",
    source: str | None = None,
    sourcetype: str | None = None,
    host: str | None = None,
    format: str | None = None,  # noqa: A002 (Splunk's and our option's word)
    again: bool = False,
    progress: Callable[[Progress], None] | None = None,
    limits: Limits | None = None,
    rules: IndexTime | None = None,
) -> IngestReport:
    """Read the files behind `paths` into the store and report on each.

    `rules`: the index-time settings of add-ons, None = those of the add-ons that come with Trapline. They hold for text
    whose sourcetype is given, or that a `[source::...]` stanza speaks of; formats that know where their events end
    (EVTX, event XML, JSON, ..) take only the rules of the time from them.

    `source`, `sourcetype`, `host` replace what the content says, unless an `Evidence` says its own. `format` is the
    name of a log source, instead of recognising it. A file whose content is in the index already is skipped unless
    `again`.

    Files that are not read, whatever the reason, are in the report. Raises TraplineError for an unknown format and what
    `Store.append` raises; what was appended before that stays.
    """
    if format is not None and format not in formats():
        near = difflib.get_close_matches(format, formats(), 1)
        raise TraplineError(
            f"unknown format '{format}'",
            hint=f"Did you mean '{near[0]}'?" if near else f"One of: {', '.join(formats())}.",
            code="format",
        )
    report = IngestReport()
    with _few_collections(), _Writer(store) as writer:
        intake = _Intake(store, writer, report, format, again, progress, rules or built_in())
        for one in paths:
            evidence = one if isinstance(one, Evidence) else Evidence(str(one))
            settings = _Settings(
                index=evidence.index or index,
                sourcetype=evidence.sourcetype or sourcetype,
                source=evidence.source or source,
                host=evidence.host or host,
            )
            for item in walk([evidence.path], limits):
                if isinstance(item, Skipped):
                    report.files.append(_skipped(item, settings.index))
                else:
                    report.files.append(intake.file(item, settings))
    report.seconds = time.monotonic() - report.started
    return report


@contextlib.contextmanager
def _few_collections() -> Iterator[None]:
    """Events are tuples and texts without cycles, by the million: looking for cycles among them every 700 objects takes
    a tenth of an ingest."""
    usual = gc.get_threshold()
    gc.set_threshold(100_000, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


@dataclass(frozen=True, slots=True)
class _Settings:
    index: str
    sourcetype: str | None = None
    source: str | None = None
    host: str | None = None

    def salt(self, rules: EventRules | None, routes: str) -> str:
        """Empty for the defaults; else tells portions apart that were made with other names or rules."""
        said = (self.sourcetype, self.source, self.host, rules.key if rules is not None else None, routes)
        if not any(one is not None for one in said[:4]) and not routes:
            return ""
        return "-" + hashlib.sha256(repr(said).encode()).hexdigest()[:12]


def _first_line(file: File) -> str:
    return decode(file.head.lstrip().split(b"\n", 1)[0])


def _skipped(item: Skipped, index: str) -> FileReport:
    return FileReport(name=item.name, index=index, skipped=item.reason, hint=item.hint, lost=item.lost)


class _Intake:
    def __init__(
        self,
        store: Store,
        writer: _Writer,
        report: IngestReport,
        format_name: str | None,
        again: bool,
        progress: Callable[[Progress], None] | None,
        rules: IndexTime,
    ) -> None:
        self._rules = rules
        self._store = store
        self._writer = writer
        self._report = report
        self._format = format_name
        self._again = again
        self._progress = progress
        self._met: dict[tuple[str, str], str] = {}
        self._told = 0
        self._events = 0

    def file(self, file: File, settings: _Settings) -> FileReport:
        """Read one file and hand its events to the writer."""
        report = FileReport(name=file.name, index=settings.index, bytes=file.size)
        started = time.monotonic()
        try:
            self._file(file, settings, report)
        finally:
            report.seconds = time.monotonic() - started
        self._events += report.events
        self._tell(file.name, file.disk - self._told, 0)
        self._told = 0
        return report

    def _file(self, file: File, settings: _Settings, report: FileReport) -> None:
        first = self._met.setdefault((settings.index, file.digest), file.name)
        if first is not file.name:
            report.skip("the same content as another file", hint=f"It was read as {first}.", lost=False)
            return
        known = self._store.seen(settings.index, file.digest)
        if known and not self._again:
            report.known = True
            report.skip("already ingested", hint="--again reads it once more.", lost=False)
            return
        rules = self._rules.rules(settings.sourcetype, settings.source or file.name, settings.host)
        if rules is not None and rules.sourcetype is not None and settings.sourcetype is None:
            settings = replace(settings, sourcetype=rules.sourcetype)
        structure = rules.structure if rules is not None else None
        if structure is not None and format_of(file.head, file.name) in HEADED:
            structure = None
        structured = STRUCTURED[structure.kind] if structure is not None else None
        format_name = self._format or structured or format_of(file.head, file.name)
        if format_name is None:
            report.skip("not recognised", hint="If it is a log, name its format with --format.")
            return
        told = settings.sourcetype is None and self._format is None and format_name in PLAIN
        if told:  # the lines tell their sourcetype, which may have rules
            rules = self._rules.rules(text_kind(_first_line(file)), settings.source or file.name, settings.host)
        report.format = format_name
        # A reading on purpose has portions of its own; one that goes on after a kill has those of the first time
        portions_id = (
            file.digest + settings.salt(rules, self._rules.routes) + (f"-{uuid.uuid4().hex}" if self._again else "")
        )
        sink = _FileSink(
            file,
            settings,
            report,
            self._writer,
            portions_id,
            lambda events, chars: self._tell_within(file, events, chars),
            self._rules,
        )
        if file.damage is not None:
            sink.bad(file.damage, f"byte {file.size}")
        for problem in rules.problems if rules is not None else ():
            sink.unfollowed(f"{problem.where}: {problem.reason}")
        if rules is not None and format_name in PLAIN and self._format is None:
            sink.escaped = rules.kv_mode == "auto_escaped"
            if rules.kv_mode == "multi":
                sink.tables = Fields(sink)
            elif format_name == "keyvalue" and rules.kv_mode not in KEY_VALUE:
                sink.bare = True
                sink.warn(f"KV_MODE = {rules.kv_mode}: key=value pairs are not taken apart")
        whole = False
        try:
            if rules is not None and format_name in PLAIN and self._format is None and (rules.lines or rules.time):
                sourcetype = settings.sourcetype or text_kind(_first_line(file))
                eventbreak.read(file, sink, rules, sourcetype, text_kind if told else None)
            else:
                time_rules = rules.time if rules is not None else None
                if structure is not None and structure.times:
                    sink.field_time = eventbreak.FieldTime(
                        structure.times, time_rules, file.mtime, sink, sink.unfollowed
                    )
                elif time_rules is not None:
                    sink.clock = eventbreak.EventTime(time_rules, file.mtime, sink)
                if structure is not None and format_name == structured == "csvfile":
                    csvfile.read(file, sink, structure)
                else:
                    formats()[format_name].read(file, sink)
            whole = True
        except InputError as error:
            report.error = error.reason
            report.hint = error.hint
        except TimeoutError:  # of a regular expression
            setting = "TIME_PREFIX" if sink.clock is not None else "a _REGEX setting"
            report.error = f"{setting} took too long on an event: the rest of the file was not read"
            report.hint = f"look at {setting} of the sourcetype in props.conf"
        except _DEFECTS as error:
            # One file must not cost the others: what a source did not foresee is reported as the defect it is
            report.error = f"defect while reading as {format_name}: {_where(error)}"
            report.hint = "Please report it, with the file if you may."
        sink.end()
        if report.events == 0 and report.error is None and not report.bad:
            report.skip("no events in it", lost=False)
        if whole:
            self._writer.finished(settings.index, file.digest, file.name, report.events)
            if self._again:
                self._writer.finished(settings.index, portions_id, file.name, report.events)

    def _tell_within(self, file: File, events: int, chars: int) -> None:
        """While a file is being read: about as many bytes of it are behind us as there are characters of events."""
        disk = min(file.disk, chars) - self._told
        self._told += disk
        self._tell(file.name, disk, events)

    def _tell(self, name: str, disk: int, events: int) -> None:
        if self._progress is not None:
            self._progress(Progress(name, disk, self._events + events))


_DEFECTS = (
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    RecursionError,
    OSError,
)


def _where(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    text = str(error)
    return f"{type(error).__name__}: {text[:200]}{place}"


class _FileSink:
    """The `Sink` of one file."""

    def __init__(
        self,
        file: File,
        settings: _Settings,
        report: FileReport,
        writer: _Writer,
        portions_id: str,
        tell: Callable[[int, int], None],
        rules: IndexTime,
    ) -> None:
        self._file = file
        self._settings = settings
        self._report = report
        self._writer = writer
        self._portions_id = portions_id
        self._tell = tell
        self._builder = EventBuilder()
        self._routed = EventBuilder()
        """Events that have all their names from the router."""
        self._router = Router(rules, self.unfollowed, host_given=settings.host is not None) if rules.routes else None
        self._unrouted: set[Layout] = set()
        self._serial = 0
        self._start = 0
        self._last_serial = PORTION_EVENTS - 1
        self._number = 0
        self._chars = 0
        self._last: int | None = None
        self.clock: eventbreak.EventTime | None = None
        """Finds the time in an event's text, before the one that the source found."""
        self.field_time: eventbreak.FieldTime | None = None
        """Finds the time in an event's fields, in place of the one that the source found."""
        self._sourcetype = ""
        """Of the event before, as the source module told it."""
        self.named = settings.sourcetype is not None
        self.escaped = False
        self.bare = False
        """Events are stored without the fields that the source found."""
        self.tables: Fields | None = None
        """Events are tables: a field is a column, with a value for each line that has one."""

    def add(
        self,
        names: tuple[str, ...],
        values: Sequence[Cell],
        *,
        time: int | None,
        raw: str,
        host: str | None,
        source: str | None,
        sourcetype: str,
        empties: bool = False,
    ) -> None:
        """See `source.Sink`."""
        if self.clock is not None:
            found = self.clock(raw)
            time = time if found is None else found
        if self.field_time is not None:
            time = self.field_time(names, values)
        if self.bare:
            names, values = (), ()
        if self.tables is not None:
            names, values = self.tables.of(pair for _, cells in tabular.rows(raw) for pair in cells.items())
        builder = self._builder
        self._sourcetype = sourcetype
        source = source or self._file.name
        if self._router is not None:
            given = self._settings
            origin = (given.sourcetype or sourcetype, given.source or source, given.host or host or UNKNOWN_HOST)
            kept = self._router(raw, origin)
            if kept is None:
                return
            if kept != origin:
                named = host is not None or given.host is not None or kept[2] != origin[2]
                sourcetype, source, host = kept[0], kept[1], kept[2] if named else None
                builder = self._routed
        builder.add(
            names,
            values,
            time=time,
            serial=self._serial,
            raw=raw,
            host=host,
            source=source,
            sourcetype=sourcetype,
            empties=empties,
        )
        self._serial += 1
        if self._size >= PORTION_CHARS or self._serial > self._last_serial:
            self._cut()

    def put(self, layout: Layout, texts: Sequence[str | None], raw: str) -> None:
        """See `source.Sink`."""
        serial = self._serial
        self._serial = serial + 1
        self._sourcetype = layout.sourcetype
        if self._router is not None and layout not in self._unrouted:
            self._tell_unrouted(layout)
        if self._builder.put(layout, texts, serial=serial, raw=raw) >= PORTION_CHARS or serial >= self._last_serial:
            self._cut()

    def bad(self, reason: str, where: str, count: int = 1) -> None:
        """See `source.Sink`."""
        self._report.add_bad(reason, where, count)

    def keep(self, raw: str, reason: str, where: str, sourcetype: str) -> None:
        """See `source.Sink`. The time is that of the text, by the rules of its sourcetype."""
        if len(raw) > LINE_LIMIT:
            self.bad(f"record longer than {LINE_LIMIT // 2**20} MiB", where)
            return
        self._report.add_kept(reason, where)
        found = eventtime.find(raw, self._file.mtime) if self.clock is None else None
        field_time, self.field_time = self.field_time, None
        self.add(
            (),
            (),
            time=found[0] if found is not None else None,
            raw=raw,
            host=None,
            source=None,
            sourcetype=self._sourcetype or sourcetype,
        )
        self.field_time = field_time

    def warn(self, reason: str) -> None:
        """See `source.Sink`."""
        self._report.warn(reason)

    def unfollowed(self, reason: str) -> None:
        """A setting of an add-on is not followed, or not for all events."""
        self._report.unfollowed[reason] = None
        self._report.warn(reason)

    def end(self) -> None:
        """The file is read: hand over the rest."""
        if self._router is not None:
            self._router.end()
        if len(self._builder) or len(self._routed):
            self._cut()

    @property
    def _size(self) -> int:
        return self._builder.size + self._routed.size

    def _tell_unrouted(self, layout: Layout) -> None:
        """Events that become columns many at a time are called what their source module says."""
        self._unrouted.add(layout)
        given = self._settings
        assert self._router is not None
        sourcetype = given.sourcetype or layout.sourcetype
        found = self._router.routing((sourcetype, given.source or self._file.name, given.host or UNKNOWN_HOST))
        for route in found.routes:
            reason = f"{route.place}: the transform [{route.name}] is not applied to Windows event XML"
            self._report.unfollowed[reason] = None
            self._report.warnings[reason] = 1

    def _cut(self) -> None:
        chars = self._size
        batches = [self._named(batch, self._settings) for batch in self._builder.flush()]
        batches += [self._named(batch, _Settings(self._settings.index)) for batch in self._routed.flush()]
        batches = self._timed(batches)
        self._account(batches)
        self._writer.portion(self._settings.index, Portion(self._portions_id, self._number, batches), chars)
        self._number += 1
        self._start = self._serial
        self._last_serial = self._serial + PORTION_EVENTS - 1
        self._chars += chars
        self._tell(self._serial, self._chars)

    def _named(self, batch: EventBatch, settings: _Settings) -> EventBatch:
        """The batch with the names that the user gave, and the file's name as the source of what has none."""
        table = batch.table
        if settings.host is not None:
            table = _replaced(table, "host", pa.repeat(pa.scalar(settings.host), table.num_rows))
        elif table.column("host").null_count:
            self._report.warnings["events name no host: it is 'unknown' unless --host says it"] = 1
            table = _replaced(table, "host", pc.fill_null(table.column("host"), UNKNOWN_HOST))
        if settings.source is not None:
            table = _replaced(table, "source", pa.repeat(pa.scalar(settings.source), table.num_rows))
        elif table.column("source").null_count:
            table = _replaced(table, "source", pc.fill_null(table.column("source"), self._file.name))
        return EventBatch(settings.sourcetype or batch.sourcetype, table)

    def _timed(self, batches: list[EventBatch]) -> list[EventBatch]:
        """Events without a time get that of the event before them, the first ones that of the file."""
        missing = sum(batch.table.column("_time").null_count for batch in batches)
        if missing == 0:
            newest = max(batches, key=lambda batch: batch.table.column("_serial")[-1].as_py())
            self._last = newest.table.column("_time").cast(pa.int64())[-1].as_py()
            return batches
        self._report.untimed += missing
        serial = pa.chunked_array([chunk for one in batches for chunk in one.table.column("_serial").chunks])
        times = pa.chunked_array([chunk for one in batches for chunk in one.table.column("_time").chunks])
        ordered = times.take(pc.sort_indices(serial)).combine_chunks()
        before = self._last if self._last is not None else int(self._file.mtime * 1_000_000)
        filled = pc.fill_null(pc.fill_null_forward(ordered), pa.scalar(before, pa.int64()).cast(MICROS))
        self._last = filled.cast(pa.int64())[-1].as_py()
        timed = []
        for batch in batches:
            places = pc.subtract(batch.table.column("_serial"), self._start)
            timed.append(replace(batch, table=_replaced(batch.table, "_time", filled.take(places))))
        return timed

    def _account(self, batches: list[EventBatch]) -> None:
        """Count events and times per source."""
        for batch in batches:
            source = batch.table.column("source")
            micros = batch.table.column("_time").cast(pa.int64())
            names = pc.unique(source).to_pylist()
            for name in names:
                times = micros if len(names) == 1 else micros.filter(pc.equal(source, name))
                range_ = pc.min_max(times).as_py()
                part = SourceReport(batch.sourcetype, name, len(times), range_["min"], range_["max"])
                self._report.add_source(part)


def _replaced(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, column)


@dataclass(slots=True)
class _Append:
    """What goes to the store in one go: portions, then the files that are whole with them."""

    index: str
    portions: list[Portion] = field(default_factory=list)
    finished: list[tuple[str, str, int]] = field(default_factory=list)
    events: int = 0
    chars: int = 0


class _Writer:
    """Appends to the store in a thread of its own, at most one append waiting. As a context manager: at the end all is
    written, unless the block was left by an error; then what is not yet written is dropped."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pending: dict[str, _Append] = {}
        self._queue: queue.Queue[_Append | None] = queue.Queue(maxsize=1)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="trapline-writer", daemon=True)

    def __enter__(self) -> _Writer:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            for append in self._pending.values():
                self._submit(append)
        elif self._error is None:
            self._error = _StoppedError()
        self._queue.put(None)
        self._thread.join()
        if kind is None:
            self._check()

    def portion(self, index: str, portion: Portion, chars: int) -> None:
        append = self._pending.setdefault(index, _Append(index))
        append.portions.append(portion)
        append.events += sum(batch.table.num_rows for batch in portion.batches)
        append.chars += chars
        if append.events >= APPEND_EVENTS or append.chars >= APPEND_CHARS:
            self._submit(self._pending.pop(index))

    def finished(self, index: str, file_id: str, label: str, events: int) -> None:
        """All portions of a file were handed over."""
        self._pending.setdefault(index, _Append(index)).finished.append((file_id, label, events))

    def _submit(self, append: _Append) -> None:
        self._check()
        self._queue.put(append)

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while (append := self._queue.get()) is not None:
            if self._error is not None:
                continue
            try:
                if append.portions:
                    self._store.append(append.index, append.portions)
                for file_id, label, events in append.finished:
                    self._store.finish(append.index, file_id, label, events)
            except BaseException as error:
                self._error = error


class _StoppedError(Exception):
    """The reading thread failed; the writing one is not to begin anything new."""
