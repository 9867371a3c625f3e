"""A hunt: evidence into a throwaway store, the content over it, findings and ranked risk objects out."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trapline import __version__
from trapline.content import enrich
from trapline.content.catalog import Content
from trapline.content.model import Detection, DetectionType
from trapline.content.read import LIBRARY
from trapline.content.told import told
from trapline.detect import risk, run, workers
from trapline.detect.finding import Finding, iso
from trapline.detect.rank import Ranked
from trapline.detect.run import Outcome, reasons
from trapline.errors import TraplineError, Warn
from trapline.ingest.files import total_size
from trapline.ingest.intake import Evidence, ingest
from trapline.ingest.intake import Progress as IngestProgress
from trapline.ingest.report import FileReport
from trapline.knowledge.kept import Kept
from trapline.knowledge.knowledge import Knowledge
from trapline.knowledge.lookups import LookupFiles
from trapline.search import Session
from trapline.store import Store
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
    """Of its events; None too when no event has a time of its own."""
    last: float | None = None
    note: str = ""
    """Why nothing was read, or what is doubtful."""
    lost: bool = False
    """Part of the evidence is missing for it: not read, or not to its end."""
    hint: str | None = None
    kept: Mapping[str, int] = field(default_factory=dict)
    """Records that could not be parsed and were searched as text, by reason."""

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
            "kept": dict(self.kept),
            "first": iso(self.first),
            "last": iso(self.last),
            "note": self.note,
            "lost": self.lost,
        }


def common_folder(names: Sequence[str]) -> str:
    """The folder that all of several names start with, with its separator; "" for one name or none in common."""
    if len(names) < 2:
        return ""
    low, high = min(names), max(names)
    same = next((at for at, (one, other) in enumerate(zip(low, high, strict=False)) if one != other), len(low))
    start = low[:same]
    return start[: max(start.rfind(one) for one in ("/", "\\", "!")) + 1]


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
    attack_version: str = enrich.DEFAULT_ATTACK
    attack: enrich.Attack | None = None
    """Its table, where it is not built in."""
    datasets: list[run.Dataset] = field(default_factory=list)
    """Of data models, that several detections read."""

    @property
    def took(self) -> str:
        """Its time in words."""
        shared = sum(one.seconds for one in self.datasets)
        datasets = f", of which {shared:.1f} s for {_count(len(self.datasets), 'dataset')} that detections share"
        return f"{self.seconds:.1f} s{datasets if self.datasets else ''}"

    @property
    def events(self) -> int:
        return sum(one.events for one in self.sources)

    @property
    def bad_records(self) -> int:
        return sum(one.bad_records for one in self.sources)

    @property
    def folder(self) -> str:
        """What the names of all sources start with; leave it out where there is little room."""
        return common_folder([one.name for one in self.sources])

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
        table = self.attack or enrich.attack(self.attack_version)
        counts: Counter[str] = Counter()
        techniques: dict[str, set[str]] = {}
        for finding in self.findings:
            counts.update(set(finding.tactics))
            for written in finding.mitre:
                technique, _ = table.resolve(written)
                for tactic in technique.tactics if technique is not None else ():
                    techniques.setdefault(tactic.name, set()).add(written)
        order = {tactic.name: at for at, tactic in enumerate(enrich.tactics().values())}
        names = sorted(counts, key=lambda name: (order.get(name, len(order)), name))
        return [(name, counts[name], tuple(sorted(techniques.get(name, ())))) for name in names]

    def summary(self) -> dict[str, Any]:
        return {
            "version": self.version,
            "started": iso(self.started),
            "seconds": round(self.seconds, 3),
            "content": list(self.content),
            "attack_version": self.attack_version,
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
            "datasets": [one.to_json() for one in self.datasets],
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


def hunt(
    evidence: Sequence[Evidence],
    content: Content,
    detections: Sequence[Detection],
    *,
    knowledge: Knowledge | None = None,
    kept: Kept | None = None,
    now: float | None = None,
    keep: int | None = None,
    label: str = risk.LABEL,
    attack_version: str | enrich.Attack | None = None,
    jobs: int | None = None,
    progress: run.Progress | None = None,
) -> HuntResult:
    """Read the evidence into a throwaway store and run the detections over all of it.

    `knowledge`: of searches, None = the built-in add-ons. `kept`: the user's own lookup tables. `now`: epoch seconds of
    the run, default the clock. `keep`: findings listed per detection, default `run.KEPT_PER_DETECTION`.
    `attack_version`: of the tactics, default `enrich.DEFAULT_ATTACK`. `jobs`: processes that run detections, None = as
    many as pay. What cannot be read or run is in
    `sources`, `outcomes` and `warnings`. Raises TraplineError for an unknown `attack_version`, EngineError when the
    store cannot be written.
    """
    begun = time.perf_counter()
    started = time.time() if now is None else now
    table = enrich.attack(attack_version or enrich.DEFAULT_ATTACK)
    profile = profiles(content, table)
    with Store.throwaway() as store:
        sources, warnings = _read(evidence, store, knowledge, progress)
        session = Session(
            tables=store.snapshot().tables,
            macros=content.macros((knowledge or Knowledge.built_in()).macros),
            lookups=LookupFiles(content.lookups, content.fillers),
            knowledge=knowledge,
            kept=kept,
        )
        order = run.Order(started, f"hunt_{int(started)}", label, keep or run.KEPT_PER_DETECTION)
        events = sum(one.events for one in sources)
        pay = workers.jobs(len(detections), events) if jobs is None else jobs
        found = workers.run(session, detections, profile, order, jobs=pay, progress=progress)
    return HuntResult(
        findings=found.findings,
        risk_events=found.risk_events,
        hosts=found.hosts,
        sources=sources,
        warnings=[
            *warnings,
            *found.warnings,
            *told(content, detections),
            *(knowledge.problems if knowledge is not None else ()),
        ],
        outcomes=found.outcomes,
        datasets=found.datasets,
        started=started,
        seconds=time.perf_counter() - begun,
        version=__version__,
        content=tuple("built-in library" if root == LIBRARY else str(root) for root in content.roots),
        attack_version=table.version,
        attack=table,
    )


def _read(
    evidence: Sequence[Evidence], store: Store, knowledge: Knowledge | None, progress: run.Progress | None
) -> tuple[list[Source], list[Warn]]:
    """The evidence into the store. What could not be read, wholly or in part, is in the warnings."""
    total = total_size([one.path for one in evidence]) if progress is not None else 0
    done = 0

    def tell(at: IngestProgress) -> None:
        nonlocal done
        done += at.disk
        if progress is not None:
            progress("reading", min(done, total), total, at.name)

    report = ingest(evidence, store, progress=tell, rules=knowledge.index_time if knowledge is not None else None)
    sources = [_source(one) for one in report.files]
    warnings = [Warn("hunt.not-read", one.note, one.hint, one.name) for one in sources if one.lost]
    torn = [one for one in sources if one.bad_records]
    if torn:
        records = sum(one.bad_records for one in torn)
        reason = f"{_count(records, 'record')} in {_count(len(torn), 'file')} could not be read"
        warnings.append(Warn("hunt.bad-records", reason, "see the sources; what they held was not searched"))
    texts = [one for one in sources if one.kept]
    if texts:
        records = sum(sum(one.kept.values()) for one in texts)
        told = f"{_count(records, 'record')} in {_count(len(texts), 'file')} could not be parsed and are kept as text"
        warnings.append(Warn("hunt.kept-records", told, "see the sources; they were searched without fields"))
    return sources, warnings


def _source(file: FileReport) -> Source:
    doubts = [f"{_count(file.untimed, 'event')} without a time"] if file.untimed else []
    timeless = file.untimed >= file.events  # then the times are those of the file, not of what is in it
    kept = [f"{one.count:,} x {reason}, kept as text" for reason, one in file.kept.items()]
    notes = [file.skipped, file.error, *kept, *doubts, *file.warnings]
    return Source(
        name=file.name,
        format=file.format or "",
        sourcetypes=file.sourcetypes,
        events=file.events,
        bad={reason: one.count for reason, one in file.bad.items()},
        kept={reason: one.count for reason, one in file.kept.items()},
        first=None if timeless or file.earliest is None else file.earliest / 1e6,
        last=None if timeless or file.latest is None else file.latest / 1e6,
        note="; ".join(note for note in notes if note),
        lost=file.lost or file.error is not None,
        hint=file.hint,
    )


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def profiles(
    content: Content, attack_version: str | enrich.Attack = enrich.DEFAULT_ATTACK
) -> Callable[[Detection], run.Profile]:
    """What is known of a detection beside its file: annotations, tactics, whether its findings raise the risk."""
    enrich.attack(attack_version)

    def profile(detection: Detection) -> run.Profile:
        known = enrich.enrich(detection, attack_version)
        tactics = [tactic.name for _, technique in known.techniques if technique for tactic in technique.tactics]
        return run.Profile(
            annotations=enrich.annotations_of(detection, known),
            tactics=tuple(dict.fromkeys(tactics)),
            scored=_scored(content, detection),
        )

    return profile


def _scored(content: Content, detection: Detection) -> bool:
    try:
        return content.deployment_of(detection).rba
    except TraplineError:  # no deployment: the defaults of facts/CONTENT.md §3
        return detection.type in (DetectionType.TTP, DetectionType.ANOMALY)
