"""Datasets of data models as plans: search, constraints and calculations, as far as a command reads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from trapline.errors import Span, SplError, Unsupported
from trapline.knowledge.datamodels import (
    Calculation,
    DataModel,
    Definition,
    Eval,
    FromLookup,
    Gap,
    Rex,
    fields_of,
    made,
    unsupported,
)
from trapline.knowledge.steps import first_of
from trapline.pcre import check
from trapline.plan import (
    NULL,
    TRUE,
    Call,
    Col,
    Expr,
    Extend,
    Filter,
    Lit,
    Node,
    Scan,
    Table,
    both,
    call,
    number,
    substitute,
    text,
)
from trapline.spl.command import Context, Pipeline
from trapline.spl.cursor import Cursor
from trapline.spl.datasets import META, NODENAME, Dataset, read_by
from trapline.spl.evaluate import Env, as_text
from trapline.spl.expr import Ast, fields_read, parse_expression
from trapline.spl.filter import Filter as Tree
from trapline.spl.filter import lower_text, parse_filter
from trapline.spl.lookups import Pair, lower_lookup
from trapline.values import Kind

_NOWHERE = Span(0, 0)


@dataclass(frozen=True, slots=True)
class Source:
    """What a dataset reads from: `search` runs a search text, `expand` replaces the macros of an expression."""

    context: Context
    search: Callable[[str], Node]
    expand: Callable[[str], str]
    given: Callable[[Sequence[Mapping[str, object]]], Node]


@dataclass(frozen=True, slots=True)
class Step:
    """A constraint or a calculation of a dataset. `values`: the fields it adds, or `predicate`: what it keeps, both in
    terms of the fields before it; neither for what is more than that (lookups, gaps)."""

    owner: Definition
    part: Calculation | None
    makes: frozenset[str]
    reads: frozenset[str]
    values: tuple[tuple[str, Expr], ...] = ()
    predicate: Expr | None = None

    def apply(self, node: Node, source: Source) -> Node:
        if self.predicate is not None:
            return Filter(node, self.predicate)
        if self.part is None or self.values:
            return Extend(node, self.values) if self.values else node
        return _calculated(node, self.owner, self.part, source)


@dataclass(frozen=True, slots=True)
class Template:
    """A dataset made ready for any command: its search, and the steps over it."""

    line: tuple[Definition, ...]
    root: Node
    steps: tuple[Step, ...]
    complete: bool
    """Its rows come from a search, not from given ones."""
    memo: dict[object, Expr] = field(default_factory=dict)
    """Expressions over its fields, by what they are."""

    @property
    def lasting(self) -> bool:
        """Is it the same whenever the events are: does it read nothing but them?"""
        plain = all(step.predicate is not None or step.values for step in self.steps)
        return self.complete and not self.line[0].piped and plain and _scan(self.root) is not None

    @property
    def tables(self) -> tuple[Table, ...]:
        """What a lasting one reads."""
        scan = _scan(self.root)
        return scan.tables if scan is not None else ()

    def over(self, change: Callable[[Scan], Scan]) -> Template:
        """The same over another scan of the same tables, for a lasting one."""
        return replace(self, root=_rescanned(self.root, change))


def _scan(node: Node) -> Scan | None:
    while isinstance(node, Filter | Extend):
        node = node.input
    return node if isinstance(node, Scan) else None


def _rescanned(node: Node, change: Callable[[Scan], Scan]) -> Node:
    match node:
        case Scan():
            return change(node)
        case Filter() | Extend():
            return replace(node, input=_rescanned(node.input, change))
    raise AssertionError(node)


def template(model: DataModel, name: str, source: Source) -> Template:
    """Raises SplError."""
    line = model.lineage(name)
    for one in line:
        unsupported(model, one)
    given = next((place for place in range(len(line) - 1, -1, -1) if line[place].rows is not None), None)
    first = 0 if given is None else given + 1
    root = node = _root(line, given, source)
    steps: list[Step] = []
    for place, one in enumerate(line[first:], first):
        if place and one.constraint:
            predicate = _predicate(one, node, source)
            steps.append(Step(one, None, frozenset(), _constrained(one, source), predicate=predicate))
            node = Filter(node, predicate)
        for part in one.calculations:
            after = _calculated(node, one, part, source)
            plain = not isinstance(part, Gap) and isinstance(after, Extend) and after.input is node
            values = after.values if plain and isinstance(after, Extend) else ()
            steps.append(Step(one, part, frozenset(made(part)), frozenset(_reads(part, source)), values))
            node = after
        if one.required:
            predicate = lower_text(" ".join(one.required), node.schema, source.context, _NOWHERE)
            reads = read_by(_tree(" ".join(one.required))) or frozenset()
            steps.append(Step(one, None, frozenset(), reads, predicate=predicate))
            node = Filter(node, predicate)
    return Template(tuple(line), root, tuple(steps), given is None)


def bind(model: DataModel, ready: Template, source: Source, read: Collection[str] | None = None) -> Dataset:
    """A dataset as a plan.

    `read`: the fields that matter, by the names that `Dataset.owned` gives them; None = all but nodename. Only what
    they need is calculated. Among them may be nodename, which names the datasets that an event is in, and fields of
    the datasets below. Raises SplError.
    """
    line, steps = ready.line, ready.steps
    owned = owned_by(line)
    below = _below(model, line, read, owned)
    nodename = read is not None and NODENAME in read
    if read is not None:
        wanted = {plain for plain, whole in owned.items() if whole in read or plain in read}
        tested = [one for path in below for one in path]
        if nodename and ready.complete:
            tested += [one for path in descendants(model, line) for one in path]
        for one in tested:
            wanted |= _constrained(one, source).union(
                fields_of(one), *(_reads(part, source) for part in one.calculations)
            )
        steps = _needed(steps, wanted)
    node = ready.root
    for step in steps:
        node = step.apply(node, source)
    names: list[tuple[str, Expr]] = []
    for path, asked in below.items():
        for whole, plain in asked.items():
            if whole not in ready.memo:
                ready.memo[whole] = _own(path, plain, node, source)
            names.append((whole, ready.memo[whole]))
    if nodename:
        if NODENAME not in ready.memo:
            ready.memo[NODENAME] = _nodename(model, line, node, source, complete=ready.complete)
        names.append((NODENAME, ready.memo[NODENAME]))
    if names:
        node = Extend(node, tuple(names))
        owned |= {whole: whole for whole, _ in names if whole != NODENAME}
    return Dataset(model.name, line[-1].name, node, owned)


def owned_by(line: Sequence[Definition]) -> dict[str, str]:
    """The fields of a dataset: plain name -> name with the lineage of the dataset that it is from."""
    owned: dict[str, str] = {}
    for place, one in enumerate(line):
        prefix = _path(line[: place + 1])
        for own in fields_of(one):
            if own not in META or own in ("host", "source", "sourcetype", "index"):
                owned.setdefault(own, f"{prefix}.{own}")
    return owned


def descendants(model: DataModel, line: Sequence[Definition]) -> Iterator[tuple[Definition, ...]]:
    """The datasets below one, each as its way down from there."""
    for name in model.datasets:
        path = model.lineage(name)
        if len(path) > len(line) and path[: len(line)] == list(line):
            yield tuple(path[len(line) :])


def _path(line: Sequence[Definition]) -> str:
    return ".".join(one.name for one in line)


def _root(line: Sequence[Definition], given: int | None, source: Source) -> Node:
    if given is not None:
        return source.given([{str(key): cell for key, cell in row.items()} for row in line[given].rows or ()])
    constraint = line[0].constraint.strip()
    if line[0].piped:
        return source.search(constraint)
    return source.search(f"search {constraint}" if constraint else "search *")


# --- what is needed ------------------------------------------------------------------------------------------------


def _needed(steps: Sequence[Step], wanted: set[str]) -> tuple[Step, ...]:
    """The steps without calculations that nobody reads."""
    kept: list[Step] = []
    for step in reversed(steps):
        if step.makes:
            if wanted.isdisjoint(step.makes):
                continue
            wanted -= step.makes
        wanted |= step.reads
        kept.append(step)
    return tuple(reversed(kept))


def _constrained(one: Definition, source: Source) -> frozenset[str]:
    """The fields that a constraint reads. Where that shows only when it runs, all its words count."""
    if not one.constraint or one.piped:
        return frozenset()
    constraint = source.expand(one.constraint)
    found = read_by(_tree(constraint))
    return found if found is not None else frozenset(re.findall(r"[\w.]+", constraint))


def _reads(part: Calculation, source: Source) -> Iterator[str]:
    match part:
        case Eval(expression=expression):
            yield from fields_read(_ast(source.expand(expression)))
        case Rex(source=name, names=names):
            yield name
            yield from names
        case FromLookup(inputs=inputs):
            yield from (event for _, event in inputs)


# --- steps as plans ------------------------------------------------------------------------------------------------


def _predicate(one: Definition, node: Node, source: Source) -> Expr:
    return lower_text(source.expand(one.constraint), node.schema, source.context, _NOWHERE)


def _calculated(node: Node, owner: Definition, part: Calculation, source: Source) -> Node:
    context = source.context
    try:
        match part:
            case Eval(name=name, expression=expression):
                return Extend(node, ((name, Env(node.schema, context).value(_ast(source.expand(expression)))),))
            case Rex():
                return _rex(node, part)
            case FromLookup(lookup=name, inputs=inputs, outputs=outputs):
                on = [Pair(own, event, _NOWHERE) for own, event in inputs]
                into = [Pair(own, event, _NOWHERE) for own, event in outputs]
                return lower_lookup(context, node, context.lookup(name), on, into, keep=False)
            case Gap():
                return _gap(node, owner, part, context)
    except Unsupported as error:
        return _gap(node, owner, Gap(error.reason, made(part)), context)
    except SplError as error:
        raise SplError(f"the dataset '{owner.name}': {error.reason}", hint=error.hint, code="datamodel") from None


def _gap(node: Node, owner: Definition, gap: Gap, context: Context) -> Node:
    names = ", ".join(gap.names)
    what = f"; {names} is null" if names else ""
    context.warnings.add("datamodel", f"the dataset {owner.name} has what is not supported yet: {gap.what}{what}")
    missing = tuple((name, NULL) for name in gap.names)
    return Extend(node, missing) if missing else node


def _rex(node: Node, part: Rex) -> Node:
    """As the command rex: what does not match keeps the value that it has."""
    if part.source not in node.schema:
        return Extend(node, tuple((name, NULL) for name in part.names))
    groups = dict(check(part.expression).groups)
    subject = as_text(Col(part.source, node.schema[part.source]))
    values = tuple(
        (name, first_of([found, as_text(Col(name, node.schema[name]))]) if name in node.schema else found)
        for name in part.names
        if name in groups
        for found in [call("regex_extract", Kind.TEXT, subject, text(part.expression), number(groups[name]))]
    )
    return Extend(node, values) if values else node


def _refuse(start: int, end: int) -> Pipeline:
    raise SplError("a subsearch cannot stand here")


@lru_cache(maxsize=1_024)
def _tree(constraint: str) -> Tree:
    return parse_filter(Cursor(constraint, 0, len(constraint), _refuse))


@lru_cache(maxsize=2_048)
def _ast(expression: str) -> Ast:
    plain = re.sub(r"\s+", " ", expression)
    cursor = Cursor(plain, 0, len(plain), _refuse)
    found = parse_expression(cursor)
    cursor.finish()
    return found


# --- the datasets below --------------------------------------------------------------------------------------------

_Below = dict[tuple[Definition, ...], dict[str, str]]
"""Ways down to a dataset, with those of its own fields that are asked for: whole name -> plain name."""


def _below(
    model: DataModel, line: Sequence[Definition], read: Collection[str] | None, owned: Mapping[str, str]
) -> _Below:
    """The datasets below whose own fields are read."""
    found: _Below = {}
    prefix = _path(line) + "."
    rest = {one for one in read or () if one.startswith(prefix)} - set(owned.values())
    for path in descendants(model, line) if rest else ():
        own = {f"{prefix}{_path(path)}.{plain}": plain for plain in fields_of(path[-1])}
        asked = {whole: plain for whole, plain in own.items() if whole in rest}
        if asked:
            found[path] = asked
    return found


def _inside(
    path: Sequence[Definition], node: Node, source: Source, *, values: bool = True
) -> tuple[Expr, Mapping[str, Expr]]:
    """Whether an event is in the dataset at the end of a way down, and its fields there, in terms of `node`'s."""
    inner = node
    known: dict[str, Expr] = {}
    tests: list[Expr] = []
    for place, one in enumerate(path):
        if one.constraint:
            tests.append(substitute(_predicate(one, inner, source), known))
        if not values and place == len(path) - 1 and not one.required:
            break
        for part in one.calculations:
            after = _calculated(inner, one, part, source)
            if not isinstance(after, Extend) or after.input is not inner:
                raise Unsupported(
                    f"fields of the dataset '{one.name}' can only be read from it itself, not from one above it",
                    hint=f"from datamodel=<model>.{one.name}",
                )
            known |= {name: substitute(value, known) for name, value in after.values}
            inner = after
        if one.required:
            have = lower_text(" ".join(one.required), inner.schema, source.context, _NOWHERE)
            tests.append(substitute(have, known))
    return both(tests), known


def _own(path: Sequence[Definition], plain: str, node: Node, source: Source) -> Expr:
    """A field of a dataset below: null in events that are not in it."""
    condition, known = _inside(path, node, source)
    value = known.get(plain, Col(plain, node.schema[plain]) if plain in node.schema else NULL)
    return value if condition == TRUE else Call("case", (condition, value, Lit(None, value.kind)), value.kind)


def _nodename(model: DataModel, line: Sequence[Definition], node: Node, source: Source, *, complete: bool) -> Expr:
    """The lineages of the datasets that an event is in: the one asked for, its ancestors, and those below whose
    constraints it meets."""
    certain = Lit(tuple(_path(line[: place + 1]) for place in range(len(line))), Kind.MULTI)
    parts: list[Expr] = [certain]
    for path in descendants(model, line) if complete else ():
        condition, _ = _inside(path, node, source, values=False)
        name = Lit((_path([*line, *path]),), Kind.MULTI)
        parts.append(name if condition == TRUE else Call("case", (condition, name, Lit(None, Kind.MULTI)), Kind.MULTI))
    return call("list_concat", Kind.MULTI, *parts) if len(parts) > 1 else certain
