"""SPL and a time range in, rows out: the one path for the command line, hunts, the scheduler and the tests."""

from __future__ import annotations

import atexit
import time
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, tzinfo
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from trapline.engines.emptiness import Kept as HeldRows
from trapline.errors import EngineError, InputError, SplError, TraplineError, TraplineWarning, Warn, Warnings
from trapline.explain import Explanation, explain
from trapline.knowledge import Knowledge, datamodels, lookups, models
from trapline.knowledge.bind import Bound
from trapline.knowledge.datamodels import DataModel
from trapline.knowledge.datasets import Source, Template, bind, template
from trapline.knowledge.kept import Kept
from trapline.knowledge.macros import Macro as Macro
from trapline.knowledge.modeltext import search_text
from trapline.knowledge.parsed import Parsed
from trapline.knowledge.settled import groups, settled
from trapline.knowledge.sharing import Shared, Sharing, Use, fields_read, make, planned, readers
from trapline.narrow import by_arrival, by_minute, looked_at, narrow
from trapline.plan import (
    DEEP,
    FILE,
    PLACE,
    ROW,
    Agg,
    Aggregate,
    Col,
    Expanded,
    Expr,
    Extend,
    Limit,
    Node,
    Project,
    Rows,
    Scan,
    Schema,
    Table,
    Union,
    depth,
    only,
)
from trapline.rows import kept_rows, rows_from, rows_of
from trapline.spl.command import Model, Pipeline, Places, Stage, is_generating, takes_rows
from trapline.spl.commands.fields import Fields as FieldsCommand
from trapline.spl.commands.table import Table as TableCommand
from trapline.spl.constant import text_of, validity_of
from trapline.spl.datasets import Dataset
from trapline.spl.evaluate import Env, as_text
from trapline.spl.expr import Ast
from trapline.spl.filter import And as FilterAnd
from trapline.spl.filter import Compare, Filter, Not, OneOf, time_range
from trapline.spl.filter import Or as FilterOr
from trapline.spl.keeping import Put, keeps, still_there, table_after
from trapline.spl.limits import Limits
from trapline.spl.lookups import Lookup, filtered
from trapline.spl.macros import Evaluated, expand
from trapline.spl.macros import Macro as AnyMacro
from trapline.spl.origin import trace
from trapline.spl.parser import parse
from trapline.times import time_bound, zone
from trapline.values import Kind, Row
from trapline.wide import SOURCE, Place, late, portions, scan_of

if TYPE_CHECKING:
    from trapline.engines.duckdb import DuckDB, Output

T = TypeVar("T")

INTERNAL_INDEXES = ("risk", "notable")
"""Indexes that a search sees only when it names them (as do those whose name starts with `_`)."""


WIDE = 100
"""A result with more fields than this is first asked whether it has a row: most detections find nothing, and the
question reads only what their conditions read."""


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
class _Prepared:
    """A dataset made ready for searches over the same tables with the same macros."""

    template: Template
    bound: Bound
    warnings: tuple[Warn, ...]
    over: tuple[object, ...]
    """What it holds for: macros, knowledge, data model."""
    seen: tuple[tuple[Filter | None, tuple[Table, ...]], ...]
    """And the tables that its searches see."""

    def holds(self, session: Session, over: tuple[object, ...]) -> bool:
        """Is it still what it would be if it were made anew? Tables that it does not see may have changed."""
        if any(one is not other for one, other in zip(self.over, over, strict=True)):
            return False
        return all(_seen(session, tree) == tables for tree, tables in self.seen)


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
    _templates: dict[object, _Prepared] = field(default_factory=dict)
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
            looking = _Asking(context, clock=now)
            low, high = _micros(context.earliest), _micros(context.latest)
            node = looking.reading(pipeline)
            found = None if node is None else looked_at(node, low, high, _are_events)
            if found is None:
                return None
            asked.append(found)
            try:
                texts.add(tuple(context.engine.sql(by_minute(one), pretty=False, tz=context.zone) for one in found))
            except _DependsOnRowsError:
                return None
        if len(texts) > 1:
            return None  # what it looks at depends on the time of the run
        return asked[0]

    def parse(self, spl: str) -> Pipeline:
        """A search taken apart, its macros expanded as in a run. Raises SplError."""
        return self._open(spl, None, None, None)[1]

    def _open(
        self, spl: str, earliest: str | float | None, latest: str | float | None, now: float | None
    ) -> tuple[_Context, Pipeline]:
        clock = time.time()
        instant = clock if now is None else float(now)
        context = _Context(
            self,
            self.engine or default_engine(),
            instant,
            clock,
            time_bound(earliest, instant, what="earliest", tz=zone(self.tz)) or None,
            time_bound(latest, instant, what="latest", tz=zone(self.tz)),
        )
        context.engine.doubts.take()  # of a search that failed
        return context, self._parsed(spl, context)

    def _parsed(self, spl: str, context: _Context) -> Pipeline:
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
        asked: _Context | None = None
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


