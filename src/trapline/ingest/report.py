"""What an ingest says at its end: every file met, what came out of it, what was lost and why."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from trapline.ingest.fieldset import RAW_ONLY
from trapline.ingest.timestamps import EPOCH


@dataclass(slots=True)
class BadRecords:
    """Records of one file lost, or kept as text, for one reason. `first`: where the first was."""

    count: int
    first: str


@dataclass(slots=True)
class SourceReport:
    """Events of one sourcetype and source. Times are microseconds since 1970."""

    sourcetype: str
    source: str
    events: int
    earliest: int | None
    latest: int | None

    def merge(self, other: SourceReport) -> None:
        """Count the other's events here too."""
        self.events += other.events
        self.earliest = _least(self.earliest, other.earliest)
        self.latest = _most(self.latest, other.latest)

    def to_json(self) -> dict[str, Any]:
        return {
            "sourcetype": self.sourcetype,
            "source": self.source,
            "events": self.events,
            "earliest": iso_text(self.earliest),
            "latest": iso_text(self.latest),
        }


@dataclass(slots=True)
class FileReport:
    """One file, archive member, or path that was met."""

    name: str
    index: str
    format: str | None = None
    bytes: int = 0
    seconds: float = 0.0
    sources: dict[tuple[str, str], SourceReport] = field(default_factory=dict)
    """By sourcetype and source."""
    bad: dict[str, BadRecords] = field(default_factory=dict)
    """By reason."""
    kept: dict[str, BadRecords] = field(default_factory=dict)
    """Records that could not be parsed and are events without fields, by reason."""
    warnings: dict[str, int] = field(default_factory=dict)
    """How often, by text."""
    unfollowed: dict[str, None] = field(default_factory=dict)
    """Those of them that are about the settings of add-ons: what a search finds may be otherwise than they say."""
    untimed: int = 0
    """Events that had no time of their own."""
    skipped: str | None = None
    """Why nothing was read."""
    error: str | None = None
    """Why reading ended early or never began. Events before the error are in."""
    hint: str | None = None
    lost: bool = False
    """Evidence may be missing: the file was skipped, and not because it is empty or known already."""

    known: bool = False
    """The content was in the index already."""

    @property
    def whole(self) -> bool:
        """Read to its end without any loss."""
        return self.format is not None and self.error is None and not self.bad

    @property
    def events(self) -> int:
        return sum(one.events for one in self.sources.values())

    @property
    def bad_records(self) -> int:
        return sum(one.count for one in self.bad.values())

    @property
    def kept_records(self) -> int:
        return sum(one.count for one in self.kept.values())

    @property
    def earliest(self) -> int | None:
        return min((one.earliest for one in self.sources.values() if one.earliest is not None), default=None)

    @property
    def latest(self) -> int | None:
        return max((one.latest for one in self.sources.values() if one.latest is not None), default=None)

    @property
    def sourcetypes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.sourcetype for one in self.sources.values()))

    @property
    def unextracted(self) -> list[str]:
        """Warnings about values that are no field, so that a search of their fields does not find them."""
        return [reason for reason in self.warnings if reason.endswith(RAW_ONLY)]

    @property
    def note(self) -> str:
        """Why nothing came of the file, or what is doubtful, in one line. Empty when all is well."""
        if self.skipped is not None:
            return self.skipped
        bad = [f"{one.count} x {reason} (first: {one.first})" for reason, one in self.bad.items()]
        kept = [f"{one.count} x {reason}, kept as text (first: {one.first})" for reason, one in self.kept.items()]
        untimed = [f"{self.untimed} events without a time"] if self.untimed else []
        return "; ".join([*([self.error] if self.error else []), *bad, *kept, *untimed, *self.warnings])

    def skip(self, reason: str, *, hint: str | None = None, lost: bool = True) -> None:
        self.skipped, self.hint, self.lost = reason, hint, lost

    def add_bad(self, reason: str, where: str, count: int) -> None:
        if reason in self.bad:
            self.bad[reason].count += count
        else:
            self.bad[reason] = BadRecords(count, where)

    def add_kept(self, reason: str, where: str) -> None:
        self.kept.setdefault(reason, BadRecords(0, where)).count += 1

    def warn(self, reason: str) -> None:
        self.warnings[reason] = self.warnings.get(reason, 0) + 1

    def add_source(self, part: SourceReport) -> None:
        key = (part.sourcetype, part.source)
        if key in self.sources:
            self.sources[key].merge(part)
        else:
            self.sources[key] = part

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "name": self.name,
            "index": self.index,
            "format": self.format,
            "events": self.events,
            "bad_records": self.bad_records,
            "bad": {reason: {"count": one.count, "first": one.first} for reason, one in self.bad.items()},
            "kept_records": self.kept_records,
            "kept": {reason: {"count": one.count, "first": one.first} for reason, one in self.kept.items()},
            "warnings": dict(self.warnings),
            "events_without_time": self.untimed,
            "sourcetypes": list(self.sourcetypes),
            "sources": [one.to_json() for one in self.sources.values()],
            "earliest": iso_text(self.earliest),
            "latest": iso_text(self.latest),
            "bytes": self.bytes,
            "seconds": round(self.seconds, 3),
        }
        said = {"skipped": self.skipped, "error": self.error, "hint": self.hint}
        return body | {name: text for name, text in said.items() if text is not None}


