"""Splunk apps as content: the folder of one, or savedsearches.conf with what lies beside it (docs/apps.md).

Sources: Admin Manual, "Configuration file precedence": `local/` over `default/`, key by key, within an app; of several
apps that one wins whose name sorts last (`knowledge.precedence`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trapline.content import conf, savedsearches
from trapline.content.catalog import Content
from trapline.content.model import Item, Level, Problem
from trapline.content.stanza import stanzas
from trapline.errors import InputError
from trapline.knowledge.conf import Conf, add_file
from trapline.knowledge.precedence import LAYERS, search_time

SEARCHES, MACROS, TRANSFORMS = "savedsearches.conf", "macros.conf", "transforms.conf"
_CONTENT = (SEARCHES, MACROS, TRANSFORMS)
_FIELDS = ("props.conf", "eventtypes.conf", "tags.conf")
"""What an add-on has: fields, which content has not."""


@dataclass(frozen=True, slots=True)
class App:
    """The folders with .conf files, the weaker first, and that of lookup tables."""

    root: Path
    layers: tuple[Path, ...]
    lookups: Path

    def conf(self, name: str) -> Conf:
        found = Conf()
        for layer in self.layers:
            add_file(found, layer / name, str(layer / name))
        return found


def app(root: Path) -> App | None:
    """The app that a folder is: one with default/ or local/, or with savedsearches.conf itself; or the file
    savedsearches.conf with what is beside it. None where it is none of these."""
    if root.is_file():
        return App(root.parent, (root.parent,), root.parent / "lookups") if root.name == SEARCHES else None
    layers = tuple(root / name for name in LAYERS if any((root / name / file).is_file() for file in _CONTENT))
    if layers:
        return App(root, layers, root / "lookups")
    if (root / SEARCHES).is_file():
        inside = root.name in LAYERS and not (root / "lookups").is_dir()
        return App(root, (root,), (root.parent if inside else root) / "lookups")
    return None


def apps(root: Path) -> list[App]:
    """The app that a path is, else the apps that are right below it, the strongest last."""
    own = app(root)
    if own is not None:
        return [own]
    if not root.is_dir():
        return []
    try:
        below = [one for one in root.iterdir() if one.is_dir() and not one.name.startswith(".")]
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", file=str(root), code="content.folder") from None
    return [found for one in search_time(below) if (found := app(one)) is not None]


def read(one: App, problems: list[Problem]) -> Iterator[Item]:
    """The objects of an app; what is wrong with them goes to `problems`."""
    about = stanzas(one.conf("analyticstories.conf"), problems)
    yield from conf.macros(one.conf(MACROS), problems)
    yield from conf.lookups(one.conf(TRANSFORMS), one.conf("collections.conf"), one.lookups, problems)
    yield from conf.stories(about)
    searches = stanzas(one.conf(SEARCHES), problems)
    yield from savedsearches.read(searches, problems, conf.told(about))
    fields = [name for name in _FIELDS if any((layer / name).is_file() for layer in one.layers)]
    if fields:
        reason = f"{', '.join(fields)} of this app give fields to events, which content does not"
        problems.append(
            Problem(Level.WARNING, "add-on", reason, str(one.root), hint=f"give it with --addon {one.root.name}, too")
        )


def doubles(lower: Content, upper: Content) -> Iterator[Problem]:
    """The detections that two apps have under one name: each runs in Splunk, one of them here."""
    for one in upper.detections:
        before = lower.detections.get(one.name)
        if before is not None:
            reason = f"'{one.name}' is in {before.file}, too; both run in Splunk, here this one does"
            hint = "give one of the two a name of its own"
            yield Problem(Level.WARNING, "duplicate", reason, one.file, field=one.rule_name, hint=hint)
