"""Follow-up searches of a notable, ready to run: its drilldowns, and the risk events that it is about.

The drilldowns in a notable have their tokens filled (facts/CONTENT.md §8); what is worked out here is their time range.
- Offsets without a sign, as ES 8 writes them, count from the notable: `7d` before it, or after it for the end.
- A `search` further down that says its own times (`starthoursago=168 endhoursago=1`) is not cut to the window of the
  run, in which no risk event of that run can be: its times take the place of the range. They count from a moment at
  which they just reach the notable, so that they give the same rows whenever it is looked at.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from trapline.content.model import Detection, DetectionType
from trapline.detect import tokens
from trapline.errors import SplError
from trapline.spl.scan import split_pipes
from trapline.values import Value, to_number, value_text

_OFFSET = re.compile(r"(\d+)(s|m|h|d|w)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_TIMES = re.compile(
    r"(?<![\w.])(?:(?:earliest|latest|starttimeu?|endtimeu?)|(start|end)?(seconds|minutes|hours|days|months)ago)"
    r"\s*=\s*(\d*)",
)
_UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400, "months": 31 * 86_400}
_LATER_SEARCH = re.compile(r"\s*search\s", re.IGNORECASE)
_FIELDS = (
    "| table _time search_name risk_object risk_object_type risk_score risk_message threat_object threat_object_type"
    " analyticstories annotations.mitre_attack orig_sid orig_rid"
)
_RISK = re.compile(
    r"\bRisk\.All_Risk\b|\bdatamodel\b\W*\"?Risk\b|\bindex\s*=\s*\"?risk\b|`risk_index`|`risk\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Ready:
    """A search to run. `earliest`, `latest`: as a search takes them, None = open; `now`: what its times count from,
    epoch seconds."""

    name: str
    search: str
    earliest: str | None
    latest: str | None
    now: float
    wildcards: tuple[str, ...] = ()
    """Fields in whose values it takes a `*` for anything: rows with other values may be among what it finds."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def command(self, options: Sequence[tuple[str, str]] = ()) -> str:
        """The command line that runs it in a POSIX shell; `options`: further ones, with their values. Control
        characters are written as `$'\\x1b'`, which bash and zsh read."""
        parts = ["trapline search", *(f"{name} {shell(value)}" for name, value in options)]
        for name, value in (("earliest", self.earliest), ("latest", self.latest)):
            if value is not None:
                parts.append(f"--{name}={shell(value)}")
        return " ".join([*parts, f"--now {self.now:.3f}", shell(self.search)])


def drilldowns(fields: Mapping[str, Value], time: float) -> list[Ready]:
    """The drilldowns of a notable with these fields, raised at a time."""
    text = fields.get("drilldown_searches")
    return [_ready(one, time) for one in json.loads(value_text(text))] if text else []


def contributing(fields: Mapping[str, Value], time: float, detection: Detection | None) -> Ready:
    """The risk events that a notable is about. `detection`: what raised it, None if it is known no more.

    For a search over risk events: those of its entity in its window; for another one: those of the same row of the same
    run."""
    name = "contributing risk events"
    entity = fields.get("risk_object")
    if detection is not None and over_risk(detection) and entity is not None:
        quoted = tokens.quote(value_text(entity))
        kind = value_text(fields.get("risk_object_type") or "other")
        of = "" if kind == "other" else f" risk_object_type={tokens.quote(kind)}"
        search = f"index=risk (risk_object={quoted} OR normalized_risk_object={quoted}){of} | sort 0 _time {_FIELDS}"
        latest = value_text(fields.get("info_max_time") or "+Infinity")
        earliest = value_text(fields.get("info_min_time") or "0")
        return Ready(name, search, earliest, None if latest == "+Infinity" else latest, time)
    sid, rid = (tokens.quote(value_text(fields.get(one) or "")) for one in ("orig_sid", "orig_rid"))
    search = f"index=risk orig_sid={sid} orig_rid={rid} {_FIELDS}"
    return Ready(name, search, f"{time - 1:.3f}", f"{time + 1:.3f}", time)


def over_risk(detection: Detection) -> bool:
    """Whether a detection searches risk events, as risk incident rules do."""
    return detection.type is DetectionType.CORRELATION or bool(_RISK.search(detection.search))


def shell(text: str) -> str:
    """A text as one word of a POSIX shell, without control characters other than line ends."""
    if all(one == "\n" or one.isprintable() for one in text):
        return shlex.quote(text)
    return "$'" + "".join(map(_escaped, text)) + "'"


def _escaped(char: str) -> str:
    if char in "\\'":
        return "\\" + char
    if char.isprintable() or char == "\n":
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _ready(one: Mapping[str, Any], time: float) -> Ready:
    search, wild = str(one["search"]), tuple(map(str, one.get("wildcards") or ()))
    ago = _reach(search)
    if ago is not None:
        return Ready(str(one["name"]), search, None, None, time + ago + 1, wild)
    earliest, latest = str(one.get("earliest") or ""), str(one.get("latest") or "")
    return Ready(str(one["name"]), search, _bound(earliest, time, -1), _bound(latest, time, 1), time, wild)


def _bound(text: str, time: float, sign: int) -> str | None:
    text = text.strip()
    offset = _OFFSET.fullmatch(text)
    if offset is not None:
        seconds = int(offset[1]) * _SECONDS[offset[2]]
    elif text == "0" and sign > 0:
        seconds = 0
    else:
        return text if text and to_number(text) != 0 else None
    # the end is not included, and the notable is
    return f"{time + sign * seconds + (1 if sign > 0 else 0):.3f}"


def _reach(search: str) -> float | None:
    """How many seconds before now the times end that a later `search` says itself; None if it says none."""
    try:
        stages = split_pipes(search, 0, len(search))
    except SplError:
        return None  # it says so itself, when it is run
    found: float | None = None
    for span in stages[1:]:
        stage = search[span.start : span.end]
        if not _LATER_SEARCH.match(stage):
            continue
        for times in _TIMES.finditer(_without_subsearches(_STRING.sub('""', stage))):
            seconds = int(times[3]) * _UNITS[times[2]] if times[1] == "end" and times[3] else 0
            found = max(found or 0, float(seconds))
    return found


def _without_subsearches(text: str) -> str:
    depth = 0
    out = []
    for char in text:
        depth += (char == "[") - (char == "]")
        if depth <= 0 and char != "]":
            out.append(char)
    return "".join(out)
