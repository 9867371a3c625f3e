"""The rows of docs/spl-differences.md, by the command or function that they are about."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache

from tests.shared import ROOT

PAGE = ROOT / "docs" / "spl-differences.md"
COMMANDS = "Commands"
"""The section whose names are first those of commands; elsewhere they are first those of functions."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A row of the page, and the names at the start of its code spans."""

    section: str
    where: str
    splunk: str
    here: str
    names: frozenset[str]


@cache
def differences() -> Sequence[Difference]:
    """Every row of the page."""
    found: list[Difference] = []
    section = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line[3:].strip()
        cells = [one.strip().replace("\\|", "|") for one in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 3 and cells[0] != "Where" and not set(cells[0]) <= {"-", ":"}:
            found.append(Difference(section, cells[0], cells[1], cells[2], frozenset(_names(cells[0]))))
    return found


def _names(where: str) -> list[str]:
    """`streamstats time_window` is about streamstats; so is "chart, timechart: columns" about both."""
    spans = re.findall(r"`([^`]+)`", where)
    names = [word.group() for span in spans if (word := re.match(r"[a-z_0-9]+(?=\W|\Z)", span))]
    before = re.sub(r"`[^`]*`", "", where).partition(":")
    return names + (re.findall(r"[a-z_0-9]+", before[0]) if before[1] else [])


def of_command(name: str, functions: Collection[str]) -> list[Difference]:
    """The rows about a command."""
    return [one for one in differences() if name in one.names and (one.section == COMMANDS or name not in functions)]


def of_function(name: str, commands: Collection[str]) -> list[Difference]:
    """The rows about a function."""
    return [one for one in differences() if name in one.names and (one.section != COMMANDS or name not in commands)]
