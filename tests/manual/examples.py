"""Examples for a page of the manual: which cases tell most, cut to what they are there for, and how they are shown."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.casefile import Case, Row
from tests.manual import casepage
from tests.manual.markdown import fenced, records, sentence
from trapline.errors import Span, SplError
from trapline.spl.command import Pipeline
from trapline.spl.commands.eval import Eval
from trapline.spl.commands.head import Head
from trapline.spl.commands.stats import Stats
from trapline.spl.commands.table import Table
from trapline.spl.cursor import Name
from trapline.spl.expr import Ast, fields_read
from trapline.spl.parser import parse

MOST_EVENTS = 12
MOST_ROWS = 8
MOST_SEARCH = 400
MOST_FILE = 600
MOST_LINE, MOST_COMMAND = 100, 120
"""Of an example: rows in, rows out, characters of the search, of a raw log, of a line of the search, and of a command
that stays in one line."""


@dataclass(frozen=True, slots=True)
class Example:
    """A case as it is shown: its search, its input and its result, cut to the columns that count."""

    case: Case
    spl: str
    events: tuple[Row, ...]
    rows: tuple[Row, ...]
    fields: tuple[str, ...] | None = None
    unordered: bool = False

    @property
    def shown(self) -> str:
        """The search, in lines that are not too long."""
        return _lines(self.spl)

    @property
    def empty(self) -> bool:
        return not any(value is not None for row in self.rows for value in row.values())


def of(case: Case) -> Example | None:
    """The example that a case makes; None for one that expects an error, or is too long for a page."""
    blocks = {block.kind: block for block in case.blocks}
    if "rows" not in blocks:
        return None
    rows = tuple(json.loads(line) for line in blocks["rows"].text.split("\n") if line.strip())
    fields = tuple(json.loads(blocks["fields"].text)) if "fields" in blocks else None
    raw = sum(len(block.text) for block in case.files())
    if len(rows) > MOST_ROWS or len(case.events) > MOST_EVENTS or len(case.spl) > MOST_SEARCH or raw > MOST_FILE:
        return None
    if any("encoding" in block.attributes for block in case.files()) or len(str(case.settings)) > MOST_FILE * 2:
        return None
    return Example(case, case.spl, case.events, rows, fields, "unordered" in blocks["rows"].words)


def cut_to(example: Example, pattern: re.Pattern[str]) -> Example:
    """Of a search that is one eval and one table, or one stats, only the assignments or aggregations that `pattern`
    finds something in, and what they need; any other search as it is. What stays does not depend on what goes."""
    try:
        pipeline = parse(example.spl)
    except SplError:
        return example
    match [stage.command for stage in pipeline.stages]:
        case [Eval(assignments=assignments), Table(names=names)]:
            return _cut_eval(example, pattern, pipeline, assignments, names)
        case [Head(count=int(count), condition=None), Eval(assignments=assignments), Table(names=names)]:
            first = replace(example, events=example.events[:count])
            return _cut_eval(first, pattern, pipeline, assignments, names)
        case [Stats() as stats]:
            return _cut_stats(example, pattern, pipeline, stats)
    return example


def _cut_eval(
    example: Example,
    pattern: re.Pattern[str],
    pipeline: Pipeline,
    assignments: Sequence[tuple[str, Ast, Span]],
    names: Sequence[Name],
) -> Example:
    targets = [name for name, _, _ in assignments]
    if len(set(targets)) < len(targets) or any("{" in name for name in targets) or any(name.wild for name in names):
        return example
    starts = [span.start for _, _, span in assignments]
    ends = [*starts[1:], pipeline.stages[-2].span.end]
    written = [pipeline.text[start:end].strip().rstrip(",").strip() for start, end in zip(starts, ends, strict=True)]
    wanted = {name for name, text in zip(targets, written, strict=True) if pattern.search(text)}
    expressions: dict[str, Ast] = {name: ast for name, ast, _ in assignments}
    todo = list(wanted)
    while todo:
        for read in fields_read(expressions[todo.pop()]):
            if read in expressions and read not in wanted:
                wanted.add(read)
                todo.append(read)
    kept = [text for name, text in zip(targets, written, strict=True) if name in wanted]
    shown = [name.text for name in names if name.text in wanted or name.text not in expressions]
    if not wanted or not any(name in wanted for name in shown):
        return example
    needed = {read for name in wanted for read in fields_read(expressions[name])} | set(shown)
    if any("searchmatch" in text for text in kept):
        needed |= {name for row in example.events for name in row}
    return replace(
        example,
        spl=f"eval {_listed(kept)}\n| table {' '.join(map(_quoted, shown))}",
        events=_only(example.events, needed),
        rows=_only(example.rows, shown),
        fields=tuple(shown),
    )


TIMED = frozenset({"earliest", "latest", "earliest_time", "latest_time", "rate", "sparkline"})
"""Aggregation functions that read _time."""


def _cut_stats(example: Example, pattern: re.Pattern[str], pipeline: Pipeline, stats: Stats) -> Example:
    spans = [one.span for one in stats.aggregations]
    begins = pipeline.text[pipeline.stages[0].span.start : spans[0].start].strip()
    ends = pipeline.text[spans[-1].end : pipeline.stages[0].span.end].strip()
    kept = [one for one in stats.aggregations if pattern.search(pipeline.text[one.span.start : one.span.end])]
    if begins != "stats" or "=" in ends or not kept or any(one.wild for one in stats.aggregations):
        return example
    by = [name.text for name in stats.by]
    needed, shown = set(by), [*by, *(one.name for one in kept)]
    for one in kept:
        for argument in (one.argument, one.spark.argument if one.spark else None):
            if argument is not None:
                needed |= {argument} if isinstance(argument, str) else set(fields_read(argument))
        if one.function in TIMED:
            needed.add("_time")
    calls = ", ".join(pipeline.text[one.span.start : one.span.end] for one in kept)
    return replace(
        example,
        spl=f"stats {calls} {ends}".strip(),
        events=_only(example.events, needed),
        rows=_only(example.rows, shown),
        fields=tuple(shown),
    )


def _only(rows: Sequence[Row], names: Collection[str]) -> tuple[Row, ...]:
    return tuple({name: value for name, value in row.items() if name in names} for row in rows)


def _listed(parts: Sequence[str]) -> str:
    line = ", ".join(parts)
    return line if len(line) <= MOST_LINE else ",\n     ".join(parts)


def _lines(spl: str) -> str:
    """A search of one long line, a line per command."""
    if len(spl) <= MOST_LINE or "\n" in spl:
        return spl
    try:
        stages = parse(spl).stages
    except SplError:
        return spl
    ends = [*(stage.span.start for stage in stages[1:]), len(spl)]
    parts = [spl[stage.span.start : end] for stage, end in zip(stages, ends, strict=True)]
    start = spl[: stages[0].span.start]
    return start + "\n| ".join(_wrapped(part.strip().removesuffix("|").strip()) for part in parts)


CLAUSES = frozenset({"from", "where", "by", "over", "output", "outputnew"})
"""Words that begin a line of a long command."""
_AS, _HELD = re.compile(r"(?i)[\w)] as \w"), "\x00"
_TOKEN = re.compile(r"""(?:"(?:\\.|[^"\\])*"|'[^']*'|\S)+""")


