"""The plan: a closed set of relational nodes and typed expressions between SPL and the engines.

Commands are an open set and lower into these nodes; engines implement the nodes once (STYLE.md §0.1). Rules:
- Every node knows its `schema`: field name -> `Kind`, in column order. Nothing outside the schema exists.
- Every relation has an order, the way SPL results have one. It is part of the node's meaning, not of its schema:
  `Scan` is newest first, `Sort` sets it, `Aggregate` is sorted by its by-fields, the others keep their input's.
- An expression states its kind. Booleans are three-valued; a filter keeps the rows that are true.
- Function names in `Call` are the engine vocabulary; each engine's function table says how to write them or declares
a gap.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from trapline.errors import Warn
from trapline.values import Kind

Schema = Mapping[str, Kind]


@dataclass(frozen=True, slots=True)
class Table:
    """The events of one index and sourcetype as a store snapshot shows them: Parquet files and how to read a field.

    Columns that always exist: `_time` (timestamp, UTC, microseconds), `_indextime` (same), `_serial` (int64), `_raw`,
    `host`, `source` (strings). A field `f` is read like this:
    - `columns[f]` names its string column (physical names are unique even when case is ignored), or
    - `f in tail`: the value is `_fields['f']` (map<string, string>), and in either case
    - `f in multi`: rows where `_mv['f']` (map<string, list<string>>) is not null hold that list instead (their plain
      column is null).
    """

    index: str
    sourcetype: str
    files: tuple[str, ...]
    columns: Mapping[str, str]
    tail: frozenset[str]
    multi: frozenset[str]
    rows: int
    earliest: int | None
    """Microseconds since 1970 of the oldest event, None if unknown or no rows."""
    latest: int | None

    @property
    def fields(self) -> frozenset[str]:
        return frozenset(self.columns) | self.tail


# --- expressions ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lit:
    """A constant. `value` None is null of that kind; a tuple is a constant multivalue."""

    value: str | float | bool | tuple[str, ...] | None
    kind: Kind


@dataclass(frozen=True, slots=True)
class Col:
    """A field of the input, or a lambda's parameter."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Call:
    """A function of the engine vocabulary."""

    op: str
    args: tuple[Expr, ...]
    kind: Kind


@dataclass(frozen=True, slots=True)
class Lambda:
    """A function of one multivalue element, as an argument of `list_map`, `list_filter`, `list_any`."""

    param: str
    body: Expr

    @property
    def kind(self) -> Kind:
        return self.body.kind


Expr = Lit | Col | Call | Lambda

TRUE = Lit(True, Kind.BOOL)
FALSE = Lit(False, Kind.BOOL)
NULL = Lit(None, Kind.TEXT)


def text(value: str) -> Lit:
    return Lit(value, Kind.TEXT)


def number(value: float) -> Lit:
    return Lit(float(value), Kind.NUMBER)


def call(op: str, kind: Kind, *args: Expr) -> Call:
    return Call(op, args, kind)


def told(warn: Warn) -> Call:
    """Null, and a warning on the result: to be looked at in the branch of a `case` that is taken where a cap cuts."""
    return call("told", Kind.BOOL, text(warn.code), text(warn.reason), text(warn.hint or ""))


def within(place: Expr, count: int, warn: Warn) -> Call:
    """The first `count` of what is counted by `place`, from 1; the warning where there are more."""
    return call("case", Kind.BOOL, call("le", Kind.BOOL, place, number(count)), TRUE, told(warn))


def both(parts: Sequence[Expr]) -> Expr:
    """All of them true."""
    kept = [part for part in parts if part != TRUE]
    if FALSE in kept:
        return FALSE
    if len(kept) > 1:
        return Call("and", tuple(kept), Kind.BOOL)
    return kept[0] if kept else TRUE


def either(parts: Sequence[Expr]) -> Expr:
    """One of them true."""
    kept = [part for part in parts if part != FALSE]
    if TRUE in kept:
        return TRUE
    if len(kept) > 1:
        return Call("or", tuple(kept), Kind.BOOL)
    return kept[0] if kept else FALSE


def fields_of(expr: Expr) -> list[str]:
    """The fields an expression reads, in order, repeats included."""
    found: list[str] = []
    waiting = [expr]
    while waiting:
        one = waiting.pop()
        match one:
            case Call(args=args):
                waiting.extend(reversed(args))
            case Col(name=name):
                found.append(name)
            case Lambda(param=param, body=body):
                found += [name for name in fields_of(body) if name != param]
    return found


