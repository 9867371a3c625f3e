"""What people have made of notables, as a lookup table: `incident_review_lookup`, which the macro `notable` reads.

The events of `index=notable` never change; their status, owner, urgency and disposition of now are in the state
database. Enterprise Security joins them in its macro `notable`, and so does ours (addons/risk).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from trapline.detect.notablequeue import hidden_by
from trapline.detect.notablewords import dispositions, statuses
from trapline.spl.lookups import Lookup
from trapline.state.database import Database
from trapline.state.notables import Notables, Wanted
from trapline.values import Row

NAME = "incident_review_lookup"
KEY = "rule_id"
"""The field of a notable with its id; `event_id` is the same."""
FIELDS = (
    KEY,
    "status",
    "status_label",
    "status_group",
    "owner",
    "urgency",
    "disposition",
    "disposition_label",
    "reviewer",
    "review_time",
    "comment",
    "suppression",
)
"""`reviewer`, `review_time`, `comment`: of the last change. `suppression`: the names of those that hide it."""
FRESH = 1.0
"""Seconds for which what was read serves, if the database has not changed: suppressions begin and end by the clock. Of
a database that does not count its changes (it is no SQLite file) that is how old the values may be."""


def table(place: Path | str) -> Lookup:
    """The table over a state database, a file or a URL. It is read when a search asks for it."""
    return Lookup(NAME, (), FIELDS, compute=_Reviews(place).of)


@dataclass(slots=True)
class _Reviews:
    place: Path | str
    _rows: dict[str, Row] = field(default_factory=dict)
    _read: float = -FRESH
    _database: Database | None = None
    _watch: Callable[[], object] | None = None
    _version: object = None

    def __getstate__(self) -> Path | str:
        """Another process reads for itself."""
        return self.place

    def __setstate__(self, place: Path | str) -> None:
        self.__init__(place)  # type: ignore[misc]

    def of(self, event_id: str) -> Row:
        """The row of a notable; only its id where the database does not know it. Raises EngineError."""
        if self._watch is None and not (isinstance(self.place, Path) and not self.place.is_file()):
            self._database = Database.at(self.place)
            self._watch, self._read = self._database.watch(), -FRESH
        version = self._watch() if self._watch is not None else None
        if version != self._version or time.monotonic() - self._read >= FRESH:
            self._rows = self._all()
            self._read, self._version = time.monotonic(), version  # as it was before they were read
        return self._rows.get(event_id, {KEY: event_id})

    def _all(self) -> dict[str, Row]:
        if self._database is None:
            return {}
        notables = Notables(self._database)
        rules, now = notables.suppressions(), time.time()
        last = notables.last_changes()
        found: dict[str, Row] = {}
        for one in notables.find(Wanted()):
            status, disposition = statuses()[one.status], dispositions()[one.disposition]
            row: Row = {
                KEY: one.event_id,
                "status": str(status.number),
                "status_label": status.label,
                "status_group": status.group,
                "owner": one.owner,
                "urgency": one.urgency,
                "disposition": f"disposition:{disposition.number}",
                "disposition_label": disposition.label,
            }
            if names := list(hidden_by(one, rules, now)):
                row["suppression"] = names[0] if len(names) == 1 else [*names]
            if (change := last.get(one.event_id)) is not None:
                row |= {"reviewer": change.who, "review_time": f"{change.time:.3f}"}
                row |= {"comment": change.comment} if change.comment else {}
            found[one.event_id] = row
        return found
