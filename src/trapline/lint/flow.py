"""The fields after each command, without any data: the commands lower themselves over fields that only have names.

Rows start with every name that is read anywhere, for events may have any field. A name that a command looks up and that
is not there was dropped by a command before it. Where the fields depend on the data (chart, transpose, a lookup), any
field may be there again, and nothing is claimed until the next command that leaves only certain fields; but the field
that chart and timechart split by is gone, and without one their columns are known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from trapline.errors import Span, SplError, Warnings
from trapline.lint.walk import within
from trapline.plan import Node, Rows, Schema, Union
from trapline.spl import expr as asts
from trapline.spl.aggregates import Aggregation
from trapline.spl.command import Model, Pipeline, Places, Stage, is_generating, takes_rows
from trapline.spl.commands.chart import ChartCommand
from trapline.spl.commands.timechart import Timechart
from trapline.spl.commands.tstats import TStats
from trapline.spl.cursor import Name
from trapline.spl.datasets import Dataset
from trapline.spl.filter import Filter
from trapline.spl.keeping import Put
from trapline.spl.limits import Limits
from trapline.spl.lookups import Lookup
from trapline.values import Kind, Row

TIMED = frozenset(("timechart", "timewrap"))
"""Commands that need the time of each row, whether they name it or not."""
EVENT = ("_time", "_raw", "_indextime", "index", "sourcetype", "source", "host", "eventtype", "tag")
"""Fields that any event may have."""
MOST_PASSES = 6

_OPENING = """
    chart timechart timewrap xyseries transpose untable extract kv xmlkv xpath spath multikv fromjson lookup
    inputlookup inputcsv loadjob savedsearch from datamodel map apply iplocation foreach join selfjoin append
    appendcols appendpipe union multisearch set collect anomalydetection cluster transaction metadata typeahead
    fieldsummary rest return format addinfo mstats eventcount gentimes set diff pivot tags typer findtypes
    contingency
"""
OPENING = frozenset(_OPENING.split())
"""Commands whose fields are not known from their text. Those that add to known fields are among them: whatever else
they bring, a missing name is then no proof."""


READING = frozenset(("table", "fields", "sort", "dedup", "top", "rare"))
"""Commands whose names are all read; some of these make an empty field of one that is not there."""
GROUPING = frozenset(("stats", "eventstats", "streamstats"))
"""Commands that read the names after BY, and give them back."""
CERTAIN = frozenset(("boolean", "function", "name", "unsupported", "regex", "time", "type"))
"""Errors of lowering that do not depend on data."""
NULL = frozenset(("null", "NULL", "Null"))
"""Written by many where null() is meant; as a field it is null, too."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A field that is read where it cannot be any more: `reader` reads it at `span`, `dropper` left it out."""

    field: str
    span: Span
    reader: Stage
    dropper: Stage
    left: tuple[str, ...]
    """What the dropper left, if that is few."""


@dataclass(frozen=True, slots=True)
class Step:
    """One stage and the fields before and after it. `open`: any field may be there after it."""

    stage: Stage
    before: frozenset[str]
    after: frozenset[str]
    open: bool


@dataclass(frozen=True, slots=True)
class Flow:
    """What following the fields came to. `steps`: the stages of the search itself. `refusals`: commands that would not
    run, whatever the data."""

    losses: tuple[Loss, ...]
    steps: tuple[Step, ...]
    refusals: tuple[SplError, ...]


def follow(pipeline: Pipeline, holes: Iterable[Span] = (), also: Iterable[str] = ()) -> Flow:
    """The fields after each command, and those that are read after a command dropped them. `holes`: places whose
    meaning is not known. `also`: further names of fields that events may have."""
    known = {*also} | {one.text if isinstance(one, Name) else one.name for one in names_in(pipeline.stages)}
    known = {name for name in known if _plain(name)}
    for _ in range(MOST_PASSES):
        flow = _Flow(pipeline.text, tuple(holes), known)
        steps = flow.run(pipeline)[1]
        fresh = flow.missed - known
        if not fresh:
            return Flow(tuple(flow.losses), tuple(steps), tuple(flow.refusals))
        known |= fresh
    return Flow((), (), ())


class _Fields(dict[str, Kind]):
    """A schema that notes the names that are looked up in vain."""

    def __init__(self, names: Mapping[str, Kind], missed: set[str]) -> None:
        super().__init__(names)
        self._missed = missed

    def __contains__(self, name: object) -> bool:
        found = super().__contains__(name)
        if not found and isinstance(name, str):
            self._missed.add(name)
        return found

    def get(self, name: str, default: Any = None) -> Any:
        if not super().__contains__(name):
            self._missed.add(name)
            return default
        return super().__getitem__(name)


