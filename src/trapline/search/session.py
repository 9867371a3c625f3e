"""SPL and a time range in, rows out: the one path for the command line, hunts, the scheduler and the tests."""

from __future__ import annotations

import atexit
import time
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields
from datetime import UTC
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trapline.engines.emptiness import Kept as HeldRows
from trapline.errors import SplError, TraplineWarning, Warn
from trapline.explain import Explanation, explain
from trapline.knowledge import Knowledge
from trapline.knowledge.datamodels import DataModel
from trapline.knowledge.kept import Kept
from trapline.knowledge.macros import Macro
from trapline.knowledge.parsed import Parsed
from trapline.knowledge.sharing import Sharing, Use, planned
from trapline.narrow import by_arrival, by_minute, looked_at
from trapline.plan import (
    Col,
    Node,
    Rows,
    Table,
)
from trapline.rows import rows_from, rows_of
from trapline.search.context import DependsOnRowsError, Prepared, SearchContext
from trapline.search.looking import Asking
from trapline.search.visible import micros
from trapline.spl.command import Pipeline, Places
from trapline.spl.commands.fields import Fields as FieldsCommand
from trapline.spl.commands.table import Table as TableCommand
from trapline.spl.limits import Limits
from trapline.spl.lookups import Lookup
from trapline.spl.origin import trace
from trapline.spl.scan import RETYPE, deceptive
from trapline.times import time_bound, zone
from trapline.values import Kind, Row
from trapline.wide import scan_of

if TYPE_CHECKING:
    from trapline.engines.duckdb import DuckDB, Output

ELSEWHEN = 371 * 86_400 + 3_661.0
"""Seconds to another time, of another day, month and year."""


