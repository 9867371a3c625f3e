"""Search-time knowledge as a plan: what a scan of certain tables can give, and the nodes that compute what is asked.

The order is Splunk's (Knowledge Manager Manual, "The sequence of search-time operations"): EXTRACT, REPORT, automatic
key-values (most are stored fields, extracted at ingest), aliases, calculated fields, lookups, eventtypes, tags. Each
step sees what the ones before it made. What they do to a field that exists (props.conf.spec, transforms.conf.spec):

- Extractions: the first that finds a value wins, and it wins over a stored field; with MV_ADD values are added.
- `a AS b` replaces b, by nothing where a is absent; `a ASNEW b` keeps a b that exists. Aliases, like extractions, are
  applied in ASCII order of their keys, each seeing the ones before.
- Calculated fields replace. All of them read the values before any of them.

Of one key (`EVAL-dest`) every event follows the strongest stanza that it belongs to (`knowledge.spec`); keys that
differ add up. Where that depends on source or host, the plan decides it event by event.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from trapline.errors import Span, SplError, Warn
from trapline.knowledge.automatic import AutomaticLookups
from trapline.knowledge.extracting import Discover, extractions
from trapline.knowledge.records import Alias, Calculated, Rule, Unusable
from trapline.knowledge.spec import By
from trapline.knowledge.steps import METADATA, Choice, Choices, Over, Step, Values, current, decide, first_of
from trapline.plan import (
    FALSE,
    NULL,
    TRUE,
    Col,
    Expr,
    Lambda,
    Lit,
    Node,
    Scan,
    Schema,
    call,
    either,
    substitute,
    text,
)
from trapline.spl.command import Context
from trapline.spl.evaluate import Env, as_kind, as_multi, as_text, is_null_literal
from trapline.spl.filter import lower_text
from trapline.values import Kind

if TYPE_CHECKING:
    from trapline.knowledge.knowledge import Knowledge, Stanza


@dataclass(slots=True)
class _Asking:
    """One search over one scan."""

    context: Context
    memo: dict[object, object]


class Bound:
    """Knowledge bound to the sourcetypes and stored fields of some tables.

    `schema`: every field that a scan of them can give, Splunk's own first, then by name. To bind costs what all stanzas
    cost that apply; a search then pays for the fields that it asks for.
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
        choices = choose(knowledge.stanzas, frozenset(renames.get(one, one) for one in sourcetypes))
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
        made = steps[-1].schema
        own = [name for name in stored if name.startswith("_") or name in METADATA]
        self.schema: dict[str, Kind] = {name: made[name] for name in [*own, *sorted(made.keys() - set(own))]}

    @property
    def doubts(self) -> list[Warn]:
        """What cannot be followed, each with its place."""
        return [warn for step in self._steps for warns in step.warns.values() for warn in warns]

    def expander(self, context: Context) -> Callable[[Scan, frozenset[str]], Node]:
        """The `Scan.expand` of one search. Asking for a field of a setting that cannot be followed warns there."""

        memos: dict[object, dict[object, object]] = {}

        def expand(scan: Scan, need: frozenset[str]) -> Node:
            tables = tuple((one.index, one.sourcetype, one.files) for one in scan.tables)
            memo = memos.setdefault((tables, scan.earliest, scan.latest), {})
            return self._expand(scan, need, _Asking(context, memo))

        return expand

    def _expand(self, scan: Scan, need: frozenset[str], asking: _Asking) -> Node:
        wanted = {name for name in need if name in self.schema}
        layers: list[Over] = []
        for step in reversed(self._steps):
            for name in sorted(wanted & step.warns.keys()):
                for warn in step.warns[name]:
                    asking.context.warnings.add(warn.code, warn.reason, hint=warn.hint, where=warn.where)
            made = sorted(name for name in wanted if step.makes(name))
            if made:
                read, over = step.plan(made, asking)
                layers.append(over)
                wanted.difference_update(made)
                wanted.update(read)
        node: Node = replace(scan, expand=None, schema={name: self._stored[name] for name in sorted(wanted)})
        for over in reversed(layers):
            node = over(node)
        return node


def choose(stanzas: Sequence[Stanza], sourcetypes: frozenset[str]) -> Choices:
    """What applies to events of these sourcetypes, by key. `stanzas`: the strongest first."""
    found: dict[str, list[Choice]] = {}
    for stanza in stanzas:
        condition = stanza.spec.predicate()
        if stanza.spec.by is By.SOURCETYPE:
            matched = {one for one in sourcetypes if stanza.spec.matches(one)}
            if not matched:
                continue
            condition = (
                TRUE
                if matched == sourcetypes
                else either([call("eq", Kind.BOOL, Col("sourcetype", Kind.TEXT), text(one)) for one in sorted(matched)])
            )
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
    """The pairs of an alias, those with `*` once for every field there is: `src_* AS source_*`."""
    for old, new, keep in rule.pairs:
        if "*" not in old:
            yield old, new, keep
            continue
        regex = re.compile("(.*)".join(map(re.escape, old.split("*"))))
        for name in dict.fromkeys(known):
            found = None if name.startswith("_") else regex.fullmatch(name)
            if found is not None:
                parts = new.split("*")
                pieces = [*found.groups(), ""]
                yield name, "".join(part + piece for part, piece in zip(parts, pieces, strict=True)), keep


def _renamed(rule: Rule, name: str, values: Mapping[str, Expr], before: Expr) -> Expr:
    """An alias where one stanza replaces and another keeps."""
    if name not in values:
        return before
    replaces = isinstance(rule, Alias) and any(
        not keep and (new == name or ("*" in new and _wild(new).fullmatch(name))) for _, new, keep in rule.pairs
    )
    return values[name] if replaces else first_of([before, values[name]])


def _wild(name: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, name.split("*"))))


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
        raise SplError(f"it depends on the search ({name})", code="knowledge")


# --- eventtypes and tags -------------------------------------------------------------------------------------------


def _eventtypes(knowledge: Knowledge, below: Schema) -> Values:
    step = Values(dict(below))
    if knowledge.eventtypes:
        step.deferred["eventtype"] = partial(_eventtype, knowledge, below)
        step.schema["eventtype"] = Kind.MULTI
    return step


def _eventtype(knowledge: Knowledge, below: Schema, context: Context) -> Expr:
    """The names of the eventtypes that an event is of."""
    names: list[Expr] = []
    for one in knowledge.eventtypes.values():
        try:
            predicate = lower_text(one.search, below, context, Span(0, 0))
        except SplError as error:
            context.warnings.add("knowledge", f"the eventtype {one.name}: {error.reason}", where=one.place)
            continue
        names.append(_when(predicate, one.name) if "%" not in one.name else _filled(predicate, one.name, below))
    return call("list_concat", Kind.MULTI, *names) if names else Lit(None, Kind.MULTI)


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
