"""EXTRACT- settings and stanzas of transforms.conf as records of what they find in a field.

Sources: props.conf.spec, "EXTRACT-<class>", "REPORT-<class>"; transforms.conf.spec (REGEX, FORMAT, DELIMS, FIELDS,
SOURCE_KEY, MV_ADD, CLEAN_KEYS, KEEP_EMPTY_VALS). CAN_OPTIMIZE and REPEAT_MATCH change nothing at search time: a field
is extracted only when it is asked for, and REPEAT_MATCH is of index time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from trapline.errors import SplError
from trapline.knowledge.conf import Setting, truth
from trapline.knowledge.records import Extraction, Listed, Pairs, Pattern, Rule, Template, Unusable, unusable
from trapline.pcre import check

Transforms = Mapping[str, Mapping[str, Setting]]
"""The stanzas of transforms.conf."""

_IN = re.compile(r"(?s)(.*\S)\s+in\s+([A-Za-z0-9_]+)\s*\Z")
_GROUP = re.compile(r"\(\?P?<([A-Za-z_][A-Za-z0-9_]*)>")
_DYNAMIC = re.compile(r"_(?:KEY|VAL)_\w+\Z")
_TARGET = re.compile(r'(?:"([^"]+)"|([^\s:"]+))::(?:"([^"]*)"|(\S+))')
_REFERENCE = re.compile(r"\$(\d+)")
_NAME = re.compile(r'"([^"]+)"|([^\s,"]+)')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_DIRTY = re.compile(r"[^A-Za-z0-9_]")
_ESCAPES = {"\\t": "\t", "\\n": "\n", "\\r": "\r", '\\"': '"', "\\\\": "\\"}
_META = {"MetaData:Host": "host", "MetaData:Source": "source", "MetaData:Sourcetype": "sourcetype"}
_NOT_HERE = ("queue", "_TCP_ROUTING", "_SYSLOG_ROUTING")


def inline(setting: Setting) -> Rule:
    """EXTRACT-: a regular expression, and after ` in ` the field that it reads."""
    found = _IN.match(setting.value)
    regex, source = (found[1], found[2]) if found else (setting.value, "_raw")
    groups = list(dict.fromkeys(_GROUP.findall(regex)))
    if not groups:
        return unusable(setting, "has no named group, so it extracts nothing", hint="name what you want: (?<name>...)")
    names = tuple(one for one in groups if not _DYNAMIC.match(one))
    if len(names) < len(groups):
        return Extraction(setting, (Pairs("regex_fields", (regex, (), "ac"), source, names),))
    return Extraction(setting, (Pattern(regex, source, tuple((name, name) for name in names)),))


def report(setting: Setting, transforms: Transforms) -> Rule:
    """REPORT-: every transform named, in order. One that cannot be followed makes the whole setting unusable."""
    patterns: list[Pattern | Listed | Pairs] = []
    refused: Unusable | None = None
    fields: list[str] = []
    for name in (part.strip() for part in setting.value.split(",")):
        if not name:
            continue
        keys = transforms.get(name)
        if keys is None:
            refused = refused or unusable(setting, f"names the transform [{name}], which does not exist")
            continue
        found = _transform(setting, name, keys)
        if isinstance(found, Unusable):
            fields += found.fields
            refused = refused or found
        else:
            patterns.append(found)
            fields += [field for field, _ in found.fields]
    if refused is not None:
        return Unusable(setting, tuple(dict.fromkeys(fields)), refused.warn)
    return Extraction(setting, tuple(patterns))


def _transform(setting: Setting, name: str, keys: Mapping[str, Setting]) -> Pattern | Listed | Pairs | Unusable:
    def flag(key: str, default: bool) -> bool:
        return bool(truth(keys[key].value)) if key in keys else default

    source = keys["SOURCE_KEY"].value if "SOURCE_KEY" in keys else "_raw"
    regex = keys["REGEX"].value if "REGEX" in keys else ""
    source = _META.get(source, source).removeprefix("field:")
    if source.startswith("_MetaData") or source in _NOT_HERE:
        names = [quoted or bare for quoted, bare in _NAME.findall(keys["FIELDS"].value)] if "FIELDS" in keys else []
        return unusable(
            setting, f"reads {source} in [{name}], which is of index time", [*_GROUP.findall(regex), *names]
        )
    several, clean, keep = flag("MV_ADD", False), flag("CLEAN_KEYS", True), flag("KEEP_EMPTY_VALS", False)
    flags = ("c" if clean else "") + ("e" if keep else "")
    if "DELIMS" in keys:
        return _delims(setting, name, keys, source, several, clean, keep, flags)
    if not regex:
        return unusable(setting, f"uses the transform [{name}], which has neither REGEX nor DELIMS")
    groups: list[str] = list(dict.fromkeys(_GROUP.findall(regex)))
    formats = [
        (quoted or bare, constant or value)
        for quoted, bare, constant, value in _TARGET.findall(keys["FORMAT"].value if "FORMAT" in keys else "")
    ]
    dynamic = any("$" in target for target, _ in formats) or any(map(_DYNAMIC.match, groups))
    fields: list[tuple[str, int | str | Template]] = [(one, one) for one in groups if not _DYNAMIC.match(one)]
    fields += [(_cleaned(target, clean), _value(value)) for target, value in formats if "$" not in target]
    if not fields and not dynamic:
        return unusable(setting, f"uses the transform [{name}], which names no field")
    if dynamic or keep or (several and any(isinstance(value, Template) for _, value in fields)):
        templates = [part for target, value in formats for part in (target, value)]
        # Named groups stand beside FORMAT.
        for one in groups if formats else ():
            number = _number(regex, one)
            if number is not None and not _DYNAMIC.match(one):
                templates += [one, f"${number}"]
        known = tuple(dict.fromkeys(target for target, _ in fields))
        every = "a" if dynamic or several else ""
        return Pairs("regex_fields", (regex, tuple(templates), every + flags), source, known, several)
    return Pattern(regex, source, tuple(fields), several)


def _delims(
    setting: Setting,
    name: str,
    keys: Mapping[str, Setting],
    source: str,
    several: bool,
    clean: bool,
    keep: bool,
    flags: str,
) -> Listed | Pairs | Unusable:
    sets = [
        re.sub(r"\\.", lambda one: _ESCAPES.get(one[0], one[0]), one) for one in _QUOTED.findall(keys["DELIMS"].value)
    ]
    names = [quoted or bare for quoted, bare in _NAME.findall(keys["FIELDS"].value)] if "FIELDS" in keys else []
    if not sets or not all(sets):
        return unusable(setting, f"uses DELIMS in [{name}], whose characters must stand in quotes", names)
    if names:
        return Listed(sets[0], source, tuple(_cleaned(one, clean) for one in names), several, keep)
    if len(sets) < 2:
        return unusable(setting, f"uses DELIMS in [{name}] with one set of characters and no FIELDS")
    return Pairs("kv_fields", (sets[0], sets[1], 0.0, flags), source, (), several)


def _cleaned(name: str, clean: bool) -> str:
    """CLEAN_KEYS: only letters, digits and `_`, and none of the last two in front."""
    return _DIRTY.sub("_", name).lstrip("_0123456789") if clean else name


def _value(template: str) -> int | Template:
    parts: list[str | int] = []
    at = 0
    for found in _REFERENCE.finditer(template):
        if found.start() > at:
            parts.append(template[at : found.start()])
        parts.append(int(found[1]))
        at = found.end()
    if at < len(template):
        parts.append(template[at:])
    return parts[0] if len(parts) == 1 and isinstance(parts[0], int) else Template(tuple(parts))


def _number(regex: str, group: str) -> int | None:
    try:
        return dict(check(regex).groups).get(group)
    except SplError:
        return None
