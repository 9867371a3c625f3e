"""Errors and warnings: one record with a code, a reason, a place and a next step.

Every failure that a user can meet is a `TraplineError`. Anything else that escapes is a defect of ours.

Exit codes: 1 the job ran and the answer is "no" (a test failed), 2 the input was wrong, 3 something outside failed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of characters `[start, end)` in a text."""

    start: int
    end: int

    def to(self, other: Span) -> Span:
        """The smallest span that covers both."""
        return Span(min(self.start, other.start), max(self.end, other.end))


@dataclass(frozen=True, slots=True)
class Warn:
    """A visible doubt about a result that is otherwise right. Never swallowed: it travels with the result."""

    code: str
    reason: str
    hint: str | None = None
    where: str | None = None

    def to_json(self) -> dict[str, Any]:
        pairs = [("code", self.code), ("reason", self.reason), ("hint", self.hint), ("where", self.where)]
        return {k: v for k, v in pairs if v is not None}

    def __str__(self) -> str:
        text = f"{self.where}: {self.reason}" if self.where else self.reason
        return f"{text} ({self.hint})" if self.hint else text


class TraplineError(Exception):
    """Base of every error shown to a user. `reason` states the problem, `hint` the next step."""

    exit_code: ClassVar[int] = 2

    def __init__(self, reason: str, *, hint: str | None = None, code: str = "error") -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        self.code = code

    def render(self) -> str:
        """The text for a terminal, several lines, without colour."""
        return f"error: {self.reason}" + (f"\n  hint: {self.hint}" if self.hint else "")

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {"code": self.code, "reason": self.reason}
        if self.hint:
            body["hint"] = self.hint
        return body

    def __str__(self) -> str:
        return self.reason


class InputError(TraplineError):
    """A file that the user gave is wrong. Names file, line (1-based) and field where known."""

    def __init__(
        self,
        reason: str,
        *,
        file: str,
        line: int | None = None,
        field: str | None = None,
        hint: str | None = None,
        code: str = "input",
    ) -> None:
        super().__init__(reason, hint=hint, code=code)
        self.file = file
        self.line = line
        self.field = field

    @property
    def place(self) -> str:
        text = self.file if self.line is None else f"{self.file}:{self.line}"
        return text if self.field is None else f"{text}: {self.field}"

    def render(self) -> str:
        return f"error: {self.place}: {self.reason}" + (f"\n  hint: {self.hint}" if self.hint else "")

    def to_json(self) -> dict[str, Any]:
        body = super().to_json() | {"file": self.file}
        if self.line is not None:
            body["line"] = self.line
        if self.field is not None:
            body["field"] = self.field
        return body


class SplError(TraplineError):
    """A search that cannot be run as written. `span` is in `query`, which is the text after macro expansion
    where `expanded` is true (the caret then points into the expanded text, and the error says so)."""

    def __init__(
        self, reason: str, *, span: Span | None = None, hint: str | None = None, code: str = "spl", query: str = ""
    ) -> None:
        super().__init__(reason, hint=hint, code=code)
        self.span = span
        self.query = query
        self.expanded = False

    def locate(self, query: str, *, expanded: bool = False) -> SplError:
        """The same error, knowing the text it is about. The first text given stays."""
        if not self.query:
            self.query = query
            self.expanded = expanded
        return self

    def render(self) -> str:
        lines = [f"error: {self.reason}"]
        if self.span is not None and self.query:
            if self.expanded:
                lines.append("  in the search after macro expansion:")
            lines += [f"  {row}" for row in caret(self.query, self.span)]
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        body = super().to_json()
        if self.span is not None:
            body["span"] = [self.span.start, self.span.end]
        if self.query:
            body["query"] = self.query
        return body


class Unsupported(SplError):
    """A search that Splunk runs and Trapline does not yet: a known gap, never a guess."""

    def __init__(self, reason: str, *, span: Span | None = None, hint: str | None = None, query: str = "") -> None:
        super().__init__(reason, span=span, hint=hint, code="unsupported", query=query)


class EngineError(TraplineError):
    """The engine refused or failed while a search ran (memory, disk)."""

    exit_code: ClassVar[int] = 3

    def __init__(self, reason: str, *, hint: str | None = None, code: str = "engine") -> None:
        super().__init__(reason, hint=hint, code=code)


class SlowPattern(EngineError):
    """A regular expression of the search that ran into its limit of time or memory: the search is to be changed."""

    exit_code: ClassVar[int] = 2
    CODE: ClassVar[str] = "regex-time"

    def __init__(self, reason: str, *, hint: str | None = None) -> None:
        super().__init__(reason, hint=hint, code=self.CODE)


class Doubt(Exception):
    """Raised by a function over values whose result is null (or `value`) for a reason that the user is to be told.
    `each`: the reason is the search's own, so that each one is told, not only the first of its code."""

    def __init__(self, warn: Warn, value: object = None, *, each: bool = False) -> None:
        super().__init__(warn.reason)
        self.warn = warn
        self.value = value
        self.each = each


class TraplineWarning(UserWarning):
    """Something doubtful about the result of `trapline.search`, for Python's own `warnings`."""


@dataclass(slots=True)
class Warnings:
    """Collects warnings, each distinct one once, in order."""

    items: list[Warn] = field(default_factory=list)

    def add(self, code: str, reason: str, *, hint: str | None = None, where: str | None = None) -> None:
        warn = Warn(code, reason, hint, where)
        if warn not in self.items:
            self.items.append(warn)


def caret(query: str, span: Span, width: int = 100) -> list[str]:
    """The line of `query` that holds the span, and a line of carets under it. Long lines are cut around the span."""
    start = min(span.start, len(query))
    first = query.rfind("\n", 0, start) + 1
    last = query.find("\n", start)
    line = query[first : last if last >= 0 else len(query)].replace("\t", " ")
    at = start - first
    size = max(1, min(span.end, first + len(line)) - start)
    if len(line) > width:
        cut = max(0, at - width // 3)
        line = ("..." if cut else "") + line[cut : cut + width]
        at = at - cut + (3 if cut else 0)
        size = min(size, max(1, len(line) - at))
    return [line, " " * at + "^" * size]
