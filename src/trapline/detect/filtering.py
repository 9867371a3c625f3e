"""Filters: exceptions written as SPL, which become the filter macros of their detections.

A filter macro is where a user of Splunk drops what is known to be harmless. Written in the file of the exceptions it
has an owner, a reason and an end as they do. It stands behind what the user's own macro of that name says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trapline.content.catalog import Content, calls
from trapline.detect.exceptions import SECTION, Exemption, State
from trapline.errors import InputError, SplError, Warn
from trapline.search import Macro
from trapline.spl.parser import parse

PASSES = "search *"
"""A filter macro that lets everything pass."""


def check(exemptions: Sequence[Exemption], content: Content, addons: Mapping[str, Macro] | None = None) -> list[Warn]:
    """Whether the filters can be read, and whether anything calls the macros that they go into. `addons`: the macros
    of these. Raises InputError."""
    macros = content.macros(addons)
    found = []
    for one in exemptions:
        if not one.filter:
            continue
        try:
            parse(joined("", [one]), macros)
        except SplError as error:
            raise InputError(
                error.reason, file=one.file, line=one.line, field=f"{one.name}.filter", hint=error.hint, code=SECTION
            ) from None
        for detection in content.detections:
            if one.concerns(detection) and detection.filter_macro not in {
                call.name for call in calls(detection.search)
            }:
                reason = f"the filter '{one.name}' is for '{detection.name}', which does not call its filter macro"
                hint = "write it as an exception with `when`"
                found.append(Warn("exceptions.filter", reason, hint, f"{one.file}:{one.line}"))
    return found


def joined(own: str, filters: Sequence[Exemption]) -> str:
    """The definition of a filter macro: what it is, then the filters."""
    parts = [] if own.strip() in ("", PASSES) else [own.strip()]
    return " | ".join([*parts, *(one.filter.strip("| ") for one in filters)]) or PASSES


@dataclass(slots=True)
class Filters:
    """The macros of the content with the filters that apply at a time."""

    exemptions: Sequence[Exemption]
    content: Content
    addons: Mapping[str, Macro] = field(default_factory=dict)
    """The macros of the add-ons, beneath those of the content."""
    macros: Mapping[str, Macro] = field(default_factory=dict)
    _active: tuple[str, ...] | None = None

    def at(self, now: float) -> bool:
        """Make `macros` what they are at a moment; whether that changed them."""
        active = [one for one in self.exemptions if one.filter and one.state(now) is State.ACTIVE]
        names = tuple(one.name for one in active)
        if names == self._active:
            return False
        made = self.content.macros(self.addons)
        for detection in self.content.detections if active else ():
            mine = [one for one in active if one.concerns(detection)]
            if mine:
                name = detection.filter_macro
                own = made[name].definition if name in made else PASSES
                made[name] = Macro(name, joined(own, mine))
        self.macros, self._active = made, names
        return True
