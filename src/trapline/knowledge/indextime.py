"""Settings of props.conf that say how raw text becomes events: where events end, and what their time is.

Source: props.conf.spec, "Line breaking", "Timestamp extraction configuration", "Structured Data Header Extraction and
configuration"; Getting Data In, "Configure event line breaking" and "How timestamp assignment works". What differs:

- Without any of these settings for a sourcetype a line of text is an event (Splunk joins lines until one has a date).
- TRUNCATE cuts only where it is set. Splunk's default of 10,000 bytes would lose evidence.
- BREAK_ONLY_BEFORE takes the place of BREAK_ONLY_BEFORE_DATE, unless that is set too: the specification says "only" of
  both.
- MAX_DAYS_AGO and its kin are not followed: evidence may be old.

TRANSFORMS-, which decides what events are called, is in `knowledge.routing`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from enum import Enum
from functools import cache
from pathlib import Path

import regex

from trapline import times
from trapline.errors import SplError, Warn
from trapline.knowledge import precedence, structured
from trapline.knowledge.conf import Setting, truth
from trapline.knowledge.layers import layered
from trapline.knowledge.routing import NOTHING, Routing, Transforms, is_routing
from trapline.knowledge.routing import read as read_routing
from trapline.knowledge.settingreader import SettingReader
from trapline.knowledge.spec import By, Spec, read_spec
from trapline.knowledge.structured import Structure
from trapline.pcre import python_pattern

LINE_BREAKER = r"([\r\n]+)"
LOOKAHEAD = 128
"""Characters in which a time is looked for (MAX_TIMESTAMP_LOOKAHEAD)."""
_FILES = ("props", "transforms", "eventtypes", "tags")
"""Files that say how events are made, or which built-in stanzas that is left to."""
MAX_EVENTS = 256
"""Lines of an event that is put together from lines (MAX_EVENTS)."""


class Clock(Enum):
    """DATETIME_CONFIG: where the time of an event comes from."""

    TEXT = "text"
    CURRENT = "current"
    """The time at which it was read."""
    NONE = "none"
    """That of the file."""


@dataclass(frozen=True, slots=True)
class TimeRules:
    """How the time of an event is found in its text. `format`: a strptime pattern, None = any known form. `lookahead`:
    characters after the prefix, None = no limit. `tz`: where the text names no zone."""

    clock: Clock = Clock.TEXT
    prefix: regex.Pattern[str] | None = None
    format: str | None = None
    lookahead: int | None = LOOKAHEAD
    tz: tzinfo | None = None


@dataclass(frozen=True, slots=True)
class LineRules:
    """How text is cut into lines and lines are put together to events."""

    breaker: regex.Pattern[str]
    merge: bool = True
    before: regex.Pattern[str] | None = None
    before_date: bool = True
    after: regex.Pattern[str] | None = None
    not_after: regex.Pattern[str] | None = None
    not_before: regex.Pattern[str] | None = None
    most: int = MAX_EVENTS
    truncate: int | None = None


@dataclass(frozen=True, slots=True)
class EventRules:
    """What applies to events of one sourcetype. `lines`, `time`: None where no setting speaks of them. `structure`:
    INDEXED_EXTRACTIONS and what is beside it. `sourcetype`: what the stanza calls them.
    `kv_mode`: KV_MODE in lower case, for key=value pairs are taken apart as they are read."""

    lines: LineRules | None = None
    time: TimeRules | None = None
    structure: Structure | None = None
    sourcetype: str | None = None
    kv_mode: str | None = None
    problems: tuple[Warn, ...] = ()
    key: str = ""
    """The settings as text: rules with the same key make the same events."""


_LINES = frozenset(
    {
        "LINE_BREAKER", "SHOULD_LINEMERGE", "BREAK_ONLY_BEFORE", "BREAK_ONLY_BEFORE_DATE", "MUST_BREAK_AFTER",
        "MUST_NOT_BREAK_AFTER", "MUST_NOT_BREAK_BEFORE", "MAX_EVENTS", "TRUNCATE",
    }
)  # fmt: skip
_TIME = frozenset({"DATETIME_CONFIG", "TIME_PREFIX", "TIME_FORMAT", "MAX_TIMESTAMP_LOOKAHEAD", "TZ"})
USED = _LINES | _TIME | structured.KEYS | {"sourcetype"}
"""The keys of props.conf that ingest follows."""
_SEARCH_TIME = frozenset({"KV_MODE"})
"""Keys of search time that ingest minds."""
_CHANGES = re.compile(
    r"(?:SEDCMD|RULESET|METRIC-SCHEMA-TRANSFORMS)-.*|CHARSET|JSON_TRIM_BRACES_IN_ARRAY_NAMES|CHECK_FOR_HEADER"
)
"""Keys that would change events and are not followed: told wherever such events are read."""
_NO_CHANGE = frozenset({"utf-8", "utf8", "auto", "ascii", "us-ascii"})
"""What CHARSET may be without a change."""


@dataclass(frozen=True, slots=True, eq=False)
class IndexTime:
    """The index-time settings of some add-ons. `IndexTime()` has none.

    `stanzas`: the strongest first. `transforms`: the stanzas of transforms.conf. `routes`: all settings that decide
    what events are called, as one text, empty where there are none."""

    stanzas: tuple[tuple[Spec, Mapping[str, Setting]], ...] = ()
    transforms: Transforms = field(default_factory=dict, repr=False)
    routes: str = ""
    _known: dict[tuple[str | None, str, str | None], EventRules | None] = field(default_factory=dict, repr=False)
    _routed: dict[tuple[str, str, str], Routing] = field(default_factory=dict, repr=False)

    @classmethod
    def load(cls, folders: Sequence[Path]) -> IndexTime:
        """From the .conf files of add-on folders; which one wins is in `precedence.index_time`."""
        files = layered(precedence.index_time(map(Path, folders)), _FILES).files
        return cls.of(files["props"].stanzas, files["transforms"].stanzas)

    @classmethod
    def of(cls, props: Mapping[str, Mapping[str, Setting]], transforms: Transforms) -> IndexTime:
        """From the stanzas of props.conf and transforms.conf. A stanza whose name cannot be read is told by
        `Knowledge.load`."""
        found: list[tuple[Spec, Mapping[str, Setting]]] = []
        for name, keys in props.items():
            used = {
                key: one
                for key, one in keys.items()
                if (key in USED | _SEARCH_TIME and one.value) or is_routing(key) or _CHANGES.fullmatch(key)
            }
            if not used:
                continue
            try:
                spec = read_spec(name, keys.get("priority"))
            except SplError:
                continue
            if spec is not None:
                found.append((spec, used))
        return cls(tuple(sorted(found, key=lambda one: one[0].rank)), transforms, _routes(found, transforms))

    def doubts(self) -> Iterator[Warn]:
        """What is wrong with the settings of each stanza, whatever text it is for."""
        for _, keys in self.stanzas:
            own = {name: one for name, one in keys.items() if name in USED}
            found = _rules(own)
            if found is not None:
                yield from found.problems

    def rules(self, sourcetype: str | None, source: str, host: str | None = None) -> EventRules | None:
        """What applies to text of this origin, None where no stanza does. Remembered."""
        if not self.stanzas:
            return None
        key = (sourcetype, source, host)
        if key not in self._known:
            if len(self._known) >= 1_000:
                self._known.clear()
            settings = self._settings(sourcetype, source, host)
            self._known[key] = _rules({name: one for name, one in settings.items() if not is_routing(name)})
        return self._known[key]

    def routing(self, sourcetype: str, source: str, host: str) -> Routing:
        """The TRANSFORMS- for events of this origin. Remembered."""
        if not self.routes:
            return NOTHING
        key = (sourcetype, source, host)
        if key not in self._routed:
            if len(self._routed) >= 1_000:
                self._routed.clear()
            settings = self._settings(sourcetype, source, host)
            read = [read_routing(settings[name], self.transforms) for name in sorted(filter(is_routing, settings))]
            routes = tuple(route for one in read for route in one.routes)
            self._routed[key] = Routing(routes, tuple(problem for one in read for problem in one.problems))
        return self._routed[key]

    def _settings(self, sourcetype: str | None, source: str, host: str | None) -> dict[str, Setting]:
        found: dict[str, Setting] = {}
        given = {By.SOURCE: source.replace("\\", "/"), By.HOST: host, By.SOURCETYPE: sourcetype}
        for by in By:
            if by is By.SOURCETYPE and given[by] is None and "sourcetype" in found:
                given[by] = found["sourcetype"].value
            for spec, keys in self.stanzas:
                value = given.get(by)
                if spec.by is not by or (by is not By.ALL and (value is None or not spec.matches(value))):
                    continue
                for name, setting in keys.items():
                    if name != "sourcetype" or by is By.SOURCE:
                        found.setdefault(name, setting)
        return found


def _routes(stanzas: Sequence[tuple[Spec, Mapping[str, Setting]]], transforms: Transforms) -> str:
    """All settings that decide what events are called, as text."""
    used = [(spec.name, one) for spec, keys in stanzas for key, one in sorted(keys.items()) if is_routing(key)]
    if not any(one.value for _, one in used):
        return ""
    named = {name.strip() for _, one in used for name in one.value.split(",")}
    lines = [f"[{name}] {one.key}={one.value}" for name, one in used]
    return "\n".join(
        [
            *lines,
            *(f"{name}: {key}={one.value}" for name in sorted(named) for key, one in transforms.get(name, {}).items()),
        ]
    )


@cache
def built_in() -> IndexTime:
    """That of the add-ons that come with Trapline, loaded once."""
    return IndexTime.load(precedence.built_in_addons())


def _rules(settings: Mapping[str, Setting]) -> EventRules | None:
    read = SettingReader(settings)
    if not settings:
        return None
    lines = _line_rules(read) if read.has(_LINES) else None
    time = _time_rules(read) if read.has(_TIME) else None
    structure = structured.read(read)
    for name, one in settings.items():
        if (
            one.value
            and _CHANGES.fullmatch(name)
            and one.value.lower() not in _NO_CHANGE
            and truth(one.value) is not False
        ):
            read.wrong(name, "is not supported")
    key = "\n".join(f"{name}={one.value}" for name, one in sorted(settings.items()))
    kv_mode = (read.text("KV_MODE") or "").lower() or None
    return EventRules(lines, time, structure, read.text("sourcetype"), kv_mode, tuple(read.problems), key)


def _line_rules(read: SettingReader) -> LineRules:
    before = read.pattern("BREAK_ONLY_BEFORE")
    truncate = read.number("TRUNCATE", None)
    if truncate is not None and truncate < 0:
        read.wrong("TRUNCATE", f"is a number of bytes, 0 for all, not {truncate}")
    return LineRules(
        breaker=read.pattern("LINE_BREAKER") or python_pattern(LINE_BREAKER),
        merge=read.flag("SHOULD_LINEMERGE", True),
        before=before,
        before_date=read.flag("BREAK_ONLY_BEFORE_DATE", before is None),
        after=read.pattern("MUST_BREAK_AFTER"),
        not_after=read.pattern("MUST_NOT_BREAK_AFTER"),
        not_before=read.pattern("MUST_NOT_BREAK_BEFORE"),
        most=max(read.number("MAX_EVENTS", MAX_EVENTS) or MAX_EVENTS, 1),
        truncate=truncate if truncate is not None and truncate > 0 else None,
    )


def _time_rules(read: SettingReader) -> TimeRules:
    clock = Clock.TEXT
    match (read.text("DATETIME_CONFIG") or "").upper():
        case "CURRENT":
            clock = Clock.CURRENT
        case "NONE":
            clock = Clock.NONE
        case "":
            pass
        case _:
            read.wrong("DATETIME_CONFIG", "names a file, which is not supported: it is CURRENT or NONE")
    pattern = read.text("TIME_FORMAT")
    if pattern is not None and times.reader(pattern) is None:
        read.wrong("TIME_FORMAT", "has a part that cannot be read")
        pattern = None
    lookahead = read.number("MAX_TIMESTAMP_LOOKAHEAD", LOOKAHEAD)
    if lookahead is not None and lookahead < -1:
        read.wrong("MAX_TIMESTAMP_LOOKAHEAD", f"is a number of characters, 0 or -1 for all, not {lookahead}")
        lookahead = LOOKAHEAD
    zone: tzinfo | None = None
    name = read.text("TZ")
    if name is not None:
        try:
            zone = times.zone(name)
        except SplError as error:
            read.wrong("TZ", f"is no time zone: {error.reason}", error.hint)
    return TimeRules(
        clock,
        read.pattern("TIME_PREFIX"),
        pattern,
        None if lookahead is None or lookahead <= 0 else lookahead,
        zone,
    )
