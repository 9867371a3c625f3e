"""The urgency of a notable: its severity, and the highest priority of the assets and identities that it is about.

Source: Use Splunk Enterprise Security, "How urgency is assigned to notable events"; facts/CONTENT.md §6.4. The table is
`data/urgency.csv`; rows of a file `urgency.csv` in the folder of lookups take the place of its own. Priorities are
found as the lookups of assets and identities find them (`trapline.knowledge.identities`): by a name or address, else by
the smallest network.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from trapline.detect.notable import SEVERITIES, Urgency
from trapline.detect.notablewords import URGENCIES, table
from trapline.errors import InputError
from trapline.knowledge import Knowledge
from trapline.knowledge.identities import BY_CIDR, BY_STR, EXPANDED, PRIORITIES
from trapline.knowledge.lookups import read_rows
from trapline.spl.lookups import Lookup, cell_values
from trapline.spl.matching import Networks
from trapline.values import Row, Value, value_text

FILE = "urgency.csv"
_COLUMNS = ("priority", "severity", "urgency")

_ASSETS = ("src", "dest", "dvc")
_IDENTITIES = ("user", "src_user")
_EITHER = "risk_object"
_CACHED = 100_000
"""Values whose priority is remembered."""

Table = Mapping[tuple[str, str], str]
"""The urgency of (priority, severity)."""


def read_table(path: Path | None = None) -> Table:
    """The table of a file in the columns of Splunk's urgency lookup, on top of the built-in one. Raises InputError."""
    built_in = {(row["priority"], row["severity"]): row["urgency"] for row in table(FILE)}
    if path is None:
        return built_in
    rows, fields = read_rows(path)
    if missing := [name for name in _COLUMNS if name not in fields]:
        raise InputError(f"it has no column {missing[0]}", file=str(path), hint=f"its columns: {', '.join(_COLUMNS)}")
    own: dict[tuple[str, str], str] = {}
    for line, row in enumerate(rows, 2):
        priority, severity, urgency = (value_text(row.get(name) or "").strip().lower() for name in _COLUMNS)
        for name, word, known in (
            ("priority", priority, PRIORITIES),
            ("severity", severity, SEVERITIES),
            ("urgency", urgency, URGENCIES),
        ):
            if word not in known:
                hint = f"there are: {', '.join(known)}"
                raise InputError(f"there is no {name} '{word}'", file=str(path), line=line, field=name, hint=hint)
        own[priority, severity] = urgency
    return built_in | own


class Priorities:
    """Finds the priority of hosts and users: lists of keys made once, so that a row costs a few dictionary reads."""

    def __init__(self, lookups: Mapping[str, Lookup]) -> None:
        self._hosts = _keys(lookups, BY_STR, "asset")
        self._users = _keys(lookups, EXPANDED, "identity")
        rows = list(lookups[BY_CIDR].rows) if BY_CIDR in lookups else []
        self._places = [_priority(row) for row in rows]
        self._networks = Networks((at, text) for at, row in enumerate(rows) for text in cell_values(row.get("asset")))
        self._known: dict[str, str | None] = {}

    def host(self, text: str) -> str | None:
        """None for one that is no asset."""
        if not self._hosts and not self._places:
            return None
        key = text.lower()
        if key not in self._known:
            if len(self._known) >= _CACHED:
                self._known.clear()
            found = self._hosts.get(key)
            if found is None and self._places:
                first = min(self._networks.find(text), default=None)  # the smallest network comes first
                found = None if first is None else self._places[first]
            self._known[key] = found
        return self._known[key]

    def user(self, text: str) -> str | None:
        """None for one that is no identity."""
        return self._users.get(text.lower())

    def highest(self, row: Mapping[str, Value]) -> str:
        """Of the hosts and users of a row; `unknown` where it has none that is known."""
        return max((one for one in self._all(row) if one is not None), key=_rank, default=PRIORITIES[0])

    def _all(self, row: Mapping[str, Value]) -> Iterator[str | None]:
        for name in _ASSETS:
            yield from map(self.host, _texts(row.get(name)))
        for name in _IDENTITIES:
            yield from map(self.user, _texts(row.get(name)))
        kind = next(iter(_texts(row.get("risk_object_type"))), "").lower()
        for text in _texts(row.get(_EITHER)):
            if kind != "user":
                yield self.host(text)
            if kind not in ("system", "host"):
                yield self.user(text)


def urgency_of(knowledge: Knowledge | None, own: Path | None = None) -> Urgency:
    """The urgency of a severity and a row. `own`: the user's table. Raises InputError for a table that is none."""
    urgencies = read_table(own)
    priorities = Priorities({} if knowledge is None else knowledge.lookups)

    def urgency(severity: str, row: Mapping[str, Value]) -> str:
        return urgencies[priorities.highest(row), severity]

    return urgency


def _keys(lookups: Mapping[str, Lookup], name: str, column: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for row in lookups[name].rows if name in lookups else ():
        for key in cell_values(row.get(column)):
            found.setdefault(key.lower(), _priority(row))  # a lookup takes the first row
    return found


def _priority(row: Row) -> str:
    text = next(iter(_texts(row.get("priority"))), "").lower()
    return text if text in PRIORITIES else PRIORITIES[0]


def _rank(priority: str) -> int:
    return PRIORITIES.index(priority)


def _texts(cell: Value | None) -> Iterable[str]:
    return () if cell is None else cell_values(cell)