@dataclass(frozen=True, slots=True)
class _Beside:
    """A place where rows come to stand beside others, which have these fields."""

    schema: Schema


_Later = tuple[Stage | _Beside, ...]
"""What rows go through."""


class _Context:
    """The surroundings of one search: see spl.command.Context."""

    def __init__(
        self,
        session: Session,
        engine: DuckDB,
        now: float,
        clock: float,
        earliest: float | None,
        latest: float | None,
    ) -> None:
        self.session = session
        self.engine = engine
        self._now = now
        self._clock = clock
        self._lasting = True
        """What was lowered depends on nothing but the events: neither on the time nor on rows looked at."""
        self.earliest = earliest
        self.latest = latest
        self.warnings = Warnings()
        self.delimiters: dict[str, str] = {}
        self.filled = 0
        self.formats: dict[str, Ast] = {}
        self.tz: tzinfo = zone(session.tz)
        # The engine knows one name of UTC.
        self.zone = "UTC" if self.tz is UTC else session.tz
        self.limits = session.limits
        self.folder = session.folder
        self.sid = f"{clock:.6f}"
        self.writes = False
        """Only a run may change what others see; explain and sql look."""
        self._depth = 0
        self._macros: Mapping[str, AnyMacro] | None = None
        self.evaluated = False
        """A macro that has to be evaluated was looked up: the text of the search may differ the next time."""
        self._later: _Later | None = None
        """The stage that is being lowered and all that come after it; None in a search within a search."""
        self._seen: list[tuple[Filter | None, tuple[Table, ...]]] = []
        """Which tables were seen, by the search expressions that saw them."""

    @property
    def now(self) -> float:
        self._lasting = False
        return self._now

    @property
    def clock(self) -> float:
        self._lasting = False
        return self._clock

    # --- plans

    def plans(
        self,
        pipeline: Pipeline,
        *,
        nested: bool = False,
        source: Node | None = None,
        later: _Later | None = (),
    ) -> list[Node]:
        """The plan after each stage, the first one over `source` if there is one. `later`: what its rows go through
        after its own stages, None = not known."""
        nodes: list[Node] = []
        outer = self._later
        try:
            for place, stage in enumerate(pipeline.stages):
                self._later = None if later is None else (*pipeline.stages[place:], *later)
                node = self._stage(stage, nodes[-1] if nodes else source, nested)
                nodes.append(self._settled(node) if depth(node) > DEEP else node)
        finally:
            self._later = outer
        return nodes

    def _settled(self, node: Node) -> Node:
        """The rows of a plan that has grown too deep to go on with."""
        return kept_rows(self.run(node), keep=True)

    def read_later(self, schema: Schema) -> frozenset[str] | None:
        return None if self._later is None else self._read_by(self._later[1:], schema)

    def _read_by(self, stages: _Later, schema: Schema) -> frozenset[str] | None:
        """Which fields of rows with this schema some stages read; None where that depends on the rows."""
        if len(schema) <= WIDE:
            return None
        read: set[str] = set()
        looking = _Reading(self)
        node: Node = _noting(schema, read)
        try:
            for stage in stages:
                if isinstance(stage, _Beside):
                    node = Union((Scan(stage.schema, ()), node))
                else:
                    node = looking._stage(stage, node, nested=False)
                if depth(node) > DEEP:
                    node = looking.materialise(node)
            self.engine.sql(node, pretty=False, tz=self.zone)
            for part, needed in reversed(looking.parts):
                self.engine.sql(only(part, needed), pretty=False, tz=self.zone)
        except (TraplineError, _DependsOnRowsError):
            return None
        return frozenset(read)

    def _stage(self, stage: Stage, source: Node | None, nested: bool) -> Node:
        command = stage.command
        try:
            if source is None and is_generating(command) and (stage.piped or nested or not takes_rows(command)):
                return command.generate(self)
            if not takes_rows(command):
                raise SplError(f"{stage.name} is a generating command and cannot read rows", code="syntax")
            if source is None:
                tree = getattr(command, "tree", None)
                source = self._events(tree, nested)
            return command.lower(self, source)
        except SplError as error:
            if error.span is None:
                error.span = stage.span
            raise

    def _events(self, tree: Filter | None, nested: bool) -> Node:
        """The events that a first command reads."""
        if self.session.events is not None or not self.session.tables:
            if nested and not self.session.store:
                return rows_from(())
            if tree is not None and not nested:
                # Times in the search are its time range, for what looks at that: timechart, addinfo.
                stated = time_range(tree, self)
                self.earliest = stated.earliest if stated.earliest is not None else self.earliest
                self.latest = stated.latest if stated.latest is not None else self.latest
            return self.session.given()
        earliest, latest = self.earliest, self.latest
        if tree is not None:
            stated = time_range(tree, self)
            earliest = stated.earliest if stated.earliest is not None else earliest
            latest = stated.latest if stated.latest is not None else latest
        tables = _seen(self.session, tree)
        self._seen.append((tree, tables))
        bound = self.knowledge().bind(tables, _schema(tables), self)
        return Scan(bound.schema, tables, _micros(earliest), _micros(latest), bound.expander(self))

    def events(self, tree: Filter | None = None) -> Node:
        return self._events(tree, nested=False)

    def lower(self, pipeline: Pipeline, source: Node | None = None) -> Node:
        return self.plans(pipeline, nested=True, source=source, later=None)[-1]

    def beside(self, pipeline: Pipeline, source: Node) -> Node:
        later = None if self._later is None else (_Beside(source.schema), *self._later[1:])
        return Union((source, self.plans(pipeline, nested=True, source=source, later=later)[-1]))

    def parse(self, text: str) -> Pipeline:
        return parse(text, self.macros if "`" in text else {})

    def inner(self, pipeline: Pipeline, what: str) -> Node:
        if self._depth >= self.limits.nesting:
            raise SplError(f"{what}: searches start one another more than {self.limits.nesting} deep", code="nesting")
        self._depth += 1
        try:
            return self.plans(pipeline, nested=True, later=None)[-1]
        except SplError as error:
            raise error.locate(pipeline.text) from None
        finally:
            self._depth -= 1

    def saved_search(self, name: str) -> str | None:
        return self.session.saved_searches.get(name) or self.knowledge().saved_searches.get(name)

    def job(self, name: str) -> Node | None:
        rows = self.session.jobs.get(name)
        return None if rows is None else rows_from(rows)

    def write_events(self, index: str, rows: Sequence[Row]) -> None:
        if self.session.writer is None:
            raise SplError(
                f"nothing was collected: this search cannot write to the index '{index}'",
                hint="trapline search writes to its --store, not with --data; testmode=true shows what it would write",
                code="collect",
            )
        if self.writes and rows:
            self.session.writer(index, rows)

    def read_file(self, name: str) -> tuple[Sequence[Row], Sequence[str]] | None:
        path = self._file(name)
        given = path.with_name(name)  # a name without a suffix may be the file's own
        path = given if given.is_file() else path
        return lookups.read_rows(path) if path.is_file() else None

    def write_file(self, name: str, rows: Sequence[Row], fields: Sequence[str]) -> None:
        path = self._file(name)
        if self.writes:
            lookups.write_csv(path, rows, fields)

    def _file(self, name: str) -> Path:
        if not lookups.is_plain(name):
            raise SplError(
                f"'{name[:80]}' is not a plain file name", hint="files are in one folder: results.csv", code="file"
            )
        if self.folder is None:
            raise SplError(
                f"the file '{name}' cannot be opened: this search has no folder for files",
                hint="name one with --folder DIR; in Python, Session(folder=Path(...))",
                code="file",
            )
        return self.folder / (name if name.endswith((".csv", ".csv.gz")) else f"{name}.csv")

    # --- explaining

    def stage(self, pipeline: Pipeline, place: int, source: Node | None) -> Node:
        return self._stage(pipeline.stages[place], source, nested=False)

    def count(self, node: Node) -> int:
        return self._told(self.engine.count(node, tz=self.zone))

    def counts(self, node: Node, tests: Mapping[str, Expr], wanted: Sequence[Expr]) -> list[int]:
        return self._told(self.engine.counts(node, tests, wanted, tz=self.zone))

    def _told(self, result: T) -> T:
        """What the engine gave; what it met on the way becomes warnings."""
        self._again(self.engine.doubts.take())
        return result

    # --- running a part

    def given(self, rows: Sequence[Mapping[str, object]]) -> Node:
        return rows_from(rows)

    def run(self, node: Node) -> Output:
        self._lasting = False
        if len(node.schema) > WIDE:
            if not self._any(node):
                node = Project(Limit(node, 0), ())
            else:
                node = narrow(node, self._any, self._fields, self._times, self._settle)
        return self._told(self.engine.execute(node, tz=self.zone))

    def whole(self, node: Node) -> tuple[tuple[str, ...], list[Row]] | None:
        """The fields and rows of a plan that ends in whole events; None where it does not."""
        parts = late(node) if len(node.schema) > WIDE else None
        if parts is None or len(parts.makes) > WIDE:
            return None
        self._lasting = False
        first = rows_of(self._told(self.engine.execute(parts.first, tz=self.zone)))[1]
        sources = [str(row.pop(SOURCE, "")) for row in first]
        places = [_place(row) for row in first]
        read: dict[Place, Row] = {place: {} for place in places}
        known: dict[tuple[str, str], list[str]] = {}
        for table, portion in portions(parts.scan, zip(places, sources, strict=True)):
            name = table.index, table.sourcetype
            if name not in known:
                fields = self._fields([table])
                known[name] = [one for one in parts.passed if one in fields or one.startswith("_")]
            self._read(portion, known[name], read)
        place_of = {name: at for at, name in enumerate(node.schema)}
        rows: list[Row] = []
        for made, place in zip(first, places, strict=True):
            cells = {new: cell for one, cell in read[place].items() for new in parts.passed[one]} | made
            rows.append({one: cells[one] for one in sorted(cells, key=place_of.__getitem__)})
        there = {new for held in known.values() for one in held for new in parts.passed[one]}.union(parts.makes)
        return tuple(one for one in node.schema if one in there), rows

    def _read(self, portion: Scan, fields: Sequence[str], into: Mapping[Place, Row]) -> None:
        """Read these fields of the events of a portion."""
        scan = self._settle(replace(portion, schema={**portion.schema, **PLACE}), few=True)
        node = Project(scan, tuple((name, Col(name, scan.schema[name])) for name in (*fields, *PLACE)))
        try:
            output = self._told(self.engine.execute(node, tz=self.zone, ordered=False))
        except EngineError as error:
            if error.code != "memory" or len(fields) == 1:
                raise
            # Every expression takes memory while it is computed: half as many take half of it.
            half = len(fields) // 2
            self._read(portion, fields[:half], into)
            self._read(portion, fields[half:], into)
            return
        for row in rows_of(output)[1]:
            into[_place(row)].update(row)

    def _fields(self, tables: Sequence[Table]) -> Schema:
        return self.knowledge().bind(tables, _schema(tables), self).schema

    def _settle(self, scan: Scan, few: bool) -> Scan:
        def rows(node: Node) -> list[Row]:
            return rows_of(self._told(self.engine.execute(node, tz=self.zone)))[1]

        return settled(scan, groups(scan, rows, _schema(scan.tables) if few else None))

    def _any(self, node: Node) -> int:
        """Has the plan a row? Reads only what its conditions read."""
        return self._told(self.engine.count(Limit(node, 1), tz=self.zone))

    def _times(self, node: Node) -> tuple[float, float] | None:
        """The first and last time of a plan's rows; None where it has no row or one without a time."""
        time = Col("_time", node.schema["_time"])
        asked = (
            ("low", Agg("min", time, Kind.NUMBER)),
            ("high", Agg("max", time, Kind.NUMBER)),
            ("timed", Agg("count", time, Kind.NUMBER)),
            ("rows", Agg("count_rows", None, Kind.NUMBER)),
        )
        output = self._told(self.engine.execute(Aggregate(node, (), asked), tz=self.zone))
        ((low, high, timed, count),) = zip(*(one.to_pylist() for one in output.data.columns), strict=True)
        return (low, high) if count and timed == count else None

    def rows(self, node: Node) -> list[Row]:
        return rows_of(self.run(node))[1]

    def shown(self, output: Output) -> list[Row] | None:
        """The result as fieldformat shows it."""
        if not self.formats:
            return None
        node = kept_rows(output, keep=True)
        formats = {name: ast for name, ast in self.formats.items() if name in node.schema}
        if not formats:
            return None
        env = Env(node.schema, self)
        values = tuple((name, as_text(env.value(ast))) for name, ast in formats.items())
        return self.rows(Extend(node, values))

    def subsearch(self, pipeline: Pipeline, limit: int) -> tuple[Schema, list[Row]]:
        node = self.lower(pipeline)
        rows = self.rows(Limit(node, limit + 1))
        if len(rows) > limit:
            self._cut(limit, "a subsearch")
        return node.schema, rows[:limit]

    def capped(self, node: Node, limit: int, what: str) -> Node:
        output = self.run(Limit(node, limit + 1))
        if output.data.num_rows > limit:
            self._cut(limit, f"the subsearch of {what}")
            output = replace(output, data=output.data.slice(0, limit))
        return kept_rows(output, keep=True)

    def _cut(self, limit: int, what: str) -> None:
        self.warnings.add(
            "subsearch-cut",
            f"{what} had more than {limit:,} rows and was cut there, as Splunk does",
            hint="narrow the subsearch",
        )

    def materialise(self, node: Node, *, whole: bool = False) -> Node:
        if self._later is not None and not whole:
            node = only(node, self._read_by(self._later, node.schema))
        return self.held(node)

    def held(self, node: Node) -> Rows:
        return kept_rows(self.run(node), keep=False)

    def apply(
        self, node: Node, function: Callable[[list[Row]], Iterable[Row]], label: str, like: Node | None = None
    ) -> Node:
        return rows_from(function(self.rows(node)))

    # --- knowledge

    @property
    def macros(self) -> Mapping[str, AnyMacro]:
        """Those of the session, then those of the add-ons."""
        if self._macros is None:
            self._macros = _Macros(self)
        return self._macros

    def knowledge(self) -> Knowledge:
        known = self.session.knowledge
        return Knowledge.built_in() if known is None else known

    def eventtypes(self, pattern: str) -> Mapping[str, str] | None:
        if not self.session.tables:
            return None
        found = self.knowledge().eventtypes_like(pattern)
        return {name: expand(search, self.macros) for name, search in found.items()}

    def stanza(self, file: str, name: str) -> Mapping[str, str] | None:
        return self.knowledge().stanza(file, name)

    def tags_of(self, field: str) -> Sequence[tuple[str, str]]:
        return [(one.value, one.tag) for one in self.knowledge().tags if one.field == field]

    def tags(self, field: str | None, pattern: str) -> Sequence[tuple[str, str]] | None:
        return self.knowledge().tags_like(field, pattern) if self.session.tables else None

    # --- lookups, data models and what the user has supplied

    def lookup(self, name: str) -> Lookup:
        known, kept = self._lookup(name), self.session.own_lookups
        return filtered(self, known if kept is None or known.name in self.session._made else kept.current(known))

    def _lookup(self, name: str) -> Lookup:
        """A table as it is defined, or as this session made it; what the user keeps for it is not in it."""
        tables, kept = self.session._tables, self.session.own_lookups
        known = tables.get(name) or tables.get(name.removesuffix(".csv"))
        if known is None:
            own = kept.files() if kept is not None else {}
            known = lookups.find(name, self.session.lookups, self.knowledge().lookups, own)
            if known.name not in own:
                tables[name] = known
        return known

    def save_lookup(self, name: str, rows: Sequence[Row], fields: Sequence[str], how: Put) -> None:
        if not lookups.is_plain(name):
            raise SplError(f"'{name[:80]}' is not the name of a lookup: it is a plain file name", code="lookup")
        if not self.writes:
            return
        session, knowledge = self.session, self.knowledge()
        try:
            table = self._lookup(name)
        except SplError:
            table = None
        kept = session.own_lookups
        if kept is not None and kept.writes:
            for told in kept.save(table or Lookup(name, ()), rows, fields, how):
                self.warnings.add("outputlookup", told)
            if table is not None and table.name in knowledge.lookups:
                knowledge.forget()
            return
        self.warnings.add(
            "outputlookup",
            f"the lookup '{name}' was kept in memory, for later searches of this session",
            hint="a store, or --folder DIR, keeps it; in Python, Session(folder=Path(...))",
        )
        if keeps(rows, how):
            return
        after = table_after(table, rows, fields, how)
        for told in after.told:
            self.warnings.add("outputlookup", told)
        before = table or Lookup(name, ())
        session._made.discard(before.name)
        for key in {name, before.name}:
            session._tables.pop(key, None)
        if after.rows is None:
            with suppress(SplError):
                if self.lookup(name).rows:
                    self.warnings.add("outputlookup", still_there(before))
        else:
            session._made.add(before.name)
            session._tables[before.name] = replace(before, rows=tuple(after.rows), fields=tuple(after.fields), note="")

    def dataset(
        self, model: str, name: str, tree: Filter | None = None, read: Collection[str] | None = None
    ) -> Dataset:
        found = self._datamodel(model)
        source = Source(
            self,
            search=lambda text: self.inner(self.parse(text), f"the data model {model}"),
            expand=lambda text: expand(text, self.macros),
            given=rows_from,
        )
        with self._between(tree):
            if read is not None and self.session._sharing is not None:
                shared = self.session._sharing.find(model, name, frozenset(read), self.earliest, self.latest)
                if shared is not None:
                    return self._shared(found, shared, source, read)
            ready = self._template(found, name, source)
            before, told = self._lasting, len(self.warnings.items)
            self._lasting = True
            made = bind(found, ready, source, read)
            if not self._lasting or len(self.warnings.items) > told:
                ready.memo.clear()  # it is to be said again, or different, the next time
            self._lasting = before and self._lasting
            return made

    @contextmanager
    def _between(self, tree: Filter | None) -> Iterator[None]:
        """With the times that a search expression states in place of the time range."""
        before = self.earliest, self.latest
        if tree is not None:
            stated = time_range(tree, self)
            self.earliest = stated.earliest if stated.earliest is not None else self.earliest
            self.latest = stated.latest if stated.latest is not None else self.latest
        try:
            yield
        finally:
            self.earliest, self.latest = before

    def _template(self, model: DataModel, name: str, source: Source) -> Template:
        """A dataset made ready: remembered where nothing but the events makes it what it is."""
        session = self.session
        if session.events is not None or not session.tables:
            return template(model, name, source)
        over = (session.macros, session.knowledge, model)
        known = session._templates.get((model.name, name))
        if known is None or not known.holds(session, over):
            # To bind knowledge may mean to look at the data once; what was found then holds for the tables.
            tables = _seen(session, None)
            self.knowledge().bind(tables, _schema(tables), self)
            before, self._lasting = self._lasting, True
            outer, self.warnings = self.warnings, Warnings()
            seen, self._seen = self._seen, [(None, tables)]
            try:
                made = template(model, name, source)
                warnings, lasting = tuple(self.warnings.items), self._lasting and made.lasting
                looked = tuple(self._seen)
            finally:
                self._lasting = before and self._lasting
                self.warnings = outer
                self._seen = seen
            self._again(warnings)
            if not lasting:
                return made
            bound = self.knowledge().bind(made.tables, _schema(made.tables), self)
            known = session._templates[model.name, name] = _Prepared(made, bound, warnings, over, looked)
        else:
            self._again(known.warnings)
        times, bound = (_micros(self.earliest), _micros(self.latest)), known.bound
        return known.template.over(lambda scan: Scan(bound.schema, scan.tables, *times, bound.expander(self)))

    def _again(self, warnings: Iterable[Warn]) -> None:
        for one in warnings:
            self.warnings.add(one.code, one.reason, hint=one.hint, where=one.where)

    def uses(self, pipeline: Pipeline) -> Iterator[Use]:
        """What a search reads of datasets, as far as that is known beforehand. Raises SplError."""
        parsed = self.session.parsed
        for reader in readers(pipeline) if parsed is None else parsed.readers(pipeline):
            source, read = reader.source(), reader.read()
            if source is None or read is None:
                continue
            model, dataset = source
            with self._between(reader.tree):
                for name in self.roots(model) if dataset is None else [dataset]:
                    yield Use(model, name, read, self.earliest, self.latest)

    def prepare(self, shared: Shared, more: Collection[str]) -> bool:
        """Materialise a dataset for several searches; False where it cannot be shared."""
        self.earliest, self.latest = shared.earliest, shared.latest
        self.warnings = Warnings()
        try:
            made = self.dataset(shared.model, shared.dataset, None, frozenset(shared.read))
            if (shared.model, shared.dataset) not in self.session._templates:
                return False
            make(shared, made, self.engine, self.zone, more)
        except Exception:  # the searches say so themselves, when they are run
            return False
        self._again(self.engine.doubts.take())
        shared.warnings = tuple(self.warnings.items)
        return True

    def _shared(self, model: DataModel, shared: Shared, source: Source, read: Collection[str]) -> Dataset:
        if shared.warnings:
            # What is doubtful about the fields of this search only: as if it read the events itself.
            alone = bind(model, self._template(model, shared.dataset, source), source, read)
            self.engine.sql(Project(alone.node, fields_read(alone, read)), pretty=False, tz=self.zone)
        return shared.between(self.earliest, self.latest)

    def roots(self, model: str) -> Sequence[str]:
        return self._datamodel(model).roots

    def describe(self, model: str | None, dataset: str | None) -> Sequence[Mapping[str, object]]:
        if model is None:
            return list(self._described())
        found = self._datamodel(model)
        if dataset is not None:
            found.lineage(dataset)
        return [found.to_json(dataset)]

    def _described(self) -> Iterator[Mapping[str, object]]:
        """Every data model; one that cannot be read costs a warning."""
        for name in sorted(self._models()):
            try:
                yield self._datamodel(name).to_json()
            except TraplineError as error:
                where = error.file if isinstance(error, InputError) else None
                self.warnings.add("datamodel", f"left out: {error.reason}", hint=error.hint, where=where)

    def search_of(self, model: str, dataset: str) -> str:
        return search_text(self._datamodel(model), dataset, self)

    def _models(self) -> Mapping[str, Any]:
        """Data models by name: those of the session, then those of the add-ons."""
        return {**self.knowledge().models, **self.session.datamodels}

    def _datamodel(self, name: str) -> DataModel:
        known = self.session._datamodels.get(name)
        if known is None:
            known = self.session._datamodels[name] = datamodels.find(name, self._models())
        return known

    def model(self, name: str) -> Model:
        return models.find(name, self.session.models)

    def model_summary(self, name: str) -> Sequence[Mapping[str, object]]:
        return models.summary(name, self.session.models)

    def places(self) -> Places | None:
        return models.places(self.session.geoip)


