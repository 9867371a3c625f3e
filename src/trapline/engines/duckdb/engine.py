"""The DuckDB engine: one connection, its macros and Python functions, and how plans run on it."""

from __future__ import annotations

import tempfile
import threading
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from inspect import Parameter, Signature
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import duckdb
import pyarrow as pa
from duckdb.func import FunctionNullHandling, PythonUDFType
from sqlglot import exp

from trapline import plan
from trapline.engines.duckdb import aggregates, functions, trees, writer
from trapline.engines.duckdb.macros import MACROS
from trapline.engines.emptiness import MARK as BETWEEN
from trapline.engines.emptiness import Kept, Values, is_empty
from trapline.engines.scalar import BOUNDS, CUT, FUNCTIONS, MARK, OF_DATA, TOLD, Doubts, guarded
from trapline.errors import EngineError, SlowPattern
from trapline.narrow import gates
from trapline.plan import FILE, ROW, Agg, Call, Expr, Limit, Lit, Node, Rows, Table
from trapline.sql import Fragments, column, compile_count, compile_counts, compile_plan, ident
from trapline.values import Kind

# DuckDB would have a relation asked instead, which copies the rows once less and plans the query twice: planning is the
# larger part of what most detections cost.
warnings.filterwarnings("ignore", "Arrow output on a DB-API result", UserWarning)

MEMORY = "2GB"
"""Memory that DuckDB may hold before it spills to disk."""

INTERRUPTED = "Query interrupted"
"""What DuckDB raises where a signal ends its wait."""

VALUES = 32_000_000
"""Characters of the distinct values of a column that are held at most."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a plan gave: an Arrow table whose columns are the plan's fields in order (string, double, list<string>)."""

    fields: tuple[str, ...]
    kinds: tuple[Kind, ...]
    data: pa.Table


