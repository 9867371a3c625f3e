"""Findings become risk events: one per risk object, in the field shape of Splunk ES (facts/CONTENT.md §6.1).

A risk event is a row of index=risk, sourcetype=stash, whose source and search_name are the saved search of the
detection and whose `_time` is the time of the run, not of what was found. What ES leaves open is decided here: an
absent or empty field of a risk object makes no event, a multivalue makes one event per value, "unknown" and "null" are
values like any other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from trapline.content.model import Detection, RiskObject
from trapline.detect import tokens
from trapline.errors import Warn
from trapline.values import Row, Scalar, Value, compact, to_number, value_text

LABEL = "ESCU"
"""Label of the app that the content comes from, as it stands in saved search names."""

INDEX = "risk"
SOURCETYPE = "stash"

_RENAMED = frozenset({"source", "host", "sourcetype", "index", "time", "_time", "_raw", "search_name"})
"""Fields of the result row that would pass for those of the risk event itself; they become orig_<name>."""

_DROPPED = re.compile(r"_|date_|(?:punct|linecount|splunk_server|timestartpos|timeendpos)\Z")
"""Splunk's internal fields of a result row: no part of a risk event."""

_OVERRIDES = frozenset({"risk_object", "risk_object_type", "risk_score", "risk_message"})
"""Fields of a result row that replace what the detection says."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one detection. Times are epoch seconds; `earliest`, `latest` None = unbounded."""

    time: float
    sid: str
    earliest: float | None = None
    latest: float | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One risk object of one result row."""

    field: str
    """Of the result row."""
    value: str
    type: str
    score: float
    message: str
    uncapped: float | None = None
    """What the score would be without the cap of the settings, where it is lower."""


@dataclass(frozen=True, slots=True)
class Threat:
    """One threat object of one result row."""

    value: str
    type: str


def stanza(name: str, label: str = LABEL) -> str:
    """The saved search of a detection: `ESCU - <name> - Rule`."""
    return f"{label} - {name} - Rule"


def entries(detection: Detection, row: Row) -> tuple[list[Entry], list[Warn]]:
    """The risk objects that a result row has, with the tokens of their messages filled; and the tokens that had no
    value. Fields risk_object, risk_object_type, risk_score and risk_message of the row override the detection's."""
    rba = detection.rba
    if rba is None:
        return [], []
    found: list[Entry] = []
    warnings: list[Warn] = []
    for spec in _specs(rba.risk_objects, row):
        values = list(texts(row.get(spec.field)))
        if not values:
            continue
        own = value_text(row["risk_message"]) if row.get("risk_message") else ""
        filled = tokens.fill(spec.message or rba.message, row)
        message = own or filled.text or detection.description or detection.name
        if not own:
            warnings += [one for one in filled.warnings(detection.name) if one not in warnings]
        for value in values:
            found.append(Entry(spec.field, value, spec.type, _score(spec, row), message))
    return found, warnings


def _specs(specs: tuple[RiskObject, ...], row: Row) -> tuple[RiskObject, ...]:
    if not specs or not row.get("risk_object"):
        return specs
    kind = next(texts(row.get("risk_object_type")), specs[0].type)
    return (RiskObject("risk_object", kind, max(one.score for one in specs), specs[0].message),)


def _score(spec: RiskObject, row: Row) -> float:
    own = row.get("risk_score")
    number = to_number(own) if isinstance(own, str) else own if isinstance(own, int | float) else None
    return float(spec.score if number is None else number)


def threats(detection: Detection, row: Row) -> list[Threat]:
    """The threat objects that a result row has, in the detection's order."""
    specs = detection.rba.threat_objects if detection.rba is not None else ()
    return list(dict.fromkeys(Threat(value, spec.type) for spec in specs for value in texts(row.get(spec.field))))


