"""A stanza of transforms.conf as search time reads it, for REPORT- and the command extract: what it finds in a text.

Source: transforms.conf.spec (REGEX, FORMAT, DELIMS, FIELDS, SOURCE_KEY, MV_ADD, CLEAN_KEYS, KEEP_EMPTY_VALS). A regular
expression with names from the data (`FORMAT = $1::$2`, groups `_KEY_1` and `_VAL_1`) is applied again and again, others
once, or with MV_ADD to every match. Without FORMAT the named groups are the fields.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from trapline.errors import SplError
from trapline.pcre import check

_TARGET = re.compile(r'(?:"([^"]+)"|([^\s:"]+))::(?:"([^"]*)"|(\S+))')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_NAME = re.compile(r'"([^"]*)"|([^\s,"]+)')
_GROUP = re.compile(r"\(\?P?<([A-Za-z_][A-Za-z0-9_]*)>")
_DYNAMIC = re.compile(r"_(?:KEY|VAL)_\w+\Z")
_DIRTY = re.compile(r"[^A-Za-z0-9_]")
_ESCAPES = {"\\t": "\t", "\\n": "\n", "\\r": "\r", '\\"': '"', "\\\\": "\\"}
_TRUE = ("1", "t", "true", "y", "yes")


@dataclass(frozen=True, slots=True)
class Transform:
    """`formats`: templates of name and value, `$1` in them a group. `delims`: the characters that end a piece, and,
    unless `fields` name the pieces in order, those that end a key. `source`: the field that is read. `groups`: the
    named groups of `regex`, those that hold names or values of others not among them."""

    name: str
    regex: str | None
    formats: tuple[tuple[str, str], ...]
    groups: tuple[str, ...]
    dynamic: bool
    """The names of its fields are in the data."""
    delims: tuple[str, ...]
    fields: tuple[str, ...]
    source: str
    mv_add: bool
    clean_keys: bool
    keep_empty: bool

    def templates(self) -> tuple[str, ...]:
        """Templates of name and value in turn, as the engine's `regex_fields` takes them: named groups stand beside
        FORMAT. Empty where there are only named groups."""
        if not self.formats or self.regex is None:
            return ()
        numbers = self._numbers()
        beside = [(one, f"${numbers[one]}") for one in self.groups if one in numbers]
        return tuple(part for pair in (*self.formats, *beside) for part in pair)

    def _numbers(self) -> dict[str, int]:
        try:
            return dict(check(self.regex or "").groups)
        except SplError:
            return {}

    def flags(self, *, every: bool, clean: bool, keep: bool) -> str:
        """As `regex_fields` takes them."""
        return ("a" if every or self.dynamic else "") + ("c" if clean else "") + ("e" if keep else "")


def cleaned(name: str) -> str:
    """CLEAN_KEYS: only letters, digits and `_`, and none of the last two in front."""
    return _DIRTY.sub("_", name).lstrip("_0123456789")


def groups_of(regex: str) -> list[str]:
    """The named groups of a regular expression."""
    return list(dict.fromkeys(_GROUP.findall(regex)))


def is_dynamic(group: str) -> bool:
    """Does a group hold a name or a value of a field that is named in the data?"""
    return _DYNAMIC.match(group) is not None


def names_in(fields: str) -> tuple[str, ...]:
    """FIELDS: names between commas, in quotes or not. An empty name is a piece that makes no field."""
    return tuple(quoted or bare for quoted, bare in _NAME.findall(fields))


def read_transform(name: str, settings: Mapping[str, str]) -> Transform:
    """The transform of a stanza's settings. Raises SplError for one that finds nothing; the reason completes "the
    stanza ..."."""

    def flag(key: str, default: bool) -> bool:
        return settings[key].strip().lower() in _TRUE if key in settings else default

    delims = tuple(_unescaped(one) for one in _QUOTED.findall(settings.get("DELIMS", "")))
    fields = names_in(settings.get("FIELDS", "")) if "DELIMS" in settings else ()
    regex = None if "DELIMS" in settings else settings.get("REGEX") or None
    groups = groups_of(regex) if regex is not None else []
    formats: tuple[tuple[str, str], ...] = ()
    if regex is not None:
        targets = _TARGET.findall(settings.get("FORMAT", ""))
        formats = tuple((quoted or bare, constant or value) for quoted, bare, constant, value in targets)
        if not formats and not groups:
            raise SplError("names no field", hint="FORMAT = name::$1", code="conf")
    elif "DELIMS" not in settings:
        raise SplError("has neither REGEX nor DELIMS", code="conf")
    elif not delims or not all(delims):
        raise SplError("has DELIMS whose characters do not stand in quotes", hint='DELIMS = ","', code="conf")
    elif len(delims) == 1 and not fields:
        raise SplError("has one set of DELIMS and no FIELDS", code="conf")
    return Transform(
        name,
        regex,
        formats,
        tuple(one for one in groups if not is_dynamic(one)),
        any("$" in target for target, _ in formats) or any(map(is_dynamic, groups)),
        delims,
        fields,
        settings.get("SOURCE_KEY", "_raw").strip().removeprefix("field:"),
        flag("MV_ADD", False),
        flag("CLEAN_KEYS", True),
        flag("KEEP_EMPTY_VALS", False),
    )


def _unescaped(text: str) -> str:
    return re.sub(r"\\.", lambda found: _ESCAPES.get(found[0], found[0]), text)
