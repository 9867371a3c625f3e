"""Plan to SQL, as a sqlglot tree: structure here, the meaning of functions in each engine's own table.

Every node becomes one SELECT over its input's. Only the columns that the nodes above read are selected, down to the
scan; rows carry hidden order columns only where something above depends on their order (STYLE.md §6.6).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from sqlglot import exp

from trapline.errors import Warn
from trapline.plan import (
    FALSE,
    PLACE,
    Agg,
    Aggregate,
    Call,
    Col,
    Expand,
    Expr,
    Extend,
    Filter,
    Join,
    Lambda,
    Limit,
    Lit,
    Node,
    Project,
    Reverse,
    Rows,
    Scan,
    Sort,
    Table,
    Union,
    Window,
    WindowCall,
    call,
    fields_of,
    number,
    rows_in,
    within,
)
from trapline.values import Kind


class Fragments:
    """How what many queries have is written: expressions of search-time knowledge and of data models, and the columns
    that are read of tables. A fragment is remembered when it is met for the second time."""

    MOST = 20_000
    LONGEST = 64_000_000
    """Characters of all texts."""

    def __init__(self) -> None:
        self._seen: dict[object, _Seen] = {}
        self._length = 0

    def met(self, key: object, held: Sequence[object]) -> _Seen | None:
        """What is known of a fragment; None when it is met for the first time. `held`: the objects whose ids are in
        the key."""
        known = self._seen.get(key)
        if known is not None and all(one is other for one, other in zip(known.held, held, strict=True)):
            return known
        if len(self._seen) >= self.MOST:
            self._seen = {key: one for key, one in self._seen.items() if one.text}
            if len(self._seen) >= self.MOST:
                self._seen.clear()
        self._seen[key] = _Seen(held)
        return None

    def put(self, seen: _Seen, text: str, names: Mapping[str, str]) -> None:
        """`names`: the fields that a fragment has to do with, and their identifiers in its text."""
        self._length += len(text) - len(seen.text)
        if self._length > self.LONGEST:
            self._seen.clear()
            self._length = 0
        seen.text, seen.names = text, names


@dataclass(slots=True)
class _Seen:
    """`names`: the fields that it reads or gives, with their identifiers in `text`. `rows`: the given rows that it
    reads, with their names there; `order`: the hidden columns that it gives."""

    held: Sequence[object]
    names: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    rows: Sequence[tuple[Rows, str]] = ()
    order: tuple[Order, ...] = ()


class Dialect(Protocol):
    """What an engine supplies."""

    fragments: Fragments | None
    """Those of its time zone; None where a person reads the query."""

    def text(self, tree: exp.Expression | exp.Query) -> str:
        """SQL as the engine reads it."""
        ...

    def scalar(self, call: Call, args: Sequence[exp.Expression]) -> exp.Expression:
        """A function of the vocabulary. Raises Unsupported for a declared gap."""
        ...

    def literal(self, lit: Lit) -> exp.Expression: ...

    def lambda_(self, param: str, body: exp.Expression) -> exp.Expression: ...

    def aggregate(
        self,
        agg: Agg,
        arg: exp.Expression | None,
        extra: exp.Expression | None,
        order: Sequence[exp.Ordered],
        over: Callable[[exp.Expression], exp.Expression],
    ) -> exp.Expression:
        """An aggregate. `order` is the rows' order, for those that say they are `ordered`. `over` goes around every
        aggregate function in it: a window, or nothing."""
        ...

    def unnest(self, values: exp.Expression) -> exp.Expression:
        """One row per element, in the select list."""
        ...

    def positions(self, values: exp.Expression) -> exp.Expression:
        """The element's place, in step with `unnest`."""
        ...

    def rows(self, rows: Rows) -> str:
        """Make given rows readable; the name of a table with columns c0, c1, ... in schema order, and `o`, their
        order. Where there are fragments, it is the same in every query while the rows are held."""
        ...

    def files(self, table: Table, columns: Collection[str]) -> exp.Expression:
        """What to select from for a store table."""
        ...

    def event_field(self, table: Table, name: str, kind: Kind) -> exp.Expression:
        """A field of a store table as plan.Table says, in that kind."""
        ...


@dataclass(slots=True)
class Names:
    """SQL identifiers for fields: the field's own name unless another one equals it when case is ignored."""

    _by_field: dict[str, str] = field(default_factory=dict)
    _used: set[str] = field(default_factory=set)

    def of(self, name: str) -> str:
        known = self._by_field.get(name)
        if known is None:
            known = self._by_field[name] = self.fresh(name or "empty")
        return known

    def is_free(self, ident: str) -> bool:
        return ident.lower() not in self._used

    def fresh(self, wish: str) -> str:
        ident = wish
        count = 1
        while ident.lower() in self._used:
            count += 1
            ident = f"{wish}_{count}"
        self._used.add(ident.lower())
        return ident


