"""Typed records of search-time settings, and how each is read from its .conf text.

Sources: props.conf.spec, transforms.conf.spec, eventtypes.conf.spec, tags.conf.spec. Reading never fails: what cannot
be used becomes an `Unusable` record, which warns when a search asks for a field that it would make.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trapline.errors import Warn
from trapline.knowledge.conf import Setting
from trapline.spl.expr import Ast


@dataclass(frozen=True, slots=True)
class Template:
    """A value that is put together: texts, and the numbers of groups."""

    parts: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression over a field. `fields`: (field, group number, group name or template); `several`: every
    match counts, and adds to what is there (MV_ADD)."""

    regex: str
    source: str
    fields: tuple[tuple[str, int | str | Template], ...]
    several: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """DELIMS and FIELDS: the pieces of a field between the characters of `ends` have these names, in order."""

    ends: str
    source: str
    names: tuple[str, ...]
    several: bool = False
    keep_empty: bool = False

    @property
    def fields(self) -> tuple[tuple[str, int], ...]:
        return tuple((name, place) for place, name in enumerate(self.names) if name)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Fields whose names are in the data, too. `word`: a word of the engine vocabulary that makes pairs of a field,
    `arguments`: what follows the field; `names`: those known without the data."""

    word: str
    arguments: tuple[str | float | tuple[str, ...] | None, ...]
    source: str
    names: tuple[str, ...] = ()
    several: bool = False

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        return tuple((name, name) for name in self.names)


@dataclass(frozen=True, slots=True)
class Extraction:
    """EXTRACT- or REPORT-: patterns in order."""

    setting: Setting
    patterns: tuple[Pattern | Listed | Pairs, ...]

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


@dataclass(frozen=True, slots=True)
class Mode:
    """KV_MODE or AUTO_KV_JSON: how fields are found in events that nobody described. `value` in lower case."""

    setting: Setting
    value: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cleared:
    """A setting without a value: what weaker stanzas say of its key does not hold either."""

    setting: Setting
    fields: tuple[str, ...] = ()


Rule = Cleared | Extraction | Mode | Alias | Calculated | Automatic | Unusable


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
    warn = Warn("knowledge", f"{setting.key} {reason}", hint, setting.place)
    return Unusable(setting, tuple(name for name in fields if name), warn)
