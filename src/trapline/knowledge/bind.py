"""Search-time knowledge as a plan: what a scan of certain tables can give, and the nodes that compute what is asked.

The order is Splunk's (Knowledge Manager Manual, "The sequence of search-time operations"): EXTRACT, REPORT, automatic
key-values (most are stored fields, extracted at ingest), aliases, calculated fields, lookups, eventtypes, tags. Each
step sees what the ones before it made. What they do to a field that exists (props.conf.spec, transforms.conf.spec):

- Extractions: the first that finds a value wins, and it wins over a stored field; with MV_ADD values are added.
- `a AS b` replaces b, by nothing where a is absent; `a ASNEW b` keeps a b that exists. Aliases, like extractions, are
  applied in ASCII order of their keys, each seeing the ones before.
- Calculated fields replace. All of them read the values before any of them.

Of one key (`EVAL-dest`) every event follows the strongest stanza that it belongs to (`knowledge.spec`); keys that
differ add up. Where that depends on source or host, the plan decides it event by event, by the source and host that the
event has in the store: a step that makes another host changes no stanza.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from trapline.errors import Span, SplError, Warn
from trapline.events import RESERVED
from trapline.knowledge.automatic import AutomaticLookups
from trapline.knowledge.extracting import Discover, extractions
from trapline.knowledge.records import Alias, Automatic, Calculated, Eventtype, Rule, Unusable
from trapline.knowledge.spec import By
from trapline.knowledge.steps import FIXED, METADATA, Choice, Choices, Over, Step, Values, current, decide, first_of
from trapline.plan import (
    FALSE,
    NULL,
    PLACE,
    TRUE,
    Col,
    Expanded,
    Expr,
    Lambda,
    Lit,
    Node,
    Scan,
    Schema,
    Table,
    both,
    call,
    either,
    substitute,
    text,
)
from trapline.spl.command import Context
from trapline.spl.evaluate import Env, as_kind, as_multi, as_text, is_null_literal
from trapline.spl.filter import lower_text
from trapline.spl.wildcard import matches
from trapline.values import Kind, fills

if TYPE_CHECKING:
    from trapline.knowledge.knowledge import Knowledge, Stanza


_PLANS = 512
"""Plans remembered of one binding."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What every search gets that asks for certain fields of certain tables. `tables`: those whose ids it goes by."""

    tables: tuple[Table, ...]
    node: Node
    warns: tuple[Warn, ...]


@dataclass(slots=True)
class _Asking:
    """One search over one scan."""

    context: Context
    memo: dict[object, object]