class _Flow:
    def __init__(self, text: str, holes: Sequence[Span], known: set[str]) -> None:
        self.text = text
        self.holes = holes
        self.known = known
        self.missed: set[str] = set()
        self.losses: list[Loss] = []
        self.refusals: list[SplError] = []

    def base(self) -> dict[str, Kind]:
        return dict.fromkeys([*EVENT, *sorted(self.known)], Kind.TEXT)

    def run(self, pipeline: Pipeline, source: Node | None = None) -> tuple[Node, list[Step]]:
        """The plan of a pipeline over fields that only have names, and its steps."""
        node = source
        steps: list[Step] = []
        for stage in pipeline.stages:
            before = _rows(self.base()) if node is None else node
            given = dict(before.schema)
            missed: set[str] = set()
            context = Symbolic(self)
            after = self._lowered(context, stage, before, _Fields(given, missed), first=node is None)
            starts = node is None and is_generating(stage.command) and (stage.piped or not takes_rows(stage.command))
            is_open = after is None or stage.name in OPENING or self._unsure(stage)
            if after is None:
                after = before
            schema = {**self.base(), **after.schema} if is_open else dict(after.schema)
            if (columns := _columns(stage.command)) is not None:
                is_open, schema = False, dict.fromkeys(columns, Kind.TEXT)
            if (split := _split_by(stage.command)) is not None:
                schema.pop(split, None)
            if pipeline.text == self.text:
                self._note(stage, steps, frozenset() if starts else frozenset(given), missed, schema)
            steps.append(Step(stage, frozenset(() if starts else given), frozenset(schema), is_open))
            node = _rows(schema)
        assert node is not None
        return node, steps

    def _lowered(self, context: Symbolic, stage: Stage, before: Node, seen: Schema, *, first: bool) -> Node | None:
        command = stage.command
        source = Rows(seen, _nothing())
        try:
            if first and is_generating(command) and (stage.piped or not takes_rows(command)):
                return command.generate(context)
            if takes_rows(command):
                return command.lower(context, source)
        except SplError as error:
            if error.code in CERTAIN:
                error.span = error.span or stage.span
                self.refusals.append(error)
        except _Unknown:
            return None
        return None

    def _unsure(self, stage: Stage) -> bool:
        text = self.text[stage.span.start : stage.span.end]
        if any(hole.start < stage.span.end and stage.span.start < hole.end for hole in self.holes):
            return True
        return stage.name == "eval" and re.search(r"\{\w", text) is not None

    def _note(
        self, stage: Stage, steps: Sequence[Step], given: frozenset[str], missed: set[str], after: Mapping[str, Kind]
    ) -> None:
        places = dict(_reads(stage.command))
        names = {name for name in missed if name not in after}
        names |= {one.name for one in names_in(stage.command) if isinstance(one, asts.Field)} - given
        if stage.name in READING and not getattr(stage.command, "remove", False):
            names |= places.keys() - given
        if stage.name in GROUPING:
            names |= {one.text for one in getattr(stage.command, "by", ()) if isinstance(one, Name)} - given
        if stage.name in TIMED and "_time" not in given:
            names.add("_time")
            places.setdefault("_time", Span(stage.span.start, stage.span.start + len(stage.name)))
        self.missed |= {name for name in names | missed | places.keys() if _plain(name)}
        for name in sorted(names):
            if name in given or not steps or not _plain(name):
                continue
            dropper = next((one for one in reversed(steps) if name in one.before and name not in one.after), None)
            if dropper is None and steps and not steps[0].before and not steps[0].open and name not in steps[0].after:
                dropper = steps[0]  # the first command makes its own rows
            if dropper is None:
                continue
            span = places.get(name) or self._find(stage, name)
            if span is None:
                continue
            left = tuple(sorted(dropper.after)) if len(dropper.after) <= 8 else ()
            self.losses.append(Loss(name, span, stage, dropper.stage, left))

    def _find(self, stage: Stage, name: str) -> Span | None:
        found = re.search(rf"(?<![\w.:]){re.escape(name)}(?![\w.:])", self.text[stage.span.start : stage.span.end])
        if found is None:
            return None
        return Span(stage.span.start + found.start(), stage.span.start + found.end())


def _split_by(command: object) -> str | None:
    """The field whose values chart and timechart make columns of: it is no column itself."""
    if not isinstance(command, ChartCommand | Timechart) or command.split is None:
        return None
    row = command.x if isinstance(command, ChartCommand) else None
    name = command.split.name.text
    return name if row is None or row.name.text != name else None


def _columns(command: object) -> tuple[str, ...] | None:
    """The columns of tstats, and of chart and timechart where they do not split; None where the data decide."""
    match command:
        case Timechart(split=None, measures=measures):
            rows: tuple[str, ...] = ("_time", "_span")
        case ChartCommand(split=None, measures=measures, x=x):
            rows = () if x is None else (x.name.text,)
        case TStats(prestats=False, aggregations=measures, by=by) if not any("*" in one.text for one in by):
            rows = tuple(one.text for one in by)
        case _:
            return None
    if any(isinstance(one, Aggregation) and one.wild for one in measures):
        return None
    return (*rows, *(one.name for one in measures))


