"""The user's add-ons over those that come with Trapline.

A built-in add-on stands in for one that a Splunk would have. Where the user brings that one, it must work as on a
Splunk, where no built-in stanza is beneath it: a stanza of theirs that says how events are read (line breaks, times),
or in an add-on that has eventtypes, too, how they are taken apart (REPORT-, KV_MODE), replaces the built-in ones for
the same events whole. A stanza that only adds to what is there, as a local one does, is laid over the built-in one key
by key, as Splunk lays one add-on over another (`knowledge.precedence`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trapline.errors import SplError
from trapline.knowledge import conf
from trapline.knowledge.conf import Conf, Setting
from trapline.knowledge.precedence import ADDONS, Layer
from trapline.knowledge.spec import By, Spec, read_spec

Keys = Mapping[str, Setting]

_READS = re.compile(
    r"(?:SHOULD_LINEMERGE|LINE_BREAKER|BREAK_ONLY_BEFORE|MUST_BREAK_AFTER|TRUNCATE|TIME_PREFIX|TIME_FORMAT|DATETIME_CONFIG"
    r"|MAX_TIMESTAMP_LOOKAHEAD|INDEXED_EXTRACTIONS|pulldown_type|category)\Z"
)
_TAKES_APART = re.compile(r"(?:KV_MODE|REPORT-.*)\Z")
_WHOLE = {
    "transforms": ("REGEX", "DELIMS", "filename", "collection", "external_cmd"),
    "eventtypes": ("search",),
    "macros": ("definition",),
}
"""What makes a stanza of these files one of its own. macros.conf and eventtypes.conf have little else."""
_STAYS = ("TRANSFORMS",)
"""What no stanza replaces: Splunk has the host of a syslog header in its own defaults, not in an add-on."""
_SOURCETYPE = re.compile(r"""\bsourcetype\s*=+\s*(?:"([^"]*)"|([^\s()"]+))""", re.IGNORECASE)


@dataclass(slots=True)
class Layers:
    """The .conf files of all add-ons. `yields`: by the name of a built-in stanza of props.conf, the stanzas of the user
    to whose events it does not apply; `replaced`: what was replaced, for people."""

    files: dict[str, Conf]
    yields: dict[str, list[Spec]] = field(default_factory=dict)
    replaced: list[str] = field(default_factory=list)


def layered(order: Sequence[Layer], names: Sequence[str]) -> Layers:
    """The files of these names, those of the user over the built-in ones. `order`: the strongest last
    (`knowledge.precedence`)."""
    base, over = (
        {
            name: conf.load_layers([one for one in order if (one[0].parent == ADDONS) is own], f"{name}.conf")
            for name in names
        }
        for own in (True, False)
    )
    found = Layers(base)
    whole = _described(over)
    _stanzas(found, whole)
    _eventtypes(found, over, [spec for name in whole if (spec := _spec(name)) is not None])
    for name, file in over.items():
        for stanza, keys in file.stanzas.items():
            if any(key in keys for key in _WHOLE.get(name, ())):
                base[name].stanzas[stanza] = {}
            base[name].stanzas.setdefault(stanza, {}).update(keys)
        base[name].problems += file.problems
    return found


def _described(over: Mapping[str, Conf]) -> dict[str, str]:
    """The stanzas of props.conf that replace built-in ones, each with the name of its add-on."""
    tagging = {one.file.partition("/")[0] for keys in over["eventtypes"].stanzas.values() for one in keys.values()}
    found: dict[str, str] = {}
    for name, keys in over["props"].stanzas.items():
        for key, one in keys.items():
            addon = one.file.partition("/")[0]
            if name != conf.DEFAULT and (_READS.match(key) or (addon in tagging and _TAKES_APART.match(key))):
                found[name] = addon
                break
    return found


def _stanzas(found: Layers, whole: Mapping[str, str]) -> None:
    """Take off the stanzas of props.conf that are replaced, or note where they yield."""
    if not whole:
        return
    stanzas = found.files["props"].stanzas
    specs = {name: spec for name in stanzas if name != conf.DEFAULT and (spec := _spec(name)) is not None}
    for name, addon in whole.items():
        spec = _spec(name)
        for other, its in specs.items():
            by = f"[{other}] of the built-in {_addon(stanzas[other])} is replaced by"
            if other == name:
                found.replaced.append(f"{by} that of {addon}")
                stanzas[other] = {key: one for key, one in stanzas[other].items() if key in _STAYS}
            elif spec is not None and spec.by is its.by and _meet(its, spec):
                found.yields.setdefault(other, []).append(spec)
                found.replaced.append(f"{by} [{name}] of {addon} for its events")


def _eventtypes(found: Layers, over: Mapping[str, Conf], described: Sequence[Spec]) -> None:
    """Take off the tags of eventtypes that the user has too; and the eventtypes about sourcetypes that the user's
    add-ons describe whole and have eventtypes of their own for."""
    own, base = over["eventtypes"].stanzas, found.files["eventtypes"].stanzas
    seen = {one.lower() for keys in own.values() if "search" in keys for one in _sourcetypes(keys["search"].value)}

    def theirs(sourcetype: str) -> bool:
        return sourcetype.lower() in seen and any(
            one.by is By.SOURCETYPE and one.matches(sourcetype) for one in described
        )

    tags, own_tags = found.files["tags"].stanzas, over["tags"].stanzas
    for name in list(base):
        keys = own.get(name, base[name])
        about = _sourcetypes(keys["search"].value) if "search" in keys else []
        whole = bool(about) and all(map(theirs, about))
        tag = f"eventtype={name}"
        if whole and name not in own:
            found.replaced.append(f"the eventtype {name} of the built-in {_addon(base[name])} is left out")
            base[name] = {}
        if whole or ("search" in own.get(name, {}) and tag in own_tags):
            tags.pop(tag, None)


def _sourcetypes(search: str) -> list[str]:
    return [quoted or bare for quoted, bare in _SOURCETYPE.findall(search)]


def _meet(built_in: Spec, own: Spec) -> bool:
    """Is one of the values that the user's stanza names one of the built-in stanza?"""
    return any(map(built_in.matches, own.literals)) or (own.pattern is not None and own.pattern == built_in.pattern)


def _addon(keys: Keys) -> str:
    return next((one.file.partition("/")[0] for one in keys.values()), "add-on")


def _spec(name: str) -> Spec | None:
    try:
        return read_spec(name)
    except SplError:
        return None
