"""Which detections a changed file touches.

A detection depends on its own file; the macros of its search and, again, of these; the lookup definitions that these
texts name, and their tables; the baselines that fill them for it; its deployment; its files of further tests; and its
attack data. Files that say something of all detections touch all of them.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trapline.content import read
from trapline.content.catalog import Content, calls
from trapline.content.model import Baseline, Detection, Lookup, Macro
from trapline.errors import TraplineError
from trapline.splunkapp import gittree
from trapline.testing.datasets import Datasets, Located
from trapline.testing.extra import SUFFIX, Extra

OF_ALL = frozenset(("trapline-validate.yml",))
"""Files of a content folder that are about all that is in it."""
_WORD = re.compile(r"[\w.-]+")


@dataclass(frozen=True, slots=True)
class Changes:
    """What is otherwise than before: files (absolute, without links), and names that files had before and may have no
    more: macros as `macro x(1)`, lookups as `lookup x`."""

    files: frozenset[Path] = frozenset()
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Touched:
    """A detection, and why it is to be tested again."""

    detection: Detection
    because: tuple[str, ...]


@dataclass(slots=True)
class Needs:
    """What a detection depends on. `files`: what each is to it."""

    files: dict[Path, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)

    def add(self, path: str | Path | None, what: str) -> None:
        if path:
            self.files.setdefault(Path(path).resolve(), what)


def since(folders: Iterable[Path], ref: str) -> Changes:
    """What differs between a ref of git and the work trees that folders are in. Raises InputError, GitError."""
    files: set[Path] = set()
    names: set[str] = set()
    seen: set[Path] = set()
    for root in folders:
        if any(root.resolve().is_relative_to(top) for top in seen):
            continue
        top, changed, before = gittree.changes(root, ref)
        seen.add(top.resolve())
        files.update((top / one).resolve() for one in changed)
        for path in sorted(before):
            if path.lower().endswith((".yml", ".yaml")):
                names.update(_names(path, gittree.text_at(top, ref, path)))
    return Changes(frozenset(files), frozenset(names))


def _names(path: str, text: bytes) -> Iterator[str]:
    """The macros and lookups that a file defined."""
    with tempfile.TemporaryDirectory(prefix="trapline-changed-") as folder:
        place = Path(folder).joinpath(*Path(path).parts[-2:])
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text)
        for item in read.read_file(place, []):
            match item:
                case Macro():
                    yield f"macro {item.key}"
                case Lookup():
                    yield f"lookup {item.name.lower()}"


def touched(
    content: Content,
    detections: Sequence[Detection],
    changes: Changes,
    datasets: Datasets,
    extras: Mapping[str, Sequence[Extra]],
    of_all: Iterable[Path] = (),
) -> list[Touched]:
    """The detections that depend on something that has changed. `of_all`: folders and files that all depend on."""
    everywhere = [path.resolve() for path in of_all]
    shared = sorted(
        one for one in changes.files if one.name in OF_ALL or any(one.is_relative_to(path) for path in everywhere)
    )
    if shared:
        return [Touched(one, tuple(map(shown, shared))) for one in detections]
    if not changes.files and not changes.names:
        return []
    found = []
    for one in detections:
        needs = needs_of(content, one, datasets, extras.get(one.name, ()))
        because = [f"{needs.files[path]} {shown(path)}" for path in sorted(needs.files.keys() & changes.files)]
        because += [
            f"the {name}" for name in sorted(needs.names & changes.names) if not any(name in said for said in because)
        ]
        because += [
            f"its further tests {shown(path)}"
            for path in sorted(changes.files)
            if path.name == one.stem + SUFFIX and path not in needs.files  # it is gone, or cannot be read
        ]
        if because:
            found.append(Touched(one, tuple(because)))
    return found


def needs_of(content: Content, detection: Detection, datasets: Datasets, extras: Sequence[Extra]) -> Needs:
    """What a detection depends on."""
    needs = Needs()
    needs.add(detection.file, "its file")
    searches = [detection.search]
    baselines: dict[str, Baseline] = {one.name: one for one in content.baselines_of(detection)}
    for extra in extras:
        needs.add(extra.file, "its further tests")
        baselines |= {one.name: one for one in extra.baselines}
    for baseline in baselines.values():
        needs.add(baseline.file, f"the baseline {baseline.name},")
        searches.append(baseline.search)
    try:
        deployment = content.deployment_of(detection)
        needs.add(deployment.file, f"the deployment {deployment.name},")
    except TraplineError:
        pass  # the integration test says so
    texts = list(_expanded(content, searches, needs))
    words = {word.lower() for text in texts for word in _WORD.findall(text)}
    needs.names.update(f"lookup {word.removesuffix('.csv')}" for word in words)
    for lookup in content.lookups:
        if lookup.name.lower() in words or lookup.filename.lower() in words:
            needs.add(lookup.file, f"the lookup {lookup.name},")
            if lookup.table is not None:
                needs.add(lookup.table, f"the table of the lookup {lookup.name},")
    sets = [one for test in detection.tests for one in test.attack_data]
    sets += [one for extra in extras for one in (*extra.data, *extra.history)]
    for data in dict.fromkeys(sets):
        located = datasets.locate(data, detection)
        if isinstance(located, Located):
            needs.add(located.path, "its data")
        elif "://" not in data.data:  # it is gone
            for root in content.roots:
                needs.add(root / data.data, "its data")
    return needs


def _expanded(content: Content, searches: Sequence[str], needs: Needs) -> Iterator[str]:
    """The texts of searches and of all macros that they call, each once."""
    waiting = list(searches)
    seen: set[str] = set()
    while waiting:
        text = waiting.pop()
        yield text
        for call in calls(text):
            if call.key in seen:
                continue
            seen.add(call.key)
            needs.names.add(f"macro {call.key}")
            macro = content.macro(call.key)
            if macro is not None:
                needs.add(macro.file, f"the macro {macro.key},")
                waiting.append(macro.definition)


def shown(path: Path) -> str:
    """A path for people: from the working directory on where it is below it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
