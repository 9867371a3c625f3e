"""Lookup tables: how an event's values find rows of a table, and how the rows found become fields.

Sources: Search Reference, "lookup"; Knowledge Manager Manual, "Add field matching rules to your lookup configuration";
transforms.conf.spec (match_type, max_matches, min_matches, default_match, case_sensitive_match).

A lookup over events is one join: the table is first brought to one row per key, with the values of all its matches.
Where a match is not plain equality (WILDCARD, CIDR, a multivalue key), the distinct values of the events are matched in
Python and the join runs over those.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from enum import StrEnum
from functools import cached_property
from itertools import product
from operator import itemgetter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from trapline.errors import Span, SplError, Warn
from trapline.plan import (
    Agg,
    Aggregate,
    Call,
    Col,
    Expr,
    Extend,
    Filter,
    Join,
    Lit,
    Node,
    Project,
    Rows,
    both,
    call,
    told,
)
from trapline.plan import text as literal
from trapline.spl.command import Context
from trapline.spl.evaluate import as_multi, as_number, as_text, unify
from trapline.spl.filter import lower_text
from trapline.spl.matching import NONE, Networks, Wildcards
from trapline.times import parse_time, reader
from trapline.values import Kind, Row, Value, to_number, value_text

MAX_MATCHES = 100
"""transforms.conf max_matches: rows of the table that one value may find."""
_CUT = "2"
MOST_OFFSET = 2_000_000_000.0
"""transforms.conf max_offset_secs"""
MOST_MATCHES = 1_000
"""The greatest max_matches and min_matches that transforms.conf takes."""


TIME = "_time"
HELPER = "_lookup_"
"""How the names of helper columns start."""
BATCH = 32_768
"""Values that are matched at a time."""
KEPT = 8
"""Indexes that a table remembers, of each kind."""


class Absent(SplError):
    """A table that is known, and that the user or another product fills, is not here."""


class Match(StrEnum):
    """How a field of the table is compared with a value."""

    EXACT = "EXACT"
    WILDCARD = "WILDCARD"
    CIDR = "CIDR"


@dataclass(frozen=True, slots=True)
class Temporal:
    """A table whose rows hold from a time on: `time_field` and how it is written (strptime), and by how many seconds an
    event may be later than its row (min_offset_secs, max_offset_secs)."""

    field: str
    form: str = "%s"
    least: float = 0.0
    most: float = MOST_OFFSET

    def times(self, rows: Sequence[Row], tz: tzinfo) -> list[float | None]:
        """The time of each row, epoch seconds; None where it cannot be read, which matches nothing. Without a zone it
        is of `tz`."""
        pattern = None if self.form.startswith("%s") else reader(self.form)
        texts = [value_text(row[self.field]) if self.field in row else None for row in rows]
        if self.form.startswith("%s"):
            return [None if text is None else to_number(text) for text in texts]
        return [None if pattern is None else parse_time(text, pattern, tz) for text in texts]


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """A lookup table. `rows` in file order, a null cell absent; `fields`: its columns in order, () if not known.

    `match`: fields that do not match exactly. `temporal`: how its rows are bound to
    time. `note`: why the table is empty, told as a warning when it is used. `filter`: the search that its rows must
    match, which `filtered` applies. `filename`, `collection`: what keeps its rows, a CSV file or a collection of the KV
    store; `types`: of the fields of a collection (collections.conf); `strict`: a record with a value of another type is
    refused, not only the value. `compute`: gives the row of a value of the first of `fields`, for a table without rows
    of its own.
    """

    name: str
    rows: Sequence[Row]
    fields: tuple[str, ...] = ()
    match: Mapping[str, Match] = field(default_factory=dict)
    case_sensitive: bool = True
    max_matches: int = MAX_MATCHES
    min_matches: int = 0
    default_match: str = ""
    temporal: Temporal | None = None
    note: str = ""
    filter: str = ""
    filename: str = ""
    collection: str = ""
    types: Mapping[str, str] = field(default_factory=dict)
    strict: bool = False
    compute: Callable[[str], Row] | None = None
    _finders: dict[tuple[tuple[str, ...], tzinfo], Finder] = field(default_factory=dict, init=False, repr=False)
    _tables: dict[tuple[tuple[str, ...], ...], tuple[Rows, list[Kind]]] = field(
        default_factory=dict, init=False, repr=False
    )
    _filtered: list[Lookup] = field(default_factory=list, init=False, repr=False)

    def node(self) -> Rows:
        """The rows as a plan."""
        schema: dict[str, Kind] = {}
        columns: list[pa.Array] = []
        for name in self.fields:
            schema[name], column = _column([row.get(name) for row in self.rows])
            columns.append(column)
        if not columns:
            return Rows({"_none": Kind.TEXT}, pa.table({"_none": pa.nulls(len(self.rows), pa.string())}))
        return Rows(schema, pa.Table.from_arrays(columns, names=list(schema)))

    def finder(self, fields: Sequence[str], tz: tzinfo = UTC) -> Finder:
        """An index for matching by these fields; `tz`: the time zone of times of rows that name none."""
        key = (tuple(fields), tz if self.temporal is not None else UTC)
        if key not in self._finders:
            while len(self._finders) >= KEPT:
                self._finders.pop(next(iter(self._finders)))
            self._finders[key] = Finder(self, fields, tz)
        return self._finders[key]

    def by_key(self, fields: Sequence[str], outputs: Sequence[str]) -> tuple[Rows, list[Kind]]:
        """A row per key of the table, all fields matching exactly: see `_table`."""
        key = (tuple(fields), tuple(outputs))
        if key not in self._tables:
            while len(self._tables) >= KEPT:
                self._tables.pop(next(iter(self._tables)))
            found = {own: [rows[: self.max_matches + 1]] for own, rows in self.finder(fields).index.items()}
            self._tables[key] = _table(self, found, len(fields), Kind.TEXT, outputs)
        return self._tables[key]


# --- matching ------------------------------------------------------------------------------------------------------


class Finder:
    """Finds the rows of a table whose `fields` match the values of an event."""

    def __init__(self, lookup: Lookup, fields: Sequence[str], tz: tzinfo) -> None:
        self.lookup = lookup
        self._fold: Callable[[str], str] = str if lookup.case_sensitive else str.lower
        self._times = lookup.temporal.times(lookup.rows, tz) if lookup.temporal is not None else []
        self._fields = tuple(fields)
        kinds = [lookup.match.get(name, Match.EXACT) for name in fields]
        self._exact = [place for place, kind in enumerate(kinds) if kind is Match.EXACT]
        self.is_alone = len(kinds) == 1 and not self._exact and lookup.temporal is None
        """Is it one field that decides, and that does not match exactly, whenever that is?"""

    # Both are made when a value is first looked for: most detections that end in a large table have none.

    @cached_property
    def index(self) -> dict[tuple[str, ...], list[int]]:
        """The rows of each combination of cells in the fields that match exactly (in lower case if case is ignored)."""
        index: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for number, row in enumerate(self.lookup.rows):
            cells = [cell_values(row.get(self._fields[place])) for place in self._exact]
            for key in product(*cells):
                index[tuple(map(self._fold, key))].append(number)
        return index

    @cached_property
    def special(self) -> list[tuple[int, Wildcards | Networks]]:
        """The fields that match otherwise, by their place."""
        special: list[tuple[int, Wildcards | Networks]] = []
        for place, name in enumerate(self._fields):
            match self.lookup.match.get(name, Match.EXACT):
                case Match.WILDCARD:
                    special.append((place, Wildcards(self._cells(name))))
                case Match.CIDR:
                    special.append((place, Networks(self._cells(name))))
        return special

    def fold(self, values: Iterable[str]) -> list[str]:
        """The values as they are compared."""
        return list(values) if self.lookup.case_sensitive else [value.lower() for value in values]

    def _cells(self, name: str) -> list[tuple[int, str]]:
        return [
            (number, self._fold(text))
            for number, row in enumerate(self.lookup.rows)
            for text in cell_values(row.get(name))
        ]

    def find(self, key: Sequence[str], time: float | None = None) -> list[int]:
        """The rows of one value per field, `max_matches` and one more at most, which says that there are more: in file
        order, or of a table bound to time those that hold at `time`, the latest first."""
        found = self._matches(key)
        temporal = self.lookup.temporal
        if temporal is not None:
            ages = [
                (time - at, place) for place in found if time is not None and (at := self._times[place]) is not None
            ]
            found = [place for age, place in sorted(ages) if temporal.least <= age <= temporal.most]
        return found[: self.lookup.max_matches + 1]

    def _matches(self, key: Sequence[str]) -> list[int]:
        folded = [self._fold(value) for value in key]
        if not self._exact and len(self.special) == 1:
            return sorted(self.special[0][1].find(folded[0]))
        found: set[int] | list[int] = self.index.get(tuple(folded[place] for place in self._exact), [])
        for place, matcher in self.special:
            if not found:
                break
            found = set(found) & matcher.find(folded[place])
        return sorted(found)


def cell_values(cell: Value | None) -> list[str]:
    if cell is None:
        return []
    return [value_text(one) for one in cell] if isinstance(cell, list) else [value_text(cell)]


def filtered(context: Context, lookup: Lookup) -> Lookup:
    """The table with the rows that its filter lets through. Raises SplError for a filter that is no search."""
    if not lookup.filter:
        return lookup
    if not lookup._filtered:
        node = lookup.node()
        try:
            rows = context.rows(Filter(node, lower_text(lookup.filter, node.schema, context, Span(0, 0))))
        except SplError as error:
            raise SplError(f"the filter of the lookup '{lookup.name}': {error.reason}", code="lookup") from None
        lookup._filtered.append(replace(lookup, rows=rows, filter=""))
    return lookup._filtered[0]


# --- a lookup over rows --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pair:
    """`field AS name`: a field of the table and the field of the events."""

    field: str
    name: str
    span: Span


def lower_lookup(
    context: Context, source: Node, lookup: Lookup, on: Sequence[Pair], outputs: Sequence[Pair], *, keep: bool
) -> Node:
    """The rows with the outputs of a lookup; `keep`: only where an output field is null (OUTPUTNEW).

    An event that lacks one of the match fields looks nothing up. Raises SplError for a field that the table has not.
    """
    if lookup.note:
        context.warnings.add("lookup", lookup.note)
    for pair in (*on, *outputs):
        _check(lookup, pair)
    outputs = [pair for place, pair in enumerate(outputs) if pair.name not in {o.name for o in outputs[place + 1 :]}]
    absent = [pair for pair in on if pair.name not in source.schema]
    if absent or not outputs or (lookup.temporal is not None and TIME not in source.schema):
        return _emptied(source, outputs, keep=keep)
    columns = [Col(pair.name, source.schema[pair.name]) for pair in on]
    if lookup.compute is not None:
        lookup = _computed(context, source, lookup, on, lookup.compute)
    found = find_rows(context, source, lookup, [pair.field for pair in on], columns, [pair.field for pair in outputs])
    values: list[tuple[str, Expr]] = []
    for pair, value in zip(outputs, found.values, strict=True):
        if keep and pair.name in source.schema:
            before, value = unify([Col(pair.name, source.schema[pair.name]), value])
            value = Call("coalesce", (before, value), value.kind)
        values.append((pair.name, value))
    return without_helpers(Extend(found.node, tuple(values)), found.hidden)


@dataclass(frozen=True, slots=True)
class Found:
    """What a lookup finds: `node`, the rows that came in with `hidden` helper columns; over it `asked`, whether every
    match field has a value, and `values`, what each output is (null where no row matches and there is no default)."""

    node: Node
    asked: Expr
    values: tuple[Expr, ...]
    hidden: tuple[str, ...]


def find_rows(
    context: Context,
    source: Node,
    lookup: Lookup,
    fields: Sequence[str],
    keys: Sequence[Expr],
    outputs: Sequence[str],
    matches: Matches | None = None,
) -> Found:
    """Join a lookup to rows: its `fields` must match the `keys`, expressions over `source` (with `_time`, if the table
    is bound to time). Row count and order stay. The fields named must be there. `matches`: from `find_matches`."""
    lookup = filtered(context, lookup)
    timed = lookup.temporal is not None
    kind = Kind.MULTI if any(key.kind is Kind.MULTI for key in keys) else Kind.TEXT
    plain = kind is Kind.TEXT and is_plain(lookup, fields)
    asked = both([call("is_not_null", Kind.BOOL, key) for key in keys])
    texts: list[Expr] = [as_multi(key) if kind is Kind.MULTI else as_text(key) for key in keys]
    if plain:
        if not lookup.case_sensitive:
            texts = [call("lower", Kind.TEXT, key) for key in texts]
        table, kinds = lookup.by_key(fields, outputs)
    else:
        groups = find_matches(context, source, lookup, fields, keys) if matches is None else matches
        if isinstance(groups, Firsts):
            table, kinds = _first_table(lookup, groups, outputs)
        else:
            table, kinds = _table(lookup, groups, len(keys), kind, outputs)
    hidden = _hidden(source, ("hit", *(f"o{place}" for place in range(len(outputs)))))
    columns = [(hidden[0], Col("hit", Kind.TEXT))]
    columns += [(hidden[place + 1], Col(f"o{place}", own)) for place, own in enumerate(kinds)]
    pairs: list[tuple[Expr, Expr]] = [(key, Col(f"k{place}", kind)) for place, key in enumerate(texts)]
    if timed:
        pairs.append((as_number(Col(TIME, source.schema[TIME])), Col(TIME, Kind.NUMBER)))
    joined = Join(source, table, tuple(pairs), tuple(columns))
    values: list[Expr] = [Col(own, joined.schema[own]) for own in hidden[1:]]
    if plain and lookup.default_match and lookup.min_matches:
        several = lookup.min_matches > 1
        given = (lookup.default_match,) * lookup.min_matches
        default = Lit(given, Kind.MULTI) if several else Lit(lookup.default_match, Kind.TEXT)
        missed = both([asked, call("is_null", Kind.BOOL, Col(hidden[0], Kind.TEXT))])
        for place, value in enumerate(values):
            fallback, value = unify([default, value])
            values[place] = Call("case", (missed, fallback, value), value.kind)
    if lookup.max_matches == MAX_MATCHES and _has_cut(table):
        cut = call("eq", Kind.BOOL, Col(hidden[0], Kind.TEXT), literal(_CUT))
        said = told(
            Warn(
                "lookup-cut",
                f"the lookup '{lookup.name}' has more than {MAX_MATCHES} rows for a value, and gave the first "
                f"{MAX_MATCHES}, as in Splunk",
                "max_matches in its definition says how many",
            )
        )
        # What is told is null, so that the value is the same either way.
        values = [Call("case", (cut, Call("case", (said, one, one), one.kind), one), one.kind) for one in values]
    return Found(joined, asked, tuple(values), tuple(hidden))


def _has_cut(table: Rows) -> bool:
    place = list(table.schema).index("hit")
    return bool(pc.any(pc.equal(table.data.column(place), _CUT)).as_py())


def is_plain(lookup: Lookup, fields: Sequence[str]) -> bool:
    """Does every one of these fields match exactly, whenever it is? Then the table is known before the events are."""
    return lookup.temporal is None and all(lookup.match.get(one, Match.EXACT) is Match.EXACT for one in fields)


def without_helpers(node: Node, hidden: Sequence[str]) -> Node:
    """The rows without the helper columns of a lookup."""
    names = [name for name in node.schema if name not in hidden]
    return Project(node, tuple((name, Col(name, node.schema[name])) for name in names))


def _computed(
    context: Context, source: Node, lookup: Lookup, on: Sequence[Pair], compute: Callable[[str], Row]
) -> Lookup:
    """The table with a row for each value of the events. Raises SplError where it is asked by another field."""
    if [pair.field for pair in on] != [lookup.fields[0]]:
        reason = f"the lookup '{lookup.name}' computes from the field {lookup.fields[0]} alone"
        raise SplError(reason, span=on[0].span, code="lookup")
    column = Col(on[0].name, source.schema[on[0].name])
    distinct = Aggregate(source, (("k0", column),), (("n", Agg("count_rows", None, Kind.NUMBER)),))
    values = {text for row in context.rows(distinct) for text in cell_values(row.get("k0"))}
    return replace(lookup, rows=[compute(value) for value in values], compute=None)


def _check(lookup: Lookup, pair: Pair) -> None:
    if not lookup.fields or pair.field in lookup.fields:
        return
    near = difflib.get_close_matches(pair.field, lookup.fields, 1)
    known = ", ".join(lookup.fields[:12])
    raise SplError(
        f"the lookup '{lookup.name}' has no field '{pair.field}'",
        span=pair.span,
        hint=f"did you mean '{near[0]}'?" if near else f"its fields are {known}",
        code="lookup-field",
    )


def _emptied(source: Node, outputs: Sequence[Pair], *, keep: bool) -> Node:
    """No event can match: outputs that overwrite are null, the others stay."""
    if keep:
        outputs = [pair for pair in outputs if pair.name not in source.schema]
    return Extend(source, tuple((pair.name, Lit(None, Kind.TEXT)) for pair in outputs)) if outputs else source


@dataclass(frozen=True, slots=True)
class Firsts:
    """The first row of each of many values: `keys`, text, and `rows`, the number of the row, `NONE` for none."""

    keys: pa.Array
    rows: pa.Array


Matches = dict[tuple[object, ...], list[list[int]]] | Firsts


def find_matches(
    context: Context, source: Node, lookup: Lookup, fields: Sequence[str], columns: Sequence[Expr]
) -> Matches:
    """The rows that each combination of values in the events finds; one list per value of a multivalue, each as in
    `Finder.find`. Of a table bound to time, the time of the events is the last of the key. Runs the plan."""
    lookup = filtered(context, lookup)
    times = [as_number(Col(TIME, source.schema[TIME]))] if lookup.temporal is not None else []
    names = [f"k{place}" for place in range(len(columns))]
    present = Filter(source, both([call("is_not_null", Kind.BOOL, column) for column in [*columns, *times]]))
    keys = (*zip(names, columns, strict=True), *((TIME, one) for one in times))
    distinct = Aggregate(present, keys, (("n", Agg("count_rows", None, Kind.NUMBER)),))
    finder = lookup.finder(fields, context.tz)
    multi = any(column.kind is Kind.MULTI for column in columns)
    groups: dict[tuple[object, ...], list[list[int]]] = {}
    if finder.is_alone and not multi:
        batches = _batches(context, distinct, columns[0].kind)
        if lookup.max_matches == 1:
            return _firsts(lookup, finder, batches)
        most = lookup.max_matches + 1
        for batch in batches:
            found = finder.special[0][1].find_many(finder.fold(batch))
            if lookup.min_matches:
                groups |= {(value,): [found.get(at, [])[:most]] for at, value in enumerate(batch)}
            else:
                groups |= {(batch[at],): [rows[:most]] for at, rows in found.items()}
        return groups
    for row in context.rows(distinct):
        cells = [cell_values(row.get(name)) for name in names]
        key: tuple[object, ...] = tuple(map(tuple, cells)) if multi else tuple(cell[0] for cell in cells)
        time = row.get(TIME) if times else None
        at = float(time) if isinstance(time, int | float) else None
        finds = [finder.find(one, at) for one in product(*cells)]
        if times:
            key = (*key, at)
        if lookup.min_matches or any(finds):
            groups[key] = finds
    return groups


def _batches(context: Context, distinct: Aggregate, kind: Kind) -> Iterator[list[str]]:
    """The values of the only key, some at a time."""
    node = context.materialise(Project(distinct, (("k0", as_text(Col("k0", kind))),)))
    if isinstance(node, Rows) and "k0" in node.schema:
        column = node.data.column(list(node.schema).index("k0"))
        for at in range(0, len(column), BATCH):
            yield column.slice(at, BATCH).to_pylist()


def _firsts(lookup: Lookup, finder: Finder, batches: Iterable[list[str]]) -> Firsts:
    """Of a table that gives one row at most. Values without one are left out unless there is a default for them."""
    keys: list[pa.Array] = []
    rows: list[pa.Array] = []
    wants = bool(lookup.min_matches and lookup.default_match)
    for batch in batches:
        found = pa.array(finder.special[0][1].first(finder.fold(batch)))
        texts = pa.array(batch, pa.string())
        if not wants:
            some = pc.not_equal(found, NONE)
            found, texts = found.filter(some), texts.filter(some)
        keys.append(texts)
        rows.append(found)
    return Firsts(pa.chunked_array(keys, pa.string()), pa.chunked_array(rows, pa.int64()))


def _first_table(lookup: Lookup, firsts: Firsts, outputs: Sequence[str]) -> tuple[Rows, list[Kind]]:
    """As `_table`."""
    schema: dict[str, Kind] = {"k0": Kind.TEXT, "hit": Kind.TEXT}
    ones = pa.repeat(pa.scalar("1"), len(firsts.keys))
    columns: list[pa.ChunkedArray | pa.Array] = [firsts.keys, ones]
    default: Value | None = None
    if lookup.default_match and lookup.min_matches:
        default = [lookup.default_match] * lookup.min_matches if lookup.min_matches > 1 else lookup.default_match
    # The default is one more row of the table.
    places = pc.if_else(pc.equal(firsts.rows, NONE), len(lookup.rows), firsts.rows)
    kinds: list[Kind] = []
    for place, name in enumerate(outputs):
        own, column = _column([*(row.get(name) for row in lookup.rows), default])
        kinds.append(own)
        schema[f"o{place}"] = own
        columns.append(column.take(places))
    return Rows(schema, pa.Table.from_arrays(columns, names=list(schema))), kinds


def _table(
    lookup: Lookup,
    groups: Mapping[Any, list[list[int]]],
    keys: int,
    kind: Kind,
    outputs: Sequence[str],
) -> tuple[Rows, list[Kind]]:
    """One row per key: k0.., hit (`_CUT` where it has more matches than are taken), o0..; and the kinds of the outputs.
    Keys without a match are left out unless there is a default for them."""
    kept: list[tuple[object, ...]] = []
    hits: list[str] = []
    most = lookup.max_matches
    cells: list[list[Value | None]] = [[] for _ in outputs]
    takes = [itemgetter(name) for name in outputs]
    default = [lookup.default_match] if lookup.default_match else []
    for key, finds in groups.items():
        missing = sum(max(0, lookup.min_matches - len(found)) for found in finds) if default else 0
        if not missing and not any(finds):
            continue
        kept.append(key)
        hits.append(_CUT if any(len(found) > most for found in finds) else "1")
        for place, take in enumerate(takes):
            values: list[str] = []
            for found in finds:
                for number in found[:most]:
                    try:
                        values += cell_values(take(lookup.rows[number]))
                    except KeyError:
                        continue
                values += default * max(0, lookup.min_matches - len(found))
            cells[place].append(None if not values else values[0] if len(values) == 1 else list(values))
    arrow = pa.list_(pa.string()) if kind is Kind.MULTI else pa.string()
    schema: dict[str, Kind] = {}
    columns: list[pa.Array] = []
    for place in range(keys):
        schema[f"k{place}"] = kind
        columns.append(pa.array([key[place] for key in kept], arrow))
    if lookup.temporal is not None:
        schema[TIME] = Kind.NUMBER
        columns.append(pa.array([key[-1] for key in kept], pa.float64()))
    schema["hit"] = Kind.TEXT
    columns.append(pa.array(hits, pa.string()))
    kinds: list[Kind] = []
    for place, values_of in enumerate(cells):
        own, column = _column(values_of)
        kinds.append(own)
        schema[f"o{place}"] = own
        columns.append(column)
    return Rows(schema, pa.Table.from_arrays(columns, names=list(schema))), kinds


def _hidden(source: Node, wishes: Iterable[str]) -> list[str]:
    """Names for helper columns that the rows do not have."""
    found: list[str] = []
    for wish in wishes:
        name = HELPER + wish
        while name in source.schema:
            name += "_"
        found.append(name)
    return found


def _column(cells: Sequence[Value | None]) -> tuple[Kind, pa.Array]:
    """Cells as a text column, or a multivalue column where one holds several values."""
    if any(isinstance(cell, list) for cell in cells):
        return Kind.MULTI, pa.array([cell_values(cell) or None for cell in cells], pa.list_(pa.string()))
    return Kind.TEXT, pa.array([None if cell is None else value_text(cell) for cell in cells], pa.string())
