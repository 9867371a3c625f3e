"""Applying exceptions to the rows of a run, and what each has hidden.

A row is hidden where every field of an exception is in it and every value of these fields is covered: of a multivalue
all, so that what an attacker adds to a group of harmless values shows. Rows of aggregations are taken as they are: a
field that the aggregation did not keep covers nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trapline.content.model import Detection
from trapline.detect.actions import Exempted, Hidden
from trapline.detect.exceptions import Exemption, State, Values
from trapline.detect.finding import iso
from trapline.detect.jobs import Job
from trapline.errors import Warn
from trapline.values import Row, value_text

SAMPLES = 3
"""Rows of a run that are kept of what an exception hid."""
SAMPLE_FIELDS = 12
SAMPLE_TEXT = 200
"""Characters of a value in a sample."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """An exception and its values, ready to be compared."""

    exemption: Exemption
    fields: Mapping[str, Values]

    def covers(self, row: Row) -> bool:
        return all(_covered(row, name, values) for name, values in self.fields.items())


@dataclass(slots=True)
class Exempting:
    """Takes out the rows of runs that exceptions cover. A row that two of them cover counts for both."""

    exemptions: Sequence[Exemption]
    _ready: dict[str, list[_Ready]] = field(default_factory=dict)
    """By the name of the detection."""
    _fields: dict[str, dict[str, Values]] = field(default_factory=dict)

    def __call__(self, job: Job, rows: Sequence[Row], time: float) -> Exempted:
        """`time`: of the run, by which exceptions have expired or not."""
        ready = self._of(job.detection)
        if not ready or not rows:
            return Exempted(list(rows))
        kept: list[Row] = []
        hidden: dict[str, list[Row]] = {}
        counts: dict[str, int] = {}
        late: dict[str, int] = {}
        for row in rows:
            shown = True
            for one in ready:
                if not one.covers(row):
                    continue
                name = one.exemption.name
                if one.exemption.state(time) is State.EXPIRED:
                    late[name] = late.get(name, 0) + 1
                    continue
                shown = False
                counts[name] = counts.get(name, 0) + 1
                if counts[name] <= SAMPLES:
                    hidden.setdefault(name, []).append(_sample(row, one.exemption))
            if shown:
                kept.append(row)
        warnings = [_expired(one.exemption, late[name]) for one in ready if (name := one.exemption.name) in late]
        warnings += [warn for one in ready if (warn := _without(one.exemption, job.detection, rows)) is not None]
        return Exempted(kept, [Hidden(name, count, hidden[name]) for name, count in counts.items()], warnings)

    def _of(self, detection: Detection) -> list[_Ready]:
        if detection.name not in self._ready:
            self._ready[detection.name] = [
                _Ready(one, self._values(one)) for one in self.exemptions if one.when and one.concerns(detection)
            ]
        return self._ready[detection.name]

    def _values(self, one: Exemption) -> dict[str, Values]:
        if one.name not in self._fields:
            self._fields[one.name] = {name: Values(values) for name, values in one.when.items()}
        return self._fields[one.name]


def _covered(row: Row, name: str, values: Values) -> bool:
    cell = row.get(name)
    if cell is None:
        return False
    return all(values.hold(value_text(one)) for one in (cell if isinstance(cell, list) else [cell]))


def _expired(one: Exemption, count: int) -> Warn:
    return Warn(
        "exceptions.expired",
        f"the exception '{one.name}' of {one.owner} expired on {iso(one.expires)}: {count:,} rows show again",
        "review it and move `expires`, or delete it",
        f"{one.file}:{one.line}",
    )


def _without(one: Exemption, detection: Detection, rows: Sequence[Row]) -> Warn | None:
    """An exception made for this very detection whose field none of its rows has hides nothing."""
    if not Values(text for text in one.detections if "*" not in text).hold(detection.name):
        return None
    lost = [name for name in one.when if not any(name in row for row in rows)]
    if not lost:
        return None
    there = ", ".join(sorted(rows[0])[:20])
    return Warn(
        "exceptions.field",
        f"the exception '{one.name}' hides nothing: no row has the field {', '.join(lost)}",
        f"the rows have {there}",
        f"{one.file}:{one.line}",
    )


def _sample(row: Row, one: Exemption) -> Row:
    names = [*one.when, *(name for name in row if name not in one.when and not name.startswith("_"))]
    return {name: value_text(row[name])[:SAMPLE_TEXT] for name in names[:SAMPLE_FIELDS]}


# --- what was hidden ------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Impact:
    """What an exception hid. `exemption`: None where there is no such exception any more. Times are epoch seconds."""

    name: str
    exemption: Exemption | None
    rows: int = 0
    runs: int = 0
    detections: dict[str, int] = field(default_factory=dict)
    """Rows by the name of the search."""
    last: float | None = None
    """Of the schedule of the last run in which it hid anything."""
    samples: list[dict[str, str]] = field(default_factory=list)

    def to_json(self, now: float) -> dict[str, Any]:
        return {
            "name": self.name,
            "state": self.exemption.state(now).value if self.exemption is not None else "deleted",
            "owner": self.exemption.owner if self.exemption is not None else None,
            "expires": iso(self.exemption.expires) if self.exemption is not None else None,
            "rows": self.rows,
            "runs": self.runs,
            "detections": self.detections,
            "last": iso(self.last),
            "samples": self.samples,
        }


def impact(exemptions: Sequence[Exemption], events: Sequence[Row]) -> list[Impact]:
    """What exceptions hid, by the events of the scheduler's index; those that hid most first, also those that hid
    nothing. Of a window that was looked at again only the last look counts."""
    found = {one.name: Impact(one.name, one) for one in exemptions}
    looks: dict[tuple[str, str, str], Row] = {}
    for event in events:
        key = (_text(event, "exception"), _text(event, "savedsearch_name"), _text(event, "scheduled_time"))
        before = looks.get(key)
        if before is None or _number(before, "dispatch_time") <= _number(event, "dispatch_time"):
            looks[key] = event
    for (name, search, scheduled), event in sorted(looks.items(), key=lambda item: -float(item[0][2] or 0)):
        one = found.setdefault(name, Impact(name, None))
        rows = int(_number(event, "hidden"))
        one.rows += rows
        one.runs += 1
        one.detections[search] = one.detections.get(search, 0) + rows
        one.last = max(one.last or 0.0, float(scheduled or 0))
        for sample in _samples(event):
            if len(one.samples) < SAMPLES and sample not in one.samples:
                one.samples.append(sample)
    return sorted(found.values(), key=lambda one: (-one.rows, one.name))


def _samples(event: Row) -> list[dict[str, str]]:
    cell = event.get("sample")
    found = []
    for text in cell if isinstance(cell, list) else [cell]:
        try:
            read = json.loads(text) if isinstance(text, str) else None
        except ValueError:
            continue
        if isinstance(read, dict):
            found.append({str(name): str(value) for name, value in read.items()})
    return found


def _text(event: Row, name: str) -> str:
    return value_text(event.get(name, ""))


def _number(event: Row, name: str) -> float:
    try:
        return float(_text(event, name))
    except ValueError:
        return 0.0
