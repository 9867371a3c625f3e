"""A comparison that minds letter case, on a field whose values do not.

where and eval compare exactly, other than search: `process_name="cmd.exe"` misses CMD.EXE. Windows paths, process,
service, user and host names mean the same in any letter case, and an attacker chooses it. The fields are listed in
`data/case_insensitive_fields.txt`. No report where the search has put the field into one case itself.

Instead: lower(process_name)="cmd.exe", match(x, "(?i)..."), or search process_name=cmd.exe.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources

from trapline.errors import Span
from trapline.lint.finding import Report, Severity
from trapline.lint.subject import PLACEHOLDERS, Subject, parts
from trapline.spl import expr as asts

CODE = "TL108"
SEVERITY = Severity.WARNING
MAKES = frozenset(("eval", "rex", "extract", "spath", "lookup", "fillnull", "replace", "rangemap", "foreach"))
"""Commands that may have made the field, with values of the search's own."""


@cache
def names() -> frozenset[str]:
    """The fields, in lower case."""
    text = resources.files("trapline.lint").joinpath("data/case_insensitive_fields.txt").read_text(encoding="utf-8")
    return frozenset(line.strip().lower() for line in text.splitlines() if line.strip() and not line.startswith("#"))


def check(subject: Subject) -> Iterator[Report]:
    gone = [loss.span for loss in subject.flow.losses]
    for place in subject.places:
        for one in parts(place.stage.command, asts.Binary, asts.In, asts.Func):
            found = _exact(one)
            if found is None:
                continue
            name, literal, span, how = found
            if name.rpartition(".")[2].lower() not in names() or not _letters(literal) or literal in PLACEHOLDERS:
                continue
            if any(span.start <= one.start and one.end <= span.end for one in gone):
                continue  # the field is not there at all, which is said already
            if any(_makes(stage_text(subject, stage.span), name) for stage in place.before if stage.name in MAKES):
                continue
            if place.stage.name == "eval" and _makes(subject.text[place.stage.span.start : span.start], name):
                continue
            yield Report(
                span,
                f"{how} minds letter case, and {name} means the same whatever its letter case",
                _instead(how, name),
            )


def stage_text(subject: Subject, span: Span) -> str:
    return subject.written(span)


def _makes(text: str, name: str) -> bool:
    """Does the text of a command assign the field?"""
    import re

    plain = re.escape(name)
    return re.search(rf"(?<![\w.]){plain}\"?'?\s*=(?!=)|<{plain}>|(?i:\bas\s+\"?{plain}\b)", text) is not None


def _exact(one: object) -> tuple[str, str, Span, str] | None:
    """(field, literal, place, what compares it)"""
    match one:
        case asts.Binary(op="==" | "!=", left=asts.Field(name=name), right=asts.Str(value=literal), span=span):
            return name, literal, span, "this comparison"
        case asts.Binary(op="==" | "!=", left=asts.Str(value=literal), right=asts.Field(name=name), span=span):
            return name, literal, span, "this comparison"
        case asts.In(item=asts.Field(name=name), choices=choices, span=span):
            return name, _joined(choices), span, "IN"
        case asts.Func(name="in", args=(asts.Field(name=name), *choices), span=span):
            return name, _joined(choices), span, "in()"
        case (
            asts.Func(name="like", args=(asts.Field(name=name), asts.Str(value=literal)), span=span)
            | asts.Binary(op="like", left=asts.Field(name=name), right=asts.Str(value=literal), span=span)
        ):
            return name, literal, span, "like()"
        case asts.Func(name="match", args=(asts.Field(name=name), asts.Str(value=literal)), span=span):
            return (name, _of_regex(literal), span, "match()") if "(?i" not in literal else None
    return None


def _of_regex(pattern: str) -> str:
    """The letters that a regular expression asks for: no escapes, no classes."""
    import re

    return re.sub(r"\\.|\[[^\]]*\]|\(\?\w*[<:=!]", "", pattern)


def _joined(choices: Sequence[object]) -> str:
    return "".join(one.value for one in choices if isinstance(one, asts.Str))


def _letters(literal: str) -> bool:
    return literal.lower() != literal.upper()


def _instead(how: str, name: str) -> str:
    match how:
        case "like()":
            return f"write like(lower({name}), ...) with a pattern in lower case"
        case "match()":
            return "begin the regular expression with (?i)"
        case "this comparison":
            return f"compare lower({name}) with a value in lower case, or use search"
    return f"write lower({name}) IN (...) with values in lower case, or use search"
