"""Typed records of search-time settings, and how each is read from its .conf text.

Sources: props.conf.spec, transforms.conf.spec, eventtypes.conf.spec, tags.conf.spec. Reading never fails: what cannot
be used becomes an `Unusable` record, which warns when a search asks for a field that it would make.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from trapline.errors import SplError, Warn
from trapline.knowledge.conf import Setting, truth
from trapline.spl.cursor import Cursor
from trapline.spl.expr import Ast, parse_expression


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression over a field. `fields`: (field, group number or name); `several`: every match counts, and
    adds to what is there (MV_ADD)."""

    regex: str
    source: str
    fields: tuple[tuple[str, int | str], ...]
    several: bool = False


@dataclass(frozen=True, slots=True)
class Extraction:
    """EXTRACT- or REPORT-: patterns in order."""

    setting: Setting
    patterns: tuple[Pattern, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for one in self.patterns for name, _ in one.fields))


@dataclass(frozen=True, slots=True)
class Alias:
    """FIELDALIAS-: (original, alias, keep) in order; `keep` is ASNEW: an alias that exists stays as it is."""

    setting: Setting
    pairs: tuple[tuple[str, str, bool], ...]

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(new for _, new, _ in self.pairs))


@dataclass(frozen=True, slots=True)
class Calculated:
    """EVAL-: one calculated field."""

    setting: Setting
    field: str
    ast: Ast

    @property
    def fields(self) -> tuple[str, ...]:
        return (self.field,)


@dataclass(frozen=True, slots=True)
class Automatic:
    """LOOKUP-: an automatic lookup. `table`: its stanza of transforms.conf; `on`: (column, field of the events) that
    must be equal; `outputs`: (column, field to write), None for all other columns; `new`: OUTPUTNEW."""

    setting: Setting
    table: str
    on: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str], ...] | None
    new: bool

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for _, name in self.outputs or ()))


@dataclass(frozen=True, slots=True)
class Unusable:
    """A setting that Trapline cannot follow, with the fields that it would make as far as they are known."""

    setting: Setting
    fields: tuple[str, ...]
    warn: Warn


Rule = Extraction | Alias | Calculated | Automatic | Unusable


@dataclass(frozen=True, slots=True)
class Eventtype:
    """eventtypes.conf: a name for a search."""

    name: str
    search: str
    place: str


@dataclass(frozen=True, slots=True)
class Tag:
    """tags.conf: events whose `field` has `value` have `tag`."""

    field: str
    value: str
    tag: str


def unusable(setting: Setting, reason: str, fields: Sequence[str] = (), hint: str | None = None) -> Unusable:
    """The record of a setting that cannot be followed."""
    return Unusable(setting, tuple(fields), Warn("knowledge", f"{setting.key} {reason}", hint, setting.place))


# --- props.conf ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a setting of props.conf may refer to: the stanzas of transforms.conf."""

    transforms: Mapping[str, Mapping[str, Setting]]


def rule_of(setting: Setting, around: Surroundings) -> Rule | None:
    """The rule of a setting of props.conf, None where it is not one of search time."""
    if setting.key[:6].upper() == "LOOKUP":
        # This prefix alone may be in any letter case, with `-`, `_` or nothing after it.
        return _lookup(setting)
    kind, dash, name = setting.key.partition("-")
    if not dash:
        return None
    match kind:
        case "EXTRACT":
            return _extract(setting)
        case "REPORT":
            return _report(setting, around)
        case "FIELDALIAS":
            return _alias(setting)
        case "EVAL":
            return _calculated(setting, name.strip())
    return None


_IN = re.compile(r"(?s)(.*\S)\s+in\s+([A-Za-z0-9_]+)\s*\Z")
_GROUP = re.compile(r"\(\?P?<([A-Za-z_][A-Za-z0-9_]*)>")
_DYNAMIC = re.compile(r"_(?:KEY|VAL)_\w+\Z")


