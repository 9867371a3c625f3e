"""A table or model in lookups/ that no lookup names.

It is shipped, and nothing can read it. contentctl refuses it from the second generation on (facts/CONTENT.md §1.7).
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.content.model import Generation, Item
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Tree

LEVEL = Level.WARNING
REFUSED = True


def check_tree(tree: Tree) -> Iterator[tuple[Item | None, Report]]:
    tables = (one.table for one in tree.content.lookups)
    used = {(path.parent.resolve(), path.name) for path in tables if path is not None}
    new = any(one.generation is not Generation.S1 for one in tree.content.lookups)
    for root in tree.roots:
        folder = root / "lookups"
        if not folder.is_dir():
            continue
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() not in (".csv", ".mlmodel") or not path.is_file():
                continue
            if (path.parent.resolve(), path.name) not in used:
                hint = "add its definition, or delete it"
                yield None, Report("no lookup names this file", hint, file=str(path), refused=new)
