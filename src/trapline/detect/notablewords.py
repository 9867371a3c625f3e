"""Statuses and dispositions of notables: numbers, labels and groups, from `data/` (facts/CONTENT.md §6.4)."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from trapline.errors import TraplineError

URGENCIES = ("informational", "low", "medium", "high", "critical")
"""The lowest first."""
CLOSED = 5
IN_PROGRESS = 2
UNDETERMINED = 6


@dataclass(frozen=True, slots=True)
class Word:
    """`group`: of statuses only."""

    number: int
    label: str
    group: str = ""


def table(name: str) -> list[dict[str, str]]:
    """The rows of a file of `data/`."""
    text = files("trapline.detect").joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def statuses() -> Mapping[int, Word]:
    """By number."""
    return {(at := int(row["status"])): Word(at, row["label"], row["group"]) for row in table("statuses.csv")}


@cache
def dispositions() -> Mapping[int, Word]:
    """By number."""
    return {(at := int(row["disposition"])): Word(at, row["label"]) for row in table("dispositions.csv")}


def status(text: str) -> int:
    """The number of a status that is given by number or label. Raises TraplineError."""
    return _number(text, statuses(), "status")


def disposition(text: str) -> int:
    """The number of a disposition that is given by number, label or the beginning of one that only one has. Raises
    TraplineError."""
    return _number(text.lower().removeprefix("disposition:"), dispositions(), "disposition")


def urgency(text: str) -> str:
    """An urgency in lower case. Raises TraplineError."""
    if text.lower() not in URGENCIES:
        raise TraplineError(f"there is no urgency '{text}'", hint=", ".join(URGENCIES), code="notables.urgency")
    return text.lower()


def _number(text: str, words: Mapping[int, Word], what: str) -> int:
    asked = _plain(text)
    for one in words.values():
        if asked in (str(one.number), _plain(one.label)):
            return one.number
    starts = [one.number for one in words.values() if asked and _plain(one.label).startswith(asked)]
    if len(starts) == 1:
        return starts[0]
    close = get_close_matches(asked, [_plain(one.label) for one in words.values()], 1)
    known = ", ".join(f"{one.number} {one.label}" for one in words.values())
    hint = next(
        (f"did you mean '{one.label}'?" for one in words.values() if close and _plain(one.label) == close[0]), known
    )
    raise TraplineError(
        f"'{text}' is the beginning of several labels" if starts else f"there is no {what} '{text}'",
        hint=known if starts else hint,
        code=f"notables.{what}",
    )


def _plain(text: str) -> str:
    return " ".join("".join(one if one.isalnum() else " " for one in text.lower()).split())