class _Macros(Mapping[str, AnyMacro]):
    """Those of the session, then those of the add-ons. Each is made fit to be evaluated when a search asks for it: it
    uses two or three of thousands."""

    def __init__(self, context: _Context) -> None:
        self._own, self._others = context.session.macros, context.knowledge().macros
        self._context = context

    def __getitem__(self, key: str) -> AnyMacro:
        one = self._own[key] if key in self._own else self._others[key]
        if not (one.iseval or one.validation):
            return one
        self._context.evaluated = True
        return Evaluated(one, partial(text_of, self._context), partial(validity_of, self._context))

    def __iter__(self) -> Iterator[str]:
        return iter({**self._others, **self._own})

    def __len__(self) -> int:
        return len({**self._others, **self._own})


class _DependsOnRowsError(Exception):
    """What a stage reads is known only with the rows."""


class _Looking(_Context):
    """Lowers stages to see what they read. Runs and changes nothing; a field that may be there is there."""

    def __init__(self, own: _Context, clock: float | None = None) -> None:
        super().__init__(
            own.session, own.engine, own._now, own._clock if clock is None else clock, own.earliest, own.latest
        )
        self.delimiters = dict(own.delimiters)
        self.filled = own.filled
        self.formats = dict(own.formats)

    def run(self, node: Node) -> Output:
        raise _DependsOnRowsError

    def count(self, node: Node) -> int:
        raise _DependsOnRowsError

    def apply(
        self, node: Node, function: Callable[[list[Row]], Iterable[Row]], label: str, like: Node | None = None
    ) -> Node:
        raise _DependsOnRowsError

    def materialise(self, node: Node, *, whole: bool = False) -> Node:
        return node