@dataclass(frozen=True, slots=True)
class Result:
    """Rows in order; a null field is an absent key. `fields` is the column order. `shown`: the rows as a person sees
    them, where fieldformat says so; None where that is how they are."""

    fields: tuple[str, ...]
    rows: list[Row]
    warnings: tuple[Warn, ...] = ()
    shown: list[Row] | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A search that is to be run, as `Session.run` takes it."""

    spl: str
    earliest: str | float | None = None
    latest: str | float | None = None
    now: float | None = None


@dataclass(frozen=True, slots=True)
class Arrivals:
    """So many events of a minute came to the store at a moment: epoch seconds both, the moment to the microsecond."""

    minute: float
    arrived: float
    count: int


Writer = Callable[[str, Sequence[Row]], None]
"""Puts events into an index, for `collect`: rows with `_time` (epoch seconds), `_raw`, host, source, sourcetype."""


@cache
def default_engine() -> DuckDB:
    """The engine of this process, made at first use."""
    from trapline.engines.duckdb import DuckDB

    engine = DuckDB()
    atexit.register(engine.close)
    return engine


@dataclass(slots=True)
class Session:
    """Where searches run: event tables (of a store snapshot) or given rows, with the knowledge that applies to them.

    `macros` maps "name" or "name(2)" to the macro. `lookups` and `datamodels` as in spl/NOTES.md §1. With `store`,
    given rows are also what subsearches and generating commands read. `knowledge` is search-time knowledge of tables,
    None = that of the add-ons that come with Trapline; given rows are as they are.

    `tz` is the time zone of days, clocks and times without one, by its IANA name. `limits` are Splunk's caps.
    `saved_searches` maps a name to its search, `jobs` an id (or user:app:name) to the rows that loadjob gives. `folder`
    is where inputcsv, outputcsv and their like may read and write files; `writer` is where collect puts events. Without
    them these commands are refused. outputlookup writes CSV files into `folder`, else into `kept`, the user's own
    tables; without either its tables live as long as the session. `models` are what apply runs: see knowledge.models.
    `geoip` is what iplocation asks: a MaxMind file, or a function from an address to its record. `parsed`: searches as
    taken apart, for sessions with the same macros to share.
    """

    tables: Sequence[Table] = ()
    events: Sequence[Mapping[str, Any]] | None = None
    macros: Mapping[str, Macro] = field(default_factory=dict)
    lookups: Mapping[str, Any] = field(default_factory=dict)
    datamodels: Mapping[str, Any] = field(default_factory=dict)
    store: bool = False
    engine: DuckDB | None = None
    knowledge: Knowledge | None = None
    tz: str = "UTC"
    limits: Limits = field(default_factory=Limits)
    saved_searches: Mapping[str, str] = field(default_factory=dict)
    jobs: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    folder: Path | None = None
    kept: Kept | None = None
    writer: Writer | None = None
    models: Mapping[str, Any] = field(default_factory=dict)
    geoip: Path | Places | None = None
    parsed: Parsed | None = None
    # `tables` may be set to others between two searches: what was made ready over those that stay is kept.
    _given: Rows | None = None
    _tables: dict[str, Lookup] = field(default_factory=dict)
    """Lookup tables as read, and those that outputlookup made."""
    _made: set[str] = field(default_factory=set)
    """The names of the latter."""
    _datamodels: dict[str, DataModel] = field(default_factory=dict)
    _templates: dict[object, Prepared] = field(default_factory=dict)
    """Datasets made ready."""
    _sharing: Sharing | None = None
    _folded: Kept | None = None
    _pipelines: dict[str, Pipeline] = field(default_factory=dict)
    """The searches of a batch as parsed."""

    @property
    def own_lookups(self) -> Kept | None:
        """The lookup tables of the user's own, those in `folder` before others."""
        if self.folder is None:
            return self.kept
        if self._folded is None or self._folded.folders[0] != self.folder:
            kept = self.kept
            self._folded = Kept((self.folder, *(kept.folders if kept else ())), kept.database if kept else None)
        return self._folded

    def elsewhere(self) -> Session:
        """The same session for another process: what was read and made so far stays here."""
        settings = {one.name: getattr(self, one.name) for one in fields(self) if not one.name.startswith("_")}
        kept = None if self.kept is None else Kept(self.kept.folders, self.kept.database, self.kept.writes)
        return Session(**settings | {"engine": None, "kept": kept, "parsed": None})

    def run(
        self,
        spl: str,
        *,
        earliest: str | float | None = None,
        latest: str | float | None = None,
        now: float | None = None,
    ) -> Result:
        """Run a search.

        `earliest`/`latest`: epoch seconds or Splunk time modifiers ("-70m@m"), earliest inclusive, latest exclusive,
        None = unbounded; a bound in the search itself takes their place. `now`: epoch seconds that now() and relative
        times count from, default the clock. Raises SplError, EngineError.
        """
        context, pipeline = self._open(spl, earliest, latest, now)
        context.writes = True
        try:
            node = context.plans(pipeline)[-1]
            found = None if context.formats else context.whole(node)
            shown = None
            if found is None:
                output = context.run(node)
                shown = context.shown(output)
                found = rows_of(output)
        except SplError as error:
            raise error.locate(pipeline.text, expanded=pipeline.text != spl) from None
        fields, rows = found
        named = _columns(pipeline, node)
        if named is not None:
            seen = named.union(*rows)
            fields = tuple(name for name in fields if name in seen)
        return Result(fields, rows, tuple(context.warnings.items), shown)

    def explain(
        self,
        spl: str,
        *,
        earliest: str | float | None = None,
        latest: str | float | None = None,
        now: float | None = None,
        stages: Sequence[int] = (),
    ) -> Explanation:
        """Rows after every stage; where none are left, the clause that removed the last ones. The conditions of the
        `stages` asked for (counted from 0) are taken apart too. Raises as `run`."""
        context, pipeline = self._open(spl, earliest, latest, now)
        try:
            return explain(context, pipeline, trace(spl, context.macros), stages)
        except SplError as error:
            raise error.locate(pipeline.text, expanded=pipeline.text != spl) from None

    def sql(
        self,
        spl: str,
        *,
        earliest: str | float | None = None,
        latest: str | float | None = None,
        now: float | None = None,
        pretty: bool = True,
    ) -> str:
        """The engine's query of a search, for people (`pretty`) or as it runs. Raises as `run`."""
        context, pipeline = self._open(spl, earliest, latest, now)
        try:
            return context.engine.sql(context.plans(pipeline)[-1], pretty=pretty, tz=self.tz)
        except SplError as error:
            raise error.locate(pipeline.text, expanded=pipeline.text != spl) from None

    def compile(self, spl: str) -> tuple[Warn, ...]:
        """What is doubtful about a search, told without running it. Raises as `run`."""
        context, pipeline = self._open(spl, None, None, None)
        try:
            context.plans(pipeline)
        except SplError as error:
            raise error.locate(pipeline.text, expanded=pipeline.text != spl) from None
        return tuple(context.warnings.items)

    def minutes(self, spl: str, earliest: float, latest: float) -> frozenset[float] | None:
        """The minutes (epoch seconds) of a time range that hold an event which the search looks at: over a part of the
        range without such a minute it gives no row, and need not be run. None where that cannot be said beforehand: it
        depends on the time of the run, on a subsearch or a lookup, or rows come without events. Raises as `run`."""
        found = self._looked_at(spl, earliest, latest)
        if found is None:
            return None
        rows = [row for one in found for row in rows_of(self._executed(by_minute(one)))[1]]
        return frozenset(float(str(row["minute"])) for row in rows if "minute" in row)

    def arrivals(self, spl: str, earliest: float, latest: float, since: float) -> list[Arrivals] | None:
        """The events of a time range that a search looks at and that came to the store since a moment. None where that
        cannot be said (`minutes`). Times are epoch seconds. Raises as `run`."""
        found = self._looked_at(spl, earliest, latest)
        if found is None:
            return None
        from trapline.plan import Filter as Matching
        from trapline.plan import call, number

        came = [Matching(one, call("ge", Kind.BOOL, Col("_indextime", Kind.NUMBER), number(since))) for one in found]
        rows = [row for one in came for row in rows_of(self._executed(by_minute(one, arrived=True)))[1]]
        return [
            Arrivals(float(str(row["minute"])), float(str(row["arrived"])), int(float(str(row["count"]))))
            for row in rows
            if "minute" in row
        ]

    def origins(self, spl: str) -> frozenset[float] | None:
        """When those events came to the store that a search over all time looks at: `_indextime`, epoch seconds. Over a
        store with none of the events that came at these moments it gives no row. None where that cannot be said
        (`minutes`). Raises as `run`."""
        found = self._looked_at(spl, None, None)
        if found is None:
            return None
        rows = [row for one in found for row in rows_of(self._executed(by_arrival(one)))[1]]
        return frozenset(float(str(row["arrived"])) for row in rows)

    def _executed(self, node: Node) -> Output:
        return (self.engine or default_engine()).execute(node, tz="UTC" if zone(self.tz) is UTC else self.tz)

    def _looked_at(self, spl: str, earliest: float | None, latest: float | None) -> list[Node] | None:
        asked: list[list[Node]] = []
        texts: set[tuple[str, ...]] = set()
        instant = time.time() if latest is None else latest
        for now in (instant, instant + ELSEWHEN):
            context, pipeline = self._open(spl, earliest, latest, now)
            looking = Asking(context, clock=now)
            low, high = micros(context.earliest), micros(context.latest)
            node = looking.reading(pipeline)
            found = None if node is None else looked_at(node, low, high, _are_events)
            if found is None:
                return None
            asked.append(found)
            try:
                texts.add(tuple(context.engine.sql(by_minute(one), pretty=False, tz=context.zone) for one in found))
            except DependsOnRowsError:
                return None
        if len(texts) > 1:
            return None  # what it looks at depends on the time of the run
        return asked[0]

    def parse(self, spl: str) -> Pipeline:
        """A search taken apart, its macros expanded as in a run. Raises SplError."""
        return self._open(spl, None, None, None)[1]

    def _open(
        self, spl: str, earliest: str | float | None, latest: str | float | None, now: float | None
    ) -> tuple[SearchContext, Pipeline]:
        clock = time.time()
        instant = clock if now is None else float(now)
        context = SearchContext(
            self,
            self.engine or default_engine(),
            instant,
            clock,
            time_bound(earliest, instant, what="earliest", tz=zone(self.tz)) or None,
            time_bound(latest, instant, what="latest", tz=zone(self.tz)),
        )
        context.engine.doubts.take()  # of a search that failed
        pipeline = self._parsed(spl, context)
        for _, what in deceptive(pipeline.text):
            context.warnings.add("characters", f"the search holds {what}", hint=RETYPE)
        return context, pipeline

    def _parsed(self, spl: str, context: SearchContext) -> Pipeline:
        own = self._pipelines.get(spl)
        if own is not None or self.parsed is None:
            return own or context.parse(spl)
        over = (self.macros, self.knowledge)
        found = self.parsed.get(spl, over)
        if found is None:
            found = context.parse(spl)
            if not context.evaluated:
                self.parsed.put(spl, over, found)
        return found

    @contextmanager
    def share(
        self,
        queries: Iterable[Query],
        *,
        progress: Callable[[int, int, str], None] | None = None,
        more: Collection[str] = (),
    ) -> Iterator[Sharing]:
        """Searches that will be run: what they read of data models more than once is read once and kept, while this
        lasts. A search that is not among them, or differs, runs as ever; so does one that cannot be read.

        `progress`: (how many datasets are done, of how many, the one at hand). `more`: fields that are kept of them
        although no search reads them. Not to be nested.
        """
        sharing = Sharing()
        if self.events is not None or not self.tables:
            yield sharing
            return
        uses: list[Use] = []
        asked: SearchContext | None = None
        for query in queries:
            with suppress(Exception):  # it says so itself, when it is run; the others go on
                asked, pipeline = self._open(query.spl, query.earliest, query.latest, query.now)
                self._pipelines[query.spl] = pipeline
                uses += asked.uses(pipeline)
        wanted = planned(uses)
        try:
            for number, one in enumerate(wanted):
                if progress is not None:
                    progress(number, len(wanted), one.name)
                assert asked is not None
                if asked.prepare(one, more):
                    sharing.put(one)
            self._sharing = sharing
            yield sharing
        finally:
            self._sharing = None
            self._pipelines = {}
            sharing.clear(self.engine or default_engine())

    def given(self) -> Rows:
        """The given events as a plan."""
        if self._given is None:
            self._given = rows_from(self.events or ())
        return self._given


