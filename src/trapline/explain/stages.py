"""The rows after each stage of a search, and what happened in the stage that removed the last ones."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from trapline.errors import Span, Warn
from trapline.explain.asking import Asking
from trapline.explain.clauses import Breaking, Clause, Tested
from trapline.explain.datasets import Emptiness, dataset_of, of_others, why_empty
from trapline.explain.facts import FieldFacts, field_facts, like_names
from trapline.explain.joins import join_notes
from trapline.explain.times import moments, reach
from trapline.explain.trail import Trail
from trapline.plan import (
    TRUE,
    Aggregate,
    Col,
    Expand,
    Expr,
    Extend,
    Filter,
    Join,
    Limit,
    Node,
    Project,
    Reverse,
    Rows,
    Scan,
    Sort,
    Window,
    both,
    call,
    number,
)
from trapline.spl import expr as asts
from trapline.spl import filter as filters
from trapline.spl.chartoptions import Axis
from trapline.spl.command import Pipeline, Stage, is_generating, takes_rows
from trapline.spl.cursor import Name
from trapline.spl.origin import Origin
from trapline.values import Kind, value_text

NULLS_DROP: Mapping[str, tuple[str, ...]] = {
    "stats": ("by",),
    "chart": ("x",),
    "top": ("by", "names"),
    "rare": ("by", "names"),
    "dedup": ("names",),
    "mvexpand": ("field", "name"),
    "xyseries": ("x",),
}
"""Commands that leave out rows where one of these fields of theirs is null, by the attribute that holds it."""


@dataclass(frozen=True, slots=True)
class StageCount:
    """A stage of the pipeline and the rows after it.

    `text` and `span`: in the search after macro expansion. `ms`: time that planning and counting it took. `macros`:
    those whose expansion it is, wholly or in part. `notes`: rows lost for a reason that the text does not show.
    """

    text: str
    rows: int
    name: str
    span: Span
    ms: float
    macros: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "stage": self.text,
            "rows": self.rows,
            "command": self.name,
            "ms": round(self.ms, 1),
            "span": [self.span.start, self.span.end],
            "macros": list(self.macros),
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class Breakdown:
    """The condition of one stage, taken apart. `stage` counts from 0; `came`: rows that came in. `empty`: the datasets
    of data models that it reads and that hold nothing."""

    stage: int
    came: int
    clause: Clause | None
    fields: tuple[FieldFacts, ...] = ()
    notes: tuple[str, ...] = ()
    empty: tuple[Emptiness, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "stage": self.stage + 1,
            "rows_in": self.came,
            "condition": None if self.clause is None else self.clause.to_json(),
            "fields": [one.to_json() for one in self.fields],
            "notes": list(self.notes),
            "empty_datasets": [one.to_json() for one in self.empty],
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """`text` is the search after macro expansion. `empty`: the first stage that left nothing. `breakdowns`: of that
    stage, and of those asked for. Iterating gives the stages."""

    text: str
    stages: tuple[StageCount, ...]
    empty: int | None
    breakdowns: tuple[Breakdown, ...] = ()
    warnings: tuple[Warn, ...] = field(default=())

    def __iter__(self) -> Iterator[StageCount]:
        return iter(self.stages)

    def __len__(self) -> int:
        return len(self.stages)

    def to_json(self) -> dict[str, Any]:
        return {
            "search": self.text,
            "stages": [one.to_json() for one in self.stages],
            "empty_from_stage": None if self.empty is None else self.empty + 1,
            "breakdowns": [one.to_json() for one in self.breakdowns],
        }


def explain(context: Asking, pipeline: Pipeline, origin: Origin, asked: Sequence[int] = ()) -> Explanation:
    """The rows after every stage; the stage that removed the last ones taken apart, and the stages `asked` for
    (counted from 0). Raises SplError, EngineError."""
    nodes: list[Node] = []
    counts: list[StageCount] = []
    known: dict[int, int] = {}
    for place, stage in enumerate(pipeline.stages):
        begun = time.perf_counter()
        node = context.stage(pipeline, place, nodes[-1] if nodes else None)
        rows = _count(context, node, known)
        known[id(node)] = rows
        spent = (time.perf_counter() - begun) * 1000
        text = pipeline.text[stage.span.start : stage.span.end]
        source = nodes[-1] if nodes else _first(context, stage)
        if source is not None and not nodes and not rows:
            known[id(source)] = context.count(source)
        notes = _notes(context, stage, source, known) if source is not None and known.get(id(source)) else ()
        nodes.append(node)
        counts.append(StageCount(text, rows, stage.name, stage.span, spent, origin.macros(stage.span), notes))
    empty = next((place for place, one in enumerate(counts) if not one.rows), None)
    ends = (
        [empty]
        if empty is not None
        else [place for place, node in enumerate(nodes) if _of_nothing(context, pipeline.stages[place], node)]
    )
    wanted = list(dict.fromkeys([*ends, *asked]))
    breakdowns = [_break(context, pipeline, place, nodes, counts, known) for place in wanted if 0 <= place < len(nodes)]
    return Explanation(pipeline.text, tuple(counts), empty, tuple(breakdowns), tuple(context.warnings.items))


def _first(context: Asking, stage: Stage) -> Node | None:
    """The events that a first stage reads which is no search; None where it makes rows itself."""
    if is_generating(stage.command) and (stage.piped or not takes_rows(stage.command)):
        return None
    return None if condition_of(stage) is not None or not takes_rows(stage.command) else context.events()


# --- counting ------------------------------------------------------------------------------------------------------


def _count(context: Asking, node: Node, known: Mapping[int, int]) -> int:
    """The rows of a plan, from those of an earlier stage where that settles it."""
    found = _derived(node, known)
    if found is None:
        return context.count(node)
    if isinstance(node, Limit) and node.told is not None and (_derived(node.input, known) or 0) > node.count:
        context.warnings.add(node.told.code, node.told.reason, hint=node.told.hint)
    return found


def _derived(node: Node, known: Mapping[int, int]) -> int | None:
    if id(node) in known:
        return known[id(node)]
    match node:
        case (
            Extend(input=inner) | Project(input=inner) | Window(input=inner) | Sort(input=inner) | Reverse(input=inner)
        ):
            return _derived(inner, known)
        case Rows(data=data):
            return int(data.num_rows)
        case Limit(input=inner, count=most):
            found = _derived(inner, known)
            return None if found is None else min(found, most)
        case Aggregate(by=()):
            return 1
        case Aggregate(input=inner) | Filter(input=inner) | Expand(input=inner) | Join(left=inner):
            return 0 if _derived(inner, known) == 0 else None
    return None


def _of_nothing(context: Asking, stage: Stage, node: Node) -> bool:
    """Is the one row of a tstats that groups by nothing about no event of its dataset?"""
    if stage.name != "tstats" or dataset_of(stage) is None:
        return False
    match node:
        case Aggregate(input=inner, by=()):
            return not context.count(inner)
    return False


def _notes(context: Asking, stage: Stage, source: Node, known: Mapping[int, int]) -> tuple[str, ...]:
    """Rows that a command drops because a field is null."""
    places = NULLS_DROP.get(stage.name, ())
    if not places or (stage.name == "dedup" and getattr(stage.command, "keepempty", False)):
        return ()
    names = list(dict.fromkeys(name for place in places for name in _names(getattr(stage.command, place, None))))
    came = known[id(source)]
    absent = [name for name in names if name not in source.schema]
    notes = [f"no row has the field {name}, so {stage.name} drops all {came:,}" for name in absent]
    present = {name: source.schema[name] for name in names if name in source.schema}
    tests: dict[str, Expr] = {name: call("is_null", Kind.BOOL, Col(name, kind)) for name, kind in present.items()}
    if not tests:
        return tuple(notes)
    found = context.counts(source, tests, [Col(name, Kind.BOOL) for name in tests])
    for name, rows in zip(tests, found, strict=True):
        if rows:
            notes.append(f"{rows:,} of {came:,} rows have no {name}: {stage.name} drops them")
    return tuple(notes)


def _names(value: object) -> Iterator[str]:
    match value:
        case Name(text=name) | Axis(name=Name(text=name)):
            yield name
        case str():
            yield value
        case tuple():
            for one in value:
                yield from _names(one)


# --- taking one stage apart ----------------------------------------------------------------------------------------


def _break(
    context: Asking,
    pipeline: Pipeline,
    place: int,
    nodes: Sequence[Node],
    stages: Sequence[StageCount],
    known: Mapping[int, int],
) -> Breakdown:
    stage = pipeline.stages[place]
    reads = dataset_of(stage) if not stages[place].rows or _of_nothing(context, stage, nodes[place]) else None
    strange = tuple(of_others(context, stage, pipeline.text))
    if reads is not None and (empty := tuple(why_empty(context, *reads))):
        return Breakdown(place, 0, None, notes=strange, empty=empty)
    tree = condition_of(stage)
    if stage.name == "tstats" and isinstance(tree, filters.Filter):
        source = _beneath(context, nodes[place], tree)
    else:
        source = nodes[place - 1] if place else _source(nodes[place])
    first = _first(context, pipeline.stages[0]) if tree is None or place else source
    trail = Trail(context, pipeline, nodes, first)
    if tree is None or source is None:
        before = trail.before(place)
        came = stages[place - 1].rows if place else 0 if before is None else context.count(before)
        told = list(stages[place].notes)
        if before is not None and came and not stages[place].rows:
            told += _why(context, stage, before)
            told += [each for name in dict.fromkeys(_dropping(stage)) for each in _trailed(trail, name, place, before)]
        facts = () if before is None else tuple(_of_regex(context, stage, before, came))
        return Breakdown(place, came, None, tuple(_traced(trail, one, place) for one in facts), tuple(told))
    if place == 0:
        # The time range prunes what is read; the clauses earliest= and latest= are to be seen at work.
        source = _unbounded(source)
    breaking = Breaking(context, source, pipeline.text)
    if isinstance(tree, filters.Filter):
        came, clause, rests = breaking.search(tree)
    else:
        came, clause, rests = breaking.where(tree)
    if not came:
        return Breakdown(place, 0, clause, (), tuple(_no_events(source)))
    notes = (*strange, *_range(context, source, nodes[place], clause)) if place == 0 else ()
    by_field: dict[str, list[Tested]] = defaultdict(list)
    for one in clause.walk():
        if one.removes:
            for leaf in one.walk():
                for tested in leaf.tested:
                    by_field[tested.field].append(tested)
    fields = [
        _traced(trail, field_facts(context, source, tested, rests.get(name, TRUE), came), place)
        for name, tested in list(by_field.items())[:MOST_FIELDS]
        if "*" not in name
    ]
    return Breakdown(place, came, clause, tuple(fields), notes)


MOST_FIELDS = 6
"""Fields that facts are given of."""


def condition_of(stage: Stage) -> filters.Filter | asts.Ast | None:
    """The condition of a search or where, or the WHERE of tstats."""
    match stage.name:
        case "search" | "tstats":
            tree: filters.Filter | None = getattr(stage.command, "tree", None)
            return tree
        case "where":
            condition: asts.Ast | None = getattr(stage.command, "condition", None)
            return condition
    return None


def _source(node: Node) -> Node | None:
    """What the first stage reads."""
    match node:
        case Filter(input=inner):
            return inner
        case Scan() | Rows():
            return node
    return None


def _beneath(context: Asking, node: Node, tree: filters.Filter) -> Node | None:
    """What the condition of a generating command is asked of, found by its filter in the plan."""
    while isinstance(node, Aggregate | Extend | Project | Filter | Expand | Window | Sort):
        if isinstance(node, Filter) and node.predicate == filters.lower_filter(tree, node.input.schema, context):
            return node.input
        node = node.input
    return None


def _unbounded(source: Node) -> Node:
    if isinstance(source, Scan):
        return Scan(source.schema, source.tables, None, None, source.expand)
    return source


def _range(context: Asking, source: Node, node: Node, clause: Clause) -> Iterator[str]:
    """Did the time range of the search, which no clause states, remove the rows?"""
    scan = node.input if isinstance(node, Filter) else node
    if not isinstance(scan, Scan) or (scan.earliest is None and scan.latest is None):
        return
    bounds: list[Expr] = []
    when = Col("_time", Kind.NUMBER)
    for op, bound in (("ge", scan.earliest), ("lt", scan.latest)):
        if bound is not None:
            bounds.append(call(op, Kind.BOOL, when, number(bound / 1_000_000)))
    inside = context.counts(source, {"inside": both(bounds)}, [Col("inside", Kind.BOOL)])[0]
    if not inside:
        yield f"no event lies in the time range of the search, {moments(scan.earliest, scan.latest)}{reach(scan)}"
    elif clause.alone and clause.left:
        yield f"{clause.alone:,} events match, none in the time range of the search"


def _why(context: Asking, stage: Stage, before: Node) -> Iterator[str]:
    """Why a command that has no condition left nothing."""
    match stage.name:
        case "join":
            yield from join_notes(context, stage.command, before)
        case "head" | "tail":
            condition = getattr(stage.command, "condition", None)
            if getattr(stage.command, "count", None) == 0:
                yield f"{stage.name} was asked for 0 rows"
            elif condition is not None:
                yield "the condition is not true of the first row, and head ends with the first row where it is not"
                row = next(iter(context.rows(Limit(before, 1))), {})
                for name in dict.fromkeys(asts.fields_read(condition)):
                    cell = row.get(name)
                    yield (
                        f"the first row has no {name}"
                        if cell is None
                        else f"in the first row, {name} is {value_text(cell)}"
                    )


def _dropping(stage: Stage) -> Iterator[str]:
    """The fields without which the command drops a row."""
    for place in NULLS_DROP.get(stage.name, ()):
        yield from _names(getattr(stage.command, place, None))


def _trailed(trail: Trail, name: str, place: int, before: Node) -> Iterator[str]:
    """Where a field was lost that no row has."""
    kind = before.schema.get(name)
    has = None if kind is None else call("is_not_null", Kind.BOOL, Col(name, kind))
    if has is None or not trail.context.counts(before, {"has": has}, [Col("has", Kind.BOOL)])[0]:
        found = trail.of(name, place)
        yield from found
        if not found:
            yield from (f"{each}, not {name}" for each in like_names(trail.context, before, name))


def _traced(trail: Trail, fact: FieldFacts, place: int) -> FieldFacts:
    """The facts of a field, with where it was lost if no row has it."""
    return fact if fact.rows else replace(fact, near=(*trail.of(fact.field, place), *fact.near))


def _of_regex(context: Asking, stage: Stage, before: Node, came: int) -> Iterator[FieldFacts]:
    """What the field of `regex` holds."""
    name = getattr(stage.command, "field", None)
    if stage.name == "regex" and isinstance(name, str) and came:
        yield field_facts(context, before, [Tested(name, "match", None, True)], TRUE, came)


def _no_events(source: Node) -> Iterator[str]:
    if isinstance(source, Scan):
        if not source.tables:
            yield "there are no events at all: has anything been ingested into this store?"
        else:
            yield "there are no events in what this search may read"
    else:
        yield "there are no events"