class DuckDB:
    """An embedded engine. Use it from one thread at a time; close it, or use it as a context manager."""

    def __init__(self, *, memory: str = MEMORY, threads: int | None = None, temporary: str | None = None) -> None:
        settings: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,
        }
        if threads is not None:
            settings["threads"] = threads
        # DuckDB makes the folder when it first spills, and removes it.
        settings["temp_directory"] = temporary or str(Path(tempfile.gettempdir()) / f"trapline-{uuid4().hex}")
        self._connection = duckdb.connect(":memory:", config=settings)
        self._lock = threading.RLock()
        self._tables = 0
        self._physical: dict[tuple[str, ...], frozenset[str]] = {}
        self._fragments: dict[str, Fragments] = {}
        self._stops: list[BaseException] = []
        """What a signal raised in a function of ours: DuckDB makes an error of the query of it."""
        self.doubts = Doubts()
        """What the queries met that the user is to be told, until it is taken."""
        self._prepare()

    def _prepare(self) -> None:
        connection = self._connection
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")
        # The same files are read by every search; a file of a store never changes.
        connection.execute("SET parquet_metadata_cache = true")
        # This pass repeats an expression for each of its uses: a count over `tag` did not come to an end.
        connection.execute("SET disabled_optimizers = 'partial_aggregate_pushdown'")
        own = {**FUNCTIONS, **BOUNDS, **TOLD, **{f"{name}_of_data": one for name, one in OF_DATA.items()}}
        for name, function in own.items():
            connection.create_function(
                f"spl_py_{name}",
                _vectorised(guarded(function.call, self.doubts), len(function.args), function.result, self._stops),
                [trees.TYPES[kind] for kind in function.args],
                trees.TYPES[function.result],
                type=PythonUDFType.ARROW,
                null_handling=FunctionNullHandling.SPECIAL,
                side_effects=name in TOLD,
            )
        for body in MACROS:
            connection.execute(f"CREATE MACRO spl_{body}")

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def execute(self, node: Node, *, tz: str = "UTC", ordered: bool = True) -> Output:
        """Run a plan; `tz` is the time zone of its days and clocks. Not `ordered`: in any order. Raises EngineError,
        SplError."""
        if is_empty(node):
            return _nothing(node)
        asked = gates(node)
        if asked is not None and not any(self.count(Limit(one, 1), tz=tz) for one in asked):
            return _nothing(node)
        with self._query(tz) as dialect:
            query, fields = compile_plan(node, dialect, ordered=ordered)
            data = self._run(query)
        kinds = tuple(node.schema[name] for name in fields)
        columns = [_plain(data.column(place), kind) for place, kind in enumerate(kinds)]
        arrays = pa.Table.from_arrays(columns, names=[str(place) for place in range(len(columns))])
        if not columns:
            arrays = data
        return Output(tuple(fields), kinds, arrays)

    def keep(self, node: Node, *, tz: str = "UTC") -> Rows:
        """Run a plan once for many: its rows, held by the engine until `drop`. What does not fit into the memory that
        the engine may hold goes to its temporary folder. Raises as `execute`."""
        with self._query(tz) as dialect:
            query, fields = compile_plan(node, dialect)
            self._tables += 1
            name = f"kept_{self._tables}"
            types = [trees.sql_type(trees.TYPES[node.schema[one]]) for one in fields]
            cells = [exp.Cast(this=one, to=to) for one, to in zip(query.expressions, types, strict=True)]
            query.set("expressions", [exp.Alias(this=one, alias=ident(f"c{at}")) for at, one in enumerate(cells)])
            table = exp.Table(this=ident(f"{name}_rows"))
            self._change(exp.Create(this=table, kind="TABLE", expression=query))
            # The rows lie in the order in which they came.
            order = exp.Alias(this=exp.Column(this=exp.Identifier(this="rowid")), alias=ident("o"))
            view = exp.Select(expressions=[exp.Star(), order]).from_(table.copy())
            self._change(exp.Create(this=exp.Table(this=ident(name)), kind="VIEW", expression=view))
            count = self._number(exp.Select(expressions=[exp.Count(this=exp.Star())]).from_(table.copy()))
        schema = {field: node.schema[field] for field in fields}
        texts = [(at, one) for at, (one, kind) in enumerate(schema.items()) if kind is Kind.TEXT]
        values = {one: Values(partial(self._values, f"{name}_rows", f"c{at}")) for at, one in texts}
        return Rows(schema, Kept(name, count, values))

    def _values(self, table: str, column: str) -> str | None:
        """The distinct values of a column, as `Values` has them. None where they are too many."""
        with self._lock, self._asking():
            kept = self._connection.table(table)
            sizes = kept.aggregate(f"approx_count_distinct({column}) * avg(length({column}))").fetchall()
            if (sizes[0][0] or 0) > VALUES:
                return None
            distinct = kept.project(f"lower({column}) AS v").filter("v IS NOT NULL").distinct()
            rows = distinct.to_arrow_table().column(0).to_pylist()
        return f"{BETWEEN}{BETWEEN.join(rows)}{BETWEEN}" if rows else ""

    def drop(self, rows: Rows) -> None:
        """Let go of what `keep` gave."""
        if isinstance(rows.data, Kept):
            name = rows.data.name
            with self._lock:
                self._change(exp.Drop(tables=[exp.Table(this=ident(name))], kind="VIEW"))
                self._change(exp.Drop(tables=[exp.Table(this=ident(f"{name}_rows"))], kind="TABLE"))

    def _change(self, statement: exp.Create | exp.Drop) -> None:
        with self._asking():
            self._connection.execute(writer.text(statement))

    def count(self, node: Node, *, tz: str = "UTC") -> int:
        """How many rows a plan has."""
        if is_empty(node):
            return 0
        with self._query(tz) as dialect:
            return self._number(compile_count(node, dialect))

    def counts(self, node: Node, tests: Mapping[str, Expr], wanted: Sequence[Expr], *, tz: str = "UTC") -> list[int]:
        """How many rows of a plan each of `wanted` holds for, in one pass: see `sql.compile_counts`."""
        with self._query(tz) as dialect:
            found = self._run(compile_counts(node, tests, wanted, dialect))
            return [int(one[0].as_py()) for one in found.columns]

    def sql(self, node: Node, *, pretty: bool = True, tz: str = "UTC") -> str:
        """The SQL of a plan."""
        with self._query(tz, pretty=pretty) as dialect:
            dialect.asked = False
            return writer.text(compile_plan(node, dialect)[0], pretty=pretty)

    @contextmanager
    def _query(self, tz: str, *, pretty: bool = False) -> Iterator[_Dialect]:
        """The surroundings of one query: alone on the connection, its given rows known to it while it runs."""
        with self._lock:
            dialect = _Dialect(self, tz, None if pretty else self._fragments.setdefault(tz, Fragments()))
            try:
                yield dialect
            except RecursionError:
                raise EngineError(
                    "the search is nested too deeply for one query",
                    hint="split it: fewer assignments that build on each other in one eval, fewer parentheses",
                    code="depth",
                ) from None
            finally:
                dialect.release()

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Around what DuckDB is asked. Raises EngineError; who is told to stop stops, also where a function of ours or
        the wait for the result was what the signal met."""
        try:
            yield
        except duckdb.Error as error:
            if self._stops:
                raise self._stops.pop() from None
            raise _engine_error(error) from error
        except RuntimeError as error:
            if str(error) == INTERRUPTED:
                raise KeyboardInterrupt from error
            raise

    def _run(self, query: exp.Query) -> pa.Table:
        """The table that a query gives. To execute plans a query once, to ask for a relation twice."""
        with self._asking():
            return self._connection.execute(writer.text(query)).to_arrow_table()

    def _number(self, query: exp.Query) -> int:
        """The one number that a query gives."""
        with self._asking():
            found = self._connection.execute(writer.text(query)).fetchall()
        return int(found[0][0])

    def _register(self, name: str, rows: Rows) -> None:
        """Make given rows known under a name, with columns c0.. and `o`."""
        count = rows.data.num_rows
        columns = {f"c{place}": rows.data.column(place) for place in range(len(rows.schema))}
        columns["o"] = pa.array(range(count), pa.int64())
        self._connection.register(name, pa.table(columns))

    def _columns(self, table: Table) -> frozenset[str]:
        """The physical columns of a table's files, read once."""
        known = self._physical.get(table.files)
        if known is None:
            with self._asking():
                found = self._connection.sql(
                    "SELECT * FROM read_parquet($files, union_by_name = true) LIMIT 0",
                    params={"files": list(table.files)},
                )
                known = frozenset(found.columns)
            self._physical[table.files] = known
        return known