def _columns(pipeline: Pipeline, node: Node) -> frozenset[str] | None:
    """The fields that are columns of a result although no row has them, where that goes by the rows: none of events as
    they are, those that the last `table` or `fields` names itself beside a pattern. None where the plan says which
    columns there are."""
    for stage in reversed(pipeline.stages):
        match stage.command:
            case TableCommand(names=names) | FieldsCommand(names=names, remove=False):
                own = frozenset(name.text for name in names if not name.wild)
                return own if any(name.wild for name in names) else None
        if stage.name not in _SAME_FIELDS:
            break
    fixed = any(
        isinstance(one.command, TableCommand) or (isinstance(one.command, FieldsCommand) and not one.command.remove)
        for one in pipeline.stages
    )
    return None if fixed or scan_of(node) is None else frozenset()


_SAME_FIELDS = frozenset({"dedup", "head", "reverse", "search", "sort", "tail", "where"})


def _are_events(rows: Rows) -> bool:
    """Are they of a shared dataset, with the moments at which they came?"""
    return isinstance(rows.data, HeldRows) and "_indextime" in rows.schema


def search(
    spl: str,
    events: Iterable[Mapping[str, Any]] = (),
    *,
    now: float | None = None,
    macros: Mapping[str, Any] | None = None,
    lookups: Mapping[str, Any] | None = None,
    datamodels: Mapping[str, Any] | None = None,
    store: bool = False,
) -> list[Row]:
    """Run SPL over rows in memory: the entry for notebooks and the conformance suite.

    `spl` in the forms of spl/NOTES.md §1 (first command after the initial search, an implied search, or a generating
    command). `macros` maps "name(2)" to {"args": "a,b", "definition": "..."}; `store`: subsearches and generating
    commands read `events` too. What is doubtful about the result, a cap that cut it for one, is a TraplineWarning;
    `Session.run` gives all of it with the result. Raises SplError, EngineError.
    """
    known = {key: as_macro(key, value) for key, value in (macros or {}).items()}
    session = Session(
        events=list(events), macros=known, lookups=lookups or {}, datamodels=datamodels or {}, store=store
    )
    result = session.run(spl, now=now)
    for one in result.warnings:
        warnings.warn(str(one), TraplineWarning, stacklevel=2)
    return result.rows


def as_macro(key: str, value: Mapping[str, Any] | Macro | str) -> Macro:
    """A macro from its JSON form: {"definition": "...", "args": "a,b", "iseval": true, "validation": "...",
    "errormsg": "..."}, or the definition alone."""
    if isinstance(value, Macro):
        return value
    if isinstance(value, str):
        return Macro(key, value)
    args = value.get("args") or ()
    names = args.split(",") if isinstance(args, str) else args
    iseval = str(value.get("iseval", "")).lower() in ("1", "true")
    said = str(value.get("validation") or ""), str(value.get("errormsg") or "")
    return Macro(key, str(value["definition"]), tuple(str(name).strip() for name in names), iseval, *said)
