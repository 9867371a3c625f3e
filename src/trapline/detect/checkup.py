"""What one check of `trapline doctor` says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from trapline.errors import InputError, TraplineError, Warn

SHOWN = 5
"""So many examples are named."""


class State(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """`todo`: the next step, where there is one to take."""

    name: str
    state: State
    text: str
    todo: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {"check": self.name, "state": self.state.value, "text": self.text, "todo": self.todo}


def ok(name: str, text: str) -> Check:
    return Check(name, State.OK, text)


def warn(name: str, text: str, todo: str | None) -> Check:
    return Check(name, State.WARN, text, todo)


def fail(name: str, text: str, todo: str | None) -> Check:
    return Check(name, State.FAIL, text, todo)


def failed(name: str, error: TraplineError) -> Check:
    """A check that ended with an error."""
    place = f"{error.place}: " if isinstance(error, InputError) else ""
    return fail(name, f"{place}{error.reason}", error.hint)


def doubts(name: str, text: str, warnings: Sequence[Warn]) -> Check:
    """A check whose doubts are told with it; well where there are none."""
    if not warnings:
        return ok(name, text)
    shown = "; ".join(f"{one.where}: {one.reason}" if one.where else one.reason for one in warnings[:SHOWN])
    more = f"; and {len(warnings) - SHOWN:,} more" if len(warnings) > SHOWN else ""
    return warn(name, f"{text}; {len(warnings):,} warnings: {shown}{more}", warnings[0].hint)


def names(found: Sequence[str]) -> str:
    """Some names of many."""
    more = f" and {len(found) - SHOWN:,} more" if len(found) > SHOWN else ""
    return ", ".join(found[:SHOWN]) + more


def duration(seconds: float) -> str:
    """90000 -> `25.0 h`."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
