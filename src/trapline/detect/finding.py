"""A finding: one result row of a detection, with its message, its risk objects and its time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from trapline.content.model import Detection, DetectionType, Severity
from trapline.detect import risk, tokens
from trapline.errors import Warn
from trapline.values import Row, Scalar, Value, to_number, value_text

ORIGINAL_SEARCH = "%original_detection_search%"


@dataclass(frozen=True, slots=True)
class FilledDrilldown:
    """A follow-up search, ready to run."""

    name: str
    search: str
    earliest: str
    latest: str
    wildcards: tuple[str, ...] = ()
    """Fields in whose values it takes a `*` for anything."""

    def texts(self) -> dict[str, str]:
        """What an output sends of it (docs/outputs.md)."""
        return {"name": self.name, "search": self.search, "earliest": self.earliest, "latest": self.latest}

    def to_json(self) -> dict[str, Any]:
        return self.texts() | ({"wildcards": list(self.wildcards)} if self.wildcards else {})


@dataclass(frozen=True, slots=True)
class Finding:
    """What a detection found. Times are epoch seconds, None = the row holds none."""

    detection: str
    id: str
    type: str
    severity: str
    score: float
    """The highest score of its risk objects, 0 without one."""
    message: str
    time: float | None
    """When it began: firstTime, else _time, else lastTime of the row."""
    last: float | None
    """When it was seen last: lastTime, else the same as `time`."""
    risk_objects: tuple[risk.Entry, ...]
    threat_objects: tuple[risk.Threat, ...]
    mitre: tuple[str, ...]
    tactics: tuple[str, ...]
    stories: tuple[str, ...]
    sid: str
    rid: int
    row: Row
    drilldowns: tuple[FilledDrilldown, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "detection": self.detection,
            "id": self.id,
            "type": self.type,
            "time": iso(self.time),
            "last": iso(self.last),
            "severity": self.severity,
            "score": number(self.score),
            "message": self.message,
            "risk_objects": [
                {"field": one.field, "risk_object": one.value, "type": one.type, "score": number(one.score)}
                for one in self.risk_objects
            ],
            "threat_objects": [{"threat_object": one.value, "type": one.type} for one in self.threat_objects],
            "mitre_attack": list(self.mitre),
            "tactics": list(self.tactics),
            "stories": list(self.stories),
            "sid": self.sid,
            "rid": self.rid,
            "row": dict(self.row),
            "drilldowns": [one.to_json() for one in self.drilldowns],
        }


def find(
    detection: Detection,
    row: Row,
    *,
    rid: int,
    run: risk.Run,
    tactics: Iterable[str] = (),
    scored: bool = True,
    listed: bool = True,
) -> tuple[Finding, list[Warn]]:
    """The finding of a result row, and the tokens that had no value.

    `scored` false: no risk objects, score 0. `listed` false: it is only ranked and counted, its drilldowns stay out.
    """
    entries, warnings = risk.entries(detection, row) if scored else ([], [])
    score = max((one.score for one in entries), default=0.0)
    if entries:
        message = entries[0].message
        severity = Severity.of(round(score))
    else:
        filled = tokens.fill(_template(detection), row)
        message = filled.text or detection.name
        warnings = filled.warnings(detection.name)
        severity = Severity.INFORMATIONAL if detection.type is DetectionType.HUNTING else detection.severity
    first, last = times(row)
    return Finding(
        detection=detection.name,
        id=detection.id,
        type=detection.type.value,
        severity=severity.value,
        score=score,
        message=message,
        time=first,
        last=last,
        risk_objects=tuple(entries),
        threat_objects=tuple(risk.threats(detection, row)),
        mitre=detection.mitre,
        tactics=tuple(tactics),
        stories=detection.stories,
        sid=run.sid,
        rid=rid,
        row=row,
        drilldowns=drilldowns(detection, row, run) if listed else (),
    ), warnings


def _template(detection: Detection) -> str:
    if detection.rba is not None and detection.rba.message:
        return detection.rba.message
    return detection.title or detection.name


def times(row: Mapping[str, Value]) -> tuple[float | None, float | None]:
    """Begin and end of what a result row tells: epoch seconds out of firstTime, _time and lastTime."""
    first, at, last = (moment(row.get(name)) for name in ("firstTime", "_time", "lastTime"))
    begin = first if first is not None else at if at is not None else last
    return begin, last if last is not None else begin


def moment(value: Value | None) -> float | None:
    """A time in a result row: epoch seconds, or the text that security_content_ctime, strftime of the ISO kind or plain
    ctime() makes, UTC unless it says otherwise. The earliest of a multivalue. None if it is not a time."""
    if value is None:
        return None
    if isinstance(value, list):
        found = [one for one in map(moment, value) if one is not None]
        return min(found, default=None)
    return _moment(value)


@lru_cache(maxsize=8_192)  # many rows tell the same times
def _moment(value: Scalar) -> float | None:
    seconds = float(value) if isinstance(value, int | float) else to_number(value)
    if seconds is not None:
        return seconds if -(10**11) < seconds < 10**11 else None
    text = value_text(value).strip()
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        try:
            read = datetime.strptime(text[:30], "%m/%d/%Y %H:%M:%S")
        except ValueError:
            return None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def drilldowns(detection: Detection, row: Row, run: risk.Run) -> tuple[FilledDrilldown, ...]:
    """The detection's drilldowns for a row: names as text, searches with every value quoted (facts/CONTENT.md §8)."""
    bounds: Row = {
        "info_min_time": "0" if run.earliest is None else f"{run.earliest:.3f}",
        "info_max_time": "now" if run.latest is None else f"{run.latest:.3f}",
    }
    filled = []
    for one in detection.drilldowns:
        # the detection's own search goes in last: a `$` in it is not a token
        parts = one.search.split(ORIGINAL_SEARCH)
        made = [tokens.fill_spl(part, row) for part in parts]
        filled.append(
            FilledDrilldown(
                tokens.fill(one.name, row).text,
                detection.search.join(part.text for part in made),
                tokens.fill(one.earliest, row | bounds).text,
                tokens.fill(one.latest, row | bounds).text,
                tuple(dict.fromkeys(name for part in made for name in part.wildcards)),
            )
        )
    return tuple(filled)


def iso(seconds: float | None) -> str | None:
    """Epoch seconds as 2026-03-04T14:32:11.508Z; whole seconds without a fraction. None if there is no such date."""
    if seconds is None:
        return None
    try:
        at = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    text = at.strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{at.microsecond // 1000:03d}Z" if at.microsecond >= 1000 else f"{text}Z"


def number(score: float) -> int | float:
    """A score as JSON shows it: 32, not 32.0."""
    return int(score) if score == int(score) else score
