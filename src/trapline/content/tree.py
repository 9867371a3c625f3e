"""Converted content as files: where each goes, what lies beside it, and nothing overwritten without being asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from trapline.content.asfile import deprecation, text_of
from trapline.content.catalog import Content
from trapline.content.convert import Converted
from trapline.content.model import (
    Baseline,
    Dashboard,
    DataSource,
    Deployment,
    Detection,
    Generation,
    Investigation,
    Item,
    Lookup,
    Macro,
    Playbook,
    Removed,
    Story,
    safe_stem,
)
from trapline.content.read import SETTINGS, walk
from trapline.content.yamltext import dump
from trapline.errors import InputError, TraplineError

MAPPING = "removed/deprecation_mapping.YML"
"""S2: the file that says why things are deprecated or removed."""

KINDS: dict[type[Item], str] = {
    Detection: "detections",
    Macro: "macros",
    Lookup: "lookups",
    Story: "stories",
    DataSource: "data_sources",
    Deployment: "deployments",
    Baseline: "baselines",
    Investigation: "investigations",
    Playbook: "playbooks",
    Dashboard: "dashboards",
    Removed: "removed",
}
"""The folder of each kind."""


@dataclass(frozen=True, slots=True)
class File:
    """A file to be written: below the root of the tree, with its text or as a copy of another file."""

    path: str
    text: str | None = None
    copy: Path | None = None
    source: Path | None = None
    """The file that it takes the place of, None for a new one."""


def files(converted: Converted, tree: Content, to: Generation) -> list[File]:
    """The files of converted content, in the layout of its generation (facts/CONTENT.md §1.1)."""
    root = tree.roots[0].resolve() if tree.roots else None
    found: list[File] = []
    taken: set[str] = set()
    for before, item in converted.items:
        named = before is not None and before.file and before.generation is not Generation.APP
        source = Path(before.file) if before is not None and named else None
        path = _path(item, source, root, to, taken)
        taken.add(path)
        same = before is item and source is not None
        found.append(File(path, None if same else text_of(item), source if same else None, source))
        for beside, name in _beside(item, before):
            target = str(PurePosixPath(path).with_name(name))
            if target not in taken:
                taken.add(target)
                found.append(File(target, None, beside, beside))
    if to is Generation.S2:
        found += _mapping(tree, root)
    if root is not None:
        found += (one for one in _along(root) if one.path not in taken)
    return found


def _along(root: Path) -> Iterator[File]:
    """What is no object and belongs to the tree: the data of tests, further tests, and its settings."""
    settings = (root / name for name in sorted(SETTINGS))
    for path in (*settings, *walk(root / "tests")):
        if path.is_file() and path.resolve().is_relative_to(root):
            yield File(path.relative_to(root).as_posix(), None, path, path)


def write_new(made: Iterable[File], out: Path) -> int:
    """Writes the files below a folder that does not exist or is empty. Returns how many. Raises InputError else."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(
            "this folder is not empty; nothing is overwritten",
            file=str(out),
            hint="name a new folder, or change the content itself with --write",
            code="content.convert",
        )
    count = 0
    for one in made:
        put(one, out)
        count += 1
    return count


def write_over(made: Iterable[File], root: Path) -> int:
    """Writes the files into the tree that they come from, each in the place of its source; what has another path now is
    moved there. Returns how many changed. Raises InputError, before anything is written, where a new path is taken by a
    file that is not replaced."""
    changed = [one for one in made if one.text is not None or _moves(one, root)]
    sources = {one.source.resolve() for one in changed if one.source is not None}
    for one in changed:
        target = (root / one.path).resolve()
        if target.exists() and target not in sources:
            raise InputError(
                "this file is in the way; nothing is overwritten",
                file=str(root / one.path),
                hint="rename it, or write a new tree with --out DIR",
                code="content.convert",
            )
    targets = set()
    for one in changed:
        put(one, root)
        targets.add((root / one.path).resolve())
    for source in sources - targets:
        source.unlink(missing_ok=True)
    return len(changed)


