"""SPL and a time range in, rows out: the one path for the command line, hunts, the scheduler and the tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trapline.errors import Warn
from trapline.plan import Table
from trapline.values import Row


@dataclass(frozen=True, slots=True)
class Result:
    """Rows in order; a null field is an absent key. `fields` is the column order."""

    fields: tuple[str, ...]
    rows: list[Row]
    warnings: tuple[Warn, ...] = ()


@dataclass(frozen=True, slots=True)
class Macro:
    """A search macro. `args` are the names that stand as $name$ in the definition."""

    name: str
    definition: str
    args: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StageCount:
    """One line of `explain`: a stage of the pipeline and the rows after it."""

    text: str
    rows: int


@dataclass(slots=True)
class Session:
    """Where searches run: event tables (of a store snapshot) or given rows, with the knowledge that applies to them.

    `macros` maps "name" or "name(2)" to the macro. `lookups` and `datamodels` as in spl/NOTES.md §1.
    """

    tables: Sequence[Table] = ()
    events: Sequence[Mapping[str, Any]] | None = None
    macros: Mapping[str, Macro] = field(default_factory=dict)
    lookups: Mapping[str, Any] = field(default_factory=dict)
    datamodels: Mapping[str, Any] = field(default_factory=dict)

    def run(
        self, spl: str, *, earliest: str | float | None = None, latest: str | float | None = None, now: float | None = None
    ) -> Result:
        """Run a search.

        `earliest`/`latest`: epoch seconds or Splunk time modifiers ("-70m@m"), earliest inclusive, latest exclusive,
        None = unbounded. `now`: epoch seconds that now() and relative times count from, default the clock.
        Raises SplError, EngineError.
        """
        raise NotImplementedError

    def explain(
        self, spl: str, *, earliest: str | float | None = None, latest: str | float | None = None, now: float | None = None
    ) -> list[StageCount]:
        """Rows after every stage. Raises as `run`."""
        raise NotImplementedError


def search(
    spl: str,
    events: Iterable[Mapping[str, Any]] = (),
    *,
    now: float | None = None,
    macros: Mapping[str, Any] | None = None,
    lookups: Mapping[str, Any] | None = None,
    datamodels: Mapping[str, Any] | None = None,
    store: bool = False,
) -> list[Row]:
    """Run SPL over rows in memory: the entry for notebooks and the conformance suite.

    `spl` in the forms of spl/NOTES.md §1 (first command after the initial search, an implied search, or a generating
    command). `macros` maps "name(2)" to {"args": "a,b", "definition": "..."}; `store`: subsearches and generating
    commands read `events` too.
    """
    raise NotImplementedError
