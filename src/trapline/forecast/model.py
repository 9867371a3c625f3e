"""What a forecast says: of each detection what it would have raised, what that costs, and what would quieten it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trapline.detect.finding import iso
from trapline.errors import Warn

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Line:
    """A line for the filter macro of a detection."""

    values: Mapping[str, str]
    """Field -> the value it has in the alerts that the line removes; all of them have to match."""
    text: str
    """The line as SPL: `search NOT (dest="ws1")`."""
    removes: int
    """Alerts that it removes, of those looked at, that no line before it removes."""
    share: float
    """Of all alerts looked at, 0 to 1."""
    everything: bool = False
    """All alerts looked at are alike: with this line the detection would have told nothing."""

    def to_json(self) -> dict[str, Any]:
        return {
            "line": self.text,
            "fields": dict(self.values),
            "removes": self.removes,
            "share": round(self.share, 4),
            "everything": self.everything,
        }


@dataclass(frozen=True, slots=True)
class Top:
    """The most frequent values of a field of the alerts. `distinct`: values seen; `more` = at least that many."""

    field: str
    values: Sequence[tuple[str, int]]
    distinct: int
    more: bool = False

    def to_json(self) -> dict[str, Any]:
        values = [{"value": value, "count": count} for value, count in self.values]
        return {"field": self.field, "distinct": self.distinct, "more": self.more, "values": values}


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds that runs take: of the clock, and of all processors together.

    Of runs that were made. A run of which it was known that there is nothing in its window is not made here, so
    `per_day` takes each run of a day for one that is: it is what a scheduler pays that looks into every window.
    """

    made: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    longest: float = 0.0

    @property
    def per_run(self) -> float | None:
        return self.seconds / self.made if self.made else None

    @property
    def cpu_per_run(self) -> float | None:
        return self.cpu / self.made if self.made else None

    def to_json(self, runs_a_day: float) -> dict[str, Any]:
        body: dict[str, Any] = {"made": self.made, "seconds": round(self.seconds, 4), "cpu": round(self.cpu, 4)}
        if self.per_run is None or self.cpu_per_run is None:
            return body
        return body | {
            "seconds_per_run": round(self.per_run, 5),
            "longest": round(self.longest, 5),
            "cpu_per_run": round(self.cpu_per_run, 5),
            "seconds_per_day": round(self.per_run * runs_a_day, 4),
            "cpu_per_day": round(self.cpu_per_run * runs_a_day, 4),
        }


@dataclass(frozen=True, slots=True)
class Expected:
    """What one detection would have done. Rates are per day of the history."""

    name: str
    id: str
    type: str
    cron: str
    runs: int
    failed: int
    reason: str
    """Why runs failed, "" where none did."""
    rows: int
    """Before exceptions and throttling."""
    exempt: int
    throttled: int
    alerts: int
    notables: int
    risk_events: int
    days: Sequence[tuple[str, int]]
    """Alerts by the day of the schedule, days without any left out."""
    entities: int
    """Distinct risk objects, or of a detection without risk the hosts, users and addresses in its rows."""
    entities_more: bool
    cost: Cost
    top: Sequence[Top]
    lines: Sequence[Line]
    exceptions: Mapping[str, int]
    """Rows that each exception hid."""
    macro: str = ""
    """The name of its filter macro, "" where its search calls none."""
    looked_at: int = 0
    """Alerts that the lines were made from; fewer than `alerts` where there were very many."""

    def a_day(self, span: float) -> float:
        return self.alerts / span if span else 0.0

    def to_json(self, span: float) -> dict[str, Any]:
        runs_a_day = self.runs / span if span else 0.0
        body: dict[str, Any] = {
            "name": self.name,
            "id": self.id,
            "type": self.type,
            "cron": self.cron,
            "runs": self.runs,
            "failed": self.failed,
            "rows": self.rows,
            "exempt": self.exempt,
            "throttled": self.throttled,
            "alerts": self.alerts,
            "alerts_per_day": round(self.a_day(span), 3),
            "most_a_day": max((count for _, count in self.days), default=0),
            "days": dict(self.days),
            "notables": self.notables,
            "risk_events": self.risk_events,
            "entities": self.entities,
            "entities_more": self.entities_more,
            "cost": self.cost.to_json(runs_a_day),
            "top": [one.to_json() for one in self.top],
            "exceptions": dict(self.exceptions),
            "filter_macro": self.macro,
            "filter_lines": [one.to_json() for one in self.lines],
            "looked_at": self.looked_at,
        }
        return body | ({"reason": self.reason} if self.reason else {})


@dataclass(frozen=True, slots=True)
class Forecast:
    """Of a number of detections, the loudest first. Times are epoch seconds."""

    start: float
    end: float
    detections: Sequence[Expected]
    shared: Cost
    """What several detections read once for all of them, and looks ahead at which windows hold anything."""
    seconds: float
    patch: str = ""
    """A unified diff of the user's filter macros, for review."""
    asked_days: float = 0.0
    warnings: Sequence[Warn] = field(default_factory=tuple)

    @property
    def span(self) -> float:
        """Days of history."""
        return (self.end - self.start) / DAY

    @property
    def alerts(self) -> int:
        return sum(one.alerts for one in self.detections)

    def to_json(self) -> dict[str, Any]:
        return {
            "from": iso(self.start),
            "to": iso(self.end),
            "days": round(self.span, 3),
            "asked_days": self.asked_days,
            "alerts": self.alerts,
            "alerts_per_day": round(self.alerts / self.span, 3) if self.span else 0.0,
            "detections": [one.to_json(self.span) for one in self.detections],
            "shared_seconds": round(self.shared.seconds, 4),
            "shared_cpu": round(self.shared.cpu, 4),
            "seconds": round(self.seconds, 3),
            "patch": self.patch,
            "warnings": [one.to_json() for one in self.warnings],
        }
