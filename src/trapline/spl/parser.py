"""SPL text to a `Pipeline` of parsed commands.

Order: comments, then macros (`macros.expand`), then stages cut at pipes, then each command parses its own stage.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import ModuleType

from trapline.errors import Span, SplError, Unsupported
from trapline.spl import commands
from trapline.spl.command import Command, Generating, Pipeline, Stage, is_generating, takes_rows
from trapline.spl.cursor import Cursor
from trapline.spl.macros import Macro, expand
from trapline.spl.refused import reason_for
from trapline.spl.scan import split_pipes
from trapline.spl.spliced import Part, Spliced, find_brackets

MAX_LENGTH = 1_000_000
"""Characters of a search as given."""
MAX_STAGES = 1_000
MAX_NESTING = 40
"""Subsearches inside subsearches."""

_WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")


@cache
def command_names() -> frozenset[str]:
    """The commands there are: the modules in `commands/`."""
    return frozenset(module.name for module in pkgutil.iter_modules(commands.__path__))


@cache
def _module(name: str) -> ModuleType | None:
    if name in command_names():
        return importlib.import_module(f"{commands.__name__}.{name}")
    return _aliases().get(name)


@cache
def _aliases() -> Mapping[str, ModuleType]:
    modules = [importlib.import_module(f"{commands.__name__}.{name}") for name in command_names()]
    return {alias: module for module in modules for alias in getattr(module, "ALIASES", ())}


def parse(text: str, macros: Mapping[str, Macro] | None = None) -> Pipeline:
    """Parse a search. Raises SplError, with the span in its `query`."""
    if len(text) > MAX_LENGTH:
        raise SplError(f"the search is longer than {MAX_LENGTH:,} characters", code="syntax")
    if text.startswith("\ufeff"):  # the mark that some editors put at the beginning of a file
        text = " " + text[1:]
    full = text
    try:
        full = expand(text, {} if macros is None else macros)
        _must_be_text(full)
        return _Parser(full, expanded=full != text).pipeline(0, len(full), nested=0)
    except SplError as error:
        raise error.locate(full or text, expanded=bool(full) and full != text) from None


def _must_be_text(text: str) -> None:
    """Half of a surrogate pair is no character: no engine takes it, and no event holds it."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise SplError(
            f"this is half of a character: {text[error.start]!a}",
            span=Span(error.start, error.start + 1),
            code="syntax",
        ) from None


class _Parser:
    def __init__(self, text: str, *, expanded: bool = False) -> None:
        self.text = text
        self.expanded = expanded

    def pipeline(self, start: int, end: int, *, nested: int) -> Pipeline:
        if nested > MAX_NESTING:
            raise SplError("subsearches are nested too deeply", span=Span(start, start + 1), code="syntax")
        spans = split_pipes(self.text, start, end)
        if len(spans) > MAX_STAGES:
            raise SplError(f"the search has more than {MAX_STAGES:,} commands", code="syntax")
        stages: list[Stage] = []
        for place, span in enumerate(spans):
            if span.start == span.end:
                if place == 0 and len(spans) > 1:
                    continue
                raise SplError(
                    "expected a command, found nothing",
                    span=Span(max(0, span.start - 1), span.start),
                    hint="a macro that is to let every row pass is defined as: search *"
                    if self.expanded
                    else "write a search, or take the pipe away",
                    code="syntax",
                )
            stages.append(self._stage(span, first=not stages, piped=place > 0, nested=nested))
        return Pipeline(self.text, tuple(stages))

    def _stage(self, span: Span, *, first: bool, piped: bool, nested: int) -> Stage:
        word = _WORD.match(self.text, span.start, span.end)
        name = word.group().lower() if word else ""
        at = word.end() if word else span.start
        # The first word is a command unless it reads as a search term: `user=alice`, `rex*`, `host::a`.
        after = self.text[at : at + 1]
        is_command = word is not None and (after == "" or after.isspace() or after in '|"[`(-+,' or at == span.end)
        if is_command and _is_comparison(self.text, at, span.end):
            is_command = False
        outermost = first and not piped and not nested
        module = _module(name) if is_command and not (outermost and name in PIPED) else None
        if module is None:
            # Only the outermost search may leave `search` out (Search Reference, "search").
            if outermost and not (is_command and name in DOCUMENTED):
                module, name, at = _module("search"), "search", span.start
            else:
                raise _unknown(self.text, span, name, opens=first and nested > 0)
        assert module is not None

        def subsearch(start: int, end: int) -> Pipeline:
            return self.pipeline(start, end, nested=nested + 1)

        canonical = module.__name__.rpartition(".")[2]
        brackets = find_brackets(self.text, at, span.end, _is_command) if "[" in self.text[at : span.end] else []
        cursor = Cursor(self.text, at, span.end, subsearch)
        try:
            command: Command | Generating = module.parse(cursor)
            cursor.finish()
        except SplError as error:
            if error.hint is None and error.code == "syntax":
                error.hint = _syntax(module)
            unread = [one for one in brackets if one.start not in cursor.brackets]
            if not unread or (error.span is not None and error.span.end <= unread[0].start):
                raise
        if any(one.start not in cursor.brackets for one in brackets):
            command = self._spliced(canonical, module, Span(at, span.end), brackets, subsearch)
        if not first and is_generating(command) and not takes_rows(command):
            raise SplError(
                f"{canonical} is a generating command and must come first in its pipeline",
                span=Span(span.start, at),
                code="syntax",
            )
        return Stage(canonical, command, span, piped)

    def _spliced(
        self,
        name: str,
        module: ModuleType,
        span: Span,
        brackets: Sequence[Span],
        subsearch: Callable[[int, int], Pipeline],
    ) -> Spliced:
        parts = tuple(
            Part(subsearch(one.start + 1, one.end - 1), Span(one.start - span.start, one.end - span.start))
            for one in brackets
        )

        def again(text: str) -> Command | Generating:
            inner = _Parser(text)
            cursor = Cursor(text, 0, len(text), lambda start, end: inner.pipeline(start, end, nested=1))
            command: Command | Generating = module.parse(cursor)
            cursor.finish()
            return command

        return Spliced(name, self.text[span.start : span.end], parts, again, span)