@dataclass(frozen=True, slots=True)
class Order:
    """A hidden order column."""

    ident: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Relation:
    """A SELECT with the fields it gives (field -> kind) and, if asked for, its order columns."""

    select: exp.Query | exp.Var
    """A query, or the text of one."""
    fields: Mapping[str, Kind]
    order: tuple[Order, ...]


def ident(name: str) -> exp.Identifier:
    return exp.Identifier(this=name, quoted=True)


def column(name: str) -> exp.Identifier:
    """A column by its identifier alone: most of a query's tree are columns, and a leaf costs half."""
    return ident(name)


def alias(value: exp.Expression, name: str) -> exp.Expression:
    if isinstance(value, exp.Identifier) and value.args["this"] == name:
        return value
    return exp.Alias(this=value, alias=ident(name))


def compile_plan(node: Node, dialect: Dialect, *, ordered: bool = True) -> tuple[exp.Query, list[str]]:
    """The query of a plan, in its order unless that is no matter, and the field of each of its columns."""
    compiler = _Compiler(dialect)
    fields = list(node.schema)
    relation = compiler.compile(node, frozenset(fields), ordered=ordered)
    columns: list[exp.Expression] = [column(compiler.names.of(name)) for name in fields]
    query = compiler.select(columns or [alias(exp.Literal.number(1), "_none")], relation)
    if relation.order:
        query.set("order", exp.Order(expressions=compiler.ordering(relation.order)))
    return query, fields


def _unsaid(node: Node, count: int) -> Node:
    """A plan of which the first `count` rows are taken: that a limit leaves out later ones does not matter."""
    match node:
        case Extend() | Project():
            return replace(node, input=_unsaid(node.input, count))
        case Limit(told=Warn()) if node.count >= count:
            return replace(node, told=None)
    return node


def compile_count(node: Node, dialect: Dialect) -> exp.Query:
    """How many rows a plan has."""
    compiler = _Compiler(dialect)
    if not isinstance(node, Limit) or node.told is not None:
        relation = compiler.compile(node, frozenset(), ordered=False)
    else:  # which rows it leaves is no matter
        some = compiler.select(compiler._some([]), compiler.compile(node.input, frozenset(), ordered=False))
        some.set("limit", exp.Limit(expression=exp.Literal.number(node.count)))
        relation = Relation(some, {}, ())
    return compiler.select([exp.Count(this=exp.Star())], relation)


def compile_counts(node: Node, tests: Mapping[str, Expr], wanted: Sequence[Expr], dialect: Dialect) -> exp.Query:
    """One row: for each of `wanted` how many rows of the plan it holds for. `tests` are conditions over the plan's
    fields, each computed once a row; `wanted` combine them as Col(name, BOOL)."""
    compiler = _Compiler(dialect)
    need = frozenset(name for test in tests.values() for name in fields_of(test))
    relation = compiler.compile(node, need, ordered=False)
    own = {name: compiler.names.fresh(f"_t_{place}") for place, name in enumerate(tests)}
    columns = [alias(compiler.expression(test), own[name]) for name, test in tests.items()]
    inner = Relation(compiler.select(compiler._some(columns), relation), {}, ())
    counts = [
        exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=compiler.expression(one, own)))
        for one in wanted
    ]
    return compiler.select([alias(one, f"n{place}") for place, one in enumerate(counts)], inner)