class Bound:
    """Knowledge bound to the sourcetypes and stored fields of some tables.

    `schema`: every field that a scan of them can give, Splunk's own first, then by name. To bind costs what all stanzas
    cost that apply; a search then pays for the fields that it asks for, and the next one that asks for the same gets
    the same plan, as long as neither the time, nor its macros, nor a look at the events have to do with it.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        sourcetypes: frozenset[str],
        stored: Schema,
        discover: Discover = lambda _: (),
        bare: Expr = FALSE,
    ) -> None:
        """`discover` gives the names that are in the data; `bare` says which events ingest has not taken apart."""
        self._stored = stored
        renames = {one: new for one in sourcetypes if (new := knowledge.renames.get(one)) is not None}
        named = _renames(renames, stored)
        # A renamed sourcetype goes by the settings of its new name alone.
        choices = _held(choose(knowledge.stanzas, frozenset(renames.get(one, one) for one in sourcetypes)), named)
        if renames:
            bare = substitute(bare, {"sourcetype": Col("_sourcetype", Kind.TEXT)})
        looked = partial(_discovered, discover, named.values)
        steps: list[Step] = [named, extractions(choices, named.schema, looked, bare)]
        for build in (_aliases, _calculated):
            steps.append(build(choices, steps[-1].schema))
        steps.append(AutomaticLookups(choices, knowledge.lookups, steps[-1].schema))
        steps.append(_eventtypes(knowledge, steps[-1].schema))
        steps.append(_tags(knowledge, steps[-1].schema))
        self._steps = steps
        self._plans: dict[object, _Plan] = {}
        made = steps[-1].schema
        own = [name for name in stored if name.startswith("_") or name in METADATA]
        others = sorted(made.keys() - {*own, *_HELD.values()})
        self.schema: dict[str, Kind] = {name: made[name] for name in [*own, *others]}

    @property
    def doubts(self) -> list[Warn]:
        """What cannot be followed, each with its place."""
        return [warn for step in self._steps for warns in step.warns.values() for warn in warns]

    def expander(self, context: Context) -> Callable[[Scan, frozenset[str]], Expanded]:
        """The `Scan.expand` of one search. Asking for a field of a setting that cannot be followed warns there."""

        memos: dict[object, dict[object, object]] = {}

        def expand(scan: Scan, need: frozenset[str]) -> Expanded:
            wanted = frozenset(name for name in need if name in self.schema or name in PLACE)
            if scan.rows is not None:  # no other search asks for the same
                return Expanded(self._expand(scan, wanted, _Asking(context, {}))[0].node, lasting=False)
            key = (tuple(map(id, scan.tables)), scan.earliest, scan.latest, wanted)
            known = self._plans.get(key)
            if known is None or any(one is not other for one, other in zip(known.tables, scan.tables, strict=True)):
                tables = tuple((one.index, one.sourcetype, one.files) for one in scan.tables)
                memo = memos.setdefault((tables, scan.earliest, scan.latest), {})
                known, lasting = self._expand(scan, wanted, _Asking(context, memo))
                if not lasting:
                    self._plans.pop(key, None)
                    return Expanded(known.node, lasting=False)
                while len(self._plans) >= _PLANS:
                    self._plans.pop(next(iter(self._plans)))
                self._plans[key] = known
            else:
                _tell(known.warns, context)
            return Expanded(known.node, lasting=True)

        return expand

    def _expand(self, scan: Scan, need: frozenset[str], asking: _Asking) -> tuple[_Plan, bool]:
        """The plan, and whether it is the same for every search."""
        wanted = set(need)
        layers: list[Over] = []
        told: list[Warn] = []
        lasting = True
        for step in reversed(self._steps):
            told += [warn for name in sorted(wanted & step.warns.keys()) for warn in step.warns[name]]
            made = sorted(name for name in wanted if step.makes(name))
            if made:
                lasting = lasting and step.lasts(made)
                read, over = step.plan(made, asking)
                layers.append(over)
                wanted.difference_update(made)
                wanted.update(read)
        node: Node = replace(
            scan, expand=None, schema={name: {**self._stored, **PLACE}[name] for name in sorted(wanted)}
        )
        for over in reversed(layers):
            node = over(node)
        _tell(told, asking.context)
        return _Plan(scan.tables, node, tuple(told)), lasting


def _tell(warns: Iterable[Warn], context: Context) -> None:
    for warn in warns:
        context.warnings.add(warn.code, warn.reason, hint=warn.hint, where=warn.where)


def choose(stanzas: Sequence[Stanza], sourcetypes: frozenset[str]) -> Choices:
    """What applies to events of these sourcetypes, by key. `stanzas`: the strongest first."""
    found: dict[str, list[Choice]] = {}
    for stanza in stanzas:
        condition = stanza.spec.predicate()
        if stanza.spec.by is By.SOURCETYPE:
            matched = {
                one
                for one in sourcetypes
                if stanza.spec.matches(one) and not any(other.matches(one) for other in stanza.yields)
            }
            if not matched:
                continue
            condition = (
                TRUE
                if matched == sourcetypes
                else either([call("eq", Kind.BOOL, Col("sourcetype", Kind.TEXT), text(one)) for one in sorted(matched)])
            )
        elif stanza.yields:
            condition = both([condition, call("not", Kind.BOOL, either([one.predicate() for one in stanza.yields]))])
        for key, rule in stanza.rules.items():
            choices = found.setdefault(key, [])
            if not choices or choices[-1][0] != TRUE:
                choices.append((condition, rule))
    return found


# --- the steps -----------------------------------------------------------------------------------------------------


def _discovered(discover: Discover, named: Mapping[str, Expr], pairs: Expr) -> Sequence[str]:
    """The names in pairs over fields as they are after `named`."""
    return discover(substitute(pairs, named))


def _renames(renames: Mapping[str, str], stored: Schema) -> Values:
    """rename: a sourcetype under another name; `_sourcetype` keeps its own."""
    step = Values(dict(stored))
    if renames:
        own = current("sourcetype", stored)
        branches = [(call("eq", Kind.BOOL, own, text(old)), text(new)) for old, new in sorted(renames.items())]
        step.values["sourcetype"] = decide(branches, own)
        step.put("_sourcetype", own, stored)
    return step


_HELD = {name: f"_held {name}" for name in ("host", "source", "sourcetype")}
"""Columns with what stanzas go by, where a step writes these; no field of an event has a blank there."""


def _held(choices: Choices, named: Values) -> Choices:
    """The same with conditions about the host, source and sourcetype of the store, under their last name. What would
    write a field that stays as it is, is told where that is asked for."""
    made: set[str] = set()
    for rules in choices.values():
        for _, rule in rules:
            made.update(rule.fields)
            if isinstance(rule, Automatic) and rule.outputs is None:
                made.update(_HELD)
            for name in sorted(FIXED & set(rule.fields)):
                reason = f"{rule.setting.key} writes {name}, which stays as it is stored"
                named.warns.setdefault(name, []).append(Warn("knowledge", reason, None, rule.setting.place))
    held: dict[str, Expr] = {}
    for name, hidden in _HELD.items():
        if name in made and name in named.schema:
            value = named.values.get(name, current(name, named.schema))
            named.values[hidden], named.schema[hidden] = value, value.kind
            held[name] = Col(hidden, value.kind)
    if not held:
        return choices
    return {key: [(substitute(when, held), rule) for when, rule in rules] for key, rules in choices.items()}


def _aliases(choices: Choices, below: Schema) -> Values:
    step = Values(dict(below))
    now: dict[str, Expr] = {}
    for key in sorted(key for key in choices if key.startswith("FIELDALIAS-")):
        branches: list[tuple[Expr, Mapping[str, Expr]]] = []
        kept: set[str] = set()
        replaced: set[str] = set()
        for condition, rule in choices[key]:
            values: dict[str, Expr] = {}
            match rule:
                case Unusable():
                    step.unusable(rule, below)
                case Alias():
                    for old, new, keep in _spelled_out(rule, [*below, *now]):
                        (kept if keep else replaced).add(new)
                        value = values.get(old, now.get(old, current(old, below)))
                        values[new] = first_of([values[new], value]) if keep and new in values else value
            branches.append((condition, values))
        for name in dict.fromkeys(name for _, values in branches for name in values):
            before = now.get(name, current(name, below))
            if name not in replaced:
                new_values = decide([(condition, values.get(name, NULL)) for condition, values in branches])
                now[name] = first_of([before, new_values])
            elif name not in kept:
                now[name] = decide([(condition, values.get(name, before)) for condition, values in branches], before)
            else:
                now[name] = decide(
                    [
                        (condition, _renamed(choices[key][at][1], name, values, before))
                        for at, (condition, values) in enumerate(branches)
                    ],
                    before,
                )
    for name, value in now.items():
        step.put(name, value, below)
    return step


def _spelled_out(rule: Alias, known: Sequence[str]) -> Iterator[tuple[str, str, bool]]:
    """The pairs of an alias, those with `*` once for every field there is: `src_* AS source_*`. Such a name comes from
    the data, so it is none of Splunk's own."""
    for old, new, keep in rule.pairs:
        if "*" not in old:
            yield old, new, keep
            continue
        for name in dict.fromkeys(known):
            found = None if name.startswith("_") else fills(old, name)
            if found is not None:
                parts = new.split("*")
                pieces = [*found, ""]
                alias = "".join(part + piece for part, piece in zip(parts, pieces, strict=True))
                if alias not in RESERVED:
                    yield name, alias, keep


