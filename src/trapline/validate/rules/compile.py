"""The search does not compile: it cannot run, or would be refused.

Told by the compiler that runs searches, over no events: syntax, macros, the functions and options of each command,
data models and their fields. A command of an app, and what Splunk runs and Trapline does not, is a warning; what others
have to supply (a lookup, a model) is told by the rules lookup and needs.
"""

from __future__ import annotations

from collections.abc import Iterator

from trapline.content.model import Baseline, Detection
from trapline.errors import InputError, SplError, TraplineError, Unsupported
from trapline.validate.finding import Level, Report
from trapline.validate.subject import Subject

LEVEL = Level.ERROR
REFUSED = False

ELSEWHERE = frozenset(("lookup", "model", "geoip"))
"""Reasons that have a rule of their own."""


def check(subject: Subject) -> Iterator[Report]:
    if not isinstance(subject.item, Detection | Baseline):
        return  # the search of an investigation has tokens in it that are filled when it is used
    error = subject.compiled.error
    if error is None or error.code in ELSEWHERE:
        return
    if any(one.code == "TL003" for one in subject.checked.findings):
        return  # a macro is missing, which has a rule of its own: what the rest comes to is not known
    span = None
    found = next((one for one in subject.checked.findings if one.code in ("TL001", "TL002", "TL004")), None)
    if found is not None:
        span = found.span
    gap = isinstance(error, Unsupported) or (found is not None and found.code == "TL002" and error.code != "function")
    level = Level.WARNING if gap else None  # a command of an app, or one that is not run here
    yield Report(_reason(error), error.hint, "search", span, level)


def _reason(error: TraplineError) -> str:
    if isinstance(error, InputError):
        return f"{error.place}: {error.reason}"
    if isinstance(error, SplError) and error.expanded and error.span is not None:
        text = " ".join(error.query[error.span.start : error.span.end].split())
        return f"{error.reason} (at: {text[:80]})" if text else error.reason
    return error.reason
