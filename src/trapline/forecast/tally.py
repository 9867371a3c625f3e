"""What the runs of one detection add up to, in bounded memory."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from trapline.content.model import Detection
from trapline.detect import risk
from trapline.detect.actions import Decided
from trapline.forecast.model import Top
from trapline.state.journal import Run, Status
from trapline.times import zone
from trapline.values import Row, Value

KEPT = 5_000
"""Alerts of a detection that filter lines are made from: all of them, or a sample of that size."""
DISTINCT = 10_000
"""Values of a field, and entities, that are told apart; of more it is known that there are more."""
FIELDS = 60
"""Fields of a detection's rows that are counted."""
LONGEST = 300
"""Characters of a value that is counted."""
TOP = 5
_ENTITIES = ("dest", "user", "src", "src_user", "dvc", "host", "src_ip", "dest_ip")
_TIMES = re.compile(r"(?:_.*|.*(?:time|date|_epoch|count)|count.*|span|eventcount|dc_.*|sum_.*)\Z", re.IGNORECASE)
"""Fields that say when and how often: no filter is made of them."""


@dataclass(slots=True)
class Tally:
    """Of one detection. `tz`: of the days."""

    detection: Detection
    tz: str
    runs: int = 0
    failed: int = 0
    reason: str = ""
    rows: int = 0
    exempt: int = 0
    throttled: int = 0
    alerts: int = 0
    notables: int = 0
    risk_events: int = 0
    days: Counter[str] = field(default_factory=Counter)
    entities: set[tuple[str, str]] = field(default_factory=set)
    more_entities: bool = False
    fields: dict[str, Counter[str]] = field(default_factory=dict)
    more: set[str] = field(default_factory=set)
    """Fields with more values than are told apart."""
    exceptions: Counter[str] = field(default_factory=Counter)
    sample: list[Mapping[str, Value]] = field(default_factory=list)
    _random: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311 - a sample, the same each time

    def add(self, run: Run, decided: Decided | None) -> None:
        self.runs += 1
        if run.status is Status.FAILED:
            self.failed += 1
            self.reason = self.reason or run.reason or ""
        if decided is None:
            return
        self.rows += run.rows
        self.exempt += decided.exempt
        self.throttled += decided.held_back
        self.notables += len(decided.notables)
        self.risk_events += len(decided.risk_events)
        self.exceptions.update({one.exception: one.count for one in decided.hidden})
        if decided.findings:
            day = datetime.fromtimestamp(run.scheduled, zone(self.tz)).date().isoformat()
            self.days[day] += len(decided.findings)
        for one in decided.findings:
            objects = [(entry.type, entry.value) for entry in one.risk_objects] or _entities(one.row)
            for entity in objects:
                self._entity(entity)
            self._alert(one.row)

    def _entity(self, entity: tuple[str, str]) -> None:
        if entity in self.entities:
            return
        if len(self.entities) < DISTINCT:
            self.entities.add(entity)
        else:
            self.more_entities = True

    def _alert(self, row: Row) -> None:
        self.alerts += 1
        kept = {name: value for name, value in row.items() if _TIMES.match(name) is None}
        for name, value in kept.items():
            counts = self.fields.get(name)
            if counts is None:
                if len(self.fields) >= FIELDS:
                    continue
                counts = self.fields[name] = Counter()
            for text in dict.fromkeys(risk.texts(value)):
                if len(text) > LONGEST or (text not in counts and len(counts) >= DISTINCT):
                    self.more.add(name)
                else:
                    counts[text] += 1
        # Each alert is in the sample with the same probability (reservoir sampling).
        if len(self.sample) < KEPT:
            self.sample.append(kept)
        elif (place := self._random.randrange(self.alerts)) < KEPT:
            self.sample[place] = kept

    def top(self) -> list[Top]:
        """The most frequent values of each field; a field in which hardly any value comes twice says nothing."""
        found = []
        for name, counts in self.fields.items():
            values = counts.most_common(TOP)
            if values and (values[0][1] > 1 or self.alerts == 1):
                found.append(Top(name, values, len(counts), name in self.more))
        return found


def _entities(row: Row) -> list[tuple[str, str]]:
    return [("", text.lower()) for name in _ENTITIES for text in risk.texts(row.get(name))]