def _syntax(module: ModuleType) -> str | None:
    """The first line of the syntax that the command's page gives."""
    lines = (module.__doc__ or "").partition("Syntax:\n")[2].splitlines()
    return f"the syntax is: {lines[0].strip()}" if lines and lines[0].strip() else None


def _is_command(name: str) -> bool:
    return name in DOCUMENTED or name in command_names()


def _is_comparison(text: str, at: int, end: int) -> bool:
    """Does an operator follow, so that the word is a field of an implied search?"""
    while at < end and text[at].isspace():
        at += 1
    return at < end and (text[at] in "=<>" or text.startswith("!=", at))


_DOCUMENTED = """
    abstract accum addcoltotals addinfo addtotals analyzefields anomalies anomalousvalue anomalydetection append
    appendcols appendpipe apply arules associate autoregress awssnsalert bin bucket bucketdir chart cluster cofilter
    collect concurrency contingency convert correlate ctable datamodel datamodelsimple dbinspect dbxquery dedup
    delete delta diff dump entitymerge erex eval eventcount eventstats extract fieldformat fields fieldsummary
    filldown fillnull findtypes fit folderize foreach format from fromjson gauge gentimes geom geomfilter geostats
    head highlight history iconify ingestpreview input inputcsv inputintelligence inputlookup iplocation join kmeans
    kv kvform loadjob localize localop lookup makecontinuous makejson makemv makeresults map mcatalog mcollect
    metadata metasearch meventcollect mpreview msearch mstats multikv multisearch mvcombine mvexpand nomv outlier
    outputcsv outputlookup outputtext overlap pivot predict rangemap rare redistribute regex relevancy reltime
    rename replace require rest return reverse rex rtorder run runshellscript savedsearch script scrub search
    searchtxn selfjoin sendalert sendemail set setfields sichart sirare sistats sitimechart sitop snowevent
    snoweventstream snowincident snowincidentstream sort spath spl1 stats strcat streamstats table tags tail
    timechart timewrap tojson top transaction transpose trendline tscollect tstats typeahead typelearner typer union
    uniq untable walklex where x11 xmlkv xmlunescape xpath xsdisplayconcept xsdisplaycontext xsfindbestconcept
    xslistconcepts xslistcontexts xsupdateddcontext xswhere xyseries
"""

PIPED = frozenset({"audit", "deletemodel", "listmodels", "sample", "score", "summary", "cyberchef"})
"""Commands of apps, most of the Machine Learning Toolkit, that read as words where no pipe stands before them."""

DOCUMENTED = frozenset(_DOCUMENTED.split())
"""Every command of the Search Reference: a known name that is not a module here is refused as not supported yet."""


def _unknown(text: str, span: Span, name: str, *, opens: bool = False) -> SplError:
    """`opens`: it is the first word in brackets, where `search` cannot be left out."""
    word = text[span.start : span.end].split(None, 1)[0]
    place = Span(span.start, span.start + len(name or word))
    if name in DOCUMENTED or name in PIPED:
        return Unsupported(
            f"the command '{name}' is not supported yet: {reason_for(name)}",
            span=place,
            hint="leave it out, or see docs/commands for what runs",
        )
    known = command_names() | set(_aliases()) | DOCUMENTED
    near = difflib.get_close_matches(name or word, known, 1)
    hint = f"did you mean '{near[0]}'?" if near else "a stage after a pipe starts with a command name"
    if opens and (not near or near[0] != "search"):
        hint = "what stands in brackets starts with a command: [search ...]"
    return SplError(f"unknown command '{(name or word)[:60]}'", span=place, hint=hint, code="command")