def _extract(setting: Setting) -> Rule:
    found = _IN.match(setting.value)
    regex, source = (found[1], found[2]) if found else (setting.value, "_raw")
    groups = _GROUP.findall(regex)
    if not groups:
        return unusable(setting, "has no named group, so it extracts nothing", hint="name what you want: (?<name>...)")
    if any(map(_DYNAMIC.match, groups)):
        return unusable(setting, "takes field names from the data (_KEY_ and _VAL_ groups), which is not supported")
    return Extraction(setting, (Pattern(regex, source, tuple((name, name) for name in dict.fromkeys(groups))),))


_TARGET = re.compile(r'(?:"([^"]+)"|([^\s:"]+))::(?:"([^"]*)"|(\S+))')
_REFERENCE = re.compile(r"\$(\d+)\Z")
_META = {"MetaData:Host": "host", "MetaData:Source": "source", "MetaData:Sourcetype": "sourcetype"}


def _report(setting: Setting, around: Surroundings) -> Rule:
    """Every transform named, in order. One that cannot be followed makes the whole setting unusable."""
    patterns: list[Pattern] = []
    refused: Unusable | None = None
    fields: list[str] = []
    for name in (part.strip() for part in setting.value.split(",")):
        if not name:
            continue
        keys = around.transforms.get(name)
        if keys is None:
            refused = refused or unusable(setting, f"names the transform [{name}], which does not exist")
            continue
        found = _transform(setting, name, keys)
        if isinstance(found, Pattern):
            patterns.append(found)
            fields += [field for field, _ in found.fields]
        else:
            fields += found.fields
            refused = refused or found
    if refused is not None:
        return Unusable(setting, tuple(dict.fromkeys(fields)), refused.warn)
    return Extraction(setting, tuple(patterns))


def _transform(setting: Setting, name: str, keys: Mapping[str, Setting]) -> Pattern | Unusable:
    if "DELIMS" in keys:
        names = _words(keys["FIELDS"].value) if "FIELDS" in keys else []
        return unusable(setting, f"uses DELIMS in [{name}], which is not supported yet", names)
    if "REGEX" not in keys:
        return unusable(setting, f"uses the transform [{name}], which has no REGEX")
    regex = keys["REGEX"].value
    source = keys["SOURCE_KEY"].value if "SOURCE_KEY" in keys else "_raw"
    if source in _META or source.startswith("_MetaData") or source in ("queue", "_TCP_ROUTING"):
        return unusable(setting, f"reads {source} in [{name}], which is not supported", _GROUP.findall(regex))
    source = source.removeprefix("field:")
    several = "MV_ADD" in keys and truth(keys["MV_ADD"].value) is True
    groups = [group for group in _GROUP.findall(regex) if not _DYNAMIC.match(group)]
    fields: list[tuple[str, int | str]] = [(group, group) for group in dict.fromkeys(groups)]
    dynamic = len(groups) < len(_GROUP.findall(regex))
    for quoted, bare, constant, value in _TARGET.findall(keys["FORMAT"].value if "FORMAT" in keys else ""):
        target = quoted or bare
        number = _REFERENCE.match(constant or value)
        if "$" in target:
            dynamic = True
        elif number is None:
            return unusable(
                setting, f"has a FORMAT in [{name}] that is more than field::$1, which is not supported yet"
            )
        else:
            fields.append((target, int(number[1])))
    names = [field for field, _ in fields]
    if dynamic:
        return unusable(setting, f"takes field names from the data in [{name}], which is not supported", names)
    if not fields:
        return unusable(setting, f"uses the transform [{name}], which names no field")
    return Pattern(regex, source, tuple(fields), several)


_NAME = r"""(?:"([^"]+)"|'([^']+)'|([^\s,"']+))"""
_ALIAS = re.compile(rf"[\s,]*{_NAME}\s+(as|asnew)\s+{_NAME}[\s,]*", re.IGNORECASE)