class _Compiler:
    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.names = Names()
        self._queries = 0

    # --- pieces

    def select(self, columns: Sequence[exp.Expression], source: Relation | exp.Expression) -> exp.Select:
        if isinstance(source, Relation):
            self._queries += 1
            name = exp.TableAlias(this=exp.Identifier(this=f"q{self._queries}", quoted=False))
            source = exp.Subquery(this=source.select, alias=name)
        query = exp.Select(expressions=list(columns))
        query.set("from_", exp.From(this=source))
        return query

    def ordering(self, order: Iterable[Order]) -> list[exp.Ordered]:
        return [exp.Ordered(this=column(one.ident), desc=one.descending, nulls_first=False) for one in order]

    def expression(self, expr: Expr, bound: Mapping[str, str] | None = None) -> exp.Expression:
        match expr:
            case Lit():
                return self.dialect.literal(expr)
            case Col(name=name):
                if bound and name in bound:
                    return column(bound[name])
                return column(self.names.of(name))
            case Lambda(param=param, body=body):
                own = self.names.fresh("x")
                return self.dialect.lambda_(own, self.expression(body, {**(bound or {}), param: own}))
            case Call(op="or"):
                expr = _pairs(expr)
                expr = _one_of(expr) if expr.op == "or" else expr
                return self.dialect.scalar(expr, [self.expression(arg, bound) for arg in expr.args])
            case Call(args=args):
                return self.dialect.scalar(expr, [self.expression(arg, bound) for arg in args])

    def value(self, expr: Expr) -> exp.Expression:
        """As `expression`, for one that may have been written before."""
        fragments = self.dialect.fragments
        seen = fragments.met(id(expr), (expr,)) if fragments is not None and isinstance(expr, Call) else None
        if fragments is None or seen is None:
            return self.expression(expr)
        if seen.text and all(self.names.of(name) == own for name, own in seen.names.items()):
            return exp.Var(this=seen.text)
        text = self.dialect.text(self.expression(expr))
        fragments.put(seen, text, {name: self.names.of(name) for name in fields_of(expr)})
        return exp.Var(this=text)

    def _carry(self, fields: Iterable[str], order: Iterable[Order]) -> list[exp.Expression]:
        carried: list[exp.Expression] = [column(self.names.of(name)) for name in fields]
        carried += [column(one.ident) for one in order]
        return carried

    def _some(self, columns: list[exp.Expression]) -> list[exp.Expression]:
        """A SELECT needs at least one column."""
        return columns or [alias(exp.Literal.number(1), self.names.of("_none"))]

    # --- nodes

    def compile(self, node: Node, need: frozenset[str], *, ordered: bool) -> Relation:
        """The relation with the fields of `need` that the node has, and order columns if `ordered`."""
        match node:
            case Rows():
                return self._rows(node, need, ordered)
            case Scan():
                return self._scan(node, need, ordered)
            case Filter():
                return self._filter(node, need, ordered)
            case Extend() | Project():
                return self._extend(node, need, ordered)
            case Aggregate():
                return self._aggregate(node, need, ordered)
            case Window():
                return self._window(node, need, ordered)
            case Sort():
                return self._sort(node, need, ordered)
            case Reverse(input=inner):
                child = self.compile(inner, need, ordered=ordered)
                flipped = tuple(Order(one.ident, not one.descending) for one in child.order)
                return Relation(child.select, child.fields, flipped)
            case Limit():
                return self._limit(node, need, ordered)
            case Union():
                return self._union(node, need, ordered)
            case Expand():
                return self._expand(node, need, ordered)
            case Join():
                return self._join(node, need, ordered)

    def _rows(self, node: Rows, need: frozenset[str], ordered: bool) -> Relation:
        table = self.dialect.rows(node)
        places = {name: place for place, name in enumerate(node.schema)}
        fields = {name: kind for name, kind in node.schema.items() if name in need}
        columns = [alias(column(f"c{places[name]}"), self.names.of(name)) for name in fields]
        order: tuple[Order, ...] = ()
        if ordered:
            own = self.names.fresh("_o")
            columns.append(alias(column("o"), own))
            order = (Order(own, False),)
        source = exp.Table(this=ident(table))
        return Relation(self.select(self._some(columns), source), fields, order)

    def _scan(self, node: Scan, need: frozenset[str], ordered: bool) -> Relation:
        if node.expand is not None:
            made = node.expand(node, need)
            fragments = self.dialect.fragments if made.lasting else None
            if fragments is not None:
                return self._known(made.node, need, ordered, fragments)
            return self.compile(made.node, need, ordered=ordered)
        fields = {name: kind for name, kind in node.schema.items() if name in need}
        order: tuple[Order, ...] = ()
        if ordered:
            order = tuple(Order(self.names.fresh(wish), True) for wish in ("_o_time", "_o_index", "_o_serial"))
        if not node.tables:
            return self._nothing(fields, order)
        return Relation(self._tables(node, fields, order), fields, order)

    def _known(self, node: Node, need: frozenset[str], ordered: bool, fragments: Fragments) -> Relation:
        """As `compile`, for a plan that may have been written before. Its own columns are seen by nobody outside."""
        seen = fragments.met((id(node), need, ordered), (node,))
        fields = {name: kind for name, kind in node.schema.items() if name in need}
        if (
            seen is not None
            and seen.text
            and all(self.names.of(name) == own for name, own in seen.names.items())
            and all(self.names.is_free(one.ident) for one in seen.order)
            and all(self.dialect.rows(rows) == own for rows, own in seen.rows)
        ):
            for one in seen.order:
                self.names.fresh(one.ident)
            return Relation(exp.Var(this=seen.text), fields, seen.order)
        relation = self.compile(node, need, ordered=ordered)
        if seen is None:
            return relation
        seen.rows = [(rows, self.dialect.rows(rows)) for rows in rows_in(node)]
        seen.order = relation.order
        fragments.put(seen, self.dialect.text(relation.select), {name: self.names.of(name) for name in fields})
        return Relation(exp.Var(this=seen.text), relation.fields, relation.order)

    def _tables(self, node: Scan, fields: Mapping[str, Kind], order: tuple[Order, ...]) -> exp.Query | exp.Var:
        fragments, seen = self.dialect.fragments, None
        if fragments is not None and node.rows is None:
            idents = tuple((name, kind, self.names.of(name)) for name, kind in fields.items())
            key = (tuple(map(id, node.tables)), node.earliest, node.latest, idents, order)
            seen = fragments.met(key, node.tables)
            if seen is not None and seen.text:
                return exp.Var(this=seen.text)
        query = _union_all([self._table(node, table, fields, order) for table in node.tables])
        if fragments is None or seen is None:
            return query
        fragments.put(seen, self.dialect.text(query), {})
        return exp.Var(this=seen.text)

    def _nothing(self, fields: Mapping[str, Kind], order: tuple[Order, ...]) -> Relation:
        """No rows, without reading any."""
        columns = [alias(self.dialect.literal(Lit(None, kind)), self.names.of(name)) for name, kind in fields.items()]
        columns += [alias(self.dialect.literal(Lit(None, Kind.NUMBER)), one.ident) for one in order]
        one_row = exp.Select(expressions=[alias(exp.Literal.number(1), "z")])
        source = exp.Subquery(this=one_row, alias=exp.TableAlias(this=ident("z")))
        query = self.select(self._some(columns), source)
        query.set("where", exp.Where(this=exp.false()))
        return Relation(query, fields, order)

    def _table(self, node: Scan, table: Table, fields: Mapping[str, Kind], order: Sequence[Order]) -> exp.Query:
        columns: list[exp.Expression] = []
        for name, kind in fields.items():
            columns.append(alias(self.dialect.event_field(table, name, kind), self.names.of(name)))
        for one, physical in zip(order, ("_time", "_indextime", "_serial"), strict=False):
            columns.append(alias(column(physical), one.ident))
        read = {*fields, *(PLACE if node.rows is not None else ())}
        query = self.select(self._some(columns), self.dialect.files(table, read))
        bounds: list[exp.Expression] = []
        if node.rows is not None:
            parts = [self._at(table, file, rows) for file, rows in node.rows]
            bounds.append(exp.Paren(this=exp.or_(*parts, wrap=False)))
        for op, bound in ((exp.GTE, node.earliest), (exp.LT, node.latest)):
            if bound is not None:
                limit = self.dialect.literal(Lit(float(bound), Kind.NUMBER))
                micros = self.dialect.scalar(Call("micros_time", (number(bound),), Kind.NUMBER), [limit])
                bounds.append(op(this=column("_time"), expression=micros))
        if bounds:
            query.set("where", exp.Where(this=exp.and_(*bounds) if len(bounds) > 1 else bounds[0]))
        return query

    def _at(self, table: Table, file: str, rows: Iterable[int]) -> exp.Expression:
        """An event is of these rows of a file."""
        file_of, row_of = (self.dialect.event_field(table, name, kind) for name, kind in PLACE.items())
        same = exp.EQ(this=file_of, expression=exp.Literal.string(file))
        # One leaf: there may be thousands of them.
        among = exp.In(this=row_of, expressions=[exp.Var(this=", ".join(map(str, rows)))])
        return exp.Paren(this=exp.And(this=same, expression=among))

    def _filter(self, node: Filter, need: frozenset[str], ordered: bool) -> Relation:
        if node.predicate == FALSE:
            kept = {name: kind for name, kind in node.schema.items() if name in need}
            return self._nothing(kept, (Order(self.names.fresh("_o"), False),) if ordered else ())
        child = self.compile(node.input, need | frozenset(fields_of(node.predicate)), ordered=ordered)
        fields = {name: kind for name, kind in child.fields.items() if name in need}
        query = self.select(self._some(self._carry(fields, child.order)), child)
        query.set("where", exp.Where(this=self.value(node.predicate)))
        return Relation(query, fields, child.order)

    def _extend(self, node: Extend | Project, need: frozenset[str], ordered: bool) -> Relation:
        if isinstance(node, Extend):
            node = _merged(node)
        values = {name: expr for name, expr in node.values if name in need}
        kept = need - {name for name, _ in node.values} if isinstance(node, Extend) else frozenset()
        read = frozenset(name for expr in values.values() for name in fields_of(expr))
        if not values and isinstance(node, Extend):
            return self.compile(node.input, need, ordered=ordered)
        child = self.compile(node.input, kept | read, ordered=ordered)
        fields = {name: kind for name, kind in node.schema.items() if name in values or name in kept}
        columns = [
            alias(self.value(values[name]), self.names.of(name)) if name in values else column(self.names.of(name))
            for name in fields
        ]
        columns += [column(one.ident) for one in child.order]
        return Relation(self.select(self._some(columns), child), fields, child.order)

    def _aggregate(self, node: Aggregate, need: frozenset[str], ordered: bool) -> Relation:
        below, aggs_ = _lifted(node.input, [agg for _, agg in node.aggs])
        if below is not node.input:
            names = [name for name, _ in node.aggs]
            node = replace(node, input=below, aggs=tuple(zip(names, aggs_, strict=True)))
        aggs = {name: agg for name, agg in node.aggs if name in need}
        read = {name for _, expr in node.by for name in fields_of(expr)}
        for agg in aggs.values():
            for part in (agg.arg, agg.extra):
                read |= set(fields_of(part)) if part is not None else set()
        child = self.compile(node.input, frozenset(read), ordered=any(agg.ordered for agg in aggs.values()))
        order_by = self.ordering(child.order)
        columns: list[exp.Expression] = []
        groups: list[exp.Expression] = []
        order: list[Order] = []
        for name, expr in node.by:
            value = self.expression(expr)
            groups.append(value.copy())
            if name in need:
                columns.append(alias(value, self.names.of(name)))
            if ordered:
                # The order outlives the field: a later command may replace its values.
                own = self.names.fresh(f"_g_{name}")
                columns.append(exp.Alias(this=value.copy(), alias=ident(own)))
                order.append(Order(own, False))
        for name, agg in aggs.items():
            arg = None if agg.arg is None else self.expression(agg.arg)
            extra = None if agg.extra is None else self.expression(agg.extra)
            value = self.dialect.aggregate(agg, arg, extra, order_by, lambda tree: tree)
            columns.append(alias(value, self.names.of(name)))
        if not columns:
            columns = [alias(exp.Count(this=exp.Star()), self.names.of("_none"))]
        query = self.select(columns, child)
        if groups:
            query.set("group", exp.Group(expressions=groups))
        fields = {name: kind for name, kind in node.schema.items() if name in need}
        return Relation(query, fields, tuple(order))

    def _window(self, node: Window, need: frozenset[str], ordered: bool) -> Relation:
        below, aggs = _lifted(node.input, [win.agg for _, win in node.values])
        if below is not node.input:
            wins = ((name, replace(win, agg=agg)) for (name, win), agg in zip(node.values, aggs, strict=True))
            node = replace(node, input=below, values=tuple(wins))
        values = {name: win for name, win in node.values if name in need}
        if not values:
            return self.compile(node.input, need, ordered=ordered)
        kept = need - set(values)
        read: set[str] = set(kept)
        for win in values.values():
            for part in (win.agg.arg, win.agg.extra, win.back, *win.partition):
                read |= set(fields_of(part)) if part is not None else set()
        child = self.compile(node.input, frozenset(read), ordered=True)
        carried = child.order if ordered else ()
        fields = {name: kind for name, kind in node.schema.items() if name in values or name in kept}
        columns = [
            alias(self._over(values[name], child), self.names.of(name))
            if name in values
            else column(self.names.of(name))
            for name in fields
        ]
        columns += [column(one.ident) for one in carried]
        return Relation(self.select(columns, child), fields, carried)

    def _over(self, win: WindowCall, child: Relation) -> exp.Expression:
        arg = None if win.agg.arg is None else self.expression(win.agg.arg)
        extra = None if win.agg.extra is None else self.expression(win.agg.extra)
        partition = [self.expression(part) for part in win.partition]
        back = None if win.back is None else self.expression(win.back)

        def over(tree: exp.Expression) -> exp.Expression:
            window = exp.Window(this=tree, partition_by=[part.copy() for part in partition])
            if child.order:  # a single row has none
                window.set("order", exp.Order(expressions=self.ordering(child.order)))
            if win.agg.op not in ("row_number", "lag"):
                window.set("spec", _frame(win, back))
            return window

        return self.dialect.aggregate(win.agg, arg, extra, (), over)

    def _sort(self, node: Sort, need: frozenset[str], ordered: bool) -> Relation:
        if not ordered:
            return self.compile(node.input, need, ordered=False)
        read = need | {name for key in node.keys for name in fields_of(key.expr)}
        child = self.compile(node.input, read, ordered=True)
        fields = {name: kind for name, kind in child.fields.items() if name in need}
        keys = [(self.names.fresh("_k"), key) for key in node.keys]
        columns = self._carry(fields, child.order)
        columns += [alias(self.expression(key.expr), own) for own, key in keys]
        order = tuple(Order(own, key.descending) for own, key in keys) + child.order
        return Relation(self.select(columns, child), fields, order)

    def _limit(self, node: Limit, need: frozenset[str], ordered: bool) -> Relation:
        child = self.compile(_unsaid(node.input, node.count), need, ordered=True)
        carried = child.order if ordered else ()
        query = self.select(self._some(self._carry(child.fields, carried)), child)
        if child.order:
            query.set("order", exp.Order(expressions=self.ordering(child.order)))
        if node.told is None:
            query.set("limit", exp.Limit(expression=exp.Literal.number(node.count)))
            return Relation(query, child.fields, carried)
        # One more row is asked for: to see it is to know that there are more.
        query.set("limit", exp.Limit(expression=exp.Literal.number(node.count + 1)))
        place = self.names.fresh("_p")
        query.append("expressions", alias(self._place(child.order), place))
        outer = self.select(self._some(self._carry(child.fields, carried)), Relation(query, child.fields, carried))
        beyond = within(Col(place, Kind.NUMBER), node.count, node.told)
        outer.set("where", exp.Where(this=self.expression(beyond, {place: place})))
        return Relation(outer, child.fields, carried)

    def _place(self, order: Sequence[Order]) -> exp.Expression:
        """The place of a row, from 1."""
        window = exp.Window(this=exp.RowNumber())
        if order:
            window.set("order", exp.Order(expressions=self.ordering(order)))
        return window

    def _union(self, node: Union, need: frozenset[str], ordered: bool) -> Relation:
        fields = {name: kind for name, kind in node.schema.items() if name in need}
        branch, place = self.names.fresh("_u"), self.names.fresh("_n")
        order = (Order(branch, False), Order(place, False)) if ordered else ()
        branches: list[exp.Query] = []
        for number_of, part in enumerate(node.inputs):
            child = self.compile(part, need, ordered=ordered)
            columns: list[exp.Expression] = []
            for name, kind in fields.items():
                own = child.fields.get(name)
                value: Expr = Lit(None, kind) if own is None else Col(name, own)
                if own is not None and own is not kind:
                    if own is Kind.NUMBER:
                        value = call("number_text", Kind.TEXT, value)
                    if kind is Kind.MULTI:
                        value = call("list_of", Kind.MULTI, value)
                columns.append(alias(self.expression(value), self.names.of(name)))
            if ordered:
                columns.append(alias(exp.Literal.number(number_of), branch))
                rank = exp.Window(this=exp.RowNumber())
                if child.order:
                    rank.set("order", exp.Order(expressions=self.ordering(child.order)))
                columns.append(alias(rank, place))
            branches.append(self.select(self._some(columns), child))
        return Relation(_union_all(branches), fields, order)

    def _expand(self, node: Expand, need: frozenset[str], ordered: bool) -> Relation:
        child = self.compile(node.input, need | {node.name}, ordered=ordered)
        own = self.names.of(node.name)
        values: exp.Expression = column(own)
        kind = child.fields[node.name]
        if kind is not Kind.MULTI:
            as_text: Expr = Col(node.name, kind)
            if kind is Kind.NUMBER:
                as_text = Call("number_text", (as_text,), Kind.TEXT)
            values = self.expression(Call("list_of", (as_text,), Kind.MULTI))
        if node.keep_null:
            nothing = self.dialect.scalar(Call("list_null", (), Kind.MULTI), [])
            values = exp.Coalesce(this=values, expressions=[nothing])
        others = [name for name in child.fields if name in need and name != node.name]
        columns = self._carry(others, child.order)
        columns.append(alias(self.dialect.unnest(values), own))
        order = child.order
        if ordered:
            place = self.names.fresh("_e")
            columns.append(alias(self.dialect.positions(values.copy()), place))
            order = (*order, Order(place, False))
        fields = {name: kind for name, kind in node.schema.items() if name in need or name == node.name}
        return Relation(self.select(columns, child), fields, order)

    def _join(self, node: Join, need: frozenset[str], ordered: bool) -> Relation:
        """Each side becomes a SELECT whose columns have names of their own, so that nothing is ambiguous."""
        values = {name: expr for name, expr in node.values if name in need}
        kept = [name for name in node.left.schema if name in need and name not in values]
        read_left = {name for one, _ in node.on for name in fields_of(one)}
        read_right = {name for expr in values.values() for name in fields_of(expr)}
        read_right |= {name for _, one in node.on for name in fields_of(one)}
        left = self.compile(node.left, frozenset(read_left | set(kept)), ordered=ordered)
        right = self.compile(node.right, frozenset(read_right), ordered=ordered)
        # Rows of a shared plan (a self join) may carry order columns of the same names.
        moved = {one.ident: self.names.fresh("_o_right") for one in right.order}
        left_keys = [self.names.fresh("_j_left") for _ in node.on]
        right_keys = [self.names.fresh("_j_right") for _ in node.on]
        fresh = {name: self.names.fresh("_j") for name in values}
        columns = self._carry(kept, left.order)
        columns += [alias(self.expression(one), own) for (one, _), own in zip(node.on, left_keys, strict=True)]
        others = [alias(self.expression(one), own) for (_, one), own in zip(node.on, right_keys, strict=True)]
        others += [alias(self.expression(expr), fresh[name]) for name, expr in values.items()]
        others += [alias(column(one.ident), moved[one.ident]) for one in right.order]
        equal = [
            exp.EQ(this=column(one), expression=column(other)) for one, other in zip(left_keys, right_keys, strict=True)
        ]
        self._queries += 1
        joined = exp.Join(
            this=exp.Subquery(
                this=self.select(self._some(others), right),
                alias=exp.TableAlias(this=exp.Identifier(this=f"j{self._queries}", quoted=False)),
            ),
            on=exp.and_(*equal) if equal else exp.true(),
        )
        if node.outer:
            joined.set("side", "LEFT")
        else:
            joined.set("kind", "INNER")
        fields = {name: kind for name, kind in node.schema.items() if name in values or name in kept}
        order = (*left.order, *(Order(moved[one.ident], one.descending) for one in right.order))
        result = [
            alias(column(fresh[name]), self.names.of(name)) if name in values else column(self.names.of(name))
            for name in fields
        ]
        result += [column(one.ident) for one in order]
        query = self.select(
            self._some(result),
            Relation(self.select(self._some(columns), left), {}, ()),
        )
        query.set("joins", [joined])
        return Relation(query, fields, order)