def _renamed(rule: Rule, name: str, values: Mapping[str, Expr], before: Expr) -> Expr:
    """An alias where one stanza replaces and another keeps."""
    if name not in values:
        return before
    replaces = isinstance(rule, Alias) and any(
        not keep and (new == name or ("*" in new and matches(new, name))) for _, new, keep in rule.pairs
    )
    return values[name] if replaces else first_of([before, values[name]])


def _calculated(choices: Choices, below: Schema) -> Values:
    step = Values(dict(below))
    for key, rules in choices.items():
        if not key.startswith("EVAL-"):
            continue
        name = key.partition("-")[2].strip()
        for _, rule in rules:
            if isinstance(rule, Unusable):
                step.unusable(rule, below)
        watch = _Watch()
        value = _evaluated(name, rules, below, cast("Context", watch), step)
        if value is None:
            continue
        if watch.touched:
            step.schema[name] = value.kind
            step.deferred[name] = partial(_per_search, name, rules, below)
        else:
            step.put(name, value, below)
    return step


def _evaluated(name: str, rules: Sequence[Choice], below: Schema, context: Context, step: Values | None) -> Expr | None:
    """A calculated field; None where no rule of it can be followed. What is wrong is told to `step`."""
    branches: list[tuple[Expr, Expr]] = []
    before = current(name, below)
    fit = False
    for condition, rule in rules:
        value = before
        if isinstance(rule, Calculated):
            try:
                value = Env(below, context).value(rule.ast)
                fit = True
            except SplError as error:
                if step is not None:
                    reason = f"{rule.setting.key} cannot be calculated: {error.reason}"
                    warn = Warn("knowledge", reason, error.hint, rule.setting.place)
                    step.unusable(Unusable(rule.setting, rule.fields, warn), below)
        branches.append((condition, value))
    if not fit:
        return None
    value = decide(branches, before)
    if name in below and below[name] is Kind.NUMBER:
        return as_kind(value, Kind.NUMBER)
    return value if value.kind is Kind.MULTI else as_text(value)