def _moves(one: File, root: Path) -> bool:
    return one.source is not None and one.source.resolve() != (root / one.path).resolve()


def put(one: File, root: Path) -> None:
    """Write one file. Raises InputError for a path out of the folder, TraplineError where it cannot be written."""
    target = root / one.path
    if not target.resolve().is_relative_to(root.resolve()):
        raise InputError("this path leads out of the folder", file=one.path, code="content.convert")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if one.text is not None:
            target.write_text(one.text, encoding="utf-8", newline="\n")
        elif one.copy is not None and one.copy.resolve() != target.resolve():
            target.write_bytes(one.copy.read_bytes())
    except OSError as error:
        raise TraplineError(
            f"{target} cannot be written: {error.strerror or error}", hint="nothing else was lost", code="content.write"
        ) from None


def _path(item: Item, source: Path | None, root: Path | None, to: Generation, taken: set[str]) -> str:
    """Where an object goes: where it was, as far as the layout of the generation allows."""
    kind = KINDS[type(item)]
    name = safe_stem(item.name)
    folder = f"{kind}/{safe_stem(item.category)}" if isinstance(item, Detection) and item.category else kind
    if source is not None:
        name = source.stem
        resolved = source.resolve()
        if root is not None and resolved.is_relative_to(root):
            below = resolved.relative_to(root).parent.as_posix()
            folder = below if below != "." else kind
    match item:
        case Lookup():
            folder = "lookups" if to is not Generation.S3 else f"lookups/{item.kind}"
            name = name if item.kind == "kvstore" else Path(item.filename).stem
        case Deployment():
            folder = "deployments" if to is not Generation.S3 else "schedules"
        case Removed():
            folder = f"removed/{item.kind}"
        case _:
            pass
    path = f"{folder}/{name}.yml"
    if path in taken:
        path = f"{folder}/{safe_stem(item.name)}.yml"
    at = 2
    while path in taken:
        path = f"{folder}/{safe_stem(item.name)}_{at}.yml"
        at += 1
    return path


def _beside(item: Item, before: Item | None) -> Iterator[tuple[Path, str]]:
    """The files that belong to an object, each with its name in the new tree."""
    match item, before:
        case Lookup(), Lookup() if before.file and before.filename:
            table = before.table
            if table is not None and table.is_file():
                yield table, Path(item.filename).name
        case Playbook(), _:
            yield from ((Path(one), Path(one).name) for one in item.files)
        case Dashboard(), _ if item.definition:
            yield Path(item.definition), Path(item.definition).name
        case _:
            return


def _mapping(tree: Content, root: Path | None) -> Iterator[File]:
    """The deprecation mapping of S2: entries that the tree has already, and those of S3's own files."""
    own = [one for one in (*tree.items(), *tree.removed) if one.deprecation is not None]
    if not own and not tree.deprecations:
        return
    by_kind: dict[str, list[dict[str, object]]] = {}
    names = {one.name.lower(): one for one in (*tree.items(), *tree.removed)}
    entries = dict(tree.deprecations) | {one.name.lower(): one.deprecation for one in own if one.deprecation}
    for name, entry in sorted(entries.items()):
        item = names.get(name)
        kind = "detections" if item is None else item.kind if isinstance(item, Removed) else KINDS[type(item)]
        title = name if item is None else item.name
        by_kind.setdefault(kind, []).append({"content": title} | deprecation(entry))
    source = None
    if root is not None:
        source = next((one for one in sorted((root / "removed").glob("deprecation_mapping*")) if one.is_file()), None)
    if source is not None and not own:
        yield File(f"removed/{source.name}", None, source, source)
    else:
        yield File(f"removed/{source.name}" if source else MAPPING, dump(dict(sorted(by_kind.items()))), None, source)