def _frame(win: WindowCall, back: exp.Expression | None) -> exp.WindowSpec:
    """ROWS BETWEEN ... AND ...: which rows of the partition a window call sees."""
    if win.whole:
        return exp.WindowSpec(
            kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="UNBOUNDED", end_side="FOLLOWING"
        )
    spec = exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW")
    if back is not None:
        spec.set("start", exp.Cast(this=back.copy(), to=exp.DataType.build("BIGINT")))
    elif win.rows is not None:
        spec.set("start", exp.Literal.number(win.rows - 1 if win.current else win.rows))
    if not win.current:
        spec.set("end", exp.Literal.number(1))
        spec.set("end_side", "PRECEDING")
    return spec


def _one_of(expr: Call) -> Call:
    """An OR with what compares the same text with several constants as one IN: hundreds of them, as a subsearch gives,
    would each be computed for every row."""
    wanted: dict[Expr, list[Expr]] = {}
    rest: list[Expr] = []
    for part in expr.args:
        match part:
            case Call(op="eq", args=(subject, Lit(value=str()) as value)) if not isinstance(subject, Lit):
                wanted.setdefault(subject, []).append(value)
            case _:
                rest.append(part)
    if all(len(values) == 1 for values in wanted.values()):
        return expr
    tests = [
        Call("in" if len(values) > 1 else "eq", (subject, *values), Kind.BOOL) for subject, values in wanted.items()
    ]
    return Call("or", (*tests, *rest), Kind.BOOL)


