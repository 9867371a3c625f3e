"""Why a dataset of a data model is empty: which constraint, its own or that of a dataset above it, removed the last
events, and for a tag which of the eventtypes that give it came nearest.

Source: Knowledge Manager Manual, "About data models": a dataset has the events of its parent that meet its own
constraint.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from trapline.errors import Span, SplError
from trapline.explain.asking import Asking
from trapline.explain.clauses import TAGGED, Breaking, Clause, squeeze
from trapline.explain.facts import most_frequent
from trapline.explain.times import moments, reach
from trapline.plan import Aggregate, Extend, Filter, Node, Project, Scan
from trapline.spl.command import Pipeline, Stage
from trapline.spl.filter import lower_text

_QUALIFIED = re.compile(r"(?<![\w.\"=])(\w+)\.\w+")
MOST_NEAR = 3
"""Alternatives of a tag that are told one by one."""
MOST_ABSENT = 8
"""Conditions that hold for no event at all, of the other alternatives."""
SHOWN = 4
"""Values of a field."""


@dataclass(frozen=True, slots=True)
class Near:
    """An alternative (an eventtype of a tag, a branch of an OR) that no event meets. `rows` events meet `passed`, none
    of them `lost`; `values`: what these have in the field that `lost` tests, the most frequent first."""

    alternative: str
    passed: tuple[str, ...]
    rows: int
    lost: str
    field: str | None
    values: tuple[tuple[str, int], ...]
    distinct: int

    def __str__(self) -> str:
        verb = "is" if self.rows == 1 else "are"
        found = f"{self.alternative}: {events(self.rows)} with {' and '.join(self.passed)} {verb} there"
        found += f", none with {self.lost}"
        return found + _instead(self.field, self.values, self.distinct)

    def to_json(self) -> dict[str, Any]:
        return {
            "alternative": self.alternative,
            "met": list(self.passed),
            "rows": self.rows,
            "not_met": self.lost,
            "field": self.field,
            "values": [{"value": value, "rows": rows} for value, rows in self.values],
            "distinct": self.distinct,
        }


@dataclass(frozen=True, slots=True)
class Level:
    """A dataset and what its constraint (macros expanded) leaves of the `came` events of the one above it; of a root
    dataset all events that a search may read, None where it is a search of its own."""

    dataset: str
    constraint: str
    came: int | None
    rows: int
    clause: Clause | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "dataset": self.dataset,
            "constraint": self.constraint,
            "rows_in": self.came,
            "rows": self.rows,
            "condition": None if self.clause is None else self.clause.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Emptiness:
    """`dataset`: with its model. `levels`: the root first, up to the one whose constraint nothing meets; times do not
    count in them. `because`: that in words. `near`: the alternatives that came nearest."""

    dataset: str
    levels: tuple[Level, ...]
    because: tuple[str, ...]
    near: tuple[Near, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "dataset": self.dataset,
            "levels": [one.to_json() for one in self.levels],
            "because": list(self.because),
            "near": [one.to_json() for one in self.near],
        }


def dataset_of(stage: Stage) -> tuple[str, str | None] | None:
    """The data model and dataset that a command reads, the dataset None for all roots; None for other commands."""
    command = getattr(stage.command, "inner", stage.command)
    source = getattr(command, "source", None)
    if stage.name not in ("tstats", "from", "datamodel") or source is None:
        return None
    found: tuple[str, str | None] | None = source()
    return found


def of_others(context: Asking, stage: Stage, text: str) -> Iterator[str]:
    """The fields that a command names by another dataset of the model than the one that it reads. `text`: the
    search."""
    reads = dataset_of(stage)
    if stage.name != "tstats" or reads is None or reads[1] is None:
        return
    model, dataset = reads
    line = str(context.describe(model, dataset)[0]["lineage"]).split(".")
    names: Any = context.describe(model, None)[0]["objectNameList"]
    told: set[str] = set()
    for found in _QUALIFIED.finditer(text[stage.span.start : stage.span.end]):
        other = found[1]
        if other in names and other not in line and other not in told:
            told.add(other)
            yield (
                f"{found[0]} is a field of the dataset {other}, and the search reads {model}.{dataset}: "
                f"write datamodel={model}.{other}, or the fields of {dataset}"
            )


def why_empty(context: Asking, model: str, dataset: str | None) -> Iterator[Emptiness]:
    """For the dataset, or each root of the model, that holds no event in the time range. Raises SplError,
    EngineError."""
    for name in context.roots(model) if dataset is None else [dataset]:
        found = _why_empty(context, model, name)
        if found is not None:
            yield found


def _why_empty(context: Asking, model: str, name: str) -> Emptiness | None:
    within = context.dataset(model, name).node
    if context.count(within):
        return None
    whole = f"{model}.{name}"
    line = context.describe(model, name)[0]
    owners = str(line["lineage"]).split(".")
    constraints: Any = line["constraints"]
    texts = {one["owner"]: squeeze(one["search"]) for one in constraints}
    levels: list[Level] = []
    before = context.earliest, context.latest
    context.earliest = context.latest = None
    try:
        above: Node | None = None
        for owner in owners:
            node = context.dataset(model, owner).node
            rows = context.count(node)
            text = texts.get(owner, "")
            pipeline = context.parse(f"search {text}" if above is not None or not text.startswith("|") else text)
            shown = _shown(pipeline.text.removeprefix("search"))
            if above is None:
                above = context.events() if len(pipeline.stages) == 1 and not text.startswith("|") else None
            came = None if above is None else context.count(above)
            if rows:
                levels.append(Level(owner, shown, came, rows))
                above = node
                continue
            return _told(context, whole, Level(owner, shown, came, 0), levels, above, pipeline)
    finally:
        context.earliest, context.latest = before
    asked = f"the time range of the search, {moments(*_micros(before))}"
    kept = levels[-1].rows if levels else 0
    scan = _scan(within)
    return Emptiness(
        whole,
        tuple(levels),
        (f"{events(kept)} {'is' if kept == 1 else 'are'} in it, none in {asked}{reach(scan) if scan else ''}",),
    )


def _told(
    context: Asking, whole: str, level: Level, levels: Sequence[Level], above: Node | None, pipeline: Pipeline
) -> Emptiness:
    """What is to be said of the level that is empty."""
    if above is None:
        return Emptiness(whole, (*levels, level), (f"the search of {level.dataset} finds nothing: explain it alone",))
    if not level.came:
        told = "there are no events at all: has anything been ingested into this store?"
        return Emptiness(whole, (*levels, level), (told,))
    tree = getattr(pipeline.stages[0].command, "tree", None)
    if tree is None or not level.constraint:
        return Emptiness(whole, (*levels, level), (f"{level.dataset} has none of the {events(level.came)}",))
    _, clause, _ = Breaking(context, above, pipeline.text).search(tree)
    level = Level(level.dataset, level.constraint, level.came, 0, clause)
    because: list[str] = []
    near: list[Near] = []
    blamed = list(_to_blame(clause))
    tags = [one for one in blamed if one.text.startswith("tag") and one.kind == "or"]
    if len(tags) > 1:
        # An eventtype that gives but one of them leads nowhere.
        shared = set.intersection(*({each.text for each in _alternatives(one)} for one in tags))
        alternatives = [each for each in _alternatives(tags[0]) if each.text in shared]
        told = " and ".join(one.text for one in tags)
        if alternatives:
            blamed = [one for one in blamed if one not in tags]
            because += _of_alternatives(context, above, f"no event has {told}", alternatives, near)
    for one in blamed:
        told = f"{'no event' if not levels else f'no event of {levels[-1].dataset}'} has {brief(one.text)}"
        if one.alone:
            told = f"{events(one.alone)} have {brief(one.text)}, but none of those that meet what stands before it"
        because += _of_alternatives(context, above, told, _alternatives(one), near)
    return Emptiness(whole, (*levels, level), tuple(because), tuple(dict.fromkeys(near)))


def _of_alternatives(
    context: Asking, source: Node, told: str, alternatives: Sequence[Clause], near: list[Near]
) -> Iterator[str]:
    """Sentences about a condition that is one of `alternatives`; those that came nearest go to `near`."""
    found = [(each, missed) for each in alternatives if (missed := _missed(context, source, each)) is not None]
    found.sort(key=lambda one: (one[1].rows, len(one[1].passed)), reverse=True)
    near += [missed for _, missed in found[:MOST_NEAR]]
    if len(alternatives) == 1:
        tested = next((one.tested[0].field for one in alternatives[0].walk() if one.tested), None)
        yield told + _instead(tested, _values(context, source, tested)) if not near else told
        return
    kind = "eventtypes give that" if alternatives[0].note == TAGGED else "alternatives are in it"
    yield f"{told}: {len(alternatives)} {kind}, {'the nearest of them below' if found else 'none of them is near'}"
    known = [each for each, _ in found]
    absent = list(dict.fromkeys(brief(_first_lost(each)) for each in alternatives if each not in known))
    if absent:
        more = f" and {len(absent) - MOST_ABSENT} more" if len(absent) > MOST_ABSENT else ""
        who = "the others want" if found else "they want"
        yield f"{who} what no event has: {', '.join(absent[:MOST_ABSENT])}{more}"


def _to_blame(clause: Clause) -> Iterator[Clause]:
    """The clauses to blame; of one within another the outer one, which says what was asked for."""
    if clause.kind == "and" and not clause.removes:
        for part in clause.parts:
            yield from _to_blame(part)
    elif any(one.removes for one in clause.walk()):
        yield clause


def _alternatives(clause: Clause) -> list[Clause]:
    """The branches of an OR, each with a text of its own; the clause itself where it is none."""
    if clause.kind == "or" and len(clause.parts) > 1:
        return [found for part in clause.parts for found in (_alternatives(part) if part.note is None else [part])]
    if clause.kind == "or" and clause.parts and clause.parts[0].note == TAGGED:
        return [clause.parts[0]]
    return [clause]


def _conditions(clause: Clause) -> list[Clause]:
    """What an alternative asks for, side by side."""
    match clause.kind:
        case "and":
            return [found for part in clause.parts for found in _conditions(part)]
        case "or" if len(clause.parts) == 1:
            return _conditions(clause.parts[0])
    return [clause]


def _instead(name: str | None, values: Sequence[tuple[str, int]], distinct: int | None = None) -> str:
    """What events have in a field, to stand at the end of a sentence. `distinct`: how many values in all."""
    if name is None or name in ("_raw", "tag", "eventtype"):
        return ""
    if not values:
        return f"; none has a field {name}"
    shown = [f"{value[:60] or 'empty'} ({rows:,})" for value, rows in values[:SHOWN]]
    more = (len(values) if distinct is None else distinct) - len(shown)
    return f"; {name} is {', '.join(shown)}{f' and {more:,} more' if more else ''}"


def _first_lost(clause: Clause) -> str:
    conditions = _conditions(clause)
    return next((one.text for one in conditions if not one.alone), conditions[0].text)


def _missed(context: Asking, source: Node, alternative: Clause) -> Near | None:
    """How near an alternative came; None if nothing that it asks for is there."""
    conditions = _conditions(alternative)
    if any(not one.alone and _of_origin(one) for one in conditions):
        return None  # its events come from somewhere that is not here: whatever else holds says nothing
    single = max(conditions, key=lambda one: one.without or 0)
    if single.without:
        passed, rows, lost = [one for one in conditions if one is not single], single.without, single
    else:
        place = next((at for at, one in enumerate(conditions) if not one.left), len(conditions) - 1)
        passed, lost = conditions[:place], conditions[place]
        rows = passed[-1].left or 0 if passed else 0
    if not rows or not passed:
        return None
    chosen = _with(context, source, [one.text for one in passed])
    met = tuple(_met(context, chosen, one) for one in passed)
    tested = next((one.tested[0].field for one in lost.walk() if one.tested), None)
    values = _values(context, chosen, tested)
    return Near(alternative.text, met, rows, brief(lost.text), tested, tuple(values[:SHOWN]), len(values))


def _of_origin(condition: Clause) -> bool:
    """Does it say where events come from?"""
    return bool(condition.tested) and all(one.field in ("sourcetype", "index", "source") for one in condition.tested)


def _with(context: Asking, source: Node, texts: Sequence[str]) -> Node | None:
    """The events that meet some conditions, given as texts."""
    try:
        condition = lower_text(" ".join(f"({one})" for one in texts), source.schema, context, Span(0, 0))
    except SplError:
        return None
    return Filter(source, condition)


def _met(context: Asking, chosen: Node | None, condition: Clause) -> str:
    """A condition that the chosen events meet: of a choice of values those that they have, if they are few."""
    tested = condition.tested
    if condition.kind == "condition" and len(tested) > 1 and all(one.field == tested[0].field for one in tested):
        values = [value for value, _ in _values(context, chosen, tested[0].field)]
        if 0 < len(values) <= 2:
            return f"{tested[0].field}={' or '.join(values)}"
    return brief(condition.text)


def _values(context: Asking, chosen: Node | None, name: str | None) -> list[tuple[str, int]]:
    if chosen is None or name is None or name not in chosen.schema:
        return []
    return most_frequent(context, chosen, name, chosen.schema[name])


def brief(text: str) -> str:
    """A condition with its long lists of values cut: `source IN ("a", and 5 more)`."""
    return _LIST.sub(_cut_list, text)


def _cut_list(found: re.Match[str]) -> str:
    values = [one.strip() for one in found[1].split(",")]
    return found[0] if len(values) < 3 else f"IN ({values[0]} and {len(values) - 1} more)"


_LIST = re.compile(r"\bIN \(([^()]*)\)")
_NOTHING = re.compile(r"\(\s*\)")


def _shown(text: str) -> str:
    """A constraint without the pairs of parentheses that an empty macro leaves."""
    before = ""
    while before != text:
        before, text = text, squeeze(_NOTHING.sub("", text)).replace("( ", "(").replace(" )", ")")
    return text[1:-1] if text.startswith("(") and text.endswith(")") and text.count("(") == 1 else text


def _scan(node: Node) -> Scan | None:
    while isinstance(node, Filter | Extend | Project | Aggregate):
        node = node.input
    return node if isinstance(node, Scan) else None


def _micros(times: tuple[float | None, float | None]) -> tuple[int | None, int | None]:
    earliest, latest = (None if one is None else round(one * 1_000_000) for one in times)
    return earliest, latest


def events(rows: int) -> str:
    """`1 event`, `2 events`."""
    return f"{rows:,} event{'' if rows == 1 else 's'}"
