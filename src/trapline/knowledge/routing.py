"""TRANSFORMS- of props.conf, as far as it decides what an event is called and whether it is kept.

Sources: props.conf.spec, "TRANSFORMS-<class>"; transforms.conf.spec (SOURCE_KEY, REGEX, DEST_KEY, FORMAT,
DEFAULT_VALUE, LOOKAHEAD, "KEYS"); Getting Data In, "Override source types on a per-event basis", "Set host values based
on event data"; Forwarding Data, "Route and filter data".

- The settings of an event are those of the sourcetype, source and host that it comes with; a new sourcetype has no
  further ones. Classes run in ASCII order, the transforms of a class as they are listed, each on what the one before
  left.
- A metadata key holds its value with a prefix: `sourcetype::`, `source::`, `host::`. REGEX sees the prefix, FORMAT has
  to write it. An event whose `queue` is `nullQueue` at the end is dropped.
- $0 in FORMAT is what was in DEST_KEY before.

Other keys (`_raw`, `_meta`, `_MetaData:Index`, ..) and INGEST_EVAL, CLONE_SOURCETYPE are not followed: each is told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import regex

from trapline.errors import SplError, Warn
from trapline.knowledge.conf import Setting, truth
from trapline.pcre import python_pattern

LOOKAHEAD = 4_096
"""Characters of a value that REGEX sees (LOOKAHEAD)."""
NULL_QUEUE = "nullQueue"
HEADER_HOST = frozenset({"syslog-host", "syslog-host-iso"})
"""Transforms that a host which the user gave is stronger than. In Splunk it is weaker than any transform; here it is
said for files of evidence, whose machine is known better than by a header."""
MOST = 200
"""Transforms of a setting that are followed."""

_REFERENCE = re.compile(r"\$(\d+)")


class Key(StrEnum):
    """What a transform can read, and all but the text can write."""

    RAW = "_raw"
    SOURCETYPE = "MetaData:Sourcetype"
    SOURCE = "MetaData:Source"
    HOST = "MetaData:Host"
    QUEUE = "queue"


PREFIXES = {Key.SOURCETYPE: "sourcetype::", Key.SOURCE: "source::", Key.HOST: "host::"}


@dataclass(frozen=True, slots=True)
class Route:
    """A transform. `parts`: FORMAT as texts and numbers of groups; `default`: DEFAULT_VALUE, what `dest` gets where the
    pattern is not found."""

    name: str
    place: str
    source: Key
    pattern: regex.Pattern[str]
    dest: Key
    parts: tuple[str | int, ...]
    default: str | None = None
    lookahead: int = LOOKAHEAD


@dataclass(frozen=True, slots=True)
class Routing:
    """What happens to events of one origin: transforms in order, and what of their settings is not followed."""

    routes: tuple[Route, ...] = ()
    problems: tuple[Warn, ...] = ()


NOTHING = Routing()

Transforms = Mapping[str, Mapping[str, Setting]]
"""The stanzas of transforms.conf."""


def is_routing(key: str) -> bool:
    """Is it a setting of props.conf that is read here?"""
    return key.startswith("TRANSFORMS-") or key == "TRANSFORMS"


def read(setting: Setting, transforms: Transforms) -> Routing:
    """The transforms that a TRANSFORMS- setting names, in order."""
    routes: list[Route] = []
    problems: list[Warn] = []
    names = [name for part in setting.value.split(",") if (name := part.strip())]
    if len(names) > MOST:
        problems.append(_told(setting, f"names more than {MOST} transforms; the rest is not followed"))
    for name in names[:MOST]:
        keys = transforms.get(name)
        found = _told(setting, f"names the transform [{name}], which does not exist") if keys is None else None
        made = found or _route(name, keys or {})
        if isinstance(made, Route):
            routes.append(made)
        else:
            problems.append(made)
    return Routing(tuple(routes), tuple(problems))


def _told(setting: Setting, reason: str, hint: str | None = None) -> Warn:
    return Warn("conf-index-time", f"{setting.key} {reason}", hint, setting.place)


def _route(name: str, keys: Mapping[str, Setting]) -> Route | Warn:
    def text(key: str, default: str = "") -> str:
        return keys[key].value if key in keys else default

    def refused(key: str, reason: str, hint: str | None = None) -> Warn:
        place = keys[key].place if key in keys else next((one.place for one in keys.values()), None)
        return Warn("conf-index-time", f"[{name}]: {reason}; ingest does not follow it", hint, place)

    for key in ("INGEST_EVAL", "CLONE_SOURCETYPE", "STOP_PROCESSING_IF"):
        if text(key):
            return refused(key, f"{key} is not supported")
    if "DEST_KEY" not in keys:
        if truth(text("WRITE_META")):
            hint = "the same REGEX in an EXTRACT- or REPORT- setting gives the field when it is searched"
            return refused("WRITE_META", "it makes a field at index time (WRITE_META)", hint)
        return refused("REGEX", "it has no DEST_KEY, so it changes nothing at index time")
    try:
        dest = Key(text("DEST_KEY"))
    except ValueError:
        return refused("DEST_KEY", f"DEST_KEY = {text('DEST_KEY')[:40]} is not supported")
    if dest is Key.RAW:
        return refused("DEST_KEY", "it rewrites the text of events (DEST_KEY = _raw)", "prepare the file beforehand")
    try:
        source = Key(text("SOURCE_KEY", Key.RAW))
    except ValueError:
        return refused("SOURCE_KEY", f"SOURCE_KEY = {text('SOURCE_KEY')[:40]} is not supported")
    if not text("REGEX"):
        return refused("REGEX", "it has no REGEX")
    try:
        pattern = python_pattern(text("REGEX"))
    except SplError as error:
        return refused("REGEX", f"REGEX is no regular expression: {error.reason}", error.hint)
    parts = _parts(text("FORMAT", f"{name}::$1"))
    missing = [part for part in parts if isinstance(part, int) and part > pattern.groups]
    if missing:
        return refused("FORMAT", f"FORMAT asks for group {missing[0]} of {pattern.groups}, so it never applies")
    wrong = _prefix(dest, parts) or _prefix(dest, (text("DEFAULT_VALUE"),) if text("DEFAULT_VALUE") else ())
    if wrong is not None:
        return refused("FORMAT", f"a value of {dest} begins with '{wrong}'", f"FORMAT = {wrong}...")
    lookahead = text("LOOKAHEAD", str(LOOKAHEAD))
    if not (lookahead.isascii() and lookahead.isdigit() and len(lookahead) < 10):
        return refused("LOOKAHEAD", f"LOOKAHEAD is a whole number, not '{lookahead[:40]}'")
    place = keys["DEST_KEY"].place
    return Route(name, place, source, pattern, dest, parts, text("DEFAULT_VALUE") or None, int(lookahead))


def _parts(template: str) -> tuple[str | int, ...]:
    parts: list[str | int] = []
    at = 0
    for found in _REFERENCE.finditer(template):
        parts += [template[at : found.start()]] if found.start() > at else []
        parts.append(int(found[1][:6]))
        at = found.end()
    return (*parts, template[at:]) if at < len(template) else tuple(parts)


def _prefix(dest: Key, parts: tuple[str | int, ...]) -> str | None:
    """The prefix that a value for this key needs and does not begin with. One that begins with a group is seen only
    when it is made."""
    prefix = PREFIXES.get(dest)
    if prefix is None or not parts or not isinstance(parts[0], str) or parts[0].startswith(prefix):
        return None
    return prefix
