"""What add-ons use and Trapline does not run: everything that reading and binding them says, with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from trapline.errors import Span, SplError, TraplineError, Warn
from trapline.knowledge.bind import Bound
from trapline.knowledge.conf import DEFAULT, Setting
from trapline.knowledge.knowledge import Knowledge
from trapline.knowledge.modelcheck import model_doubts
from trapline.knowledge.records import Eventtype, Unusable
from trapline.knowledge.spec import By
from trapline.pcre import python_pattern
from trapline.spl.filter import parse_text
from trapline.spl.macros import MacroCall, expand, find_macro_calls
from trapline.values import Kind

_STORED = {
    "_time": Kind.NUMBER,
    "_raw": Kind.TEXT,
    "index": Kind.TEXT,
    "sourcetype": Kind.TEXT,
    "source": Kind.TEXT,
    "host": Kind.TEXT,
}


def check(folders: Sequence[Path]) -> list[Warn]:
    """The doubts about add-on folders in Splunk's form, without reading any event; see `doubts`."""
    return doubts(Knowledge.load(folders))


def doubts(knowledge: Knowledge) -> list[Warn]:
    """What could not be read, is not used or not supported, each once, by place. Lookup files are read."""
    found = [*knowledge.problems, *knowledge.private]
    for stanza in knowledge.stanzas:
        found += (rule.warn for rule in stanza.rules.values() if isinstance(rule, Unusable))
    literals = (one for stanza in knowledge.stanzas if stanza.spec.by is By.SOURCETYPE for one in stanza.spec.literals)
    for sourcetype in dict.fromkeys([*literals, ""]):
        found += Bound(knowledge, frozenset({sourcetype}), _STORED).doubts
    for eventtype in knowledge.eventtypes.values():
        found += _of_eventtype(eventtype, knowledge)
    found += _of_circles(knowledge)
    found += _of_macros(knowledge)
    found += _of_formats(knowledge)
    known = {one.where for one in found}
    found += (one for one in knowledge.index_time.doubts() if one.where not in known)
    found += _of_lookups(knowledge)
    found += model_doubts(knowledge)
    return sorted(dict.fromkeys(found), key=lambda one: _place(one.where))


def _of_eventtype(one: Eventtype, knowledge: Knowledge) -> Iterator[Warn]:
    """Why a search that asks for an eventtype would refuse it (Knowledge Manager Manual, "About event types": no pipe,
    no subsearch)."""

    name = f"the eventtype {one.name}"
    calls: Sequence[MacroCall] = ()
    try:
        calls = find_macro_calls(one.search) if "`" in one.search else ()
        for call in calls:
            if call.key not in knowledge.macros:
                reason = f"{name} calls the macro {call.key}, which is in no add-on"
                yield Warn("knowledge", reason, "a search finds it where the content has it", one.place)
                return
        if any(macro.iseval for macro in knowledge.macros.values()) and calls:
            return  # its text is known only when it runs
        parse_text(expand(one.search, knowledge.macros), Span(0, 0))
    except SplError as error:
        yield Warn("knowledge", f"{name}: {error.reason}", error.hint, one.place)


_TAGGED = re.compile(r"""\btag(?:::eventtype)?\s*=+\s*(?:"([^"]*)"|([^\s()"]+))""", re.IGNORECASE)


def _of_circles(knowledge: Knowledge) -> Iterator[Warn]:
    """Eventtypes that are decided by a tag that they give themselves. Those that name themselves are left out when they
    are read."""
    tags: dict[str, set[str]] = {}
    for tag in knowledge.tags:
        if tag.field == "eventtype":
            tags.setdefault(tag.value, set()).add(tag.tag.lower())
    for name, one in knowledge.eventtypes.items():
        asked = {(quoted or bare).lower() for quoted, bare in _TAGGED.findall(one.search)}
        if own := sorted(asked & tags.get(name, set())):
            reason = f"the eventtype {name} asks for the tag {own[0]}, which it gives itself; a search for it fails"
            yield Warn("knowledge", reason, None, one.place)


def _of_macros(knowledge: Knowledge) -> Iterator[Warn]:
    """Macros that contain themselves."""
    inner: dict[str, list[str]] = {}
    for key, macro in knowledge.macros.items():
        try:
            inner[key] = [call.key for call in find_macro_calls(macro.definition)]
        except SplError as error:
            inner[key] = []
            yield Warn("knowledge", f"the macro {key}: {error.reason}", error.hint, macro.place)
    for key, macro in knowledge.macros.items():
        way = _way_back(key, inner)
        if way:
            reason = f"the macro {key} contains itself: {' -> '.join(way[:20])}; a search that calls it fails"
            yield Warn("knowledge", reason, None, macro.place)


def _way_back(key: str, inner: Mapping[str, Sequence[str]]) -> list[str]:
    """From a macro to itself, the nearest way; [] where there is none."""
    came: dict[str, str] = {}
    todo = [key]
    for at in todo:
        for other in inner.get(at, ()):
            if other == key:
                way = [key, at]
                while way[-1] != key:
                    way.append(came[way[-1]])
                return way[::-1]
            if other not in came:
                came[other] = at
                todo.append(other)
    return []


def _of_formats(knowledge: Knowledge) -> Iterator[Warn]:
    """Transforms whose FORMAT asks for groups that their REGEX has not. Those of TRANSFORMS- are told where they are
    read."""
    for name, keys in knowledge.named.get("transforms", {}).items():
        if "REGEX" not in keys or "FORMAT" not in keys or "DEST_KEY" in keys or name == DEFAULT:
            continue
        try:
            there = python_pattern(keys["REGEX"].value).groups
        except SplError:
            continue  # told where a REPORT- uses it
        missing = sorted({int(one) for one in re.findall(r"\$(\d+)", keys["FORMAT"].value) if int(one) > there})
        if missing:
            reason = (
                f"FORMAT of [{name}] asks for the group {missing[0]}, and REGEX has {there}; what needs it is not made"
            )
            yield Warn("knowledge", reason, None, keys["FORMAT"].place)


def _of_lookups(knowledge: Knowledge) -> Iterator[Warn]:
    """What is no table, or an empty one."""
    for name, keys in knowledge.lookups.stanzas.items():
        place = next((keys[key].place for key in ("external_cmd", "filename") if key in keys), None)
        try:
            note = knowledge.lookups[name].note
        except TraplineError as error:
            yield Warn("knowledge", f"the lookup {name}: {error.reason}", error.hint, place or _first(keys))
            continue
        # A collection is empty until something is written to it.
        if note and place is not None:
            yield Warn("knowledge", note, None, place)


def _first(keys: Mapping[str, Setting]) -> str | None:
    return next((one.place for one in keys.values()), None)


def _place(where: str | None) -> tuple[str, int]:
    file, _, line = (where or "").rpartition(":")
    return file, int(line) if line.isdigit() else 0
