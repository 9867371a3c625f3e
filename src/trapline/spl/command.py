"""What a command is: a frozen dataclass that was parsed from a stage and lowers itself onto a plan.

Each module in `commands/` is one command: its file name is the command's name and its registration. It defines
`parse(cursor) -> Command`, and `ALIASES` where Splunk has other names for it. Needed fields are not the command's
concern: a plan node's expressions say what they read, and the compiler carries that down to the scan.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from trapline.errors import Span, Warnings
from trapline.plan import Node, Rows, Schema
from trapline.spl.limits import Limits
from trapline.values import Row

if TYPE_CHECKING:
    from typing_extensions import TypeIs

    from trapline.spl.datasets import Dataset
    from trapline.spl.expr import Ast
    from trapline.spl.filter import Filter
    from trapline.spl.keeping import Put
    from trapline.spl.lookups import Lookup


class Command(Protocol):
    """A parsed command."""

    def lower(self, context: Context, source: Node) -> Node:
        """The plan of this command over `source`, the rows that come in. Raises SplError."""
        ...


class Generating(Protocol):
    """A command that makes rows from nothing and so must come first."""

    def generate(self, context: Context) -> Node: ...


def is_generating(command: Command | Generating) -> TypeIs[Generating]:
    """Does it make rows from nothing?"""
    return hasattr(command, "generate")


def takes_rows(command: Command | Generating) -> TypeIs[Command]:
    """Can it follow another command? A few do both: union adds to the rows before it, if there are any."""
    return hasattr(command, "lower")


@dataclass(frozen=True, slots=True)
class Stage:
    """One command of a pipeline with its name and place."""

    name: str
    command: Command | Generating
    span: Span
    piped: bool = True
    """A pipe stood before it: as the first of a search, it is a generating command."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A parsed search. `text` is what the spans are about (after macro expansion)."""

    text: str
    stages: tuple[Stage, ...]


Model = Callable[..., Sequence[Mapping[str, object]]]
"""A machine learning model: a sequence of rows, and the options of apply as keywords (text) -> for each row the fields
to add, as JSON values."""

Places = Callable[[str], Mapping[str, object] | None]
"""A geographic database: an IP address -> its record in MaxMind's City form, None where there is none."""


