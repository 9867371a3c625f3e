"""A field is used after a command dropped it.

After stats, table, tstats and their like only the fields they name are left; any other is null from there on: a
condition on it never holds, a calculation gives null, a column stays empty. Where fields depend on the data (chart,
lookup, xyseries) nothing is claimed, but the field that chart and timechart split by is gone; without a
split all fields but theirs are.

Instead: carry the field along (`values(x) as x`, or `BY x`), or correct its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from trapline.errors import Span
from trapline.lint.finding import Report, Severity
from trapline.lint.flow import Loss
from trapline.lint.subject import Subject, parts
from trapline.spl import expr as asts
from trapline.spl.aggregates import Aggregation
from trapline.spl.command import Stage

CODE = "TL101"
SEVERITY = Severity.WARNING
_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+\Z")
SHOWS = frozenset(("table", "fields"))
"""Commands that only show the field: an empty column, no wrong row."""


def check(subject: Subject) -> Iterator[Report]:
    dotted = {name.start: name for place in subject.places for name in _dotted(subject, place.stage)}
    within = {loss.span.start: name for loss in subject.flow.losses for name in dotted.values() if _in(loss.span, name)}
    for loss in subject.flow.losses:
        whole = within.get(loss.span.start)
        if whole is not None:
            if loss.span.start == whole.start:
                yield _unquoted(subject.written(whole), whole, loss)
            elif whole.start not in within:
                yield _report(loss)
            continue
        if loss.field.startswith("_") and loss.reader.name in SHOWS:
            continue
        yield _report(loss)


def _in(span: Span, whole: Span) -> bool:
    return whole.start <= span.start and span.end <= whole.end


def _dotted(subject: Subject, stage: Stage) -> Iterator[Span]:
    """Where an expression joins fields by dots only, without a blank: it was meant as the name of one field."""
    end = 0
    for one in parts(stage.command, asts.Binary):
        if isinstance(one, asts.Binary) and one.span.start >= end and _NAME.match(subject.written(one.span)):
            end = one.span.end
            yield one.span


def _unquoted(name: str, span: Span, loss: Loss) -> Report:
    return Report(
        span,
        f"{name} without quotes joins the texts of {' and '.join(name.split('.'))}, "
        f"and {loss.dropper.name} has not left them",
        f"write the name of a field with a dot in single quotes: '{name}'",
    )


def _report(loss: Loss) -> Report:
    left = f", which leaves {', '.join(loss.left)}" if loss.left else ""
    return Report(
        loss.span,
        f"there is no field '{loss.field}' any more after {loss.dropper.name}{left}",
        _renamed(loss) or _hint(loss.field, loss.dropper.name),
        Severity.INFO if loss.reader.name in SHOWS else None,
    )


def _renamed(loss: Loss) -> str | None:
    """What `x` is called now, where the dropper made it: `stats count as n`."""
    new = [
        one.name
        for one in parts(loss.dropper.command, Aggregation)
        if isinstance(one, Aggregation) and one.renamed and one.function == loss.field
    ]
    return f"{loss.dropper.name} calls it {' and '.join(dict.fromkeys(new))}" if new else None


def _hint(name: str, dropper: str) -> str:
    match dropper:
        case "chart" | "timechart":
            return f"stats with BY {name} keeps it, or values({name}) as {name}; or correct the name"
        case "tstats":
            return f"ask tstats for it, under its name in the data model (Dataset.{name}); or correct the name"
        case "stats":
            return f"let {dropper} keep it: values({name}) as {name}, or add it to BY; or correct the name"
        case "rename":
            return "use its new name"
        case "table" | "fields":
            return f"add it to {dropper}, or move {dropper} to the end"
    return "use it before that, or correct the name"
