"""JSON Schemas (2020-12) of content files, for editors that complete and check YAML.

They have no list of keys of their own: `shapes` reads a file that writes down what it is asked for. So a schema takes
what the reader takes, as it takes it: a list of one text may be the text alone, a number may be quoted, null is as good
as absent. A key that the reader would warn of as unknown is not in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from functools import cache
from typing import Any, TypeAlias

from trapline.content import shapes
from trapline.content.fields import Fields
from trapline.content.model import YAML, Generation
from trapline.content.yamlfile import Node
from trapline.errors import TraplineError

Schema: TypeAlias = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SCALARS = ["string", "number", "boolean"]
_TITLES = {"data_sources": "data source", "stories": "story"}


def _any_case(words: Iterable[str]) -> str:
    """A pattern for words in any case; the patterns of JSON Schema know no flag for it."""
    return "|".join(re.sub("[a-z]", lambda found: f"[{found[0]}{found[0].upper()}]", one) for one in words)


_WHOLE = r"^\s*(-?[0-9]{1,18}(\.0+)?)?\s*$"
_FLAG = rf"^\s*({_any_case(('true', 'yes', 'on', '1', 'false', 'no', 'off', '0'))})?\s*$"
_DAY = r"^\s*([0-9]{4}-[0-9]{2}-[0-9]{2}.*)?$"


class _Asked(Fields):
    """The keys of a file that has whatever is asked for. `seed`: what is really there, to tell generations apart;
    `absent`: mappings that are not."""

    __slots__ = ("absent", "found", "required")

    def __init__(self, seed: Node | None = None, absent: frozenset[str] = frozenset()) -> None:
        super().__init__(seed or Node({}, 1), "", [])
        self.absent = absent
        self.found: dict[str, Schema] = {}
        self.required: list[str] = []

    def schema(self) -> Schema:
        made: Schema = {"type": "object", "properties": dict(self.found), "additionalProperties": False}
        return made | ({"required": list(self.required)} if self.required else {})

    def _note(self, key: str, schema: Schema) -> None:
        self.found.setdefault(key, schema)

    def given(self, key: str) -> bool:
        return True

    def nothing(self, key: str) -> Fields:
        return _Asked()

    def warn(self, code: str, reason: str, key: str, *, hint: str | None = None, line: int | None = None) -> None:
        pass

    def text(self, key: str, default: str = "", *, among: type[StrEnum] | None = None) -> str:
        self._note(key, {"enum": [*among, None]} if among is not None else {"type": [*_SCALARS, "null"]})
        return default

    def must(self, key: str, *, hint: str | None = None) -> str:
        self._note(key, {"type": _SCALARS})
        self._require(key)
        return ""

    def need(self, key: str, *, hint: str | None = None, among: type[StrEnum] | None = None) -> str:
        self._note(key, {"enum": list(among)} if among is not None else {"type": _SCALARS, "pattern": r"\S"})
        self._require(key)
        return str(next(iter(among))) if among is not None else key

    def _require(self, key: str) -> None:
        if key not in self.required:
            self.required.append(key)

    def texts(self, key: str) -> tuple[str, ...]:
        self._note(key, {"type": ["array", *_SCALARS, "null"], "items": {"type": _SCALARS}})
        return ()

    def number(self, key: str, low: int | None = None, high: int | None = None) -> int | None:
        made: Schema = {"type": ["integer", "string", "null"], "pattern": _WHOLE}
        if low is not None:
            made["minimum"] = low
        if high is not None:
            made["maximum"] = high
        self._note(key, made)
        return low

    def flag(self, key: str, default: bool = False) -> bool:
        kinds = ["boolean", "integer", "string", "null"]
        self._note(key, {"type": kinds, "pattern": _FLAG, "minimum": 0, "maximum": 1})
        return default

    def day(self, key: str) -> None:
        self._note(key, {"type": ["string", "null"], "pattern": _DAY, "description": "YYYY-MM-DD"})

    def child(self, key: str) -> Fields | None:
        if key in self.absent:
            return None
        below = self._below(key)
        self._note(key, {"type": ["object", "null"], "of": below})
        return below

    def children(self, key: str) -> list[Fields]:
        below = self._below(key)
        self._note(key, {"type": ["array", "null"], "items": {"of": below}})
        return [below]

    def _below(self, key: str) -> _Asked:
        node = self.node.value.get(key) if isinstance(self.node.value, dict) else None
        return _Asked(node, self.absent)

    def some(self, key: str, reason: str, *, hint: str) -> list[Fields]:
        found = self.children(key)
        self.found[key] = self.found[key] | {"type": "array", "minItems": 1}
        self._require(key)
        return found

    def bounds(self, key: str) -> tuple[int | None, int | None]:
        ends = _Asked()
        ends.number("min", 0)
        ends.number("max", 0)
        kinds = ["integer", "string", "object", "null"]
        self._note(key, ends.schema() | {"type": kinds, "pattern": _WHOLE, "minimum": 0})
        return None, None

    def plains(self, key: str) -> tuple[dict[str, Any], ...]:
        self._note(key, {"type": ["array", "null"], "items": {"type": "object"}})
        return ()

    def plain(self, key: str) -> Any:
        self._note(key, {})
        return None

    def unknown(self, tolerated: Iterable[str] = (), *, prefix: str = "") -> dict[str, Any]:
        for key in tolerated:
            self._note(key, {})
        return {}


_SEEDS: Mapping[Generation, Mapping[str, Node]] = {
    Generation.S1: {"tags": Node({"message": Node("", 1)}, 1)},
    Generation.S2: {"rba": Node({}, 1)},
    Generation.S3: {"creation_date": Node("", 1), "threat_group": Node("", 1)},
}
"""What tells a generation."""
_ABSENT: Mapping[Generation, Sequence[frozenset[str]]] = {
    Generation.S1: (frozenset(),),
    Generation.S2: (frozenset(),),
    Generation.S3: (frozenset({"tags"}), frozenset({"tags", "deployment"})),
}
"""Mappings that a file has not; each way it can be is read, and the schema takes them all."""
_ONLY: Mapping[str, tuple[Generation, ...]] = {
    "deployments": (Generation.S1, Generation.S2),
    "schedules": (Generation.S3,),
    "investigations": (Generation.S1, Generation.S2),
}


def generations(kind: str) -> tuple[Generation, ...]:
    """The generations that have files of a kind (facts/CONTENT.md §1.1)."""
    return _ONLY.get(kind, YAML)


def kinds() -> tuple[str, ...]:
    """The folder names of all kinds."""
    return tuple(shapes.KINDS)


@cache
def schema(kind: str, generation: Generation) -> Schema:
    """The schema of files of a kind. Do not change it. Raises TraplineError where there are no such files."""
    if kind not in shapes.KINDS:
        raise TraplineError(f"'{kind[:60]}' is no kind of content", hint=f"one of {', '.join(kinds())}", code="schema")
    if generation not in generations(kind):
        there = ", ".join(one.value for one in generations(kind))
        raise TraplineError(f"{generation.value} has no {kind}", hint=f"they are in {there}", code="schema")
    made: Schema = {}
    for absent in _ABSENT[generation]:
        asked = _Asked(Node(dict(_SEEDS[generation]), 1), absent)
        shapes.KINDS[kind](asked)
        found = _whole(asked)
        made = found if not made else made | {"properties": made["properties"] | found["properties"]}
    title = _TITLES.get(kind, kind.removesuffix("s"))
    return {"$schema": DIALECT, "title": f"{title.capitalize()}, {generation.value}"} | made


def of(reading: Callable[[Fields], object], title: str) -> Schema:
    """The schema of files that a function reads, one mapping a file."""
    asked = _Asked()
    reading(asked)
    return {"$schema": DIALECT, "title": title} | _whole(asked)


def _whole(asked: _Asked) -> Schema:
    """The schema with those of the mappings below it, which are known when all has been read."""
    made = asked.schema()
    for key, one in made["properties"].items():
        made["properties"][key] = _resolved(one)
    return made


def _resolved(one: Schema) -> Schema:
    if "items" in one:
        return one | {"items": _resolved(one["items"])}
    below = one.get("of")
    if not isinstance(below, _Asked):
        return one
    return _whole(below) | {key: value for key, value in one.items() if key != "of"}
