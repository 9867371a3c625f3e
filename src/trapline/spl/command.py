"""What a command is: a frozen dataclass that was parsed from a stage and lowers itself onto a plan.

Each module in `commands/` is one command: its file name is the command's name and its registration. It defines
`parse(cursor) -> Command`, and `ALIASES` where Splunk has other names for it. Needed fields are not the command's
concern: a plan node's expressions say what they read, and the compiler carries that down to the scan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from typing_extensions import TypeIs

from trapline.errors import Span, Warnings
from trapline.plan import Node, Schema
from trapline.values import Row


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


@dataclass(frozen=True, slots=True)
class Stage:
    """One command of a pipeline with its name and place."""

    name: str
    command: Command | Generating
    span: Span


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A parsed search. `text` is what the spans are about (after macro expansion)."""

    text: str
    stages: tuple[Stage, ...]


class Context(Protocol):
    """What lowering needs from its surroundings."""

    now: float
    """Epoch seconds of now()."""
    clock: float
    """Epoch seconds of time(): the clock when the search was compiled."""
    earliest: float | None
    """The time range of the search, epoch seconds; None = open."""
    latest: float | None
    warnings: Warnings

    def events(self) -> Node:
        """All events that a search can see, in the time range."""
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

    def lower(self, pipeline: Pipeline) -> Node:
        """The plan of a subsearch, not run (for append and its like)."""
        ...

    def capped(self, node: Node, limit: int, what: str) -> Node:
        """The first `limit` rows of a subsearch's plan, with a warning if there were more."""
        ...

    def materialise(self, node: Node) -> Node:
        """Run the plan so far: the same rows as a `Rows` node, without the fields that hold no value at all. This is
        how a command looks at data before it knows its own columns."""
        ...

    def apply(self, node: Node, function: Callable[[list[Row]], Iterable[Row]], label: str) -> Node:
        """Run the plan so far, put its rows (in order, a null field absent) through Python, go on with what comes back.

        The single escape hatch for what SQL cannot say (transaction, cluster); `label` names the use in `explain`."""
        ...

    def eventtypes(self, pattern: str) -> Mapping[str, str] | None:
        """The eventtypes whose name matches (wildcards, letter case ignored): name -> search text. None where events
        come as they are and eventtype can only be a field of theirs."""
        ...

    def tags(self, field: str | None, pattern: str) -> Sequence[tuple[str, str]] | None:
        """The (field, value) pairs with a tag that matches, of one field or of any. None as for `eventtypes`."""
        ...
