"""Who is at risk: the scores of all findings summed per risk object."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from trapline.detect.finding import Finding, iso, number


@dataclass(frozen=True, slots=True)
class Ranked:
    """A risk object with what was found about it. Times are epoch seconds of what was found, None if no row has one."""

    risk_object: str
    type: str
    score: float
    findings: int
    detections: tuple[str, ...]
    tactics: tuple[str, ...]
    mitre: tuple[str, ...]
    first: float | None
    last: float | None

    def to_json(self) -> dict[str, Any]:
        return {
            "risk_object": self.risk_object,
            "type": self.type,
            "score": number(self.score),
            "findings": self.findings,
            "detections": list(self.detections),
            "tactics": list(self.tactics),
            "mitre_attack": list(self.mitre),
            "first": iso(self.first),
            "last": iso(self.last),
        }


@dataclass(slots=True)
class _Sum:
    score: float = 0.0
    findings: int = 0
    detections: dict[str, None] = field(default_factory=dict)
    tactics: dict[str, None] = field(default_factory=dict)
    mitre: dict[str, None] = field(default_factory=dict)
    first: float | None = None
    last: float | None = None


@dataclass(slots=True)
class Ranking:
    """Sums findings up one by one. Risk objects are told apart as Splunk does: by their exact text and type."""

    _sums: dict[tuple[str, str], _Sum] = field(default_factory=dict)

    def add(self, finding: Finding) -> None:
        counted: set[tuple[str, str]] = set()
        for entry in finding.risk_objects:
            key = (entry.value, entry.type)
            found = self._sums.setdefault(key, _Sum())
            found.score += entry.score
            if key in counted:
                continue
            counted.add(key)
            found.findings += 1
            found.detections[finding.detection] = None
            found.tactics.update(dict.fromkeys(finding.tactics))
            found.mitre.update(dict.fromkeys(finding.mitre))
            found.first = min(_known(found.first, finding.time), default=None)
            found.last = max(_known(found.last, finding.last), default=None)

    def take(self, other: Ranking) -> None:
        """Add the sums of another ranking, whose findings come after."""
        for key, more in other._sums.items():
            found = self._sums.setdefault(key, _Sum())
            found.score += more.score
            found.findings += more.findings
            found.detections.update(more.detections)
            found.tactics.update(more.tactics)
            found.mitre.update(more.mitre)
            found.first = min(_known(found.first, more.first), default=None)
            found.last = max(_known(found.last, more.last), default=None)

    def ranked(self) -> list[Ranked]:
        """Highest score first, then most findings, then by name."""
        rows = [
            Ranked(
                risk_object=name,
                type=kind,
                score=one.score,
                findings=one.findings,
                detections=tuple(one.detections),
                tactics=tuple(one.tactics),
                mitre=tuple(sorted(one.mitre)),
                first=one.first,
                last=one.last,
            )
            for (name, kind), one in self._sums.items()
        ]
        return sorted(rows, key=lambda one: (-one.score, -one.findings, one.risk_object, one.type))


def rank(findings: Iterable[Finding]) -> list[Ranked]:
    ranking = Ranking()
    for finding in findings:
        ranking.add(finding)
    return ranking.ranked()


def _known(*times: float | None) -> list[float]:
    return [one for one in times if one is not None]
