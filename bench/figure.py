"""A measured figure."""

from __future__ import annotations

from dataclasses import dataclass

NOW = 1_772_700_000.0
"""The clock of measured searches."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure. `more`: more is better. `budget` None: for information."""

    name: str
    value: float
    unit: str
    budget: float | None
    more: bool
    note: str = ""

    @property
    def kept(self) -> bool | None:
        if self.budget is None:
            return None
        return self.value >= self.budget if self.more else self.value <= self.budget


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]