class _Asking(_Looking):
    """Lowers a search to see which events it looks at: the rows of a join or append are not needed for that."""

    def reading(self, pipeline: Pipeline) -> Node | None:
        """The plan of a search as far as it can be lowered without rows; None where what is left may make rows of
        none."""
        node: Node | None = None
        for place, stage in enumerate(pipeline.stages):
            try:
                node = self._stage(stage, node, nested=False)
            except SplError:
                return None
            except _DependsOnRowsError:
                return node if all(map(_gives_none_of_none, pipeline.stages[place:])) else None
        return node

    def capped(self, node: Node, limit: int, what: str) -> Node:
        return Limit(node, limit)


class _Reading(_Looking):
    """Sees also through what Python does with the rows. Its plans read what a run reads, and are not to be run. Where a
    run holds rows, a plan of its own begins."""

    def __init__(self, own: _Context) -> None:
        super().__init__(own)
        self.parts: list[tuple[Node, set[str]]] = []
        """The plans that such rows come from, those that are read by others first; and which of their fields are."""

    def _settled(self, node: Node) -> Node:
        return self.materialise(node)

    def materialise(self, node: Node, *, whole: bool = False) -> Node:
        read: set[str] = set()
        self.parts.append((node, read))
        return _noting(node.schema, read)

    def apply(
        self, node: Node, function: Callable[[list[Row]], Iterable[Row]], label: str, like: Node | None = None
    ) -> Node:
        return super().apply(node, function, label) if like is None else like


