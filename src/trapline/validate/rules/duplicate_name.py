"""Two objects have one name, whatever their kinds.

Saved searches, macros and lookups of an app share one space of names in more places than one thinks; contentctl takes
a name once over all kinds (facts/CONTENT.md §1.1). Two objects of one kind and name are told of when they are read.
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.content.model import Item
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Tree

LEVEL = Level.WARNING
REFUSED = True


def check_tree(tree: Tree) -> Iterator[tuple[Item | None, Report]]:
    first: dict[str, Item] = {}
    for one in tree.targets():
        before = first.setdefault(one.name, one)
        if before is not one and type(before) is not type(one):
            yield one, Report(f"the name '{one.name}' is taken by {before.file}", "give it a name of its own", "name")
