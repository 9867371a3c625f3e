"""What validation says: a finding about a file of content, with its rule, its place, what is wrong, what to write."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from trapline.errors import Span


class Level(StrEnum):
    """How much it matters. Errors make the answer no."""

    NOTE = "note"
    """Worth knowing: also what cannot be told from here."""
    WARNING = "warning"
    """Works, but not as its author thinks, or not well."""
    ERROR = "error"
    """Wrong: it does not run, or does not do what it is there for; with `--strict` all that contentctl refuses."""

    def reaches(self, least: Level) -> bool:
        order = list(Level)
        return order.index(self) >= order.index(least)


@dataclass(frozen=True, slots=True)
class Report:
    """What a rule says of an object. `field`: a dotted path in its file. `span`: a place in its search. `level` None:
    that of the rule. `refused` None: as the rule says. `rule`: a name more exact than the rule's own. `line`: where it
    is known already, in `file`, where that is another file than the object's."""

    reason: str
    hint: str | None = None
    field: str = ""
    span: Span | None = None
    level: Level | None = None
    refused: bool | None = None
    rule: str = ""
    line: int | None = None
    file: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding. `line` and `column` count from 1, None where the place is not known. `kind` and `name`: the object."""

    rule: str
    level: Level
    file: str
    line: int | None
    column: int | None
    field: str
    kind: str
    name: str
    reason: str
    hint: str | None = None

    @property
    def place(self) -> str:
        """`file:line:column`, as editors read it."""
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)

    def to_json(self) -> dict[str, Any]:
        body = {
            "rule": self.rule,
            "level": self.level.value,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "field": self.field or None,
            "kind": self.kind,
            "name": self.name,
            "reason": self.reason,
            "hint": self.hint,
        }
        return {key: value for key, value in body.items() if value is not None}
