"""What is in an add-on, and which of its settings are not followed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trapline.knowledge import Knowledge
from trapline.knowledge.check import doubts
from trapline.knowledge.datamodels import model_files


@dataclass(frozen=True, slots=True)
class Inventory:
    """An add-on folder by numbers. `settings`: search-time settings of props.conf; `sources`: the stanzas that have
    any."""

    name: str
    folder: str
    sources: tuple[str, ...]
    settings: int
    eventtypes: tuple[str, ...]
    tags: tuple[str, ...]
    lookups: tuple[str, ...]
    models: tuple[str, ...]
    problems: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def inventory(folder: Path) -> Inventory:
    """The add-on of a folder, read by itself."""
    known = Knowledge.load([folder])
    return Inventory(
        name=folder.name,
        folder=str(folder),
        sources=tuple(stanza.spec.name for stanza in known.stanzas),
        settings=sum(len(stanza.rules) for stanza in known.stanzas),
        eventtypes=tuple(known.eventtypes),
        tags=tuple(sorted({one.tag for one in known.tags})),
        lookups=tuple(sorted(one.name for one in (folder / "lookups").glob("*.csv*"))),
        models=tuple(model_files([folder])),
        problems=len(doubts(known)),
    )
