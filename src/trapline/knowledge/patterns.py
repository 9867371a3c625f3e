"""EXTRACT- settings and stanzas of transforms.conf as records of what they find in a field.

Sources: props.conf.spec, "EXTRACT-<class>", "REPORT-<class>"; transforms.conf.spec (`spl.transforms`). CAN_OPTIMIZE and
REPEAT_MATCH change nothing at search time: a field is extracted only when it is asked for, and REPEAT_MATCH is of index
time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from trapline.errors import SplError
from trapline.knowledge.conf import Setting
from trapline.knowledge.records import Extraction, Listed, Pairs, Pattern, Rule, Template, Unusable, unusable
from trapline.spl.transforms import cleaned, groups_of, is_dynamic, names_in, read_transform

Transforms = Mapping[str, Mapping[str, Setting]]
"""The stanzas of transforms.conf."""

_IN = re.compile(r"(?s)(.*\S)\s+in\s+([A-Za-z0-9_]+)\s*\Z")
_REFERENCE = re.compile(r"\$(\d+)")
_META = {"MetaData:Host": "host", "MetaData:Source": "source", "MetaData:Sourcetype": "sourcetype"}
_NOT_HERE = ("queue", "_TCP_ROUTING", "_SYSLOG_ROUTING")


def inline(setting: Setting) -> Rule:
    """EXTRACT-: a regular expression, and after ` in ` the field that it reads."""
    found = _IN.match(setting.value)
    regex, source = (found[1], found[2]) if found else (setting.value, "_raw")
    groups = groups_of(regex)
    if not groups:
        return unusable(setting, "has no named group, so it extracts nothing", hint="name what you want: (?<name>...)")
    names = tuple(one for one in groups if not is_dynamic(one))
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
    source = keys["SOURCE_KEY"].value if "SOURCE_KEY" in keys else "_raw"
    source = _META.get(source, source).removeprefix("field:")
    if source.startswith("_MetaData") or source in _NOT_HERE:
        regex = keys["REGEX"].value if "REGEX" in keys else ""
        names = names_in(keys["FIELDS"].value) if "FIELDS" in keys else ()
        return unusable(setting, f"reads {source} in [{name}], which is of index time", [*groups_of(regex), *names])
    try:
        found = read_transform(name, {key: one.value for key, one in keys.items()})
    except SplError as error:
        names = names_in(keys["FIELDS"].value) if "FIELDS" in keys else ()
        return unusable(setting, f"uses the transform [{name}], which {error.reason}", names)
    several, keep = found.mv_add, found.keep_empty
    flags = found.flags(every=several, clean=found.clean_keys, keep=keep)
    if found.regex is None:
        if found.fields:
            named = tuple(_cleaned(one, found.clean_keys) for one in found.fields)
            return Listed(found.delims[0], source, named, several, keep)
        return Pairs("kv_fields", (*found.delims[:2], 0.0, 0.0, flags.replace("a", "")), source, (), several)
    fields: list[tuple[str, int | str | Template]] = [(one, one) for one in found.groups]
    fixed = [(target, value) for target, value in found.formats if "$" not in target]
    fields += [(_cleaned(target, found.clean_keys), _value(value)) for target, value in fixed]
    if found.dynamic or keep or (several and any(isinstance(value, Template) for _, value in fields)):
        known = tuple(dict.fromkeys(target for target, _ in fields))
        return Pairs("regex_fields", (found.regex, found.templates(), flags), source, known, several)
    return Pattern(found.regex, source, tuple(fields), several)


def _cleaned(name: str, clean: bool) -> str:
    return cleaned(name) if clean else name


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
