"""tstats over a data model without the summariesonly macro.

Without summariesonly=true tstats also searches events that the acceleration has not summarised yet: slow in production.
Content keeps the choice in a macro (`security_content_summariesonly`, `summariesonly_config`), so that one edit suits
all searches to an environment; a value written into the search takes that choice away.

Instead: | tstats `security_content_summariesonly` count from datamodel=...
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from trapline.errors import Span
from trapline.lint.finding import Report, Severity
from trapline.lint.subject import Subject

CODE = "TL102"
SEVERITY = Severity.WARNING


def check(subject: Subject) -> Iterator[Report]:
    for place in subject.places:
        span = place.stage.span
        if place.stage.name != "tstats" or subject.unknown(span):
            continue
        text = subject.written(span)
        if not re.search(r"(?i)\bfrom\s+datamodel\b", text):
            continue
        if any("summariesonly" in name.lower() for name in subject.origin.macros(span)):
            continue
        word = Span(span.start, span.start + len("tstats"))
        fixed = re.search(r"(?i)\bsummariesonly\s*=\s*(\w+)", text)
        if fixed is None:
            yield Report(word, "tstats without summariesonly", "write tstats `security_content_summariesonly` ...")
        else:
            yield Report(
                Span(span.start + fixed.start(), span.start + fixed.end()),
                f"summariesonly is fixed to {fixed.group(1)} in the search",
                "write the macro `security_content_summariesonly`, which can be set for all searches",
                Severity.INFO,
            )
