"""What the risk index says of entities: who has the highest score, what raised it; and modifiers by hand.

Scores are `calculated_risk_score` of the data model Risk, entities its `normalized_risk_object`. A modifier is what an
ad hoc risk entry is in Enterprise Security: a risk event whose source and search_name are `AdHoc Risk Score`, with
`creator` and `description`, and a score that may be negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from trapline.detect import risk
from trapline.detect.place import StorePlace
from trapline.detect.tokens import quote
from trapline.errors import Warn
from trapline.knowledge import Knowledge
from trapline.knowledge.identities import BY_STR, EXPANDED
from trapline.search import Result, Session
from trapline.state.database import Database
from trapline.state.journal import Journal, Tick
from trapline.store import Store
from trapline.values import Row, Value, to_number, value_text

AD_HOC = "AdHoc Risk Score"
TYPES = ("system", "user", "other")


class Searches(Protocol):
    """What runs a search: `trapline.search.Session`."""

    @property
    def knowledge(self) -> Knowledge | None: ...

    def run(self, spl: str, *, earliest: str | float | None = None, latest: str | float | None = None) -> Result: ...


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity and its risk in a span of time. `first`, `last`: epoch seconds of its risk events."""

    entity: str
    type: str
    score: float
    events: int
    first: float
    last: float
    sources: tuple[str, ...]
    tactics: tuple[str, ...]
    names: tuple[str, ...]
    """What risk events call it."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Raise:
    """One risk event of an entity. `total`: the score with it and all before."""

    time: float
    source: str
    object: str
    type: str
    score: float
    total: float
    message: str
    tactics: tuple[str, ...]
    threats: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


_NAMED = (("system", BY_STR, "asset", "asset_id"), ("user", EXPANDED, "identity", "identity_id"))
"""By type of a risk object: the table of what it may be called, the column of its names and that of its key."""

_TOP = """
| tstats sum(All_Risk.calculated_risk_score) as score count min(_time) as first max(_time) as last
    values(source) as sources values(All_Risk.annotations.mitre_attack.mitre_tactic) as tactics
    values(All_Risk.risk_object) as names
    from datamodel=Risk.All_Risk by All_Risk.normalized_risk_object All_Risk.risk_object_type
| rename All_Risk.* as *
| sort 0 -score normalized_risk_object
"""


def top(searches: Searches, earliest: str | None, latest: str | None) -> tuple[list[Entity], list[Warn]]:
    """The entities of a span of time, the highest score first. Raises TraplineError."""
    found = searches.run(_TOP, earliest=earliest, latest=latest)
    made = [
        Entity(
            entity=value_text(row["normalized_risk_object"]),
            type=value_text(row["risk_object_type"]),
            score=_number(row.get("score")),
            events=int(_number(row.get("count"))),
            first=_number(row.get("first")),
            last=_number(row.get("last")),
            sources=tuple(risk.texts(row.get("sources"))),
            tactics=tuple(risk.texts(row.get("tactics"))),
            names=tuple(risk.texts(row.get("names"))),
        )
        for row in found.rows
    ]
    return made, list(found.warnings)


def timeline(
    searches: Searches, entity: str, earliest: str | None, latest: str | None
) -> tuple[list[Raise], list[Warn]]:
    """The risk events of an entity in the order of time; letter case does not count, and each name that the assets or
    identities know it by finds it. Raises TraplineError."""
    name = quote(entity.lower())
    keys, doubts = _keys(searches, entity)
    wanted = [
        f"lower(normalized_risk_object)={name}",
        f"lower(risk_object)={name}",
        *(
            f"(risk_object_type={quote(kind)} AND lower(normalized_risk_object)={quote(key.lower())})"
            for kind, key in keys
        ),
    ]
    spl = (
        f"| from datamodel:Risk.All_Risk | where {' OR '.join(wanted)} "
        "| sort 0 _time | table _time source risk_object risk_object_type calculated_risk_score risk_message "
        "annotations.mitre_attack.mitre_tactic threat_object"
    )
    found = searches.run(spl, earliest=earliest, latest=latest)
    made: list[Raise] = []
    total = 0.0
    for row in found.rows:
        score = _number(row.get("calculated_risk_score"))
        total += score
        made.append(
            Raise(
                time=_number(row.get("_time")),
                source=_text(row.get("source")),
                object=_text(row.get("risk_object")),
                type=_text(row.get("risk_object_type")),
                score=score,
                total=round(total, 6),
                message=_text(row.get("risk_message")),
                tactics=tuple(dict.fromkeys(risk.texts(row.get("annotations.mitre_attack.mitre_tactic")))),
                threats=tuple(risk.texts(row.get("threat_object"))),
            )
        )
    return made, list(dict.fromkeys([*doubts, *found.warnings]))


def _keys(searches: Searches, name: str) -> tuple[list[tuple[str, str]], Sequence[Warn]]:
    """What risk events of an entity of that name have as normalized_risk_object, each with the type for which that is
    so, as the additions to index=risk (addons/risk, props.conf) find it. Raises TraplineError."""
    tables = None if searches.knowledge is None else searches.knowledge.lookups
    given = [one for one in _NAMED if tables is not None and tables.has(one[1])]
    if not given:
        return [], ()
    steps = [f"| lookup {table} {field} AS name OUTPUT {key} AS {kind}" for kind, table, field, key in given]
    found = searches.run(" ".join([f"| makeresults | eval name={quote(name)}", *steps]))
    keys = [(kind, key) for row in found.rows for kind, *_ in given for key in risk.texts(row.get(kind))]
    return keys, found.warnings


def modifier(entity: str, kind: str, score: float, message: str, *, time: float, creator: str) -> Row:
    """A risk event by hand. `time`: epoch seconds."""
    fields: Row = {
        "search_name": AD_HOC,
        "creator": creator,
        "description": message,
        "risk_message": message,
        "risk_object": entity,
        "risk_object_type": kind,
        "risk_score": str(float(score)),
    }
    event: Row = {"_time": time, "index": risk.INDEX, "sourcetype": risk.SOURCETYPE, "source": AD_HOC}
    event |= sorted(fields.items())
    event["_raw"] = risk.stash(time, fields)
    return event


def add(store: Path, database: Database, events: Sequence[Row]) -> None:
    """Add risk events to a store. They are in its state database first, so that each reaches the store once. Raises
    TraplineError."""
    journal = Journal(database)
    with Store.open(store) as opened:
        journal.commit(Tick(events=[(risk.INDEX, list(events))]))
        journal.deliver(StorePlace(opened, lambda tables: Session(tables=tables)).write)


def _number(value: Value | None) -> float:
    return (to_number(value_text(value)) if value is not None else None) or 0.0


def _text(value: Value | None) -> str:
    return "" if value is None else value_text(value)


def short(source: str) -> str:
    """The name of a detection in that of its saved search."""
    stem = source.removesuffix(" - Rule")
    return stem.partition(" - ")[2] or source if stem != source else source


def listed(values: Sequence[str], most: int = 3) -> str:
    """The first of many, for a cell of a table."""
    more = f", and {len(values) - most} more" if len(values) > most else ""
    return ", ".join(values[:most]) + more
