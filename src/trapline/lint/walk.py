"""The objects inside a parsed command, found by going through its dataclasses."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

from trapline.errors import Span
from trapline.spl.command import Pipeline


def within(value: object, kinds: tuple[type, ...], *, into: bool = True) -> list[object]:
    """The objects of some types, outermost first; subsearches keep theirs to themselves. `into`: also those inside a
    found one."""
    found: list[object] = []
    _collect(value, kinds, into, found)
    return found


def _collect(value: object, kinds: tuple[type, ...], into: bool, found: list[object]) -> None:
    if isinstance(value, kinds):
        found.append(value)
        if not into:
            return
    if isinstance(value, tuple | list):
        for one in value:
            _collect(one, kinds, into, found)
    elif isinstance(value, dict):
        for one in value.values():
            _collect(one, kinds, into, found)
    else:
        for name in _members(type(value)):
            inner = getattr(value, name, None)
            if inner is not None and type(inner) not in _LEAVES:
                _collect(inner, kinds, into, found)


_LEAVES = frozenset((str, int, float, bool, Span))


_MEMBERS: dict[type, tuple[str, ...]] = {}


def _members(kind: type) -> tuple[str, ...]:
    """The fields of a dataclass; none of what is not looked into."""
    found = _MEMBERS.get(kind)
    if found is None:
        inside = is_dataclass(kind) and not issubclass(kind, Pipeline | Span)
        found = _MEMBERS[kind] = tuple(one.name for one in fields(kind)) if inside else ()
    return found
