"""How search-time settings are read from their .conf text into typed records.

Sources: props.conf.spec, eventtypes.conf.spec, tags.conf.spec. Reading never fails: what cannot be used becomes an
`Unusable` record, which warns when a search asks for a field that it would make.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import NoReturn

from trapline.errors import SplError, Warn
from trapline.knowledge.conf import Setting, truth
from trapline.knowledge.extracting import MODES
from trapline.knowledge.patterns import Transforms, inline, report
from trapline.knowledge.records import (
    Alias,
    Automatic,
    Calculated,
    Cleared,
    Eventtype,
    Mode,
    Rule,
    Tag,
    Unusable,
    unusable,
)
from trapline.spl.cursor import Cursor
from trapline.spl.expr import parse_expression

# --- props.conf ----------------------------------------------------------------------------------------------------


def rule_of(setting: Setting, transforms: Transforms) -> Rule | None:
    """The rule of a setting of props.conf, None where it is not one of search time.

    An empty value clears a setting (Admin Manual, "How to edit a configuration file")."""
    if not setting.value.strip() and _SEARCH_TIME.match(setting.key):
        return Cleared(setting)
    if setting.key[:6].upper() == "LOOKUP":
        # This prefix alone may be in any letter case, with `-`, `_` or nothing after it.
        return _lookup(setting)
    if setting.key in ("KV_MODE", "AUTO_KV_JSON"):
        value = setting.value.strip().lower()
        return Mode(setting, value) if setting.key != "KV_MODE" or value in MODES else None
    kind, dash, name = setting.key.partition("-")
    if not dash:
        return None
    match kind:
        case "EXTRACT":
            return inline(setting)
        case "REPORT":
            return report(setting, transforms)
        case "FIELDALIAS":
            return _alias(setting)
        case "EVAL":
            return _calculated(setting, name.strip())
    return None


_SEARCH_TIME = re.compile(r"(?:EXTRACT|REPORT|FIELDALIAS|EVAL)-|KV_MODE\Z|AUTO_KV_JSON\Z|(?i:LOOKUP)")
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
    for old, new, _ in pairs:
        if old.count("*") != new.count("*"):
            return unusable(setting, f"needs as many * in '{old}' as in '{new}'", [new], "src_* AS source_*")
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


# --- eventtypes.conf and tags.conf ---------------------------------------------------------------------------------


def eventtype_of(name: str, keys: Mapping[str, Setting], problems: list[Warn]) -> Eventtype | None:
    """The eventtype of a stanza, None where it is disabled or cannot be used."""
    if "disabled" in keys and truth(keys["disabled"].value):
        return None
    search = keys.get("search")
    if search is None or not search.value:
        return None
    if name.count("%") % 2:
        problems.append(Warn("knowledge", f"the eventtype '{name}' has a % without another", where=search.place))
        return None
    return Eventtype(name, search.value, search.place)


def tags_of(stanza: str, keys: Mapping[str, Setting], problems: list[Warn]) -> Iterator[Tag]:
    """The tags of a stanza `[field=value]`, also written `[host::value]`; the value may be URL-encoded."""
    if stanza.startswith(("host::", "source::", "sourcetype::")):
        stanza = stanza.replace("::", "=", 1)
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
