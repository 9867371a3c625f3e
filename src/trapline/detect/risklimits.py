"""Limits of risk, which the user may set (docs/scheduler.md): duplicates that are left out, and a cap of scores.

Splunk has none: every run of a detection that finds the same again adds its score once more. They are off unless the
settings say so. Periods count from the time of the schedule. A backfill looks at what was given after its time, too, so
that no period has more than it may.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from trapline.detect.risk import Entry
from trapline.state.journal import Score


@dataclass(frozen=True, slots=True)
class Limits:
    """Periods are seconds; None = no limit."""

    duplicates: float | None = None
    """The same detection, object and message within it count once."""
    cap: float | None = None
    """Score that a detection gives to one object at most within `cap_period`."""
    cap_period: float = 86_400.0

    @property
    def reach(self) -> float:
        """How far back and ahead what was given matters; 0 without limits."""
        return max(self.duplicates or 0.0, self.cap_period if self.cap is not None else 0.0)


@dataclass(slots=True)
class Limiter:
    """Limits what one run of one search gives. `given`: what the search gave within reach of the run."""

    limits: Limits
    search: str
    scheduled: float
    given: Sequence[Score]
    made: list[Score] = field(default_factory=list)
    duplicates: int = 0
    capped: int = 0

    def __call__(self, entries: Iterable[Entry]) -> list[Entry]:
        """The entries that become risk events, with the scores that they get."""
        return [limited for one in entries if (limited := self._limited(one)) is not None]

    def _limited(self, entry: Entry) -> Entry | None:
        whom, message = _hash(entry.type, entry.value.lower()), _hash(entry.message)
        same = [one for one in (*self.given, *self.made) if one.object == whom]
        period = self.limits.duplicates
        if period is not None and any(one.message == message and self._within(one, period) for one in same):
            self.duplicates += 1
            return None
        if self.limits.cap is not None:
            spent = sum(one.score for one in same if self._within(one, self.limits.cap_period))
            left = max(self.limits.cap - spent, 0.0)
            if entry.score > left:
                self.capped += 1
                entry = replace(entry, score=left, uncapped=entry.score)
        self.made.append(Score(self.search, self.scheduled, whom, message, entry.score))
        return entry

    def _within(self, one: Score, period: float) -> bool:
        return abs(one.scheduled - self.scheduled) < period


def _hash(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()