def _per_search(name: str, rules: Sequence[Choice], below: Schema, context: Context) -> Expr:
    return _evaluated(name, rules, below, context, None) or NULL


class _Watch:
    """Stands for the search while knowledge is bound, and notices an expression that depends on it: now(), time()."""

    def __init__(self) -> None:
        self.touched = False
        self.now = self.clock = 0.0

    def __getattribute__(self, name: str) -> Any:
        if name in ("now", "clock"):
            self.touched = True
        return super().__getattribute__(name)

    def __getattr__(self, name: str) -> Any:
        self.touched = True
        raise SplError(f"it depends on the search ({name})", code="knowledge")


class _WatchNames(_Watch):
    """Knows eventtypes and tags besides, which are the same for every search unless macros are in them."""

    def __init__(self, knowledge: Knowledge) -> None:
        super().__init__()
        self.knowledge = knowledge

    def eventtypes(self, pattern: str) -> Mapping[str, str]:
        found = self.knowledge.eventtypes_like(pattern)
        if any("`" in search for search in found.values()):
            self.touched = True
        return found

    def tags(self, field: str | None, pattern: str) -> Sequence[tuple[str, str]]:
        return self.knowledge.tags_like(field, pattern)


# --- eventtypes and tags -------------------------------------------------------------------------------------------


def _eventtypes(knowledge: Knowledge, below: Schema) -> Values:
    step = Values(dict(below))
    if knowledge.eventtypes:
        known: dict[str, Expr] = {}
        step.unmade["eventtype"] = partial(_lasting, knowledge, below, known)
        step.deferred["eventtype"] = partial(_eventtype, knowledge, below, known)
        step.schema["eventtype"] = Kind.MULTI
    return step


