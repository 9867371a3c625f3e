"""A character that is not what it looks like, outside of strings: a typographic quote or an invisible character.

Editors and web pages put them in when a search is copied. A typographic quote quotes nothing, and a zero-width blank
makes another field of a name.

Instead: type the quote or the name again.
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.lint.finding import Report, Severity
from trapline.lint.subject import Subject
from trapline.spl.scan import RETYPE, deceptive

CODE = "TL111"
SEVERITY = Severity.WARNING


def check(subject: Subject) -> Iterator[Report]:
    for span, what in deceptive(subject.text):
        yield Report(span, what, RETYPE)
