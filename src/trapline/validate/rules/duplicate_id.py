"""Two objects have one id.

The id names an object for good: in Enterprise Security, on the site, in reports (facts/CONTENT.md §1.1).
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.content.model import Item
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Tree

LEVEL = Level.ERROR
REFUSED = True


def check_tree(tree: Tree) -> Iterator[tuple[Item | None, Report]]:
    first: dict[str, Item] = {}
    for one in tree.targets():
        if not one.id:
            continue
        before = first.setdefault(one.id.lower(), one)
        if before is not one:
            reason = f"the id is that of '{before.name}' ({before.file})"
            yield one, Report(reason, "make one: python -c 'import uuid; print(uuid.uuid4())'", "id")
