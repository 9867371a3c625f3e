"""The differences between two trees of content: what came, went, changed its name or what it does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from trapline.content.catalog import Content, calls
from trapline.content.model import (
    Baseline,
    Dashboard,
    DataSource,
    Deployment,
    Detection,
    Investigation,
    Item,
    Lookup,
    Macro,
    Playbook,
    Story,
)
from trapline.splunkapp.spltext import StageLine
from trapline.splunkapp.spltext import compare as compare_spl
from trapline.splunkapp.views import PROSE, Value, digest, search_of, view


class Change(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    RENAMED = "renamed"
    """The same id under another name; it may have changed besides."""
    CHANGED = "changed"


KINDS: dict[str, tuple[type[Item], Callable[[Content], Iterable[Item]]]] = {
    "detection": (Detection, lambda content: content.detections),
    "macro": (Macro, lambda content: content.macro_defs.values()),
    "lookup": (Lookup, lambda content: content.lookups),
    "story": (Story, lambda content: content.stories),
    "baseline": (Baseline, lambda content: content.baselines),
    "investigation": (Investigation, lambda content: content.investigations),
    "data source": (DataSource, lambda content: content.data_sources),
    "deployment": (Deployment, lambda content: content.deployments),
    "dashboard": (Dashboard, lambda content: content.dashboards),
    "playbook": (Playbook, lambda content: content.playbooks),
}


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A value that is not the same; None where there was none."""

    name: str
    old: Value
    new: Value

    @property
    def prose(self) -> bool:
        """It changes neither what is found nor what is raised."""
        return self.name in PROSE

    def to_json(self) -> dict[str, Any]:
        return {"field": self.name, "old": self.old, "new": self.new}


@dataclass(frozen=True, slots=True)
class Entry:
    """One object that is not the same in both trees."""

    kind: str
    name: str
    """In the new tree; of a removed one in the old."""
    change: Change
    old_name: str = ""
    """Where it was renamed."""
    id: str = ""
    versions: tuple[int | None, int | None] = (None, None)
    digests: tuple[str | None, str | None] = (None, None)
    """Of what it does (`views.digest`)."""
    fields: tuple[FieldChange, ...] = ()
    stages: tuple[StageLine, ...] = ()
    """The stages of its search, if that changed."""
    file: str = ""

    @property
    def behaviour(self) -> bool:
        """It finds other events, raises something else or runs at other times."""
        return (
            self.change in (Change.ADDED, Change.REMOVED)
            or bool(self.stages)
            or not all(one.prose for one in self.fields)
        )

    def to_json(self) -> dict[str, Any]:
        out: dict[str, Any] = {"kind": self.kind, "name": self.name, "change": self.change.value, "id": self.id or None}
        if self.old_name:
            out["old_name"] = self.old_name
        return out | {
            "old_version": self.versions[0],
            "new_version": self.versions[1],
            "old_digest": self.digests[0],
            "new_digest": self.digests[1],
            "behaviour": self.behaviour,
            "fields": [one.to_json() for one in self.fields],
            "spl": [{"mark": one.mark, "stage": one.text} for one in self.stages],
            "file": self.file,
        }


@dataclass(frozen=True, slots=True)
class Behind:
    """An enabled detection that is not as it is upstream."""

    name: str
    entry: Entry | None
    """How it changed itself."""
    through: tuple[Entry, ...] = ()
    """Macros and lookups that it uses, directly or through others, and that changed."""

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "change": self.entry.to_json() if self.entry is not None else None,
            "through": [{"kind": one.kind, "name": one.name, "change": one.change.value} for one in self.through],
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """All that differs, by kind, then by name."""

    entries: tuple[Entry, ...] = ()
    same: dict[str, int] = field(default_factory=dict)
    """How many objects of each kind are the same."""

    def of(self, kind: str) -> list[Entry]:
        return [one for one in self.entries if one.kind == kind]

    def counts(self) -> dict[str, dict[str, int]]:
        """Kind -> change -> number, with `same`; kinds that neither tree has are left out."""
        found: dict[str, dict[str, int]] = {}
        for kind in KINDS:
            row = {change.value: sum(one.change is change for one in self.of(kind)) for change in Change}
            row["same"] = self.same.get(kind, 0)
            if any(row.values()):
                found[kind] = row
        return found


