"""Where the text of a search comes from: places after macro expansion -> places in the text as written.

Errors, explain and lint speak of spans in the expanded text. A person edits what was written: a place that came out of
a macro is the place of the macro's call.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

from trapline.errors import Span
from trapline.spl.macros import Macro, expand, find_macro_calls
from trapline.spl.scan import COMMENT, end_of_quote


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of the expanded text and the run of the written text that it stands for. `macro`: the call whose expansion
    it is, `name` or `name(2)`; None: the text itself, character by character."""

    made: Span
    written: Span
    macro: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """The pieces of an expanded search, in order."""

    text: str
    pieces: tuple[Piece, ...]

    def written(self, span: Span) -> Span:
        """The place in the text as written that a place in the expanded text comes from."""
        if not self.pieces:
            return span
        first = self._at(span.start)
        last = first if span.end <= span.start else self._at(span.end - 1)
        start = first.written.start
        if first.macro is None:
            start = min(start + span.start - first.made.start, first.written.end)
        end = last.written.end
        if last.macro is None:
            end = min(last.written.start + span.end - last.made.start, last.written.end)
        return Span(start, max(start, end))

    def macros(self, span: Span) -> tuple[str, ...]:
        """The macros whose expansion a place in the expanded text touches, each once."""
        found = [one.macro for one in self.pieces if one.made.start < span.end and span.start < one.made.end]
        return tuple(dict.fromkeys(name for name in found if name is not None))

    def whole(self, span: Span) -> bool:
        """Did all of that place come out of macros?"""
        touched = [one for one in self.pieces if one.made.start < span.end and span.start < one.made.end]
        return bool(touched) and all(one.macro is not None for one in touched)

    def _at(self, place: int) -> Piece:
        at = bisect_right(self.pieces, place, key=lambda one: one.made.start) - 1
        return self.pieces[max(0, at)]


def trace(text: str, macros: Mapping[str, Macro]) -> Origin:
    """The origin of a search that `macros.expand` can expand. Raises SplError as `expand` does."""
    bare, kept = without_comments(text)
    calls = find_macro_calls(bare) if "`" in bare else []
    out: list[str] = []
    pieces: list[Piece] = []
    made = at = 0

    def literal(start: int, end: int) -> None:
        """Text of `bare` as it stands: one piece for each run between comments."""
        nonlocal made
        out.append(bare[start:end])
        for here, run in kept:
            low, high = max(start, here.start), min(end, here.end)
            if low < high:
                begin = run.start + low - here.start
                size = high - low
                pieces.append(Piece(Span(made + low - start, made + high - start), Span(begin, begin + size)))
        made += end - start

    def place(start: int, end: int) -> Span:
        low = next(run.start + start - here.start for here, run in kept if here.start <= start < here.end)
        high = next(run.start + end - here.start for here, run in kept if here.start < end <= here.end)
        return Span(low, high)

    for call in calls:
        literal(at, call.start)
        grown = expand(bare[call.start : call.end], macros)
        out.append(grown)
        if grown:
            pieces.append(Piece(Span(made, made + len(grown)), place(call.start, call.end), call.key))
            made += len(grown)
        at = call.end
    literal(at, len(bare))
    return Origin("".join(out), tuple(pieces))


def without_comments(text: str) -> tuple[str, list[tuple[Span, Span]]]:
    """The text as `strip_comments` gives it, and its runs: (place in it, place in `text`)."""
    if COMMENT not in text:
        return text, [(Span(0, len(text)), Span(0, len(text)))] if text else []
    out: list[str] = []
    kept: list[tuple[Span, Span]] = []
    at = begun = made = 0

    def keep(end: int) -> None:
        nonlocal made
        if end > begun:
            out.append(text[begun:end])
            kept.append((Span(made, made + end - begun), Span(begun, end)))
            made += end - begun

    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 2
        elif char == '"':
            at = end_of_quote(text, at)
        elif text.startswith(COMMENT, at):
            close = text.find(COMMENT, at + 3)
            keep(at)
            close = len(text) if close < 0 else close + 3
            out.append(" ")
            kept.append((Span(made, made + 1), Span(at, at + 1)))
            made += 1
            at = begun = close
        else:
            at += 1
    keep(len(text))
    return "".join(out), kept
