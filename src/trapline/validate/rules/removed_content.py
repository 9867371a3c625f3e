"""What was removed or is deprecated does not fit what is there.

The names and ids of removed content stay taken; what replaces it must be there (facts/CONTENT.md §1.1, §1.7).
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.content.model import Item
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Tree

LEVEL = Level.WARNING
REFUSED = True


def check_tree(tree: Tree) -> Iterator[tuple[Item | None, Report]]:
    content = tree.content
    ids = {one.id.lower(): one for one in content.removed if one.id}
    names = {one.name: one for one in content.removed}
    for one in tree.targets():
        before = ids.get(one.id.lower()) if one.id else None
        if before is not None:
            hint = "give it an id of its own, or take the removed one out of removed/"
            yield one, Report(f"the id is that of '{before.name}', which was removed ({before.file})", hint, "id")
        if one.name in names:
            hint = "give it a name of its own, or take the removed one out of removed/"
            yield one, Report(f"the name is that of removed content ({names[one.name].file})", hint, "name")
    known = {one.name.lower() for one in (*content.detections, *content.stories)}
    for one in tree.targets():
        reason = content.deprecations.get(one.name.lower())
        for name in reason.replacement_content if reason is not None else ():
            if name.lower() not in known:
                yield one, Report(f"its replacement '{name}' is not there", "name a detection or a story", "name")