def substitute(expr: Expr, values: Mapping[str, Expr]) -> Expr:
    """The expression with fields replaced."""
    match expr:
        case Col(name=name) if name in values:
            return values[name]
        case Call(args=args):
            return replace(expr, args=tuple(substitute(arg, values) for arg in args))
        case Lambda(param=param, body=body):
            return Lambda(param, substitute(body, {k: v for k, v in values.items() if k != param}))
    return expr


@dataclass(frozen=True, slots=True)
class Agg:
    """An aggregate: a function of the engine's aggregate table over an expression. Null arguments do not count.

    `params` are constants (a percentile, a limit). `ordered`: the result depends on the order of rows.
    """

    op: str
    arg: Expr | None
    kind: Kind
    params: tuple[float, ...] = ()
    ordered: bool = False
    extra: Expr | None = None
    """A second argument: the `_time` of earliest and latest."""


@dataclass(frozen=True, slots=True)
class WindowCall:
    """A function over the rows of the same `partition`, in the current order.

    `rows`: how many rows up to and with the current one it sees, None = all before; `back`: in place of that, how many
    before the current one, a number per row; `current`: with the current row; `whole`: the entire partition
    (eventstats).
    """

    agg: Agg
    partition: tuple[Expr, ...] = ()
    rows: int | None = None
    current: bool = True
    whole: bool = False
    back: Expr | None = None


@dataclass(frozen=True, slots=True)
class SortKey:
    """Nulls come last in both directions (sort page)."""

    expr: Expr
    descending: bool = False


# --- nodes ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rows:
    """Given rows, in their order. `data` is an Arrow table of exactly the schema's columns, whose types are string,
    double and list<string>; or it is what an engine keeps (`keep`), which only that engine reads. Either has
    `num_rows`."""

    schema: Schema
    data: Any


class Expanded(NamedTuple):
    """Search-time knowledge as a plan over a bare scan. `lasting`: the same object for every search that asks for the
    same fields of the same events; it depends on nothing else."""

    node: Node
    lasting: bool


FILE, ROW = "_event_file", "_event_row"
PLACE: Mapping[str, Kind] = {FILE: Kind.TEXT, ROW: Kind.NUMBER}
"""Where an event lies in its store, as fields of a scan."""


@dataclass(frozen=True, slots=True)
class Scan:
    """Events of tables, newest first, of which `earliest` <= `_time` < `latest` (microseconds, None = open).

    `expand` is search-time knowledge: given the fields asked for, the plan over a bare scan that computes them. `rows`:
    files, and the rows of each (counted from 0), of which no others are read. `FILE` and `ROW` may be among the fields:
    the file of an event and its row there.
    """

    schema: Schema
    tables: tuple[Table, ...]
    earliest: int | None = None
    latest: int | None = None
    expand: Callable[[Scan, frozenset[str]], Expanded] | None = None
    rows: tuple[tuple[str, tuple[int, ...]], ...] | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """Rows for which the predicate is true."""

    input: Node
    predicate: Expr

    @property
    def schema(self) -> Schema:
        return self.input.schema


@dataclass(frozen=True, slots=True)
class Extend:
    """Fields added or replaced, all computed from the input (none sees another). New ones come last."""

    input: Node
    values: tuple[tuple[str, Expr], ...]
    schema: Schema = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "schema", {**self.input.schema, **{name: expr.kind for name, expr in self.values}})