def events(
    detection: Detection,
    row: Row,
    found: Iterable[Entry],
    *,
    rid: int,
    run: Run,
    annotations: Mapping[str, object],
    label: str = LABEL,
) -> list[Row]:
    """The risk events of one result row, `found` being its `entries`.

    `rid`: place of the row in the result, from 0. `annotations`: the lists per framework (mitre_attack, nist, ...) and
    the scalars (type, ...) that action.correlationsearch.annotations holds.
    """
    name = detection.saved.name if detection.saved is not None else stanza(detection.name, label)
    common: Row = shared(detection, row, annotations) | {
        "search_name": name,
        "info_min_time": "0.000" if run.earliest is None else f"{run.earliest:.3f}",
        "info_max_time": "+Infinity" if run.latest is None else f"{run.latest:.3f}",
        "orig_sid": run.sid,
        "orig_rid": str(rid),
    }
    made: list[Row] = []
    for entry in found:
        contributing = f'| savedsearch "{name}" | search {_name(entry.field)}={tokens.quote(entry.value)}'
        fields: Row = common | {
            "contributing_events_search": contributing,
            "risk_object": entry.value,
            "risk_object_type": entry.type,
            "risk_score": str(entry.score),
            "risk_message": entry.message,
        }
        if entry.uncapped is not None:
            fields["uncapped_risk_score"] = str(entry.uncapped)
        event: Row = {"_time": run.time, "index": INDEX, "sourcetype": SOURCETYPE, "source": name}
        event |= sorted(fields.items())
        event["_raw"] = stash(run.time, fields)
        made.append(event)
    return made


def shared(detection: Detection, row: Row, annotations: Mapping[str, object]) -> Row:
    """What all risk events of a row have in common, except what the run gives."""
    own = {
        "analyticstories": compact(list(detection.stories)),
        "annotations": annotations_json(annotations),
        "savedsearch_description": detection.description or None,
    }
    lists = {
        name: values for name, values in sorted(annotations.items()) if isinstance(values, list | tuple) and values
    }
    own["annotations._all"] = compact(list(dict.fromkeys(str(one) for values in lists.values() for one in values)))
    own["annotations._frameworks"] = compact(list(lists))
    for framework, values in lists.items():
        own[f"annotations.{framework}"] = compact([str(one) for one in values])
    against = threats(detection, row)
    own["threat_object"] = compact([one.value for one in against])
    own["threat_object_type"] = compact([one.type for one in against])
    event: Row = {key: value for key, value in own.items() if value is not None}
    for key, value in row.items():
        text = compact(list(texts(value)))
        if text is None or key in _OVERRIDES:
            continue
        if key in _RENAMED:
            event[f"orig_{key.lstrip('_')}"] = text
        elif _DROPPED.match(key):
            continue
        elif key in event:
            event[f"orig_{key}"] = text
        else:
            event[key] = text
    return event


def texts(value: Value | None) -> Iterator[str]:
    """The non-empty values of a cell as texts."""
    cells: list[Scalar] = [] if value is None else value if isinstance(value, list) else [value]
    for cell in cells:
        text = value_text(cell)
        if text.strip():
            yield text


def annotations_json(annotations: Mapping[str, object]) -> str:
    """The annotations as compact JSON, keys sorted."""
    return json.dumps(annotations, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def stash(time: float, fields: Mapping[str, Value]) -> str:
    """The raw text of a stash event: `<epoch>, search_name="...", k="v", ...`, names sorted, a name once per value.

    Quotes are escaped, and so are backslashes that stand before one: a value that ends in a backslash cannot swallow
    the field behind it.
    """
    order = sorted(fields, key=lambda name: (name != "search_name", name))
    pairs = [f'{_UNSAFE_NAME.sub("_", name)}="{_stash_text(text)}"' for name in order for text in texts(fields[name])]
    return ", ".join([str(int(time)), *pairs])


_BEFORE_QUOTE = re.compile(r'(?<!\\)(\\*)(?:(")|\Z)')
_UNSAFE_NAME = re.compile(r"[^\w.:{}@/-]")


def _stash_text(text: str) -> str:
    return _BEFORE_QUOTE.sub(lambda found: found[1] * 2 + ('\\"' if found[2] else ""), text)


def _name(field: str) -> str:
    return field if re.fullmatch(r"[\w.]+", field) else tokens.quote(field)