MANY = 8
"""So many pairs of constants, or more, are looked up instead of compared one after the other."""
_BETWEEN = "\x01"


def _pairs(expr: Call) -> Call:
    """An OR with what compares the same two texts with many pairs of constants, as a subsearch with two fields gives,
    as one IN over both texts joined. What is between them is in none of the constants, so that only a pair can be equal
    to a pair. A text that is null makes the comparison null where the other one is in a pair, else false."""
    wanted: dict[tuple[Expr, Expr], dict[int, tuple[str, str]]] = {}
    for place, part in enumerate(expr.args):
        match part:
            case Call(
                op="and",
                args=(
                    Call(op="eq", args=(one, Lit(value=str(first)))),
                    Call(op="eq", args=(other, Lit(value=str(second)))),
                ),
            ) if _is_text(one) and _is_text(other) and _BETWEEN not in first + second:
                wanted.setdefault((one, other), {})[place] = (first, second)
    wanted = {texts: pairs for texts, pairs in wanted.items() if len(pairs) >= MANY}
    if not wanted:
        return expr
    taken = {place for pairs in wanted.values() for place in pairs}
    tests = [_in_pairs(one, other, list(pairs.values())) for (one, other), pairs in wanted.items()]
    rest = [part for place, part in enumerate(expr.args) if place not in taken]
    if len(tests) == 1 and not rest:
        return tests[0]
    return Call("or", (*tests, *rest), Kind.BOOL)