def compare(old: Content, new: Content, kinds: Sequence[str] = ()) -> Difference:
    """What differs between two trees, of some kinds or all."""
    entries: list[Entry] = []
    same: dict[str, int] = {}
    for kind, (_, items) in KINDS.items():
        if kinds and kind not in kinds:
            continue
        found = list(_kind(kind, old, new, items))
        entries += sorted(found, key=lambda one: one.name.lower())
        changed = sum(one.change is not Change.REMOVED for one in found)
        same[kind] = sum(1 for _ in items(new)) - changed
    return Difference(tuple(entries), same)


def _kind(kind: str, old: Content, new: Content, items: Callable[[Content], Iterable[Item]]) -> Iterator[Entry]:
    before = {_key(one): one for one in items(old)}
    after = {_key(one): one for one in items(new)}
    gone = {key: one for key, one in before.items() if key not in after}
    by_id = {one.id.lower(): key for key, one in gone.items() if one.id}
    for key, one in after.items():
        was = before.get(key)
        if was is None and one.id and one.id.lower() in by_id:
            was = gone.pop(by_id.pop(one.id.lower()))
        if was is None:
            yield Entry(
                kind,
                _name(one),
                Change.ADDED,
                id=one.id,
                versions=(None, one.version),
                digests=(None, digest(one, new)),
                file=one.file,
            )
            continue
        entry = _entry(kind, was, one, old, new)
        if entry is not None:
            yield entry
    for one in gone.values():
        yield Entry(
            kind,
            _name(one),
            Change.REMOVED,
            id=one.id,
            versions=(one.version, None),
            digests=(digest(one, old), None),
            file=one.file,
        )


def _key(one: Item) -> str:
    return one.key if isinstance(one, Macro) else one.name.lower()


def _name(one: Item) -> str:
    return one.key if isinstance(one, Macro) else one.name


def _entry(kind: str, was: Item, one: Item, old: Content, new: Content) -> Entry | None:
    """How one object became another; None when it did not."""
    before, after = view(was, old), view(one, new)
    fields = tuple(
        FieldChange(name, before.get(name), after.get(name))
        for name in dict.fromkeys((*before, *after))
        if before.get(name) != after.get(name)
    )
    first, second = search_of(was), search_of(one)
    stages = tuple(compare_spl(first, second)) if first is not None and second is not None else ()
    renamed = _name(was) != _name(one)
    if not fields and not stages and not renamed:
        return None
    return Entry(
        kind,
        _name(one),
        Change.RENAMED if renamed else Change.CHANGED,
        _name(was) if renamed else "",
        one.id,
        (was.version, one.version),
        (digest(was, old), digest(one, new)),
        fields,
        stages,
        one.file,
    )


def behind(found: Difference, old: Content, enabled: Iterable[Detection]) -> list[Behind]:
    """The enabled detections that do something else in the new tree, by themselves or through what they use."""
    by_name = {
        (one.old_name or one.name).lower(): one for one in found.of("detection") if one.change is not Change.ADDED
    }
    used = {
        (kind, one.old_name or one.name): one
        for kind in ("macro", "lookup")
        for one in found.of(kind)
        if one.change is not Change.ADDED and one.behaviour
    }
    out = []
    for detection in sorted(enabled, key=lambda one: one.name.lower()):
        entry = by_name.get(detection.name.lower())
        through = tuple(one for key, one in used.items() if key in _uses(detection.search, old)) if used else ()
        if through or entry is not None:
            out.append(Behind(detection.name, entry, through))
    return out


def _uses(search: str, content: Content) -> set[tuple[str, str]]:
    """The macros (by key) and lookups that a search uses, those within macros included."""
    found: set[tuple[str, str]] = set()
    texts = [search]
    while texts:
        text = texts.pop()
        words = set(text.replace("|", " ").replace("[", " ").replace("]", " ").replace('"', " ").split())
        found |= {("lookup", one.name) for one in content.lookups if one.name in words}
        for call in calls(text):
            macro = content.macro(call.key)
            if macro is not None and ("macro", call.key) not in found:
                found.add(("macro", call.key))
                texts.append(macro.definition)
    return found
