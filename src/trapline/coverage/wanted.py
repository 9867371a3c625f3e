"""The fields that a dataset of a data model recommends to the add-ons that feed it.

In Splunk's CIM every field carries a comment in JSON; `recommended` there says that an add-on should give it (Common
Information Model Add-on Manual, "How to use the CIM data model reference tables").
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trapline.knowledge.datamodels import model_of

_EVENT_WIDE = re.compile(
    r"_|is_|(?:host|source|sourcetype|tag|cim_entity_zone)$"
    r"|.*_(?:bunit|category|priority|requires_av|should_timesync|should_update|watchlist)$"
)
"""Fields that an add-on need not give: Splunk's own, flags of child datasets, and what asset and identity correlation
adds (the reference tables say of those: do not define extractions for this field)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A dataset and the fields that it and its parents recommend."""

    model: str
    dataset: str
    parent: str
    fields: tuple[str, ...]


def wanted(models: Mapping[str, Any]) -> list[Wanted]:
    """The datasets of data models as a session has them (`Session.datamodels`), parents before children.

    A dataset of which nothing is recommended wants every field of its own and of its parents. Raises TraplineError."""
    found: list[Wanted] = []
    for name, given in sorted(models.items()):
        model = model_of(name, given)
        marked = _recommended(given)
        for dataset, one in model.datasets.items():
            line = model.lineage(dataset)
            names = [field for part in line for field in marked.get(part.name, ())]
            if not marked:
                names = [field for part in line for field in part.fields]
            kept = dict.fromkeys(field for field in names if not _EVENT_WIDE.match(field))
            found.append(Wanted(name, dataset, one.parent, tuple(kept)))
    return found


def _recommended(given: Any) -> dict[str, list[str]]:
    """By dataset, the fields that are marked."""
    if isinstance(given, Path):
        given = json.loads(given.read_text("utf-8"))
    found: dict[str, list[str]] = {}
    for one in given.get("objects", ()) if isinstance(given, Mapping) else ():
        fields = [name for name, field in _fields(one) if _is_recommended(field)]
        if fields:
            found[str(one.get("objectName"))] = fields
    return found


def _fields(one: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(one, Mapping):
        return
    lists = [one.get("fields") or (), *((part.get("outputFields") or ()) for part in one.get("calculations") or ())]
    for fields in lists:
        for field in fields:
            if isinstance(field, Mapping) and isinstance(field.get("fieldName"), str):
                yield field["fieldName"], field


def _is_recommended(field: Mapping[str, Any]) -> bool:
    comment = field.get("comment")
    if isinstance(comment, str):
        try:
            comment = json.loads(comment)
        except ValueError:
            return False
    return isinstance(comment, Mapping) and bool(comment.get("recommended"))
