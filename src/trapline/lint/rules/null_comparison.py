"""A comparison with null(): it is never true, `!=` neither.

A comparison with null is null, and where and if() take that for false.

Instead: isnull(field) or isnotnull(field).
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.lint.finding import Report, Severity
from trapline.lint.subject import Subject, parts
from trapline.spl import expr as asts

CODE = "TL112"
SEVERITY = Severity.WARNING
COMPARISONS = frozenset(("=", "==", "!=", "<", "<=", ">", ">="))


def check(subject: Subject) -> Iterator[Report]:
    for place in subject.places:
        for one in parts(place.stage.command, asts.Binary):
            if not isinstance(one, asts.Binary) or one.op not in COMPARISONS:
                continue
            sides = (one.left, one.right)
            if not any(isinstance(side, asts.Func) and side.name.lower() == "null" for side in sides):
                continue
            field = next((side.name for side in sides if isinstance(side, asts.Field)), "field")
            instead = "isnotnull" if one.op == "!=" else "isnull"
            yield Report(one.span, "a comparison with null() is never true", f"write {instead}({field})")
