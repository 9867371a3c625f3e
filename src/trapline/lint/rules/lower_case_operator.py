"""`or`, `and` or `not` in lower case in a search: there they are words to look for.

`user=alice or user=bob` asks for events that hold the word `or` and both users: search takes operators in capitals,
where and eval in any letter case.

Instead: write OR, AND, NOT; or put the word in quotes where it is meant.
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.lint.finding import Report, Severity
from trapline.lint.subject import Subject, conditions
from trapline.spl import filter as filters

CODE = "TL110"
SEVERITY = Severity.WARNING


def check(subject: Subject) -> Iterator[Report]:
    for place in subject.places:
        for one in conditions(place.stage):
            if isinstance(one, filters.Term) and filters.meant_operator(one):
                word = one.value.upper()
                yield Report(
                    one.span,
                    f"search takes '{one.value}' in lower case as a word to look for",
                    f"write {word}, or quotes around the word if it is meant",
                )