def _wrapped(command: str) -> str:
    """A command over several lines, cut at blanks outside of quotes."""
    if len(command) <= MOST_COMMAND:
        return command
    lines: list[str] = []
    for token in _TOKEN.findall(_AS.sub(lambda match: match.group().replace(" ", _HELD), command)):
        if lines and len(lines[-1]) + len(token) < MOST_LINE and token.lower() not in CLAUSES:
            lines[-1] += " " + token
        else:
            lines.append(token)
    return "\n    ".join(lines).replace(_HELD, " ")


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[\w.:{}-]+", name) else f'"{name}"'


def for_command(found: Iterable[Case], options: Sequence[str], most: int = 4) -> list[Example]:
    """The first case, then those that show an option which none before them shows; two at least, if there are."""
    candidates = [one for one in map(of, found) if one is not None]
    telling = [one for one in candidates if not one.empty] or candidates
    chosen: list[Example] = []
    seen: set[str] = set()
    for one in telling:
        shows = {name for name in options if re.search(rf"\b{re.escape(name)}\s*=", one.spl)}
        if not chosen or shows - seen:
            chosen.append(one)
            seen |= shows
        if len(chosen) == most:
            return chosen
    for one in telling:
        if len(chosen) < min(3, most) and one not in chosen:
            chosen.append(one)
    return sorted(chosen, key=lambda one: one.case.line)