def _is_text(expr: Expr) -> bool:
    """A field that is text, or a plain function of one: it is written several times."""
    inner = expr.args[0] if isinstance(expr, Call) and len(expr.args) == 1 else expr
    return isinstance(inner, Col) and expr.kind is Kind.TEXT


def _in_pairs(one: Expr, other: Expr, pairs: Sequence[tuple[str, str]]) -> Call:
    def known(subject: Expr, values: Iterable[str]) -> Expr:
        listed = call("in", Kind.BOOL, subject, *(Lit(value, Kind.TEXT) for value in dict.fromkeys(values)))
        return call("or", Kind.BOOL, call("is_null", Kind.BOOL, subject), listed)

    joined = call("concat", Kind.TEXT, call("concat", Kind.TEXT, one, Lit(_BETWEEN, Kind.TEXT)), other)
    there = [call("is_not_null", Kind.BOOL, subject) for subject in (one, other)]
    found = call("in", Kind.BOOL, joined, *(Lit(_BETWEEN.join(pair), Kind.TEXT) for pair in dict.fromkeys(pairs)))
    may = call("and", Kind.BOOL, known(one, (pair[0] for pair in pairs)), known(other, (pair[1] for pair in pairs)))
    return call("case", Kind.BOOL, call("and", Kind.BOOL, *there), found, may, Lit(None, Kind.BOOL), FALSE)


