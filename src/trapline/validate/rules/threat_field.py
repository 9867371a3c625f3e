"""The field of a threat object is not in the final row.

As risk-field, for threat objects: risk events then lack who or what did it.
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.validate.finding import Level, Report
from trapline.validate.rowfield import report
from trapline.validate.subject import Subject, threat_fields

LEVEL = Level.ERROR
REFUSED = True
"""Where the name does not occur in the text of the search either."""


def check(subject: Subject) -> Iterator[Report]:
    for path, name in threat_fields(subject):
        yield from report(subject, name, path, f"the threat object '{name}'", "risk events lack it")