def for_function(found: Iterable[Case], pattern: re.Pattern[str], most: int = 3) -> list[Example]:
    """The cases that show a function with the fewest others beside it, in the order of their pages: the best one, those
    without any other, and of those that have a few others in it one more."""
    candidates = [cut_to(one, pattern) for case in found if pattern.search(case.spl) and (one := of(case)) is not None]
    candidates = [one for one in candidates if not one.empty]
    others = [len(_CALL.findall(one.spl)) - len(pattern.findall(one.spl)) for one in candidates]
    ranked = sorted(range(len(candidates)), key=lambda index: others[index])
    chosen = [index for place, index in enumerate(ranked[:most]) if place < 1 or others[index] <= 0]
    outermost = re.compile(r"=\s*" + pattern.pattern, pattern.flags)
    wrapping = [
        one
        for one in ranked
        if one not in chosen
        and others[one] <= 2
        and candidates[one].case.file == candidates[ranked[0]].case.file
        and outermost.search(candidates[one].spl)
    ]
    if len(chosen) < 2:
        chosen += wrapping[:1]
    return [candidates[index] for index in sorted(chosen)]


_CALL = re.compile(r"\b[a-z_0-9]+\(")


def show(examples: Sequence[Example], words: Collection[str] = ()) -> str:
    """The examples as Markdown. An input that is that of the example before is not repeated. `words`: names that keep
    their lower case at the start of a heading."""
    lines: list[str] = []
    before: Any = None
    for one in examples:
        name = one.case.name
        first = re.match(r"\w*", name)
        lines += [f"### {name if first and first.group() in words else sentence(name)}", ""]
        said = casepage.prose_of(one.case)
        if said:
            lines += [said, ""]
        given = _given(one)
        if given and given != before:
            lines += [given, ""]
        elif given:
            lines += ["Over the same input:", ""]
        before = given
        lines += [fenced("spl", one.shown), ""]
        if one.rows:
            lines += ["Result" + (", in any order:" if one.unordered and len(one.rows) > 1 else ":"), ""]
            lines += [records(one.rows, one.fields), ""]
        else:
            lines += ["Result: no rows.", ""]
        warnings = [block.text for block in one.case.blocks if block.kind == "warnings"]
        for text in warnings:
            lines += ["With the warning:", "", fenced("text", text), ""]
    return "\n".join(lines).rstrip()


_EVENTLESS = re.compile(r"\s*\|\s*(makeresults|gentimes|inputlookup|inputcsv|loadjob)\b")
"""What a search starts with that reads no events."""


def _given(one: Example) -> str:
    """The input of an example."""
    parts: list[str] = []
    settings = casepage.settings_of(one.case)
    if settings:
        parts += ["Settings:", "", fenced("yaml", settings), ""]
    for block in one.case.files():
        name = block.attributes.get("name", "a file")
        parts += [f"The file `{name}`:", "", fenced("text", block.text), ""]
    events = [] if _EVENTLESS.match(one.spl) and "[" not in one.spl else [row for row in one.events if row]
    if events:
        parts += ["Input:", "", records(events)]
    return "\n".join(parts).rstrip()
