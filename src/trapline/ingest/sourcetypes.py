"""What a record is by what it holds: rules from `data/sourcetypes.yaml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class JsonKind:
    """A kind of JSON object. `all` and `any` are its own keys; those of `values`, `time` and `host` may be a path `a.b`
    into it. `source` is what Splunk's inputs are known to set, None = the file's name."""

    sourcetype: str
    time: tuple[str, ...]
    all: tuple[str, ...] = ()
    any: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    host: str | None = None
    source: str | None = None

    def has_keys(self, value: Mapping[str, Any]) -> bool:
        return all(key in value for key in self.all) and (not self.any or any(key in value for key in self.any))

    def has_values(self, value: Mapping[str, Any]) -> bool:
        return all(
            (found := lookup(value, key)) is not None and str(found).startswith(start)
            for key, start in self.values.items()
        )


@dataclass(frozen=True, slots=True)
class TextKind:
    """A kind of text line. `holds`: a text that is in each of them, looked for first because that is quick."""

    sourcetype: str
    match: re.Pattern[str]
    holds: str = ""


@cache
def _rules() -> dict[str, Any]:
    rules: dict[str, Any] = yaml.safe_load((files("trapline.ingest") / "data" / "sourcetypes.yaml").read_text("utf-8"))
    return rules


@cache
def json_kinds() -> tuple[JsonKind, ...]:
    """All kinds, the one that always fits last."""
    rules = _rules()
    default = tuple(rules["json_default"]["time"])
    named = [
        JsonKind(
            rule["sourcetype"],
            tuple(rule.get("time", default)),
            tuple(rule.get("all", ())),
            tuple(rule.get("any", ())),
            rule.get("values", {}),
            rule.get("host"),
            rule.get("source"),
        )
        for rule in rules["json"]
    ]
    return (*named, JsonKind(rules["json_default"]["sourcetype"], default))


@cache
def text_kinds() -> tuple[TextKind, ...]:
    """All kinds, the one that always fits last."""
    rules = _rules()
    named = [
        TextKind(rule["sourcetype"], re.compile(rule["match"], re.ASCII), rule.get("holds", ""))
        for rule in rules["text"]
    ]
    return (*named, TextKind(rules["text_default"]["sourcetype"], re.compile("")))


UNKNOWN = frozenset({"text", "syslog"})
"""Sourcetypes of text that say nothing of what is in it."""


def text_kind(line: str) -> str:
    """The sourcetype of a line of text, by its first 1,000 characters."""
    start = line[:1000]
    return next(kind.sourcetype for kind in text_kinds() if kind.holds in start and kind.match.search(start))


def lookup(value: Any, path: str) -> Any:
    """A member by its key, or by a path `a.b`; None when absent."""
    if isinstance(value, dict) and path in value:
        return value[path]
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value
