"""Is a field in the final row of a search? Told by following the fields through the commands, not by its text.

A search that begins with events may pass any field of theirs on. `ANY` is a name that stands for those that nobody
names: as long as it is among the fields, any may be; where it is left out, only the fields that are named are left.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from trapline.lint.flow import EVENT, Flow, Step
from trapline.lint.subject import Subject
from trapline.spl.commands.lookup import LookupCommand

ANY = "any_field_of_an_event"
"""No field has this name."""
TESTS = frozenset(("search", "where", "fields", "table", "sort", "dedup", "head", "tail", "fillnull", "regex"))
"""Commands that name fields and make none (fillnull makes those that it names, which is told apart)."""


class Presence(StrEnum):
    """Whether a field is in the final row."""

    GIVEN = "given"
    """A command makes it, or keeps it by name."""
    EVENT = "event"
    """Events pass through: it is there if they have it."""
    OPEN = "open"
    """The fields depend on data that is not looked at (a lookup, chart, transpose)."""
    MISSING = "missing"
    """No row can have it."""


@dataclass(frozen=True, slots=True)
class Told:
    """`because`: the command that dropped it, or that leaves the fields open; of EVENT, the first that makes fields
    which it does not name, where one does."""

    presence: Presence
    because: str = ""
    left: tuple[str, ...] = ()
    """The fields of the final row, where they are known."""


def presence(subject: Subject, name: str) -> Told:
    """Whether a field is in the final row. `name` must be among `subject.also`, as must `ANY`."""
    steps = subject.flow.steps
    if not steps:
        return Told(Presence.OPEN, "search")
    lost = _lost(subject.flow, steps, name)
    if lost:
        return Told(Presence.MISSING, lost, _left(steps))
    state, because = Presence.MISSING, steps[0].stage.name
    if steps[0].before:
        state, because = Presence.EVENT, ""
    for step in steps:
        state, because = _after(subject, step, name, state, because)
    return Told(state, because, _left(steps) if state is Presence.MISSING else ())


def _after(subject: Subject, step: Step, name: str, state: Presence, because: str) -> tuple[Presence, str]:
    command = step.stage.command
    if isinstance(command, LookupCommand) and command.outputs is not None:
        given = any(one.name == name for one in command.outputs)
        return (Presence.GIVEN, step.stage.name) if given else (state, because)
    if name not in step.after:
        return Presence.MISSING, because if state is Presence.MISSING else step.stage.name
    if step.open:
        if state is Presence.MISSING or not step.before:
            return Presence.OPEN, step.stage.name
        return state, because or step.stage.name
    if name not in step.before or (step.before and ANY in step.before and ANY not in step.after):
        return Presence.GIVEN, step.stage.name
    if state is not Presence.GIVEN and step.stage.name not in TESTS and _named(subject, step, name):
        return Presence.GIVEN, step.stage.name
    if state is Presence.MISSING and ANY in step.after and step.stage.name not in TESTS:
        return Presence.OPEN, step.stage.name  # wildcards: what they make of names that are not known
    return state, because


def _named(subject: Subject, step: Step, name: str) -> bool:
    text = subject.text[step.stage.span.start : step.stage.span.end]
    return re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.])", text) is not None


def _lost(flow: Flow, steps: Sequence[Step], name: str) -> str:
    """The command that dropped a field which a later one names and cannot bring back."""
    for loss in flow.losses:
        if loss.field == name and any(step.stage is loss.reader for step in steps):
            return loss.dropper.name
    return ""


def _left(steps: Sequence[Step]) -> tuple[str, ...]:
    last = steps[-1]
    if last.open or ANY in last.after:
        return ()
    return tuple(sorted(name for name in last.after if name not in EVENT or name == "_time"))