@dataclass(slots=True)
class _Dialect:
    """DuckDB's side of `sql.Dialect`, for one query."""

    engine: DuckDB
    tz: str
    fragments: Fragments | None = None
    asked: bool = True
    """The query will run, not only be written: the engine must know the rows that it reads."""
    names: list[str] = field(default_factory=list)
    seen: dict[int, str] = field(default_factory=dict)

    def text(self, tree: exp.Expression | exp.Query) -> str:
        return writer.text(tree)

    def release(self) -> None:
        for name in self.names:
            self.engine._connection.unregister(name)
        self.names.clear()

    def scalar(self, call: Call, args: Sequence[exp.Expression]) -> exp.Expression:
        if call.op in functions.ZONED:
            args = [*args, exp.Literal.string(self.tz)]
        return functions.scalar(call, args)

    def literal(self, lit: Lit) -> exp.Expression:
        return trees.literal(lit)

    def lambda_(self, param: str, body: exp.Expression) -> exp.Expression:
        return exp.Lambda(this=body, expressions=[ident(param)])

    def aggregate(
        self,
        agg: Agg,
        arg: exp.Expression | None,
        extra: exp.Expression | None,
        order: Sequence[exp.Ordered],
        over: Callable[[exp.Expression], exp.Expression],
    ) -> exp.Expression:
        return aggregates.aggregate(agg, arg, extra, order, over)

    def unnest(self, values: exp.Expression) -> exp.Expression:
        return trees.native("unnest", values)

    def positions(self, values: exp.Expression) -> exp.Expression:
        return trees.native("generate_subscripts", values, exp.Literal.number(1))

    def rows(self, rows: Rows) -> str:
        if isinstance(rows.data, Kept):
            return rows.data.name
        known = self.seen.get(id(rows.data))
        if known is None:
            # What holds a fragment holds its rows: no others come to have their id.
            own = len(self.seen) + 1 if self.fragments is None else id(rows.data)
            known = self.seen[id(rows.data)] = f"rows_{own}"
            if self.asked:
                self.engine._register(known, rows)
                self.names.append(known)
        return known

    def files(self, table: Table, columns: Collection[str]) -> exp.Expression:
        paths = exp.Array(expressions=[exp.Literal.string(path) for path in table.files])
        by_name = exp.EQ(this=exp.column("union_by_name"), expression=exp.true())
        options = [by_name] if len(table.files) > 1 else []
        if FILE in columns and FILE not in table.fields:
            options.append(exp.EQ(this=exp.column("filename"), expression=exp.Literal.string(FILE)))
        if ROW in columns and ROW not in table.fields:
            options.append(exp.EQ(this=exp.column("file_row_number"), expression=exp.true()))
        return exp.Table(this=trees.native("read_parquet", paths, *options))

    def event_field(self, table: Table, name: str, kind: Kind) -> exp.Expression:
        match name:
            case "_time" | "_indextime":
                micros = trees.native("epoch_us", column(name))
                return exp.Div(this=micros, expression=exp.Literal.number("1e6"))
            case "index":
                return exp.Literal.string(table.index)
            case "sourcetype":
                return exp.Literal.string(table.sourcetype)
            case "_raw" | "host" | "source":
                return column(name)
            case plan.FILE if name not in table.fields:
                return column(FILE)
            case plan.ROW if name not in table.fields:
                return exp.Cast(this=column("file_row_number"), to=trees.sql_type("DOUBLE"))
        physical = self.engine._columns(table)
        value: exp.Expression = trees.literal(Lit(None, Kind.TEXT))
        plain = table.columns.get(name)
        if plain is not None and plain in physical:
            value = column(plain)
        elif name in table.tail and "_fields" in physical:
            value = exp.Bracket(this=column("_fields"), expressions=[exp.Literal.string(name)])
        if kind is not Kind.MULTI:
            return value
        if name in table.multi and "_mv" in physical:
            several = exp.Bracket(this=column("_mv"), expressions=[exp.Literal.string(name)])
            return trees.macro("event_list", several, value)
        return trees.macro("list_of", value)