def _noting(schema: Schema, read: set[str]) -> Scan:
    """Events with these fields, which notes those that are read."""

    def expand(scan: Scan, need: frozenset[str]) -> Expanded:
        read.update(need)
        return Expanded(replace(scan, expand=None), lasting=False)

    return Scan(schema, (), expand=expand)


_NONE_OF_NONE = frozenset(
    {
        "bin",
        "convert",
        "dedup",
        "eval",
        "eventstats",
        "fieldformat",
        "fields",
        "fillnull",
        "foreach",
        "head",
        "iplocation",
        "join",
        "lookup",
        "makemv",
        "mvexpand",
        "nomv",
        "rangemap",
        "regex",
        "rename",
        "replace",
        "reverse",
        "rex",
        "search",
        "sort",
        "spath",
        "strcat",
        "streamstats",
        "table",
        "tail",
        "transaction",
        "where",
        "xmlkv",
    }
)
"""Commands that give no row where they read none."""


def _gives_none_of_none(stage: Stage) -> bool:
    grouped = stage.name == "stats" and bool(getattr(stage.command, "by", ()))
    return grouped or stage.name in _NONE_OF_NONE


def _place(row: Row) -> Place:
    """Where an event lies, taken out of its row."""
    return str(row.pop(FILE)), int(float(str(row.pop(ROW))))


