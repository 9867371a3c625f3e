"""A field is used after a command dropped it.

After stats, table, tstats and their like only the fields they name are left; any other is null from there on: a
condition on it never holds, a calculation gives null, a column stays empty. Where fields depend on the data (chart,
lookup, xyseries) nothing is claimed.

Instead: carry the field along (`values(x) as x`, or `BY x`), or correct its name.
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.lint.finding import Report, Severity
from trapline.lint.subject import Subject

CODE = "TL101"
SEVERITY = Severity.WARNING
SHOWS = frozenset(("table", "fields"))
"""Commands that only show the field: an empty column, no wrong row."""


def check(subject: Subject) -> Iterator[Report]:
    for loss in subject.flow.losses:
        if loss.field.startswith("_") and loss.reader.name in SHOWS:
            continue
        left = f", which leaves {', '.join(loss.left)}" if loss.left else ""
        yield Report(
            loss.span,
            f"there is no field '{loss.field}' any more after {loss.dropper.name}{left}",
            _hint(loss.field, loss.dropper.name),
            Severity.INFO if loss.reader.name in SHOWS else None,
        )


def _hint(name: str, dropper: str) -> str:
    match dropper:
        case "tstats":
            return f"ask tstats for it, under its name in the data model (Dataset.{name}); or correct the name"
        case "stats" | "chart" | "timechart":
            return f"let {dropper} keep it: values({name}) as {name}, or add it to BY; or correct the name"
        case "rename":
            return "use its new name"
        case "table" | "fields":
            return f"add it to {dropper}, or move {dropper} to the end"
    return "use it before that, or correct the name"