@dataclass(frozen=True, slots=True)
class Project:
    """Exactly these fields, in this order: (new name, expression)."""

    input: Node
    values: tuple[tuple[str, Expr], ...]
    schema: Schema = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "schema", {name: expr.kind for name, expr in self.values})


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One row per combination of by-values, sorted by them; without `by` one row always. Rows with a null by-value are
    dropped before by the command, not here."""

    input: Node
    by: tuple[tuple[str, Expr], ...]
    aggs: tuple[tuple[str, Agg], ...]
    schema: Schema = field(init=False)

    def __post_init__(self) -> None:
        kinds = {name: expr.kind for name, expr in self.by} | {name: agg.kind for name, agg in self.aggs}
        object.__setattr__(self, "schema", kinds)


@dataclass(frozen=True, slots=True)
class Window:
    """Fields computed over neighbouring rows; keeps rows and order."""

    input: Node
    values: tuple[tuple[str, WindowCall], ...]
    schema: Schema = field(init=False)

    def __post_init__(self) -> None:
        kinds = {name: win.agg.kind for name, win in self.values}
        object.__setattr__(self, "schema", {**self.input.schema, **kinds})


@dataclass(frozen=True, slots=True)
class Sort:
    """Stable."""

    input: Node
    keys: tuple[SortKey, ...]

    @property
    def schema(self) -> Schema:
        return self.input.schema


@dataclass(frozen=True, slots=True)
class Reverse:
    """The opposite order."""

    input: Node

    @property
    def schema(self) -> Schema:
        return self.input.schema


@dataclass(frozen=True, slots=True)
class Limit:
    """The first `count` rows. `told`: what is said where there are more."""

    input: Node
    count: int
    told: Warn | None = None

    @property
    def schema(self) -> Schema:
        return self.input.schema


@dataclass(frozen=True, slots=True)
class Union:
    """The rows of the inputs one after another; the union of their fields, a kind widened where they differ."""

    inputs: tuple[Node, ...]
    schema: Schema = field(init=False)

    def __post_init__(self) -> None:
        kinds: dict[str, Kind] = {}
        for node in self.inputs:
            for name, kind in node.schema.items():
                kinds[name] = widen(kinds[name], kind) if name in kinds else kind
        object.__setattr__(self, "schema", kinds)


@dataclass(frozen=True, slots=True)
class Expand:
    """One row per value of a multivalue field; rows where it is null vanish. `keep_null` keeps those."""

    input: Node
    name: str
    keep_null: bool = False
    schema: Schema = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "schema", {**self.input.schema, self.name: Kind.TEXT})


@dataclass(frozen=True, slots=True)
class Join:
    """Each row of `left`, in order, with every row of `right`, in order, whose keys are equal; null equals nothing.

    `on`: pairs of an expression over left and one over right, of one kind. `values`: the new fields, as (name,
    expression over right). `outer`: a left row without a match stays, with nulls; `outer=False` drops it.
    """

    left: Node
    right: Node
    on: tuple[tuple[Expr, Expr], ...]
    values: tuple[tuple[str, Expr], ...]
    outer: bool = True
    schema: Schema = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "schema", {**self.left.schema, **{name: expr.kind for name, expr in self.values}})


Node = Rows | Scan | Filter | Extend | Project | Aggregate | Window | Sort | Reverse | Limit | Union | Expand | Join


DEEP = 50
"""Nodes on top of each other that an engine surely takes in one query. A plan that grows beyond is run in between."""

LARGE = 1_000
"""Nodes of a plan that is written out: what reads its input twice (selfjoin, append of its own rows) doubles them."""


def grown(node: Node, deep: int = DEEP) -> bool:
    """Whether a plan is too deep, or too large written out, to go on with: then its rows are read first."""
    sizes: dict[int, tuple[int, int]] = {}
    waiting: list[Node] = [node]
    while waiting:
        one = waiting[-1]
        under = _inputs(one)
        unknown = [each for each in under if id(each) not in sizes]
        if unknown:
            waiting += unknown
            continue
        waiting.pop()
        below = [sizes[id(each)] for each in under]
        high, many = 1 + max((each[0] for each in below), default=0), 1 + sum(each[1] for each in below)
        if high > deep or many > LARGE:
            return True
        sizes[id(one)] = high, many
    return False


def _inputs(node: Node) -> tuple[Node, ...]:
    match node:
        case Union(inputs=inputs):
            return tuple(inputs)
        case Join(left=left, right=right):
            return left, right
        case Rows() | Scan():
            return ()
        case _:
            return (node.input,)


def rows_in(node: Node) -> list[Rows]:
    """The given rows that a plan reads."""
    found: list[Rows] = []
    waiting = [node]
    while waiting:
        match waiting.pop():
            case Rows() as rows:
                found.append(rows)
            case Scan():
                pass
            case Union(inputs=inputs):
                waiting += inputs
            case Join(left=left, right=right):
                waiting += (left, right)
            case one:
                waiting.append(one.input)
    return found


def widen(one: Kind, other: Kind) -> Kind:
    """The kind that holds both."""
    if one == other:
        return one
    return Kind.MULTI if Kind.MULTI in (one, other) else Kind.TEXT


def only(node: Node, names: Collection[str] | None) -> Node:
    """The rows with these fields of theirs, and their time; None = all fields."""
    if names is None:
        return node
    kept = [name for name in node.schema if name in names or name == "_time"]
    return Project(node, tuple((name, Col(name, node.schema[name])) for name in kept))


def visible(schema: Schema) -> list[str]:
    """The fields that wildcards match and tables show: all but internal ones, whose name starts with `_`."""
    return [name for name in schema if not name.startswith("_")]