def _merged(node: Extend) -> Extend:
    """Extends on top of each other as one, as long as the upper ones read nothing that the lower ones make. Detections
    are long chains of evals; every level costs as many vectors as it has columns."""
    values = dict(node.values)
    reads = {name for expr in values.values() for name in fields_of(expr)}
    below = node.input
    while isinstance(below, Extend) and not any(name in reads for name, _ in below.values):
        lower = {name: expr for name, expr in below.values if name not in values}
        reads |= {name for expr in lower.values() for name in fields_of(expr)}
        values = {**lower, **values}
        below = below.input
    return node if below is node.input else Extend(below, tuple(values.items()))


def _union_all(branches: Sequence[exp.Query]) -> exp.Query:
    """A balanced UNION ALL, so that hundreds of branches do not nest hundreds deep."""
    if len(branches) == 1:
        return branches[0]
    middle = len(branches) // 2
    return exp.Union(this=_union_all(branches[:middle]), expression=_union_all(branches[middle:]), distinct=False)


def _lifted(node: Node, aggs: Sequence[Agg]) -> tuple[Node, list[Agg]]:
    """Aggregates over a plan whose arguments that are made of multivalues are columns of it: what an aggregate makes
    of its parts may bind them, and there the engine takes no argument with functions of lists of its own."""
    columns: list[tuple[str, Expr]] = []
    found: list[Agg] = []
    for agg in aggs:
        if agg.arg is not None and _of_lists(agg.arg):
            columns.append((f"_argument_{len(columns)}", agg.arg))
            agg = replace(agg, arg=Col(columns[-1][0], agg.arg.kind))
        found.append(agg)
    return (Extend(node, tuple(columns)) if columns else node), found


def _of_lists(expr: Expr) -> bool:
    """Whether it computes with multivalues, other than to take one as it is."""
    waiting = list(expr.args) if isinstance(expr, Call) else []
    while waiting:
        one = waiting.pop()
        if isinstance(one, Lambda):
            return True
        if one.kind is Kind.MULTI:
            return True
        if isinstance(one, Call):
            waiting += one.args
    return False
