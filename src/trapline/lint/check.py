"""One search through all rules. What stops the parser is a finding too, and what can be checked besides is checked."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Protocol

from trapline.errors import Span, SplError, TraplineError, Unsupported
from trapline.lint import rules
from trapline.lint.finding import Finding, Report, Severity
from trapline.lint.subject import Subject, calls
from trapline.spl.command import Pipeline
from trapline.spl.functions import find
from trapline.spl.macros import MAX_DEPTH, Macro, MacroCall, find_macro_calls
from trapline.spl.origin import Origin, trace, without_comments
from trapline.spl.parser import DOCUMENTED, command_names, parse
from trapline.spl.scan import COMMENT, end_of_bracket, end_of_quote, split_pipes, strip_comments

MOST_HOLES = 40
"""Unknown macros and commands of one search that are stepped over."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What is known of a rule without running it. `summary` and `text` are its docstring's."""

    code: str
    name: str
    severity: Severity
    summary: str
    text: str


class _Check(Protocol):
    def __call__(self, subject: Subject) -> Iterator[Report]: ...


SYNTAX = Rule(
    "TL001",
    "syntax-error",
    Severity.ERROR,
    "The search cannot be parsed.",
    "Splunk would refuse it as well, or Trapline reads it wrongly: the reason and the place say what was expected.",
)
UNSUPPORTED = Rule(
    "TL002",
    "unsupported",
    Severity.WARNING,
    "A command, function or option that Trapline does not run.",
    "The search may be right for Splunk; here it would be refused. Commands of your own are among these.",
)
UNKNOWN_MACRO = Rule(
    "TL003",
    "unknown-macro",
    Severity.WARNING,
    "A macro that is not defined.",
    "Give its definition with --content or --macros. What the macro stands for is not checked.",
)
REFUSED = Rule(
    "TL004",
    "refused",
    Severity.ERROR,
    "A search that parses, but that a command refuses whatever the data.",
    "A boolean where a value is needed, a name given twice, a wrong number of arguments.",
)
WRONG_INPUT = Rule(
    "TL000",
    "unreadable",
    Severity.ERROR,
    "A file that cannot be read, or holds no search where one is expected.",
    "The reason and the line say what is wrong with the file.",
)
OWN = (WRONG_INPUT, SYNTAX, UNSUPPORTED, UNKNOWN_MACRO, REFUSED)


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule by code: those of this module, then the modules of `rules`."""
    found = [*OWN]
    for name, module in _modules().items():
        summary, _, text = (module.__doc__ or "").partition("\n")
        found.append(Rule(module.CODE, name.replace("_", "-"), module.SEVERITY, summary.strip(), text.strip()))
    return tuple(sorted(found, key=lambda one: one.code))


@cache
def _modules() -> Mapping[str, ModuleType]:
    return {
        one.name: importlib.import_module(f"{rules.__name__}.{one.name}")
        for one in pkgutil.iter_modules(rules.__path__)
    }


def chosen(select: Sequence[str] = (), ignore: Sequence[str] = ()) -> frozenset[str]:
    """The codes to report. Both take codes, beginnings of codes and names. Raises TraplineError for an unknown one."""
    wanted = {one.code for one in all_rules()}
    if select:
        wanted = {code for one in select for code in _codes(one)}
    return frozenset(wanted - {code for one in ignore for code in _codes(one)})


def _codes(text: str) -> list[str]:
    word = text.strip()
    found = [one.code for one in all_rules() if one.code.startswith(word.upper()) or one.name == word.lower()]
    if not word or not found:
        known = [name for one in all_rules() for name in (one.code, one.name)]
        near = difflib.get_close_matches(word, known, 1)
        hint = f"did you mean '{near[0]}'?" if near else "trapline lint --list-rules shows them"
        raise TraplineError(f"there is no rule '{word}'", hint=hint, code="lint.rule")
    return found


@dataclass(frozen=True, slots=True)
class Checked:
    """What lint found in one search. `parsed`: it can be read, macros and commands not known aside. `unsupported`: the
    commands and functions that are not run, as (kind, name). `subject`: the search taken apart, None where that is not
    possible."""

    findings: tuple[Finding, ...]
    parsed: bool
    unsupported: tuple[tuple[str, str], ...] = ()
    subject: Subject | None = field(default=None, compare=False, repr=False)


def check(
    text: str, macros: Mapping[str, Macro], codes: Iterable[str] | None = None, also: Iterable[str] = ()
) -> Checked:
    """Check one search. `codes`: those to report, None = all. `also`: fields to follow besides those that it reads."""
    checking = _Checking(text, macros, frozenset(also))
    parsed = checking.run()
    wanted = frozenset(one.code for one in all_rules()) if codes is None else frozenset(codes)
    silenced = _silenced(text)
    found = [
        one
        for one in dict.fromkeys(checking.findings)
        if one.code in wanted and not any(_covers(quiet, one) for quiet in silenced)
    ]
    found.sort(key=lambda one: (one.span.start, one.span.end, one.code))
    return Checked(tuple(found), parsed, tuple(dict.fromkeys(checking.unsupported)), checking.subject)


class _Checking:
    def __init__(self, text: str, macros: Mapping[str, Macro], also: frozenset[str] = frozenset()) -> None:
        self.text = text
        self.also = also
        self.subject: Subject | None = None
        self.macros: dict[str, Macro] = dict(macros)
        self.origin = Origin(text, ())
        self.findings: list[Finding] = []
        self.unsupported: list[tuple[str, str]] = []
        self.placeholders: set[str] = set()

    def run(self) -> bool:
        """Check everything. Is the search readable?"""
        if not self.text.strip():
            self.add(SYNTAX, Span(0, 0), "the search is empty", None)
            return False
        try:
            self._macros()
            self.origin = trace(self.text, self.macros)
        except SplError as error:
            return self._syntax(error, expanded=False)
        holes = [one.made for one in self.origin.pieces if one.macro is not None and self._stands_in(one.macro)]
        try:
            pipeline = self._parse(holes)
        except SplError as error:
            if holes and self.placeholders:
                return True  # the placeholder of an unknown macro may be what is wrong
            return self._syntax(error, expanded=True)
        subject = self.subject = Subject(pipeline, self.origin, tuple(holes), self.also)
        self._functions(subject)
        for refusal in subject.flow.refusals:
            self._refused(refusal)
        for name, module in _modules().items():
            code, severity = module.CODE, module.SEVERITY
            run: _Check = module.check
            for report in run(subject):
                self._report(code, name.replace("_", "-"), report, report.severity or severity)
        return True

    # --- findings

    def add(self, rule: Rule, span: Span, reason: str, hint: str | None) -> None:
        """A finding about the text as written."""
        self.findings.append(Finding(rule.code, rule.name, rule.severity, span, reason, hint))

    def _report(self, code: str, name: str, report: Report, severity: Severity) -> None:
        """A finding about the text after macro expansion."""
        span = self.origin.written(report.span)
        inside = self.origin.macros(report.span) if self.origin.whole(report.span) else ()
        self.findings.append(
            Finding(code, name, severity, span, report.reason, report.hint, inside[0] if inside else None)
        )

    def _syntax(self, error: SplError, *, expanded: bool) -> bool:
        span = error.span or Span(0, 0)
        if expanded:
            span = self.origin.written(span)
        elif error.query:
            span = _comments_back(self.text, span) if error.query == _bare(self.text) else Span(0, 0)
        self.add(SYNTAX, span, error.reason, error.hint)
        return False

    def _refused(self, error: SplError) -> None:
        if error.reason.startswith("unknown function"):
            return  # told with its name already
        span = error.span or Span(0, 0)
        rule = UNSUPPORTED if isinstance(error, Unsupported) else REFUSED
        self._report(rule.code, rule.name, Report(span, error.reason, error.hint), rule.severity)

    # --- macros

    def _macros(self) -> None:
        """Put something in the place of macros that are not defined."""
        bare = strip_comments(self.text)
        for _ in range(MOST_HOLES):
            try:
                outer, key = next(_missing(bare, self.macros), (None, ""))
            except SplError as error:
                error.span = None if error.span is None else _comments_back(self.text, error.span)
                raise
            if outer is None:
                return
            self.macros[key] = _Placeholder(_placeholder(bare, outer))
            self.placeholders.add(key)
            span = _comments_back(self.text, Span(outer.start, outer.end))
            inside = "" if outer.key == key else f", which `{outer.key}` calls,"
            near = difflib.get_close_matches(key, [one for one in self.macros if one != key], 1, 0.8)
            hint = f"did you mean '{near[0]}'?" if near else "give its definition with --content or --macros"
            self.add(UNKNOWN_MACRO, span, f"the macro '{key}'{inside} is not defined", hint)

    def _stands_in(self, key: str) -> bool:
        """Is a macro a placeholder, or does it call one?"""
        if key in self.placeholders:
            return True
        macro = self.macros.get(key)
        return macro is not None and any(
            True for one in self.placeholders if f"`{one.partition('(')[0]}" in macro.definition
        )

    # --- commands

    def _parse(self, holes: list[Span]) -> Pipeline:
        """Parse, stepping over commands that are not known: they become a stage that passes all rows."""
        text = self.origin.text
        for _ in range(MOST_HOLES):
            try:
                return parse(text)
            except SplError as error:
                span = error.span
                if span is None:
                    raise
                unknown = error.code == "command" and not _misspelt(text, span)
                if not (isinstance(error, Unsupported) or unknown):
                    raise
                start, end = _stage_around(text, span.start)
                stand_in = next((one for one in (_ALL_ROWS, "kv") if len(one) <= end - start), None)
                if stand_in is None:
                    raise
                name = re.match(r"[|\s]*([A-Za-z_]\w*)", text[start:end])
                word = name.group(1).lower() if name else ""
                whole = error.reason.startswith(("the command", "unknown command"))
                self.unsupported.append(("command", word) if whole else ("option", f"{word}: {error.reason}"))
                rule = UNSUPPORTED
                hint = error.hint if not unknown else "a custom search command? Trapline runs Splunk's own"
                self._report(rule.code, rule.name, Report(span, error.reason, hint), rule.severity)
                text = text[:start] + stand_in.ljust(end - start) + text[end:]
                holes.append(Span(start, end))
        return parse(text)

    def _functions(self, subject: Subject) -> None:
        for place in subject.places:
            for call in calls(place.stage):
                try:
                    find(call)
                except SplError as error:
                    if not error.reason.startswith("unknown function"):
                        continue
                    self.unsupported.append(("function", call.name))
                    span = Span(call.span.start, call.span.start + len(call.name))
                    rule = UNSUPPORTED
                    self._report(rule.code, rule.name, Report(span, error.reason, error.hint), rule.severity)


def _misspelt(text: str, span: Span) -> bool:
    """Is an unknown command all but one of Splunk's? Else it is taken for one of the user's own."""
    word = text[span.start : span.end].lower()
    return bool(difflib.get_close_matches(word, DOCUMENTED | command_names(), 1, 0.8))


_ALL_ROWS = "search *"
"""A stage that passes every row."""


@dataclass(frozen=True, slots=True)
class _Placeholder:
    definition: str
    args: tuple[str, ...] = ()
    iseval: bool = False
    validation: str = ""
    errormsg: str = ""


def _missing(
    text: str, macros: Mapping[str, Macro], seen: set[str] | None = None, depth: int = 0
) -> Iterator[tuple[MacroCall, str]]:
    """Calls of macros that are not defined: (the call in `text`, the key of the macro that is missing). Each definition
    is looked into once."""
    seen = set() if seen is None else seen
    for call in find_macro_calls(text):
        macro = macros.get(call.key)
        if macro is None:
            yield call, call.key
        elif call.key not in seen and depth < MAX_DEPTH and "`" in macro.definition:
            seen.add(call.key)
            for _, key in _missing(strip_comments(macro.definition), macros, seen, depth + 1):
                yield call, key


def _placeholder(text: str, call: MacroCall) -> str:
    """What may stand for an unknown macro where it is called."""
    before = text[: call.start].rstrip()
    if not before or before[-1] in "|[":
        return _ALL_ROWS
    stage = re.split(r"[|\[]", before)[-1].split(None, 1)
    word = stage[0].lower() if stage else ""
    if word in ("where", "eval"):
        return "true()"
    return " " if word in DOCUMENTED and word != "search" else "*"


def _bare(text: str) -> str:
    try:
        return strip_comments(text)
    except SplError:
        return text


def _comments_back(text: str, span: Span) -> Span:
    """A place in the text without comments as a place in the text."""
    for made, written in reversed(without_comments(text)[1]):
        if made.start <= span.start:
            start = written.start + span.start - made.start
            return Span(start, start + span.end - span.start)
    return span


def _stage_around(text: str, at: int) -> tuple[int, int]:
    """The stage that holds a place, without its pipe; the innermost in brackets."""
    start, end = 0, len(text)
    while True:
        inner = None
        for span in split_pipes(text, start, end):
            if span.start <= at <= span.end:
                inner = span
        if inner is None:
            return at, min(end, at + 1)
        bracket = _bracket_around(text, inner, at)
        if bracket is None:
            return inner.start, inner.end
        start, end = bracket


def _bracket_around(text: str, span: Span, at: int) -> tuple[int, int] | None:
    """The inside of the outermost brackets of a stage that hold a place."""
    place = span.start
    while place < span.end:
        match text[place]:
            case "\\":
                place += 1
            case '"':
                place = end_of_quote(text, place) - 1
            case "[":
                close = end_of_bracket(text, place, span.end)
                if place < at < close:
                    return place + 1, close - 1
                place = close - 1
        place += 1
    return None


# --- comments that silence -----------------------------------------------------------------------------------------

_NOQA = re.compile(r"\s*noqa(?::\s*(?P<codes>[A-Z0-9, ]+?))?\s*\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Quiet:
    span: Span
    codes: frozenset[str]
    """None of them: all."""


def _covers(quiet: _Quiet, finding: Finding) -> bool:
    inside = quiet.span.start <= finding.span.start < max(quiet.span.end, quiet.span.start + 1)
    return inside and (not quiet.codes or finding.code in quiet.codes)


def _silenced(text: str) -> list[_Quiet]:
    """The stages that hold a comment ```` ```noqa``` ```` or ```` ```noqa: TL103``` ````."""
    if "noqa" not in text.lower():
        return []
    found: list[tuple[int, frozenset[str]]] = []
    blank = list(text)
    at = 0
    try:
        while at < len(text):
            if text[at] == "\\":
                at += 2
            elif text[at] == '"':
                at = end_of_quote(text, at)
            elif text.startswith(COMMENT, at):
                close = text.find(COMMENT, at + 3)
                close = len(text) if close < 0 else close
                note = _NOQA.match(text[at + 3 : close])
                if note is not None:
                    named = re.findall(r"[A-Z]+\d+", (note["codes"] or "").upper())
                    found.append((at, frozenset(named)))
                blank[at : close + 3] = " " * (min(close + 3, len(text)) - at)
                at = close + 3
            else:
                at += 1
        stages = split_pipes("".join(blank), 0, len(text))
    except SplError:
        return []
    quiet: list[_Quiet] = []
    for place, codes in found:
        before = [index for index, one in enumerate(stages) if one.start <= place]
        index = before[-1] if before else 0
        start = 0 if index == 0 else stages[index].start
        end = stages[index + 1].start if index + 1 < len(stages) else len(text)
        quiet.append(_Quiet(Span(start, end), codes))
    return quiet