def _engine_error(error: duckdb.Error) -> EngineError:
    text = str(error)
    if MARK in text:
        _, body, _ = text.split(MARK, 2)
        code, reason, hint = body.split(CUT, 2)
        if code == SlowPattern.CODE:
            return SlowPattern(reason, hint=hint or None)
        return EngineError(reason, hint=hint or None, code=code)
    if isinstance(error, duckdb.OutOfMemoryException):
        return EngineError(
            "the search needs more memory than it may use",
            hint="narrow the time range or raise the limit",
            code="memory",
        )
    if isinstance(error, duckdb.IOException):
        return EngineError(
            f"reading the store failed: {text.splitlines()[0]}", hint="is the disk full or the store moved?"
        )
    return EngineError(f"the engine refused the query (a defect of Trapline): {text[:800]}", code="internal")


def _nothing(node: Node) -> Output:
    """The result of a plan that gives no rows."""
    kinds = tuple(node.schema.values())
    arrays = [pa.array([], _ARROW[kind]) for kind in kinds]
    names = [str(place) for place in range(len(arrays))]
    return Output(tuple(node.schema), kinds, pa.Table.from_arrays(arrays, names=names))


def _plain(data: pa.ChunkedArray, kind: Kind) -> pa.ChunkedArray:
    """A result column in the Arrow type of its kind."""
    return data.cast({Kind.TEXT: pa.string(), Kind.NUMBER: pa.float64(), Kind.MULTI: pa.list_(pa.string())}[kind])


_ARROW: Mapping[Kind, Any] = {
    Kind.TEXT: pa.string(),
    Kind.NUMBER: pa.float64(),
    Kind.MULTI: pa.list_(pa.string()),
    Kind.BOOL: pa.bool_(),
}


def _vectorised(
    function: Callable[..., Any], arity: int, result: Kind, stops: list[BaseException]
) -> Callable[..., pa.Array]:
    """A scalar function over Arrow columns, called once per distinct arguments of a batch. `stops` gets what a signal
    raises meanwhile."""

    def run(*columns: pa.ChunkedArray) -> pa.Array:
        known: dict[tuple[Any, ...], Any] = {}
        out: list[Any] = []
        for args in zip(*(col.to_pylist() for col in columns), strict=True):
            key = tuple(tuple(arg) if isinstance(arg, list) else arg for arg in args)
            if key not in known:
                try:
                    known[key] = function(*args)
                except (KeyboardInterrupt, SystemExit) as stop:
                    stops.append(stop)
                    raise
            out.append(known[key])
        return pa.array(out, _ARROW[result])

    # DuckDB counts the parameters of the signature.
    parameters = [Parameter(f"a{place}", Parameter.POSITIONAL_ONLY) for place in range(arity)]
    run.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    return run
