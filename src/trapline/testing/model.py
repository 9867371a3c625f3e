"""What a test of a detection is and what came of it. All times are seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from trapline.errors import Warn
from trapline.values import Row

OUTSIDE = "data.fetch"
"""The code of failures that are none of the content."""


class Kind(StrEnum):
    """What is tested, in the order it is done."""

    VALIDATION = "validation"
    """The content, without data."""
    UNIT = "unit"
    """The search over recorded data, by contentctl's rule (facts/CONTENT.md §5)."""
    EXPECTATION = "expectation"
    """The same by what a file of further tests says."""
    INTEGRATION = "integration"
    """The detection on its schedule, its risk events and notables."""


class Status(StrEnum):
    """contentctl's words."""

    PASS = "pass"  # noqa: S105 (a word of contentctl)
    FAIL = "fail"
    ERROR = "error"
    """It could not be found out: the data cannot be read, a search cannot run."""
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that is wrong: what, and the next step. `details`: how that came about, line by line. `code` names the
    rule that was broken."""

    reason: str
    hint: str | None = None
    details: tuple[str, ...] = ()
    code: str = ""

    def to_json(self) -> dict[str, Any]:
        pairs = [("code", self.code), ("reason", self.reason), ("hint", self.hint), ("details", list(self.details))]
        return {key: value for key, value in pairs if value}


@dataclass(frozen=True, slots=True)
class TestResult:
    """What came of one test. `rows`: of the search, None where none ran."""

    __test__ = False  # pytest takes classes that are called Test... for tests

    name: str
    kind: Kind
    status: Status
    failures: tuple[Failure, ...] = ()
    """Empty unless it failed or could not be run."""
    reason: str = ""
    """Why it was skipped."""
    rows: int | None = None
    seconds: float = 0.0
    sample: tuple[Row, ...] = ()
    """The first rows of a test that failed although it had rows."""
    explanation: Mapping[str, Any] | None = None
    """`trapline explain` of a search that gave nothing."""
    notes: tuple[str, ...] = ()
    """What is doubtful."""

    @property
    def message(self) -> str:
        """What there is to say of it, in one line."""
        return "; ".join(one.reason for one in self.failures) or self.reason

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {"name": self.name, "kind": self.kind.value, "status": self.status.value}
        if self.rows is not None:
            body["rows"] = self.rows
        body["seconds"] = round(self.seconds, 4)
        if self.reason:
            body["reason"] = self.reason
        if self.failures:
            body["failures"] = [one.to_json() for one in self.failures]
        if self.sample:
            body["sample"] = [dict(one) for one in self.sample]
        if self.explanation is not None:
            body["explanation"] = dict(self.explanation)
        if self.notes:
            body["notes"] = list(self.notes)
        return body


@dataclass(frozen=True, slots=True)
class DetectionResult:
    """What came of all tests of one detection."""

    name: str
    id: str
    type: str
    production_status: str
    file: str
    search: str
    data_source: tuple[str, ...] = ()
    category: str = ""
    manual_test: str | None = None
    tests: tuple[TestResult, ...] = ()
    seconds: float = 0.0

    @property
    def status(self) -> Status:
        """As contentctl: fail where a test failed or could not be run, skip where all were skipped or there are none.
        A validation that passed does not make a detection tested."""
        states = {one.status for one in self.tests}
        if Status.FAIL in states or Status.ERROR in states:
            return Status.FAIL
        ran = any(one.status is Status.PASS for one in self.tests if one.kind is not Kind.VALIDATION)
        return Status.PASS if ran else Status.SKIP

    @property
    def success(self) -> bool:
        return self.status is not Status.FAIL

    @property
    def reason(self) -> str:
        """Why it was skipped."""
        return next((one.reason for one in self.tests if one.status is Status.SKIP), "it has no tests")

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "id": self.id,
            "type": self.type,
            "production_status": self.production_status,
            "status": self.status.value,
            "file": self.file,
            "seconds": round(self.seconds, 4),
            "tests": [one.to_json() for one in self.tests],
        }


@dataclass(frozen=True, slots=True)
class Tested:
    """What came of a run over many detections. `warnings`: about the content and the data as a whole."""

    results: tuple[DetectionResult, ...]
    seconds: float
    integration: bool
    mode: str = "all"
    """all, selected or changes, as contentctl calls them."""
    warnings: tuple[Warn, ...] = field(default=())
    chosen: Mapping[str, tuple[str, ...]] | None = None
    """Where only what a change touches was tested: the detections, each with why."""
    since: str = ""
    """Since what: a ref of git."""

    def of(self, status: Status) -> list[DetectionResult]:
        return [one for one in self.results if one.status is status]

    @property
    def success(self) -> bool:
        return not self.of(Status.FAIL)

    @property
    def outside(self) -> bool:
        """Did nothing go wrong but that data could not be fetched?"""
        failures = [each for one in self.results for test in one.tests for each in test.failures]
        return bool(failures) and all(one.code == OUTSIDE for one in failures)

    @property
    def median(self) -> float | None:
        """Seconds that a detection took which was tested."""
        import statistics

        times = [one.seconds for one in self.results if one.status is not Status.SKIP]
        return statistics.median(times) if times else None

    def to_json(self) -> dict[str, Any]:
        chosen = {} if self.chosen is None else {"changed": {name: list(why) for name, why in self.chosen.items()}}
        return {
            "success": self.success,
            "passed": len(self.of(Status.PASS)),
            "failed": len(self.of(Status.FAIL)),
            "skipped": len(self.of(Status.SKIP)),
            "seconds": round(self.seconds, 3),
            "median_seconds": None if self.median is None else round(self.median, 4),
            **({"since": self.since} if self.since else {}),
            **chosen,
            "detections": [one.to_json() for one in self.results],
            "warnings": [one.to_json() for one in self.warnings],
        }