def _seen(session: Session, tree: Filter | None) -> tuple[Table, ...]:
    """The tables of a session that a search expression sees."""
    return tuple(table for table in session.tables if _visible(table, tree))


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


def _visible(table: Table, tree: Filter | None) -> bool:
    """Internal indexes are seen by a search that names an index; those that begin with `_` where a name does so too:
    `index=*` does not mean them (Search Manual, "Searching multiple indexes")."""
    named = () if tree is None else tuple(_indexes(tree))
    if table.index.startswith("_"):
        return any(name.startswith("_") for name in named)
    return table.index not in INTERNAL_INDEXES or bool(named)


def _indexes(tree: Filter) -> Iterator[str]:
    """The names and patterns of indexes in a search."""
    match tree:
        case Compare(field="index", value=value):
            yield value
        case OneOf(field="index", values=values):
            yield from values
        case Not(operand=operand):
            yield from _indexes(operand)
        case FilterAnd(parts=parts) | FilterOr(parts=parts):
            for part in parts:
                yield from _indexes(part)


def _are_events(rows: Rows) -> bool:
    """Are they of a shared dataset, with the moments at which they came?"""
    return isinstance(rows.data, HeldRows) and "_indextime" in rows.schema


def _micros(epoch: float | None) -> int | None:
    return None if epoch is None else round(epoch * 1_000_000)


def _schema(tables: Sequence[Table]) -> dict[str, Kind]:
    """The fields of event tables: Splunk's own first, then the rest by name."""
    schema = {
        "_time": Kind.NUMBER,
        "_raw": Kind.TEXT,
        "_indextime": Kind.NUMBER,
        "index": Kind.TEXT,
        "sourcetype": Kind.TEXT,
        "source": Kind.TEXT,
        "host": Kind.TEXT,
    }
    multi = frozenset[str]().union(*(table.multi for table in tables))
    for name in sorted(frozenset[str]().union(*(table.fields | table.multi for table in tables))):
        schema.setdefault(name, Kind.MULTI if name in multi else Kind.TEXT)
    return schema


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
