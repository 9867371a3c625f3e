"""Content in numbers and rows: how much of each kind, type and status there is, and one line for each object."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from trapline.content.catalog import Content
from trapline.content.model import Baseline, DataSource, Detection, Investigation, Item, Lookup, Macro, Removed, Story
from trapline.content.tree import KINDS

KIND_NAMES = tuple(KINDS.values())
"""As `--kind` takes them."""


def of_kind(content: Content, kind: str) -> list[Item]:
    """The objects of a kind (a folder name), sorted by name."""
    every: Iterable[Item] = content.removed if kind == "removed" else content.items()
    return sorted((one for one in every if KINDS[type(one)] == kind), key=lambda one: one.name.lower())


def row(item: Item) -> dict[str, Any]:
    """An object in one line: name, id, status and what its kind is told by."""
    found: dict[str, Any] = {
        "name": item.key if isinstance(item, Macro) else item.name,
        "id": item.id or None,
        "kind": KINDS[type(item)],
        "generation": item.generation.value,
        "status": item.status.value,
        "about": _about(item),
        "file": item.file or None,
    }
    return found


def _about(item: Item) -> str:
    match item:
        case Detection():
            return item.type.value
        case Macro():
            return item.definition
        case Lookup():
            return f"{item.kind} {item.collection or item.filename}"
        case Story():
            return ", ".join(item.category)
        case DataSource():
            return f"{item.sourcetype} {item.source}"
        case Removed():
            return item.kind
        case _:
            return item.description


def stats(content: Content) -> dict[str, Any]:
    """Counts, as facts/CONTENT.md §1.1 gives them."""
    detections = list(content.detections)
    lookups = Counter(one.kind for one in content.lookups)
    kinds = Counter(KINDS[type(one)] for one in content.items())
    tests = Counter(len(one.tests) for one in detections)
    return {
        "kinds": {kind: kinds[kind] for kind in KIND_NAMES if kind != "removed"} | {"removed": len(content.removed)},
        "types": _counted(one.type.value for one in detections),
        "statuses": _counted(one.status.value for one in detections),
        "generations": _counted(one.generation.value for one in (*content.items(), *content.removed)),
        "categories": _counted(one.category or "(none)" for one in detections),
        "lookups": {
            "file-backed": sum(count for kind, count in lookups.items() if kind != "kvstore"),
            "kvstore": lookups["kvstore"],
        },
        "tests": {
            "detections with a test": len(detections) - tests[0],
            "detections without": tests[0],
            "tests": sum(number * count for number, count in tests.items()),
        },
        "problems": _counted(one.level.value for one in content.problems),
    }


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items(), key=lambda one: (-one[1], one[0])))


def find(content: Content, query: str) -> list[Item]:
    """The objects of this name, id or file name, of whatever kind: mostly one."""
    wanted = query.strip().lower()
    stem = wanted.replace("\\", "/").rpartition("/")[2].removesuffix(".yml").removesuffix(".yaml")
    every = [*content.items(), *content.removed]
    by_name = [one for one in every if one.name.lower() == wanted or (isinstance(one, Macro) and one.key == query)]
    if by_name:
        return by_name
    by_id = [one for one in every if one.id and one.id.lower() == wanted]
    return by_id or [one for one in every if one.file and one.stem.lower() == stem]


def near(content: Content, query: str, limit: int = 3) -> list[str]:
    """Names like the query, over all kinds."""
    import difflib

    names = {one.name.lower(): one.name for one in (*content.items(), *content.removed)}
    return [names[name] for name in difflib.get_close_matches(query.strip().lower(), names, limit, 0.6)]


def details(content: Content, item: Item) -> dict[str, Any]:
    """All that an object says, and who uses it, as plain values."""
    found: dict[str, Any] = {"kind": KINDS[type(item)]}
    for one in fields(item):
        value = _plain(getattr(item, one.name))
        if value not in ("", None, [], {}):
            found[one.name] = value
    gone = content.deprecation_of(item)
    if gone is not None:
        found["deprecation"] = _plain(gone)
    found["used_by"] = sorted(one.name for one in users(content, item))
    return found


def _plain(value: Any) -> Any:
    match value:
        case StrEnum():
            return value.value
        case date():
            return value.isoformat()
        case tuple() | list():
            return [_plain(one) for one in value]
        case dict():
            return {str(key): _plain(one) for key, one in value.items()}
        case _ if is_dataclass(value) and not isinstance(value, type):
            pairs = {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
            return {key: one for key, one in pairs.items() if one not in ("", None, [], {})}
        case _:
            return value


def users(content: Content, item: Item) -> Iterator[Item]:
    """What refers to an object: searches that call a macro or lookup, members of a story, readers of a data source."""
    from trapline.content.catalog import calls

    match item:
        case Macro():
            for one, text in _searches(content):
                if one is not item and any(call.key == item.key for call in calls(text)):
                    yield one
        case Lookup():
            for one, text in _searches(content):
                if item.name in text and item.name in text.replace(",", " ").replace('"', " ").split():
                    yield one
        case Story():
            yield from content.members(item.name)
        case DataSource():
            wanted = item.name.lower()
            for detection in content.detections:
                if any(name.lower() == wanted for name in detection.data_source_names):
                    yield detection
        case Baseline():
            own = item.name.lower()
            named = {name.lower() for name in item.detections}
            for detection in content.detections:
                if detection.name.lower() in named or any(name.lower() == own for name in detection.baselines):
                    yield detection
        case _:
            return


def _searches(content: Content) -> Iterator[tuple[Item, str]]:
    for one in content.items():
        match one:
            case Detection() | Baseline() | Investigation():
                yield one, one.search
            case Macro():
                yield one, one.definition
            case _:
                continue
