"""Which objects are meant: by name, id, file name, path of a file, or a folder of files."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from trapline.content.model import Item
from trapline.content.read import load, read_file
from trapline.errors import TraplineError
from trapline.validate.check import Asked, key
from trapline.validate.subject import Tree


def named(tree: Tree, names: Sequence[str], asked: Asked) -> Asked:
    """Only the objects named. A file outside the folders is read and laid over the content. Raises TraplineError for a
    name that there is none of."""
    found: set[tuple[str, str]] = set()
    files: list[str] = []
    for name in names:
        path = Path(name)
        if path.exists():
            files.append(str(path.resolve()))
            found |= {key(one) for one in _of_path(tree, path)}
        else:
            found |= {key(one) for one in _of_name(tree, name)}
    return replace(asked, items=frozenset(found), files=tuple(files))


def _of_path(tree: Tree, path: Path) -> list[Item]:
    wanted = path.resolve()
    there = [one for one in tree.content.items() if one.file and _within(Path(one.file).resolve(), wanted)]
    if there or any(_within(Path(one.file).resolve(), wanted) for one in tree.content.problems):
        tree.roots = (*tree.roots, *({Path(one.file) for one in there}))
        return there
    if path.is_dir():
        added = load(path)
        tree.content.lay(added)
        there = list(added.items())
    else:
        there = read_file(path, tree.content.problems)
        for one in there:
            tree.content.put(one)
    tree.roots = (*tree.roots, path)
    return there


def _of_name(tree: Tree, name: str) -> list[Item]:
    word = name.strip().lower()
    everything = list(tree.content.items())
    there = [one for one in everything if word in (one.name.lower(), one.id.lower(), one.stem.lower())]
    if not there:
        near = difflib.get_close_matches(word, [one.name.lower() for one in everything], 1)
        hint = f"did you mean '{near[0]}'?" if near else "give the folder that holds it with --content DIR"
        raise TraplineError(f"there is no content named '{name}'", hint=hint, code="validate.unknown")
    tree.roots = (*tree.roots, *(Path(one.file) for one in there if one.file))
    return there


def _within(file: Path, wanted: Path) -> bool:
    return file == wanted or wanted in file.parents
