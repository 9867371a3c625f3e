"""contentctl's rule for the rows of a detection (facts/CONTENT.md §5, "Unit")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trapline.content.model import Detection
from trapline.values import Row, Value


@dataclass(frozen=True, slots=True)
class Broken:
    """A field that should have a value: of a risk object in `row` (counted from 0), of a threat object in any (None).
    `absent`: no row has the field at all."""

    field: str
    row: int | None
    absent: bool
    value: str | None = None

    @property
    def reason(self) -> str:
        if self.row is None:
            return f"the threat object field {self.field} has no value in any row"
        if self.absent:
            return f"the risk object field {self.field} is in no row of the results"
        what = "is absent from" if self.value is None else f"is {self.value!r} in"
        return f"the risk object field {self.field} {what} row {self.row + 1} of the results"


def broken(detection: Detection, rows: Sequence[Row]) -> list[Broken]:
    """What the rows lack, in the order of the fields; nothing where the test is passed. There must be a row.

    contentctl reads row by row: a risk object field without a value fails at once, a row in which every threat object
    field has one passes at once. So rows after that one are not looked at.
    """
    if detection.rba is None:
        return []
    risk = list(dict.fromkeys(one.field for one in detection.rba.risk_objects))
    threat = list(dict.fromkeys(one.field for one in detection.rba.threat_objects))
    seen: set[str] = set()
    for at, row in enumerate(rows):
        lost = [name for name in risk if not told(row.get(name))]
        if lost:
            return [
                Broken(name, at, not any(name in one for one in rows), None if name not in row else str(row[name]))
                for name in lost
            ]
        present = {name for name in threat if told(row.get(name))}
        if len(present) == len(threat):
            return []
        seen |= present
    return [Broken(name, None, not any(name in one for one in rows)) for name in threat if name not in seen]


def told(value: Value | None) -> bool:
    """Does a field say anything? Rows hold the text "null" where a tstats fills in what is not there."""
    if isinstance(value, list):
        return any(told(one) for one in value)
    return value is not None and str(value) not in ("", "null")
