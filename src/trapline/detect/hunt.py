"""A hunt: evidence into a throwaway store, the content over it, findings and ranked risk objects out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trapline.content.enrich import tactics as attack_tactics
from trapline.detect.finding import Finding, iso
from trapline.detect.rank import Ranked
from trapline.detect.run import Outcome, reasons
from trapline.errors import Warn
from trapline.values import Row


@dataclass(frozen=True, slots=True)
class Source:
    """One file of the evidence, as the ingest tells. Times are epoch seconds."""

    name: str
    format: str = ""
    sourcetypes: tuple[str, ...] = ()
    events: int = 0
    bad: Mapping[str, int] = field(default_factory=dict)
    """Records lost, by reason."""
    first: float | None = None
    last: float | None = None
    note: str = ""
    """Why nothing was read, or what is doubtful."""

    @property
    def bad_records(self) -> int:
        return sum(self.bad.values())

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "format": self.format,
            "sourcetypes": list(self.sourcetypes),
            "events": self.events,
            "bad_records": self.bad_records,
            "bad": dict(self.bad),
            "first": iso(self.first),
            "last": iso(self.last),
            "note": self.note,
        }


@dataclass(slots=True)
class HuntResult:
    findings: list[Finding]
    risk_events: list[Row]
    hosts: list[Ranked]
    """Every risk object (hosts, users, others), the highest score first."""
    sources: list[Source]
    warnings: list[Warn]
    outcomes: list[Outcome]
    """One per detection selected, in the order run."""
    started: float
    """Epoch seconds."""
    seconds: float = 0.0
    version: str = ""
    content: tuple[str, ...] = ()
    """Where the detections come from, in words."""

    @property
    def events(self) -> int:
        return sum(one.events for one in self.sources)

    @property
    def bad_records(self) -> int:
        return sum(one.bad_records for one in self.sources)

    @property
    def selected(self) -> int:
        return len(self.outcomes)

    @property
    def ran(self) -> int:
        return sum(one.error is None for one in self.outcomes)

    @property
    def found(self) -> int:
        """Findings, those that are not listed included."""
        return sum(one.rows for one in self.outcomes)

    @property
    def not_runnable(self) -> list[tuple[str, int]]:
        """Reasons why detections could not run, with how many each, the most frequent first."""
        return reasons(self.outcomes)

    def coverage(self, most: int = 3) -> str:
        """`ran 1,200 of 1,711 detections; 511 not runnable: 300 (why), 200 (why), 11 for other reasons`"""
        text = f"ran {self.ran:,} of {self.selected:,} detection{'' if self.selected == 1 else 's'}"
        missing = self.selected - self.ran
        if not missing:
            return text
        why = self.not_runnable
        told = ", ".join(f"{count:,} ({reason})" for reason, count in why[:most])
        rest = sum(count for _, count in why[most:])
        return f"{text}; {missing:,} not runnable: {told}" + (f", {rest:,} for other reasons" if rest else "")

    def tactics(self) -> list[tuple[str, int, tuple[str, ...]]]:
        """ATT&CK tactics of the findings listed: name, findings, technique ids. In ATT&CK's order."""
        counts: Counter[str] = Counter()
        techniques: dict[str, dict[str, None]] = {}
        for finding in self.findings:
            for tactic in dict.fromkeys(finding.tactics):
                counts[tactic] += 1
                techniques.setdefault(tactic, {}).update(dict.fromkeys(finding.mitre))
        order = {tactic.name: at for at, tactic in enumerate(attack_tactics().values())}
        names = sorted(counts, key=lambda name: (order.get(name, len(order)), name))
        return [(name, counts[name], tuple(sorted(techniques[name]))) for name in names]

    def summary(self) -> dict[str, Any]:
        return {
            "version": self.version,
            "started": iso(self.started),
            "seconds": round(self.seconds, 3),
            "content": list(self.content),
            "events": self.events,
            "bad_records": self.bad_records,
            "sources": len(self.sources),
            "detections": self.selected,
            "ran": self.ran,
            "not_runnable": self.selected - self.ran,
            "not_runnable_reasons": [{"reason": reason, "count": count} for reason, count in self.not_runnable],
            "detections_with_findings": sum(one.rows > 0 for one in self.outcomes),
            "findings": self.found,
            "findings_listed": len(self.findings),
            "risk_events": len(self.risk_events),
            "risk_objects": len(self.hosts),
        }

    def to_json(self) -> dict[str, Any]:
        return {
            "summary": self.summary(),
            "findings": [one.to_json() for one in self.findings],
            "risk_events": self.risk_events,
            "hosts": [one.to_json() for one in self.hosts],
            "sources": [one.to_json() for one in self.sources],
            "warnings": [one.to_json() for one in self.warnings],
        }
