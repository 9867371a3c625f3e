"""Lookup tables that come from other products: what is said where one is not there."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml


class Absent(NamedTuple):
    """`needs`: what the table is, as the rest of a sentence; `provide`: how to have it."""

    needs: str
    provide: str


@cache
def absent_tables() -> dict[str, Absent]:
    """By name."""
    text = Path(__file__).with_name("absent.yml").read_text(encoding="utf-8")
    return {name: Absent(one["needs"], one["provide"]) for name, one in yaml.safe_load(text).items()}
