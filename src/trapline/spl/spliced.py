"""A stage with subsearches that its command does not read itself: `head [... | return $n]`, `table [... | return $f]`.

Splunk puts the text that a subsearch returns in its place before a command sees its arguments. `search`, `where`, and
others read brackets on their own; for the rest the stage is parsed once the subsearches have run. Source:
Search Manual, "Use a subsearch"; Search Reference, "return".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from trapline.errors import Span, SplError
from trapline.plan import Node
from trapline.spl.command import Command, Context, Generating, Pipeline, is_generating, takes_rows
from trapline.spl.scan import end_of_bracket, end_of_quote
from trapline.spl.subsearch import as_search

_FIRST = re.compile(r"\[\s*(\||[A-Za-z_]\w*(?=[\s\]|]))")

Parse = Callable[[str], Command | Generating]
"""The command of a stage's text."""


@dataclass(frozen=True, slots=True)
class Part:
    """A subsearch of a stage; the span counts from the start of the stage and covers the brackets."""

    pipeline: Pipeline
    span: Span


@dataclass(frozen=True, slots=True)
class Spliced:
    """A command that is parsed when its subsearches have given their texts. It may be the first of a search or not."""

    name: str
    text: str
    parts: tuple[Part, ...]
    parse: Parse
    span: Span

    def lower(self, context: Context, source: Node) -> Node:
        command = self._command(context)
        if not takes_rows(command):
            raise SplError(f"{self.name} is a generating command and must come first in its pipeline", span=self.span)
        with self._placed():
            return command.lower(context, source)

    def generate(self, context: Context) -> Node:
        command = self._command(context)
        with self._placed():
            if is_generating(command):
                return command.generate(context)
            return command.lower(context, context.events())

    @contextmanager
    def _placed(self) -> Iterator[None]:
        """The spans of the command are in the text that its subsearches made: its errors point at the whole of it."""
        try:
            yield
        except SplError as error:
            if not error.query:
                error.span = self.span
            raise

    def _command(self, context: Context) -> Command | Generating:
        out: list[str] = []
        kept = 0
        for part in self.parts:
            out += [self.text[kept : part.span.start], as_search(context, part.pipeline)]
            kept = part.span.end
        out.append(self.text[kept:])
        text = "".join(out)
        try:
            return self.parse(text)
        except SplError as error:
            raise SplError(
                f"with the texts of its subsearches this command reads '{text[:200]}': {error.reason}",
                span=self.span,
                hint=error.hint,
                code=error.code,
            ) from None


def find_brackets(text: str, start: int, end: int, is_command: Callable[[str], bool]) -> list[Span]:
    """The brackets of a stage that read as subsearches: they stand outside quotes, after a blank or one of `=(,<>` and
    begin with a pipe or a command's name. Brackets of a regular expression or of a field name do not."""
    found: list[Span] = []
    at = start
    while at < end:
        match text[at]:
            case "\\":
                at += 1
            case '"':
                at = end_of_quote(text, at) - 1
            case "[":
                first = _FIRST.match(text, at, end)
                before = text[at - 1] if at > start else " "
                close = end_of_bracket(text, at, end)
                if (
                    first
                    and (before.isspace() or before in "=(,<>")
                    and (first.group(1) == "|" or is_command(first.group(1).lower()))
                ):
                    found.append(Span(at, close))
                at = close - 1
        at += 1
    return found
