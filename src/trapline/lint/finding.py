"""What lint says: a finding at a place of the search, with a code, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from trapline.errors import Span


class Severity(StrEnum):
    """How much it matters. From `warning` on the exit code is 1."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    def reaches(self, least: Severity) -> bool:
        """Does it matter at least as much?"""
        order = list(Severity)
        return order.index(self) >= order.index(least)


@dataclass(frozen=True, slots=True)
class Report:
    """What a rule says, at a place of the search after macro expansion. `severity` None: that of the rule."""

    span: Span
    reason: str
    hint: str | None = None
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding of one search. `span`: in the text as written; `macro`: the call whose expansion it is about."""

    code: str
    rule: str
    severity: Severity
    span: Span
    reason: str
    hint: str | None = None
    macro: str | None = None

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "code": self.code,
            "rule": self.rule,
            "severity": self.severity.value,
            "span": [self.span.start, self.span.end],
            "reason": self.reason,
        }
        if self.hint is not None:
            body["hint"] = self.hint
        if self.macro is not None:
            body["macro"] = self.macro
        return body