def _plain(name: str) -> bool:
    return bool(name) and name not in NULL and "*" not in name and "<<" not in name and "$" not in name


class _Unknown(Exception):
    """Something that only data can tell."""


class Symbolic:
    """A context without data: see spl.command.Context. What only data can tell is not answered."""

    def __init__(self, flow: _Flow) -> None:
        self._flow = flow
        self.now = 0.0
        self.clock = 0.0
        self.earliest: float | None = None
        self.latest: float | None = None
        self.warnings = Warnings()
        self.tz: tzinfo = UTC
        self.limits = Limits()
        self.sid = "0"
        self.folder: Path | None = None
        self.delimiters: dict[str, str] = {}
        self.filled = 0
        self.formats: dict[str, asts.Ast] = {}

    def events(self, tree: Filter | None = None) -> Node:
        return _rows(self._flow.base())

    def given(self, rows: Sequence[Mapping[str, object]]) -> Node:
        names = dict.fromkeys((name for row in rows for name in row), Kind.TEXT)
        return _rows(names)

    def subsearch(self, pipeline: Pipeline, limit: int) -> tuple[Schema, list[Row]]:
        return self._flow.run(pipeline)[0].schema, []

    def lower(self, pipeline: Pipeline, source: Node | None = None) -> Node:
        return self._flow.run(pipeline, source)[0]

    def beside(self, pipeline: Pipeline, source: Node) -> Node:
        return Union((source, self.lower(pipeline, source)))

    def capped(self, node: Node, limit: int, what: str) -> Node:
        return node

    def materialise(self, node: Node, *, whole: bool = False) -> Node:
        raise _Unknown

    def held(self, node: Node) -> Rows:
        raise _Unknown

    def read_later(self, schema: Schema) -> frozenset[str] | None:
        return None

    def rows(self, node: Node) -> list[Row]:
        raise _Unknown

    def apply(
        self, node: Node, function: Callable[[list[Row]], Iterable[Row]], label: str, like: Node | None = None
    ) -> Node:
        raise _Unknown

    def eventtypes(self, pattern: str) -> Mapping[str, str] | None:
        return None

    def stanza(self, file: str, name: str) -> Mapping[str, str] | None:
        raise _Unknown

    def tags_of(self, field: str) -> Sequence[tuple[str, str]]:
        return ()

    def tags(self, field: str | None, pattern: str) -> Sequence[tuple[str, str]] | None:
        return None

    def dataset(
        self, model: str, name: str, tree: Filter | None = None, read: Collection[str] | None = None
    ) -> Dataset:
        """Any dataset: it has every field that is asked of it, under the names that the search uses."""
        return _AnyDataset(model, name, _rows(self._flow.base()), {})

    def roots(self, model: str) -> Sequence[str]:
        return (model,)

    def parse(self, text: str) -> Pipeline:
        raise _Unknown

    def inner(self, pipeline: Pipeline, what: str) -> Node:
        raise _Unknown

    def saved_search(self, name: str) -> str | None:
        raise _Unknown

    def job(self, name: str) -> Node | None:
        raise _Unknown

    def read_file(self, name: str) -> tuple[Sequence[Row], Sequence[str]] | None:
        raise _Unknown

    def write_file(self, name: str, rows: Sequence[Row], fields: Sequence[str]) -> None:
        raise _Unknown

    def write_events(self, index: str, rows: Sequence[Row]) -> None:
        raise _Unknown

    def lookup(self, name: str) -> Lookup:
        raise _Unknown

    def save_lookup(self, name: str, rows: Sequence[Row], fields: Sequence[str], how: Put) -> None:
        raise _Unknown

    def describe(self, model: str | None, dataset: str | None) -> Sequence[Mapping[str, object]]:
        raise _Unknown

    def search_of(self, model: str, dataset: str) -> str:
        raise _Unknown

    def model(self, name: str) -> Model:
        raise _Unknown

    def model_summary(self, name: str) -> Sequence[Mapping[str, object]]:
        raise _Unknown

    def places(self) -> Places | None:
        raise _Unknown


@dataclass(frozen=True, slots=True)
class _AnyDataset(Dataset):
    def qualified(self, *, strict: bool = True, doubled: bool = False) -> Node:
        return self.node

    def flat(self, *, strict: bool = True) -> Node:
        return self.node


@cache
def _nothing() -> Any:
    return pa.table({})


def _rows(schema: Mapping[str, Kind]) -> Rows:
    return Rows(dict(schema), _nothing())


# --- names in a command --------------------------------------------------------------------------------------------


def _reads(command: object) -> Iterator[tuple[str, Span]]:
    """Field names in a command with their places, the first place of each last, so that it stays in a dict."""
    yield from reversed([(one.text if isinstance(one, Name) else one.name, one.span) for one in names_in(command)])


def names_in(value: object) -> Iterator[Name | asts.Field]:
    """The names in a parsed command, in order; subsearches have their own."""
    for one in within(value, (Name, asts.Field), into=False):
        if isinstance(one, Name | asts.Field):
            yield one
