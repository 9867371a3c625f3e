"""A playbook or dashboard without the files that belong beside it, or with others than it says.

A playbook has a .json and a .py of its name; a dashboard has a .json whose title and description are its name and
description (facts/CONTENT.md §1.7).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from trapline.content.model import Dashboard, Playbook
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.WARNING
REFUSED = True
APPS = False
MOST_BYTES = 20_000_000


def check(subject: Subject) -> Iterator[Report]:
    one = subject.item
    stem = Path(one.file).stem
    if isinstance(one, Playbook):
        there = {Path(file).suffix for file in one.files}
        for suffix in (".json", ".py"):
            if suffix not in there:
                yield Report(f"the file {stem}{suffix} is not beside it", "add it, or correct the name", "name")
    if isinstance(one, Dashboard):
        if not one.definition:
            yield Report(f"the file {stem}.json is not beside it", "add the definition of the dashboard", "name")
            return
        yield from _agrees(one)


def _agrees(one: Dashboard) -> Iterator[Report]:
    path = Path(one.definition)
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        found = json.loads(data[:MOST_BYTES])
    except (OSError, ValueError, RecursionError) as error:
        yield Report(
            f"{path.name} is no definition of a dashboard: {error}",
            "export it anew from Dashboard Studio as JSON",
            "name",
        )
        return
    for key, wanted in (("title", one.name), ("description", one.description)):
        given = found.get(key) if isinstance(found, dict) else None
        if not isinstance(given, str) or given.strip() != wanted.strip():
            field = "name" if key == "title" else key
            yield Report(f"the {key} in {path.name} is not the {field} of the dashboard", "make them one text", field)
