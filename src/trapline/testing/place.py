"""The throwaway place of one test: a store with its events, and the session that searches it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from trapline.content.catalog import Content
from trapline.content.model import AttackData, Detection
from trapline.detect.hunt import profiles
from trapline.detect.run import Profile
from trapline.errors import InputError
from trapline.events import EventBatch
from trapline.ingest.intake import Evidence, ingest
from trapline.ingest.report import IngestReport
from trapline.knowledge.kept import Kept
from trapline.knowledge.knowledge import Knowledge
from trapline.knowledge.lookups import LookupFiles
from trapline.knowledge.parsed import Parsed
from trapline.plan import Table
from trapline.search import Macro, Session
from trapline.store import Portion, Store, collected
from trapline.testing.datasets import Located
from trapline.validate import ignore
from trapline.validate.ignore import Ignore
from trapline.validate.subject import Tree

if TYPE_CHECKING:
    from trapline.engines.duckdb import DuckDB

HOST = "CONTENTCTL_HOST"
"""The host of events whose data set names none, as contentctl sends them."""
INDEX = "contentctl_testing_index"
"""The index of a data set that names none."""
LOOKUPS = "lookups"


@dataclass(slots=True)
class Surroundings:
    """What all tests of a run share."""

    content: Content
    knowledge: Knowledge
    macros: dict[str, Macro] = field(default_factory=dict)
    lookups: LookupFiles | None = None
    searches: dict[str, str] = field(default_factory=dict)
    profile: Callable[[Detection], Profile] = field(init=False)
    tree: Tree = field(init=False)
    """For the checks of validation."""
    engine: DuckDB | None = None
    """What runs the searches; None = that of the process."""
    parsed: Parsed = field(default_factory=Parsed)
    """The searches, for all sessions."""
    ignores: Sequence[Ignore] = ()
    """Of the content folders: findings that are no failures."""

    def __post_init__(self) -> None:
        self.profile = profiles(self.content)
        self.tree = Tree(self.content, self.knowledge, tuple(self.content.roots))
        self.ignores = ignore.read_all(self.tree.roots)
        self.macros = self.content.macros(self.knowledge.macros)
        self.searches = self.content.searches()
        self.lookups = LookupFiles(self.content.lookups, self.content.fillers)

    def session(self, store: Store) -> Session:
        """A session over what the store holds now. outputlookup writes into the store's own lookups."""
        return self.over(store)(store.snapshot().tables)

    def over(self, store: Store) -> Callable[[Sequence[Table]], Session]:
        """Makes sessions over tables of a store."""
        kept = Kept((store.path / LOOKUPS,), None)

        def made(tables: Sequence[Table]) -> Session:
            assert self.lookups is not None
            return Session(
                tables=tables,
                macros=self.macros,
                lookups=self.lookups,
                knowledge=self.knowledge.over(kept, {}) if kept.files() else self.knowledge,
                kept=kept,
                saved_searches=self.searches,
                writer=partial(collected.write, store),
                parsed=self.parsed,
                engine=self.engine,
            )

        return made


class _Moved(Store):
    """A store whose events are appended at another time."""

    micros = 0

    def append(self, index: str, portions: Sequence[Portion]) -> int:
        return super().append(
            index, [replace(one, batches=[self._moved(of) for of in one.batches]) for one in portions]
        )

    def _moved(self, batch: EventBatch) -> EventBatch:
        place = batch.table.schema.get_field_index("_time")
        times = batch.table.column(place)
        later = pc.add(times.cast(pa.int64()), pa.scalar(self.micros, pa.int64())).cast(times.type)
        return EventBatch(batch.sourcetype, batch.table.set_column(place, batch.table.schema.field(place), later))


def fill(store: Store, data: Sequence[Located], knowledge: Knowledge, now: float) -> list[str]:
    """Put the events of data sets into a store, as contentctl sends them; what is doubtful about that.

    Those with `update_timestamp` are moved by one and the same distance, so that the newest of them is at `now` (epoch
    seconds). The time written inside an event (_raw and the fields from it) stays. Raises InputError for data that
    cannot be read or holds no event.
    """
    notes = []
    plain = [one for one in data if not one.data.update_timestamp]
    moving = [one for one in data if one.data.update_timestamp]
    for one in plain:
        notes += _checked(one, _ingest(store, one, knowledge))
    if moving:
        with Store.throwaway() as aside:
            reports = [_ingest(aside, one, knowledge) for one in moving]
        for one, report in zip(moving, reports, strict=True):
            notes += _checked(one, report)
        newest = max((file.latest or 0 for report in reports for file in report.files), default=0)
        moved = _Moved(store.path)
        moved.micros = int(now * 1_000_000) - newest
        try:
            for one in moving:
                _ingest(moved, one, knowledge)
        finally:
            moved.close()
    return notes


def _ingest(store: Store, one: Located, knowledge: Knowledge) -> IngestReport:
    data = one.data
    evidence = Evidence(
        str(one.path),
        sourcetype=data.sourcetype or None,
        source=data.source or None,
        host=data.host or HOST,
        index=data.index or INDEX,
    )
    return ingest([evidence], store, again=True, rules=knowledge.index_time)


def _checked(one: Located, report: IngestReport) -> list[str]:
    for file in report.files:
        reason = file.error or file.skipped
        if reason is not None:
            raise InputError(reason, file=str(one.path), hint=file.hint, code="testing.data")
    if not any(file.events for file in report.files):
        raise InputError("the data set holds no events", file=str(one.path), code="testing.data")
    bad = sum(file.bad_records for file in report.files)
    notes = [f"{bad:,} records of {one.path.name} could not be read"] if bad else []
    kept = sum(file.kept_records for file in report.files)
    if kept:
        notes.append(f"{kept:,} records of {one.path.name} could not be parsed and are kept as text")
    untimed = sum(file.untimed for file in report.files)
    if untimed and one.data.update_timestamp:
        notes.append(f"{untimed:,} events of {one.path.name} have no time that could be moved")
    return [*notes, *([one.note] if one.note else [])]


def described(data: AttackData) -> str:
    """A data set in few words, for messages."""
    return f"source {data.source or '(from the data)'}, sourcetype {data.sourcetype or '(from the data)'}"
