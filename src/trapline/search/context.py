"""The surroundings of one search while its commands are lowered and run: spl.command.Context, over a session."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from trapline.errors import EngineError, InputError, SplError, TraplineError, Warn, Warnings
from trapline.knowledge import Knowledge, datamodels, lookups, models
from trapline.knowledge.bind import Bound
from trapline.knowledge.datamodels import DataModel
from trapline.knowledge.datasets import Source, Template, bind, template
from trapline.knowledge.modeltext import search_text
from trapline.knowledge.settled import groups, settled
from trapline.knowledge.sharing import Shared, Use, fields_read, make, readers
from trapline.narrow import narrow
from trapline.plan import (
    FILE,
    PLACE,
    ROW,
    Agg,
    Aggregate,
    Col,
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
    grown,
    only,
)
from trapline.rows import kept_rows, rows_from, rows_of
from trapline.search.visible import micros, schema_of, visible_tables
from trapline.spl.command import Model, Pipeline, Places, Stage, is_generating, takes_rows
from trapline.spl.constant import text_of, validity_of
from trapline.spl.datasets import Dataset
from trapline.spl.evaluate import Env, as_text
from trapline.spl.expr import Ast
from trapline.spl.filter import Filter, time_range
from trapline.spl.keeping import Put, keeps, still_there, table_after
from trapline.spl.lookups import Lookup, filtered
from trapline.spl.macros import Evaluated, expand
from trapline.spl.macros import Macro as AnyMacro
from trapline.spl.parser import parse
from trapline.times import zone
from trapline.values import Kind, Row
from trapline.wide import SOURCE, Place, late, portions

if TYPE_CHECKING:
    from trapline.engines.duckdb import DuckDB, Output
    from trapline.search import Session

T = TypeVar("T")


WIDE = 100
"""A result with more fields than this is first asked whether it has a row: most detections find nothing, and the
question reads only what their conditions read."""


@dataclass(frozen=True, slots=True)
class Prepared:
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
        return all(visible_tables(session.tables, tree) == tables for tree, tables in self.seen)


@dataclass(frozen=True, slots=True)
class _Beside:
    """A place where rows come to stand beside others, which have these fields."""

    schema: Schema


_Later = tuple[Stage | _Beside, ...]
"""What rows go through."""


class SearchContext:
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
                nodes.append(self._settled(node) if grown(node) else node)
        finally:
            self._later = outer
        return nodes

    def _settled(self, node: Node) -> Node:
        """The rows of a plan that has grown too deep or too large to go on with."""
        return kept_rows(self.run(node), keep=True)

    def read_later(self, schema: Schema) -> frozenset[str] | None:
        return None if self._later is None else self._read_by(self._later[1:], schema)

    def _read_by(self, stages: _Later, schema: Schema) -> frozenset[str] | None:
        """Which fields of rows with this schema some stages read; None where that depends on the rows."""
        if len(schema) <= WIDE:
            return None
        read: set[str] = set()
        from trapline.search.looking import Reading, noting  # they are such contexts themselves

        looking = Reading(self)
        node: Node = noting(schema, read)
        try:
            for stage in stages:
                if isinstance(stage, _Beside):
                    node = Union((Scan(stage.schema, ()), node))
                else:
                    node = looking._stage(stage, node, nested=False)
                if grown(node):
                    node = looking.materialise(node)
            self.engine.sql(node, pretty=False, tz=self.zone)
            for part, needed in reversed(looking.parts):
                self.engine.sql(only(part, needed), pretty=False, tz=self.zone)
        except (TraplineError, DependsOnRowsError):
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
        tables = visible_tables(self.session.tables, tree)
        self._seen.append((tree, tables))
        bound = self.knowledge().bind(tables, schema_of(tables), self)
        return Scan(bound.schema, tables, micros(earliest), micros(latest), bound.expander(self))

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
        return self.knowledge().bind(tables, schema_of(tables), self).schema

    def _settle(self, scan: Scan, few: bool) -> Scan:
        def rows(node: Node) -> list[Row]:
            return rows_of(self._told(self.engine.execute(node, tz=self.zone)))[1]

        return settled(scan, groups(scan, rows, schema_of(scan.tables) if few else None))

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
            tables = visible_tables(session.tables, None)
            self.knowledge().bind(tables, schema_of(tables), self)
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
            bound = self.knowledge().bind(made.tables, schema_of(made.tables), self)
            known = session._templates[model.name, name] = Prepared(made, bound, warnings, over, looked)
        else:
            self._again(known.warnings)
        times, bound = (micros(self.earliest), micros(self.latest)), known.bound
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

    def __init__(self, context: SearchContext) -> None:
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


class DependsOnRowsError(Exception):
    """What a stage reads is known only with the rows."""


def _place(row: Row) -> Place:
    """Where an event lies, taken out of its row."""
    return str(row.pop(FILE)), int(float(str(row.pop(ROW))))
