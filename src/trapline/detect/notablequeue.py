"""The queue of notables: those that are asked for, without those that a suppression hides (facts/CONTENT.md §6.4).

A suppression hides what was raised before it and what comes after; the events stay in their index. Values are patterns
as in a search: `*` stands for anything, letter case does not count, numbers are equal by value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from trapline.state.journal import NewNotable
from trapline.state.notables import Notables, Stored, Suppression, Wanted
from trapline.values import Scalar, Value, star_regex, to_number, value_text

Notable = Stored | NewNotable
"""One that stands, or one that has just been raised."""
Matches = Callable[[Value | None], bool]


@dataclass(frozen=True, slots=True)
class Entry:
    """A notable, and the suppressions that hide it."""

    notable: Stored
    hidden_by: tuple[str, ...] = ()


@dataclass(slots=True)
class Queue:
    """What was asked for, the newest first. `hidden`: how many suppressions hide; `more`: there are others."""

    entries: list[Entry] = field(default_factory=list)
    hidden: int = 0
    more: bool = False


def queue(
    notables: Notables,
    wanted: Wanted,
    *,
    now: float,
    entity: str | None = None,
    search: str | None = None,
    suppressed: bool = False,
    limit: int | None = None,
) -> Queue:
    """The notables that are wanted. `entity`, `search`: patterns. `suppressed`: those that are hidden instead. Raises
    EngineError."""
    hides = [(one.name, _hides(one)) for one in notables.suppressions() if one.active(now)]
    entity_fits = pattern(entity) if entity is not None else None
    search_fits = pattern(search) if search is not None else None
    found = Queue()
    for one in notables.find(wanted):
        if entity_fits is not None and not entity_fits(one.entity):
            continue
        if search_fits is not None and not _of_search(search_fits, one):
            continue
        hidden_by = tuple(name for name, hide in hides if hide(one))
        found.hidden += bool(hidden_by)
        if bool(hidden_by) != suppressed:
            continue
        if limit is not None and len(found.entries) == limit:
            found.more = True
            break
        found.entries.append(Entry(one, hidden_by))
    return found


def hidden_by(one: Notable, suppressions: Iterable[Suppression], now: float) -> tuple[str, ...]:
    """The suppressions that hide a notable at a moment."""
    return tuple(rule.name for rule in suppressions if rule.active(now) and _hides(rule)(one))


def pattern(text: str) -> Matches:
    """Whether any value of a cell matches a pattern."""
    number = to_number(text)
    made = re.compile(star_regex(text), re.IGNORECASE | re.DOTALL)

    def matches(cell: Value | None) -> bool:
        cells: Sequence[Scalar] = [] if cell is None else cell if isinstance(cell, list) else [cell]
        for value in cells:
            shown = value_text(value)
            if made.fullmatch(shown) or (number is not None and to_number(shown) == number):
                return True
        return False

    return matches


def _hides(rule: Suppression) -> Callable[[Notable], bool]:
    search = pattern(rule.search) if rule.search not in ("", "*") else None
    fields = [(name, pattern(value)) for name, value in rule.fields.items()]

    def hides(one: Notable) -> bool:
        if rule.earliest is not None and one.time < rule.earliest:
            return False
        if rule.latest is not None and one.time >= rule.latest:
            return False
        if search is not None and not _of_search(search, one):
            return False
        return all(fits(one.fields.get(name)) for name, fits in fields)

    return hides


def _of_search(fits: Matches, one: Notable) -> bool:
    return fits(one.search) or fits(one.fields.get("rule_name"))
