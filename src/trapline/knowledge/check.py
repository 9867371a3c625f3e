"""What add-ons use and Trapline does not run: everything that reading and binding them says, with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from trapline.errors import Span, SplError, TraplineError, Warn
from trapline.knowledge.bind import Bound
from trapline.knowledge.conf import Setting
from trapline.knowledge.knowledge import Knowledge
from trapline.knowledge.modelcheck import model_doubts
from trapline.knowledge.records import Eventtype, Unusable
from trapline.knowledge.spec import By
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
