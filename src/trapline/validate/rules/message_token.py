"""A token of the risk message or of the finding's title is not in the final row: it stays as it is written.

`$field$` stands for the value of the field; dots belong to the name (facts/CONTENT.md §8).
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.validate.finding import Level, Report
from trapline.validate.rowfield import report
from trapline.validate.subject import Subject, templates, tokens

LEVEL = Level.ERROR
REFUSED = True
"""Where the name does not occur in the text of the search either."""


def check(subject: Subject) -> Iterator[Report]:
    for path, text in templates(subject):
        for name in tokens(text):
            yield from report(subject, name, path, f"the token ${name}$", "it stays as it is written")
