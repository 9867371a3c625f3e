"""Why a field that Splunk lists for a data source is not made: `data/reasons.csv`, the first row that fits."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from trapline.values import star_regex


@dataclass(frozen=True, slots=True)
class Reason:
    """A row: data source and field by name, `*` stands for anything, letter case counts."""

    data_source: re.Pattern[str]
    field: re.Pattern[str]
    text: str


@cache
def reasons() -> Sequence[Reason]:
    """The table."""
    with (Path(__file__).parent / "data" / "reasons.csv").open(encoding="utf-8", newline="") as stream:
        return [Reason(_wild(row["data_source"]), _wild(row["field"]), row["reason"]) for row in csv.DictReader(stream)]


def reason_for(data_source: str, field: str) -> str | None:
    """The reason, None where none is known."""
    for one in reasons():
        if one.data_source.fullmatch(data_source) and one.field.fullmatch(field):
            return one.text
    return None


def _wild(pattern: str) -> re.Pattern[str]:
    return re.compile(star_regex(pattern), re.DOTALL)
