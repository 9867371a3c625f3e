"""The fields of a user's own logs: how many events have each, where it comes from, and what CIM data models want.

Of every sourcetype (or source) the newest events are looked at, up to a bound; the numbers say of how many.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from trapline.coverage.examples import is_metadata
from trapline.coverage.wanted import Wanted
from trapline.errors import TraplineError, Warn, Warnings
from trapline.knowledge import Knowledge
from trapline.knowledge.bind import choose
from trapline.knowledge.spec import By as StanzaBy
from trapline.search import Session
from trapline.values import Row, value_text

SAMPLE = 10_000
"""Events of a group that are looked at, unless said otherwise."""
MOST_GROUPS = 200
"""Groups that are looked at: those with the most events."""
_DATASET_ROWS = 1_000
"""Events of a group in a dataset whose fields are looked at."""

Progress = Callable[[str, int, int], None]


class By(StrEnum):
    """What makes a group."""

    SOURCETYPE = "sourcetype"
    SOURCE = "source"


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """A field of a group. `events`: how many of those looked at have it; `origin`: the settings that make it, as
    file:line, the one that counts first; empty where it was extracted when the event was ingested."""

    name: str
    events: int
    share: float
    distinct: int
    example: str
    origin: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fit:
    """A dataset of a data model that events of a group are in. `missing`: the fields that the model recommends and no
    such event has."""

    model: str
    dataset: str
    events: int
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """The events of a sourcetype, or of a source of it."""

    sourcetype: str
    source: str | None
    events: int
    looked_at: int
    fields: tuple[FieldFacts, ...]
    models: tuple[Fit, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Survey:
    """All groups, the largest first. `left_out`: groups beyond the bound."""

    groups: tuple[Group, ...]
    left_out: int
    warnings: tuple[Warn, ...]

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {"groups": [one.to_json() for one in self.groups], "left_out": self.left_out}
        return body | {"warnings": [one.to_json() for one in self.warnings]}


_Key = tuple[str, str | None]


def survey(
    session: Session,
    knowledge: Knowledge,
    wanted: Sequence[Wanted] = (),
    *,
    by: By = By.SOURCETYPE,
    sample: int = SAMPLE,
    progress: Progress | None = None,
) -> Survey:
    """Look at the events of a session. `wanted`: the datasets of the data models that the session has.

    Raises SplError, EngineError."""
    keys = _keys(session, by)
    chosen = keys.most_common(MOST_GROUPS)
    warnings = Warnings()
    fits = _fits(session, wanted, by, warnings, progress) if chosen else {}
    groups = []
    for place, (key, events) in enumerate(chosen):
        sourcetype, source = key
        if progress is not None:
            progress(source or sourcetype, place, len(chosen))
        own = replace(session, tables=[one for one in session.tables if one.sourcetype == sourcetype])
        result = own.run(f"search * | where {_where(key)} | head {sample}")
        for one in result.warnings:
            warnings.add(one.code, one.reason, hint=one.hint, where=one.where)
        facts = _facts(result.rows, origins(knowledge, sourcetype, {str(row["source"]) for row in result.rows}))
        found = [_fit(session, one, key, count) for one, count in fits.get(key, ())]
        groups.append(Group(sourcetype, source, events, len(result.rows), tuple(facts), tuple(found)))
    return Survey(tuple(groups), len(keys) - len(chosen), tuple(warnings.items))


def _keys(session: Session, by: By) -> Counter[_Key]:
    """The groups and their numbers of events."""
    fields = "sourcetype" if by is By.SOURCETYPE else "sourcetype source"
    rows = session.run(f"search * | stats count by {fields}").rows
    return Counter({_key(row, by): int(str(row["count"])) for row in rows})


def _key(row: Row, by: By) -> _Key:
    return str(row["sourcetype"]), str(row["source"]) if by is By.SOURCE else None


def _where(key: _Key) -> str:
    """The condition of an event to be in a group, in the eval language."""
    sourcetype, source = key
    parts = [f"sourcetype={_quoted(sourcetype)}"]
    if source is not None:
        parts.append(f"source={_quoted(source)}")
    return " AND ".join(parts)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _facts(rows: Sequence[Row], origins: Mapping[str, tuple[str, ...]]) -> Iterator[FieldFacts]:
    """By field, the most frequent first."""
    events = Counter[str]()
    values: dict[str, set[str]] = {}
    examples: dict[str, str] = {}
    for row in rows:
        for name, value in row.items():
            if is_metadata(name) and name not in ("eventtype", "tag"):
                continue
            events[name] += 1
            text = value_text(value)
            values.setdefault(name, set()).add(text)
            examples.setdefault(name, text)
    for name, count in sorted(events.items(), key=lambda pair: (-pair[1], pair[0])):
        share = count / len(rows)
        yield FieldFacts(name, count, share, len(values[name]), examples[name], origins.get(name, ()))


def origins(knowledge: Knowledge, sourcetype: str, sources: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Field -> places of the settings that may make it in these events, the last step of the sequence first."""
    order = ("LOOKUP", "EVAL-", "FIELDALIAS-", "REPORT-", "EXTRACT-")
    stanzas = [
        one for one in knowledge.stanzas if one.spec.by is not StanzaBy.SOURCE or any(map(one.spec.matches, sources))
    ]
    found: dict[str, list[tuple[int, str]]] = {}
    for key, rules in choose(stanzas, frozenset([sourcetype])).items():
        step = next((at for at, prefix in enumerate(order) if key.upper().startswith(prefix)), len(order))
        for _, rule in rules:
            for name in rule.fields:
                found.setdefault(name, []).append((step, rule.setting.place))
    for one in knowledge.eventtypes.values():
        found.setdefault("eventtype", []).append((len(order), one.place))
    return {name: tuple(dict.fromkeys(place for _, place in sorted(places))) for name, places in found.items()}


def _fits(
    session: Session, wanted: Sequence[Wanted], by: By, warnings: Warnings, progress: Progress | None
) -> dict[_Key, list[tuple[Wanted, int]]]:
    """By group, the datasets that its events are in. A child is asked for only where its parent has events."""
    found: dict[_Key, list[tuple[Wanted, int]]] = {}
    empty: set[tuple[str, str]] = set()
    for place, one in enumerate(wanted):
        if progress is not None:
            progress(one.model, place, len(wanted))
        if (one.model, one.parent) in empty:
            empty.add((one.model, one.dataset))
            continue
        spl = f"| from datamodel:{_quoted(f'{one.model}.{one.dataset}')} | stats count by sourcetype"
        try:
            rows = session.run(spl + (" source" if by is By.SOURCE else "")).rows
        except TraplineError as error:
            warnings.add("datamodel", f"{one.model}.{one.dataset}: {error.reason}", hint=error.hint)
            rows = []
        if not rows:
            empty.add((one.model, one.dataset))
        for row in rows:
            found.setdefault(_key(row, by), []).append((one, int(str(row["count"]))))
    return found


def _fit(session: Session, one: Wanted, key: _Key, count: int) -> Fit:
    dataset = _quoted(f"{one.model}.{one.dataset}")
    rows = session.run(f"| from datamodel:{dataset} | where {_where(key)} | head {_DATASET_ROWS}").rows
    seen = {name for row in rows for name, value in row.items() if value not in (None, "", "unknown")}
    return Fit(one.model, one.dataset, count, tuple(name for name in one.fields if name not in seen))