def _alias(setting: Setting) -> Rule:
    pairs: list[tuple[str, str, bool]] = []
    at = 0
    while at < len(setting.value):
        found = _ALIAS.match(setting.value, at)
        if found is None:
            return unusable(
                setting,
                f"is not read at '{setting.value[at:][:40].strip()}'",
                [new for _, new, _ in pairs],
                "write: original AS alias, several of them separated by blanks",
            )
        old = found[1] or found[2] or found[3]
        new = found[5] or found[6] or found[7]
        pairs.append((old, new, found[4].lower() == "asnew"))
        at = found.end()
    if any("*" in old or "*" in new for old, new, _ in pairs):
        return unusable(setting, "has a wildcard in a field name, which is not supported")
    return Alias(setting, tuple(pairs))


def _calculated(setting: Setting, field: str) -> Rule:
    text = setting.value

    def refuse(start: int, end: int) -> NoReturn:
        raise SplError("a subsearch cannot stand here")

    cursor = Cursor(text, 0, len(text), refuse)
    try:
        ast = parse_expression(cursor)
        cursor.finish()
    except SplError as error:
        return unusable(setting, f"is not an eval expression: {error.reason}", [field], error.hint)
    return Calculated(setting, field, ast)


_OUTPUT = re.compile(r"\s(OUTPUT|OUTPUTNEW)\s", re.IGNORECASE)
_COLUMN = re.compile(rf"{_NAME}(?:\s+as\s+{_NAME})?", re.IGNORECASE)


def _lookup(setting: Setting) -> Automatic | Unusable:
    parts = _OUTPUT.split(f" {' '.join(setting.value.split())} ", maxsplit=1)
    table, _, inputs = parts[0].strip().partition(" ")
    on = _pairs(inputs)
    outputs = _pairs(parts[2]) if len(parts) == 3 else None
    found = Automatic(setting, table.strip("\"'"), on, outputs, len(parts) == 3 and parts[1].upper() == "OUTPUTNEW")
    if not table or not on:
        hint = "LOOKUP-name = table column AS field OUTPUT column AS field"
        return unusable(setting, "needs a table and a field to match", found.fields, hint)
    if "_time" in found.fields:
        return unusable(setting, "writes _time, which is not supported", found.fields)
    return found


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    """`column AS field` and `column`, separated by commas or blanks."""
    found = _COLUMN.finditer(text)
    return tuple((_first(one), one[4] or one[5] or one[6] or _first(one)) for one in found)


def _first(found: re.Match[str]) -> str:
    return found[1] or found[2] or found[3]


def _words(text: str) -> list[str]:
    """FIELDS: names in quotes or bare, separated by commas or blanks."""
    return [_first(found) for found in re.finditer(_NAME, text)]


# --- eventtypes.conf and tags.conf ---------------------------------------------------------------------------------


def eventtype_of(name: str, keys: Mapping[str, Setting], problems: list[Warn]) -> Eventtype | None:
    """The eventtype of a stanza, None where it is disabled or cannot be used."""
    if "disabled" in keys and truth(keys["disabled"].value):
        return None
    search = keys.get("search")
    if search is None or not search.value:
        return None
    if "%" in name:
        reason = f"the eventtype '{name}' takes part of its name from a field, which is not supported"
        problems.append(Warn("knowledge", reason, where=search.place))
        return None
    return Eventtype(name, search.value, search.place)


def tags_of(stanza: str, keys: Mapping[str, Setting], problems: list[Warn]) -> Iterator[Tag]:
    """The tags of a stanza `[field=value]`; the value may be URL-encoded."""
    field, equals, value = (stanza if "=" in stanza else urllib.parse.unquote(stanza)).partition("=")
    if not equals or not field:
        for setting in keys.values():
            problems.append(Warn("conf", f"[{stanza}] is not [field=value]", where=setting.place))
            break
        return
    for tag, setting in keys.items():
        match truth(setting.value):
            case True:
                yield Tag(field.strip(), urllib.parse.unquote(value.strip()), tag)
            case None:
                problems.append(
                    Warn("conf", f"{tag} is enabled or disabled, not '{setting.value}'", where=setting.place)
                )
            case False:
                pass
