"""The user's settings of the scheduler: `trapline.yml`, and `enabled.yml`, which `trapline content enable` writes.

Both are in the folder of the store, so that an upgrade of the content keeps them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from trapline.content.catalog import Content
from trapline.content.model import Detection, Status, Throttle
from trapline.content.yamlfile import Node, parse
from trapline.detect.risklimits import Limits
from trapline.errors import InputError, TraplineError, Warn
from trapline.outputs.options import near
from trapline.values import to_number

SETTINGS = "trapline.yml"
ENABLED = "enabled.yml"
MOST_JOBS = 64
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_HEADER = """\
# Which detections run here, by name; `trapline content enable` and `disable` write this file.
"""


@dataclass(frozen=True, slots=True)
class Override:
    """What the user sets for one detection. None = as its content says."""

    cron: str | None = None
    earliest: str | None = None
    latest: str | None = None
    continuous: bool | None = None
    skew: float = 0.0
    """Share of the period within which it may run later (allow_skew), 0 to 1."""
    notable: bool | None = None
    throttle: Throttle | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What `trapline.yml` holds. Times are seconds."""

    file: str = SETTINGS
    overrides: Mapping[str, Override] = field(default_factory=dict)
    """By the name of the detection, lower case."""
    lookback: float = 86_400.0
    keep_runs: float = 90 * 86_400.0
    """How long runs are remembered."""
    tz: str = "UTC"
    jobs: int | None = None
    """Processes that run searches; None = as many as there are cores."""
    risk: Limits = field(default_factory=Limits)
    sections: Mapping[str, Node] = field(default_factory=dict)
    """Sections that other rooms read: outputs, exceptions."""

    def of(self, detection: Detection) -> Override | None:
        return self.overrides.get(detection.name.lower())

    def unused(self, content: Content) -> list[Warn]:
        """Settings of detections that do not exist."""
        known = {one.name.lower() for one in content.detections}
        return [
            Warn("settings.unknown", f"there is no detection '{name}'", near(name, known), self.file)
            for name in self.overrides
            if name not in known
        ]


OTHERS = ("outputs", "exceptions")
_SCHEDULE = ("lookback", "keep_runs", "time_zone", "jobs")
_OVERRIDE = ("cron", "earliest", "latest", "realtime_schedule", "allow_skew", "notable", "throttle")


def read(path: Path) -> Settings:
    """The settings of a file; the defaults where there is none. Raises InputError with line and field."""
    text = _text(path)
    if text is None:
        return Settings(str(path))
    documents = parse(text, str(path))
    top = _mapping(documents[0], path, "") if documents else {}
    _only(top, ("schedule", "detections", "risk", *OTHERS), path, "")
    schedule = _mapping(top["schedule"], path, "schedule") if "schedule" in top else {}
    _only(schedule, _SCHEDULE, path, "schedule")
    detections = _mapping(top["detections"], path, "detections") if "detections" in top else {}
    found = Settings(
        file=str(path),
        overrides={name.lower(): _override(node, path, name) for name, node in detections.items()},
        lookback=_duration(schedule, "lookback", path, "schedule", 86_400.0),
        keep_runs=_duration(schedule, "keep_runs", path, "schedule", 90 * 86_400.0),
        tz=_scalar(schedule["time_zone"], path, "schedule.time_zone") if "time_zone" in schedule else "UTC",
        jobs=_jobs(schedule["jobs"], path) if "jobs" in schedule else None,
        risk=_risk(top["risk"], path) if "risk" in top else Limits(),
        sections={name: top[name] for name in OTHERS if name in top},
    )
    from trapline.times import zone

    try:
        zone(found.tz)
    except TraplineError as error:
        _wrong(path, schedule["time_zone"], "schedule.time_zone", error.reason, error.hint)
    return found


def _jobs(node: Node, path: Path) -> int:
    text = _scalar(node, path, "schedule.jobs")
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_JOBS:
        _wrong(
            path, node, "schedule.jobs", f"'{text}' is no number of processes from 1 to {MOST_JOBS}", "write jobs: 2"
        )
    return int(text)


def _override(node: Node, path: Path, name: str) -> Override:
    where = f"detections.{name}"
    given = _mapping(node, path, where)
    _only(given, _OVERRIDE, path, where)
    texts = {key: _scalar(given[key], path, f"{where}.{key}") for key in ("cron", "earliest", "latest") if key in given}
    if "cron" in texts:
        from trapline.detect import cron

        try:
            cron.parse(texts["cron"])
        except TraplineError as error:
            _wrong(path, given["cron"], f"{where}.cron", error.reason, error.hint)
    realtime = _flag(given, "realtime_schedule", path, where)
    return Override(
        cron=texts.get("cron"),
        earliest=texts.get("earliest"),
        latest=texts.get("latest"),
        continuous=None if realtime is None else not realtime,
        skew=_share(given, path, where),
        notable=_flag(given, "notable", path, where),
        throttle=_throttle(given["throttle"], path, f"{where}.throttle") if "throttle" in given else None,
    )