class Context(Protocol):
    """What lowering needs from its surroundings."""

    @property
    def now(self) -> float:
        """Epoch seconds of now()."""
        ...

    @property
    def clock(self) -> float:
        """Epoch seconds of time(): the clock when the search was compiled."""
        ...

    earliest: float | None
    """The time range of the search, epoch seconds; None = open."""
    latest: float | None
    warnings: Warnings
    tz: tzinfo
    """The time zone of days, clocks and times without one. The engine's own time functions know it already."""
    limits: Limits
    sid: str
    """The name of this search"""
    filled: int
    """Templates of foreach that this search has filled so far."""
    delimiters: dict[str, str]
    """What joins the values of a field when nomv makes one value of it: set by mvcombine and makemv."""
    formats: dict[str, Ast]
    """How fields are shown in the end (fieldformat); their values stay."""
    folder: Path | None
    """Where inputcsv, outputcsv and their like may read and write; None: nowhere"""

    def events(self, tree: Filter | None = None) -> Node:
        """The events that a search can see, in the time range. `tree`: a search expression over them, not applied here;
        what it says of indexes and times decides what is read."""
        ...

    def given(self, rows: Sequence[Mapping[str, object]]) -> Node:
        """Rows of a command's own making (JSON values) as a plan."""
        ...

    def subsearch(self, pipeline: Pipeline, limit: int) -> tuple[Schema, list[Row]]:
        """Run a subsearch; at most `limit` rows, with a warning when it cuts."""
        ...

    def rows(self, node: Node) -> list[Row]:
        """Run a small plan for its rows: a fact about the data that a command must know."""
        ...

    def lower(self, pipeline: Pipeline, source: Node | None = None) -> Node:
        """The plan of a subsearch, not run (for append and its like). With `source`, its commands run over those rows
        (appendpipe, foreach)."""
        ...

    def beside(self, pipeline: Pipeline, source: Node) -> Node:
        """The rows of `source`, and after them those that commands make of them (appendpipe)."""
        ...

    def parse(self, text: str) -> Pipeline:
        """A search that is made while another one runs (map, savedsearch): comments and macros as in any other. Raises
        SplError, which then is about `text`."""
        ...

    def inner(self, pipeline: Pipeline, what: str) -> Node:
        """The plan of a whole search of its own, which `parse` gave; its errors are about its own text. Searches that
        start each other without end raise SplError."""
        ...

    def saved_search(self, name: str) -> str | None:
        """The text of a saved search."""
        ...

    def job(self, name: str) -> Node | None:
        """The rows of a finished search, by its id or as user:app:name."""
        ...

    def read_file(self, name: str) -> tuple[Sequence[Row], Sequence[str]] | None:
        """The rows and columns of a CSV file in `folder`, None if there is none. Raises SplError for a name that is
        more than a file's, and without a folder."""
        ...

    def write_file(self, name: str, rows: Sequence[Row], fields: Sequence[str]) -> None:
        """Write a CSV file in `folder`. Raises as `read_file`. Where a search is only looked at, nothing happens."""
        ...

    def write_events(self, index: str, rows: Sequence[Row]) -> None:
        """Put events (`_time` epoch seconds, `_raw`, host, source, sourcetype and fields) into an index of the store.
        Raises SplError where this session cannot write. Where a search is only looked at, nothing happens."""
        ...

    def capped(self, node: Node, limit: int, what: str) -> Node:
        """The first `limit` rows of a subsearch's plan, with a warning if there were more."""
        ...

    def materialise(self, node: Node, *, whole: bool = False) -> Node:
        """Run the plan so far: the same rows as a `Rows` node, without the fields that hold no value at all, and of
        many fields without those that neither this stage nor one after it reads. This is how a command looks at data
        before it knows its own columns. `whole`: with all fields, which rows that the command has already worked on
        must keep."""
        ...

    def held(self, node: Node) -> Rows:
        """Run the plan so far, as `materialise` with all fields that hold something: for a look at the rows."""
        ...

    def read_later(self, schema: Schema) -> frozenset[str] | None:
        """Which fields the stages after this one read, if its result has this schema; None = perhaps all."""
        ...

    def apply(
        self, node: Node, function: Callable[[list[Row]], Iterable[Row]], label: str, like: Node | None = None
    ) -> Node:
        """Run the plan so far, put its rows (in order, a null field absent) through Python, go on with what comes back.

        The single escape hatch for what SQL cannot say (transaction, cluster); `label` names the use in `explain`.
        `like`: where the fields that come back are known, a plan over `node` that has them and reads what they are
        made of; it is looked at and never run."""
        ...

    def eventtypes(self, pattern: str) -> Mapping[str, str] | None:
        """The eventtypes whose name matches (wildcards, letter case ignored): name -> search text. None where events
        come as they are and eventtype can only be a field of theirs."""
        ...

    def stanza(self, file: str, name: str) -> Mapping[str, str] | None:
        """The settings of a stanza of `<file>.conf`: transforms, transactiontypes or multikv."""
        ...

    def tags_of(self, field: str) -> Sequence[tuple[str, str]]:
        """The (value, tag) pairs that are known of a field."""
        ...

    def tags(self, field: str | None, pattern: str) -> Sequence[tuple[str, str]] | None:
        """The (field, value) pairs with a tag that matches, of one field or of any. None as for `eventtypes`."""
        ...

    def lookup(self, name: str) -> Lookup:
        """A lookup table by name or file name. Raises SplError with the nearest name."""
        ...

    def save_lookup(self, name: str, rows: Sequence[Row], fields: Sequence[str], how: Put) -> None:
        """Put these rows into the table of that name (outputlookup). Raises TraplineError."""
        ...

    def dataset(
        self, model: str, name: str, tree: Filter | None = None, read: Collection[str] | None = None
    ) -> Dataset:
        """A dataset of a data model. `tree`: a search expression over it, not applied here; times in it take the place
        of the time range. `read`: the fields that will be read, by their names with prefix; None = all but nodename.
        Raises SplError with the nearest name."""
        ...

    def roots(self, model: str) -> Sequence[str]:
        """The datasets of a data model that have no parent. Raises SplError with the nearest name."""
        ...

    def describe(self, model: str | None, dataset: str | None) -> Sequence[Mapping[str, object]]:
        """All data models, one of them, or a dataset, as JSON values. Raises SplError with the nearest name."""
        ...

    def search_of(self, model: str, dataset: str) -> str:
        """The search that finds the events of a dataset and calculates its fields. Raises SplError with the nearest
        name."""
        ...

    def model(self, name: str) -> Model:
        """A machine learning model that the user has supplied. Raises SplError."""
        ...

    def model_summary(self, name: str) -> Sequence[Mapping[str, object]]:
        """The rows in which such a model tells of itself, as JSON values. Raises SplError."""
        ...

    def places(self) -> Places | None:
        """The geographic database that the user has named; None where there is none. Raises TraplineError."""
        ...