def _lasting(knowledge: Knowledge, below: Schema, known: dict[str, Expr]) -> Expr | None:
    """The names of the eventtypes that an event is of; None where they depend on the search. Those that do not are put
    into `known`: all but what asks for the time or for macros, and what gives warnings."""
    for one in knowledge.eventtypes.values():
        watch = _WatchNames(knowledge)
        try:
            value = _named(one, below, cast("Context", watch))
        except SplError:
            continue
        if not watch.touched:
            known[one.name] = value
    return _together(list(known.values())) if len(known) == len(knowledge.eventtypes) else None


def _eventtype(knowledge: Knowledge, below: Schema, known: Mapping[str, Expr], context: Context) -> Expr:
    """As `_lasting`, for one search."""
    names: list[Expr] = []
    for one in knowledge.eventtypes.values():
        try:
            names.append(known[one.name] if one.name in known else _named(one, below, context))
        except SplError as error:
            context.warnings.add("knowledge", f"the eventtype {one.name}: {error.reason}", where=one.place)
    return _together(names)


def _together(names: Sequence[Expr]) -> Expr:
    return call("list_concat", Kind.MULTI, *names) if names else Lit(None, Kind.MULTI)


def _named(one: Eventtype, below: Schema, context: Context) -> Expr:
    """The name of an eventtype, in the events that are of it."""
    search = one.search
    if "`" in search:
        search = (context.eventtypes(one.name) or {}).get(one.name, search)
    predicate = lower_text(search, below, context, Span(0, 0), (one.name,))
    return _when(predicate, one.name) if "%" not in one.name else _filled(predicate, one.name, below)


def _filled(condition: Expr, name: str, below: Schema) -> Expr:
    """An eventtype whose name takes in fields: `web-%host%`. An event without one of them is of none."""
    value: Expr | None = None
    for place, part in enumerate(name.split("%")):
        piece: Expr = as_text(current(part, below)) if place % 2 else text(part)
        value = piece if value is None else call("concat", Kind.TEXT, value, piece)
    assert value is not None
    own = call("case", Kind.TEXT, condition, value, NULL)
    return call("list_of", Kind.MULTI, own)


def _tags(knowledge: Knowledge, below: Schema) -> Values:
    step = Values(dict(below))
    # By tag, then by field, the values that have it: one test of a field, however many they are.
    found: dict[str | None, dict[str, dict[str, list[str]]]] = {}
    for one in knowledge.tags:
        for which in (None, one.field):
            found.setdefault(which, {}).setdefault(one.tag, {}).setdefault(one.field, []).append(one.value)
    for which, tags in found.items():
        # [eventtype=x] is about the field as computed, so that its search is not done once more.
        names = [
            _when(either([_has(current(field, below), values) for field, values in fields.items()]), tag)
            for tag, fields in sorted(tags.items())
        ]
        if which is None and "tag" in below:
            # A field of that name in the event itself is kept beside them.
            names.insert(0, as_multi(current("tag", below)))
        step.put("tag" if which is None else f"tag::{which}", call("list_concat", Kind.MULTI, *names), below)
    return step


def _has(column: Expr, values: Sequence[str]) -> Expr:
    """Is it, or one of its values, one of these? Letter case is ignored, as in a search."""
    if is_null_literal(column):
        return FALSE
    wanted = [text(value) for value in dict.fromkeys(value.lower() for value in values)]

    def one_of(subject: Expr) -> Expr:
        return call("eq" if len(wanted) == 1 else "in", Kind.BOOL, call("lower", Kind.TEXT, subject), *wanted)

    if column.kind is Kind.MULTI:
        return call("list_any", Kind.BOOL, column, Lambda("_v", one_of(Col("_v", Kind.TEXT))))
    return one_of(as_text(column))


def _when(condition: Expr, name: str) -> Expr:
    nothing = Lit(None, Kind.MULTI)
    return call("case", Kind.MULTI, condition, Lit((name,), Kind.MULTI), nothing)
