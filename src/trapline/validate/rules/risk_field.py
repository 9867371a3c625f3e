"""The field of a risk object is not in the final row: it raises no risk.

Told by the compiler, which follows the fields through the commands; a name that merely occurs in the search is no
field of the row. Where the fields depend on data the finding is a note that says so.
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.validate.finding import Level, Report
from trapline.validate.rowfield import report
from trapline.validate.subject import Subject, risk_fields

LEVEL = Level.ERROR
REFUSED = True
"""Where the name does not occur in the text of the search either."""


def check(subject: Subject) -> Iterator[Report]:
    for path, name in risk_fields(subject):
        yield from report(subject, name, path, f"the risk object '{name}'", "no risk event is made of it")