@dataclass(slots=True)
class IngestReport:
    """All files of an ingest in the order they were met."""

    files: list[FileReport] = field(default_factory=list)
    seconds: float = 0.0
    started: float = field(default_factory=time.monotonic)

    @property
    def read(self) -> list[FileReport]:
        """The files of which something was read."""
        return [one for one in self.files if one.skipped is None]

    @property
    def skipped(self) -> list[FileReport]:
        return [one for one in self.files if one.skipped is not None]

    @property
    def events(self) -> int:
        return sum(one.events for one in self.files)

    @property
    def bad_records(self) -> int:
        return sum(one.bad_records for one in self.files)

    @property
    def kept_records(self) -> int:
        return sum(one.kept_records for one in self.files)

    @property
    def bytes(self) -> int:
        return sum(one.bytes for one in self.read)

    @property
    def nothing_read(self) -> bool:
        """Nothing came of any path: no event now, no file that is in the store already, and none that is whole but
        without events."""
        return self.events == 0 and not any(one.known or one.whole for one in self.files)

    def by_source(self) -> list[SourceReport]:
        """Events of all files by sourcetype and source."""
        total: dict[tuple[str, str], SourceReport] = {}
        for file in self.files:
            for key, part in file.sources.items():
                whole = total.setdefault(key, SourceReport(part.sourcetype, part.source, 0, None, None))
                whole.merge(part)
        return [total[key] for key in sorted(total)]

    def skipped_by_reason(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for one in self.skipped:
            counts[one.skipped or ""] = counts.get(one.skipped or "", 0) + 1
        return counts

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values. Times are ISO 8601 in UTC."""
        return {
            "events": self.events,
            "bad_records": self.bad_records,
            "kept_records": self.kept_records,
            "bytes": self.bytes,
            "seconds": round(self.seconds, 3),
            "files_read": len(self.read),
            "files_skipped": self.skipped_by_reason(),
            "sources": [one.to_json() for one in self.by_source()],
            "files": [one.to_json() for one in self.files],
        }


def iso_text(micros: int | None) -> str | None:
    """Microseconds since 1970 as `2024-03-04T10:11:25.483986Z`, without a fraction of zeros."""
    if micros is None:
        return None
    try:
        moment = EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        return f"{micros / 1e6:.6f}"
    return moment.replace(tzinfo=None).isoformat() + "Z"


def _least(one: int | None, other: int | None) -> int | None:
    return min((moment for moment in (one, other) if moment is not None), default=None)


def _most(one: int | None, other: int | None) -> int | None:
    return max((moment for moment in (one, other) if moment is not None), default=None)