def _throttle(node: Node, path: Path, where: str) -> Throttle:
    given = _mapping(node, path, where)
    _only(given, ("fields", "period"), path, where)
    fields = given.get("fields")
    names: list[str] = []
    if fields is not None:
        if not isinstance(fields.value, list):
            _wrong(path, fields, f"{where}.fields", "this is no list", "write [dest, user]")
        names = [_scalar(one, path, f"{where}.fields") for one in fields.value]
    if "period" not in given:
        _wrong(path, node, where, "the period is missing", "add period: 1d")
    made = Throttle(tuple(names), _scalar(given["period"], path, f"{where}.period"))
    try:
        made.seconds  # noqa: B018 - it checks the period
    except ValueError:
        _wrong(path, given["period"], f"{where}.period", f"'{made.period}' is no period", "write 3600, 60m, 24h or 7d")
    return made


def _share(given: Mapping[str, Node], path: Path, where: str) -> float:
    if "allow_skew" not in given:
        return 0.0
    text = _scalar(given["allow_skew"], path, f"{where}.allow_skew")
    number = text.removesuffix("%")
    if text.endswith("%") and number.isascii() and number.isdecimal() and int(number) <= 100:
        return int(number) / 100
    return _wrong(path, given["allow_skew"], f"{where}.allow_skew", f"'{text}' is no share", "write 50% or 100%")


def _flag(given: Mapping[str, Node], name: str, path: Path, where: str) -> bool | None:
    if name not in given:
        return None
    text = _scalar(given[name], path, f"{where}.{name}").lower()
    if text in ("true", "1", "yes"):
        return True
    if text in ("false", "0", "no"):
        return False
    return _wrong(path, given[name], f"{where}.{name}", f"'{text}' is neither true nor false", None)


def _risk(node: Node, path: Path) -> Limits:
    given = _mapping(node, path, "risk")
    _only(given, ("deduplicate", "cap"), path, "risk")
    period = _duration(given, "deduplicate", path, "risk", 0.0) if "deduplicate" in given else None
    if "cap" not in given:
        return Limits(period)
    cap = _mapping(given["cap"], path, "risk.cap")
    _only(cap, ("score", "period"), path, "risk.cap")
    if "score" not in cap:
        _wrong(path, given["cap"], "risk.cap", "the score is missing", "add score: 100")
    text = _scalar(cap["score"], path, "risk.cap.score")
    score = to_number(text)
    if score is None or not 0 < score < 1e9:
        _wrong(path, cap["score"], "risk.cap.score", f"'{text}' is no score", "write a number above 0")
    return Limits(period, score, _duration(cap, "period", path, "risk.cap", 86_400.0))


def _duration(given: Mapping[str, Node], name: str, path: Path, section: str, default: float) -> float:
    if name not in given:
        return default
    text = _scalar(given[name], path, f"{section}.{name}")
    number, unit = text[:-1], text[-1:]
    if unit in _SECONDS and number.isascii() and number.isdecimal() and int(number):
        return float(int(number) * _SECONDS[unit])
    return _wrong(path, given[name], f"{section}.{name}", f"'{text}' is no duration", "write 90m, 24h or 7d")


def _scalar(node: Node, path: Path, where: str) -> str:
    if isinstance(node.value, str):
        return node.value
    return _wrong(path, node, where, "a single value is wanted here", None)


def _mapping(node: Node, path: Path, where: str) -> dict[str, Node]:
    if node.value is None:
        return {}
    if not isinstance(node.value, dict):
        _wrong(path, node, where, "a mapping is wanted here", "write `name: value` lines")
    if node.repeated:
        name, line = node.repeated[0]
        raise InputError(f"'{name}' is there twice", file=str(path), line=line, field=where or None, code="settings")
    return node.value


def _only(given: Mapping[str, Node], known: Iterable[str], path: Path, where: str) -> None:
    for name, node in given.items():
        if name not in known:
            place = f"{where}.{name}" if where else name
            _wrong(path, node, place, f"there is no setting '{name}'", near(name, known))


def _wrong(path: Path, node: Node, where: str, reason: str, hint: str | None) -> NoReturn:
    raise InputError(reason, file=str(path), line=node.line, field=where or None, hint=hint, code="settings")


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"it cannot be read: {error}", file=str(path), code="settings") from None


def switches(path: Path) -> dict[str, bool]:
    """The detections that `enabled.yml` names: does each run? Raises InputError."""
    text = _text(path)
    documents = parse(text, str(path)) if text is not None else []
    given = _mapping(documents[0], path, "") if documents else {}
    return {name: bool(_flag({name: node}, name, path, "")) for name, node in given.items()}


def write_switches(path: Path, names: Mapping[str, bool]) -> None:
    """Write `enabled.yml` in one step. Raises InputError where it cannot be written."""
    order = sorted(names, key=str.lower)
    lines = [f"{json.dumps(name, ensure_ascii=False)}: {str(names[name]).lower()}\n" for name in order]
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(_HEADER + "".join(lines), encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise InputError(f"it cannot be written: {error.strerror}", file=str(path), code="settings") from None


def enabled(content: Content, path: Path) -> tuple[list[Detection], list[Warn]]:
    """The detections that run here: what `enabled.yml` says, else what their content says. A name that the content does
    not have is a warning, and stays in the file. Raises InputError."""
    names = {name.lower(): (name, on) for name, on in switches(path).items()}
    found = []
    for one in content.detections:
        _, on = names.get(one.name.lower(), ("", one.enabled))
        if on and one.status is not Status.REMOVED:
            found.append(one)
    known = {one.name.lower() for one in content.detections}
    lost = [
        Warn("settings.unknown", f"the content has no detection '{name}'", "it does not run", str(path))
        for lower, (name, _) in names.items()
        if lower not in known
    ]
    return found, lost
