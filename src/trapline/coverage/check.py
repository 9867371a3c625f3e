"""Each data source's example through ingest and the add-ons: are the fields there that Splunk has for it?"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trapline.coverage.examples import Example
from trapline.coverage.reasons import reason_for
from trapline.ingest.intake import Evidence, ingest
from trapline.knowledge import Knowledge
from trapline.search import Session
from trapline.store import Store

Progress = Callable[[str, int, int], None]
"""Told the sourcetype that is searched, its number and how many there are."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One example. `missing`: field -> why it is not made, None where that is not known. `events`: how many the example
    was read as. `problem`: what ingest says of it."""

    example: Example
    covered: frozenset[str]
    missing: Mapping[str, str | None]
    events: int
    problem: str = ""

    @property
    def percent(self) -> float:
        """Fields that are there, of those listed, in percent."""
        return 100 * len(self.covered) / max(1, len(self.example.fields))

    @property
    def whole(self) -> bool:
        return not self.missing

    def to_json(self) -> dict[str, Any]:
        return {
            "data_source": self.example.name,
            "sourcetype": self.example.sourcetype,
            "source": self.example.source,
            "fields": len(self.example.fields),
            "covered": len(self.covered),
            "percent": round(self.percent, 1),
            "events": self.events,
            "missing": [{"field": name, "reason": self.missing[name]} for name in sorted(self.missing)],
            **({"misfiled": self.example.misfiled} if self.example.misfiled else {}),
            **({"problem": self.problem} if self.problem else {}),
        }


@dataclass(frozen=True, slots=True)
class Coverage:
    """Every example: those that were read, and those that say nothing (`Example.flaw`). The figures are of the examples
    that are events of their own data source; `all_` ones are of the misfiled ones too."""

    checked: Sequence[Checked]
    flawed: Sequence[Example]

    @property
    def own(self) -> list[Checked]:
        """The examples that count: events of their own data source."""
        return [one for one in self.checked if not one.example.misfiled]

    @property
    def misfiled(self) -> list[Checked]:
        """The examples that are events of another source."""
        return [one for one in self.checked if one.example.misfiled]

    @property
    def whole(self) -> int:
        """Examples that count, all of whose fields are there."""
        return sum(one.whole for one in self.own)

    @property
    def explained(self) -> int:
        """Examples that count, all of whose missing fields have a reason."""
        return sum(bool(one.missing) and all(one.missing.values()) for one in self.own)

    @property
    def share(self) -> float:
        """Examples that are covered wholly, of those that count, in percent."""
        return 100 * self.whole / max(1, len(self.own))

    @property
    def all_whole(self) -> int:
        """Examples all of whose fields are there, misfiled ones too."""
        return sum(one.whole for one in self.checked)

    @property
    def all_share(self) -> float:
        """Examples that are covered wholly, of all, in percent."""
        return 100 * self.all_whole / max(1, len(self.checked))

    @property
    def field_share(self) -> float:
        """Fields that are there, over the examples that count, in percent."""
        listed = sum(len(one.example.fields) for one in self.own)
        return 100 * sum(len(one.covered) for one in self.own) / max(1, listed)

    def to_json(self) -> dict[str, Any]:
        return {
            "examples": len(self.own),
            "covered_wholly": self.whole,
            "covered_but_for_reasons": self.explained,
            "percent": round(self.share, 1),
            "fields_percent": round(self.field_share, 1),
            "misfiled": len(self.misfiled),
            "percent_with_misfiled": round(self.all_share, 1),
            "data_sources": [one.to_json() for one in self.checked],
            "broken": [{"data_source": one.name, "reason": one.flaw} for one in self.flawed],
        }


def check(examples: Iterable[Example], knowledge: Knowledge, progress: Progress | None = None) -> Coverage:
    """Read every example as a log of its own, with the data source's sourcetype and source, and search it."""
    given = list(examples)
    sound = [one for one in given if not one.flaw]
    with tempfile.TemporaryDirectory(prefix="trapline-") as folder, Store.throwaway() as store:
        notes = _ingest(sound, Path(folder), store)
        found, events = _names(store, knowledge, progress)
    checked = []
    for place, one in enumerate(sound):
        host = _host(place)
        covered = one.fields & found.get(host, set())
        filed = f"the example is {one.misfiled}" if one.misfiled else None
        missing = {name: filed or reason_for(one.name, name) for name in sorted(one.fields - covered)}
        checked.append(Checked(one, covered, missing, events[host], notes[place]))
    return Coverage(checked, [one for one in given if one.flaw])


def _host(place: int) -> str:
    """The host of an example's events: they are told apart by it."""
    return f"example-{place}"


def _ingest(sound: Sequence[Example], folder: Path, store: Store) -> list[str]:
    """What ingest has to say of each example."""
    copies = Counter[str]()
    given: list[Evidence] = []
    for place, one in enumerate(sound):
        path = folder / f"{place}.log"
        path.write_text(one.log + "\n", encoding="utf-8")
        # An index takes a file only once.
        index = f"examples{copies[one.log]}"
        copies[one.log] += 1
        given.append(Evidence(str(path), one.sourcetype or None, one.source or None, _host(place), index))
    reports = ingest(given, store).files
    return [one.note if one.error or one.skipped or one.bad else "" for one in reports]


def _names(store: Store, knowledge: Knowledge, progress: Progress | None) -> tuple[dict[str, set[str]], Counter[str]]:
    """By host, the names of the fields that its events have, and their number."""
    found: dict[str, set[str]] = {}
    events = Counter[str]()
    tables = store.snapshot().tables
    sourcetypes = sorted({table.sourcetype for table in tables})
    for place, sourcetype in enumerate(sourcetypes):
        if progress is not None:
            progress(sourcetype, place, len(sourcetypes))
        session = Session(tables=[one for one in tables if one.sourcetype == sourcetype], knowledge=knowledge)
        for row in session.run("search *").rows:
            host = str(row["host"])
            found.setdefault(host, set()).update(row)
            events[host] += 1
    return found, events
