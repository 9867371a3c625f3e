"""The shared cursor: a stage of a search, read by the command that owns it.

A command takes words, options, names, lists and expressions from it; every helper skips blanks first. Positions are in
the whole (macro-expanded) search, so every error has a span.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from trapline.errors import Span, SplError, Unsupported
from trapline.spl.scan import end_of_bracket, end_of_quote, unescape

if TYPE_CHECKING:
    from trapline.spl.command import Pipeline
    from trapline.spl.expr import Ast

_OPTION = re.compile(r"([A-Za-z_][A-Za-z_0-9.\-]*)\s*=")
_INTEGER = re.compile(r"[+-]?\d+\Z")


@dataclass(frozen=True, slots=True)
class Name:
    """A field name (or pattern) as written, with its place. `quoted`: it stood in quotes."""

    text: str
    span: Span
    quoted: bool = False

    @property
    def wild(self) -> bool:
        return "*" in self.text

    def __str__(self) -> str:
        return self.text


class Cursor:
    """Reads `text[pos:end]`. `subsearch` parses the inside of brackets; the parser supplies it."""

    def __init__(self, text: str, pos: int, end: int, subsearch: Callable[[int, int], Pipeline]) -> None:
        self.text = text
        self.pos = pos
        self.end = end
        self._subsearch = subsearch
        self.brackets: set[int] = set()
        """Where the subsearches start that the command has read."""
        self._options: dict[str, None] = {}
        """The options that the command has asked for, in its order."""

    # --- looking

    def skip(self) -> None:
        """Skip blanks."""
        while self.pos < self.end and self.text[self.pos].isspace():
            self.pos += 1

    def done(self) -> bool:
        self.skip()
        return self.pos >= self.end

    def peek(self, count: int = 1) -> str:
        """The next characters after blanks, "" at the end."""
        self.skip()
        return self.text[self.pos : min(self.end, self.pos + count)]

    def rest(self) -> str:
        self.skip()
        return self.text[self.pos : self.end]

    def looking_at(self, word: str) -> bool:
        """Is the next bare word this one, in any letter case?"""
        self.skip()
        stop = self.pos + len(word)
        if stop > self.end or self.text[self.pos : stop].lower() != word:
            return False
        return stop == self.end or not (self.text[stop].isalnum() or self.text[stop] in "_.:{")

    # --- taking

    def take(self, mark: str) -> bool:
        """Take a punctuation mark if it is next."""
        self.skip()
        if self.text.startswith(mark, self.pos) and self.pos + len(mark) <= self.end:
            self.pos += len(mark)
            return True
        return False

    def take_word(self, *words: str) -> str | None:
        """Take the next bare word if it is one of these (lower case); any letter case matches."""
        for word in words:
            if self.looking_at(word):
                self.pos += len(word)
                return word
        return None

    def expect(self, mark: str, what: str) -> None:
        if not self.take(mark):
            self.fail(f"expected {mark} {what}, found {self.found()}")

    def found(self) -> str:
        """What stands here, for messages."""
        self.skip()
        if self.pos >= self.end:
            return "the end of the command"
        word = self.text[self.pos : self.end].split(None, 1)[0]
        return f"'{word[:40]}'"

    def bare(self, stops: str = ",") -> str:
        """A run without blanks, ended by blanks or `stops`; parentheses, braces and quotes inside are kept whole:
        `sum(bytes)`, `items{}.name`, `count(eval(x="a b"))`."""
        self.skip()
        start = self.pos
        depth = 0
        while self.pos < self.end:
            char = self.text[self.pos]
            if char == "\\":
                self.pos += 1
            elif char == '"' and depth:
                self.pos = end_of_quote(self.text, self.pos) - 1
            elif char in "({":
                if char in stops and depth == 0:
                    break
                depth += 1
            elif char in ")}":
                if depth == 0 and char in stops:
                    break
                depth = max(0, depth - 1)
            elif depth == 0 and (char.isspace() or char in stops):
                break
            self.pos += 1
        self.pos = min(self.pos, self.end)
        return self.text[start : self.pos]

    def string(self, *, pattern: bool = False) -> str | None:
        """A double-quoted string, unescaped, if one is next. `pattern`: it is a regular expression."""
        if self.peek() != '"':
            return None
        start = self.pos
        self.pos = end_of_quote(self.text, start)
        if self.pos > self.end:
            self.fail("unbalanced quote: this string is never closed", Span(start, start + 1))
        return unescape(self.text[start + 1 : self.pos - 1], pattern=pattern)

    def value(self, what: str, stops: str = ",", *, pattern: bool = False) -> str:
        """A quoted string or a bare word. `pattern`: it is a regular expression."""
        self.skip()
        quoted = self.string(pattern=pattern)
        if quoted is not None:
            return quoted
        word = self.bare(stops)
        if not word:
            self.fail(f"expected {what}, found {self.found()}")
        return word

    def name(self, what: str = "a field name", stops: str = ",") -> Name:
        """A field name: bare, "quoted" or 'quoted'."""
        self.skip()
        start = self.pos
        quoted = self.string()
        if quoted is None and self.peek() == "'":
            close = self.text.find("'", start + 1, self.end)
            if close > 0:
                self.pos = close + 1
                quoted = self.text[start + 1 : close]
        if quoted is not None:
            if not quoted:
                self.fail("a field name is not empty", self.since(start))
            return Name(quoted, Span(start, self.pos), quoted=True)
        word = self.bare(stops)
        if not word:
            self.fail(f"expected {what}, found {self.found()}")
        return Name(word, Span(start, self.pos))

    def by_clause(self, *, options: bool = False) -> list[Name]:
        """`BY <field>...` if it is next, else nothing."""
        if not self.take_word("by"):
            return []
        found = self.names(options=options)
        if not found:
            self.fail("BY needs a field", hint="... by host")
        self.no_wildcards(found)
        return found

    def no_wildcards(self, names: Sequence[Name]) -> None:
        """Refuse patterns where fields are named one by one; a quoted name is as it is written."""
        for name in names:
            if name.wild and not name.quoted:
                self.fail(f"'{name}' is a pattern, and fields are named one by one here", name.span)

    def names(self, *, until: Sequence[str] = (), options: bool = False, what: str = "a field name") -> list[Name]:
        """A list of names separated by commas, blanks or both, up to the end, one of the words `until`, or (with
        `options`) something that reads as `option=value`."""
        found: list[Name] = []
        while not self.done():
            if any(self.looking_at(word) for word in until) or (options and self.at_option()):
                break
            if self.at_option():
                self.no_option()
            if self.take(","):
                continue
            found.append(self.name(what))
        return found

    def at_option(self, known: Sequence[str] | None = None) -> bool:
        """Is `name=` next (and one of `known`, if given)?"""
        self.skip()
        match = _OPTION.match(self.text, self.pos, self.end)
        if match is None or self.text.startswith("=", match.end()):
            return False
        return known is None or match.group(1).lower() in known

    def option(
        self, known: Sequence[str], stops: str = ",", *, patterns: Sequence[str] = ()
    ) -> tuple[str, str, Span] | None:
        """Take `name=value` if its name is one of `known` (lower case): (name, value, span). A bare value ends at
        `stops`. `patterns`: the options whose values are regular expressions."""
        if not self.at_option(known):
            self._options.update(dict.fromkeys(known))
            return None
        match = _OPTION.match(self.text, self.pos, self.end)
        assert match is not None
        start = self.pos
        self.pos = match.end()
        value = self.value(f"a value for {match.group(1)}", stops, pattern=match.group(1).lower() in patterns)
        return match.group(1).lower(), value, Span(start, self.pos)

    def no_option(self) -> NoReturn:
        """Refuse the `name=` that is next; the hint names the options that the command has asked for."""
        match = _OPTION.match(self.text, self.pos, self.end)
        assert match is not None
        name = match.group(1)
        near = difflib.get_close_matches(name.lower(), self._options, n=1)
        hint = f"did you mean {near[0]}=?" if near else None
        if hint is None and self._options:
            hint = "the options here are " + ", ".join(self._options)
        self.fail(f"unknown option '{name}'", Span(match.start(1), match.end(1)), hint)

    def integer(self) -> int | None:
        """Take a whole number if one is next."""
        self.skip()
        start = self.pos
        word = self.bare()
        if _INTEGER.match(word) and len(word) < 19:
            return int(word)
        self.pos = start
        return None

    def amount(self, what: str, hint: str, least: int = 0) -> int:
        """The whole number that is next, from `least` up."""
        found, place = self.found(), self.here()
        given = self.integer()
        if given is None:
            self.fail(f"expected {what}, found {found}", place, hint)
        if given < least:
            self.fail(f"expected {what} from {least} up, found {found}", self.since(place.start), hint)
        return given

    def subsearch(self) -> Pipeline:
        """The `[ ... ]` that is next."""
        self.skip()
        start = self.pos
        if self.peek() != "[":
            self.fail(f"expected a subsearch in brackets, found {self.found()}")
        self.brackets.add(start)
        self.pos = end_of_bracket(self.text, start, self.end)
        return self._subsearch(start + 1, self.pos - 1)

    def template(self) -> tuple[str, Span]:
        """The text in the `[ ... ]` that is next, not parsed: foreach and map fill it in first."""
        self.skip()
        start = self.pos
        if self.peek() != "[":
            self.fail(f"expected a search in brackets, found {self.found()}")
        self.brackets.add(start)
        self.pos = end_of_bracket(self.text, start, self.end)
        return self.text[start + 1 : self.pos - 1], self.since(start)

    def expression(self) -> Ast:
        """An eval expression, as far as it goes."""
        from trapline.spl.expr import parse_expression

        return parse_expression(self)

    # --- ending

    def finish(self) -> None:
        """Nothing may be left."""
        if not self.done():
            self.fail(f"unexpected {self.found()}")

    def here(self) -> Span:
        self.skip()
        return Span(self.pos, min(self.pos + 1, max(self.pos, self.end)))

    def since(self, start: int) -> Span:
        return Span(start, self.pos)

    def fail(self, reason: str, span: Span | None = None, hint: str | None = None) -> NoReturn:
        raise SplError(reason, span=span or self.here(), hint=hint, code="syntax")

    def unsupported(self, reason: str, span: Span | None = None, hint: str | None = None) -> NoReturn:
        raise Unsupported(reason, span=span or self.here(), hint=hint)


def flag(value: str, span: Span) -> bool:
    """A Splunk boolean: t, true, 1, yes / f, false, 0, no."""
    match value.lower():
        case "t" | "true" | "1" | "yes" | "y":
            return True
        case "f" | "false" | "0" | "no" | "n":
            return False
    raise SplError(f"'{value}' is not a boolean", span=span, hint="write true or false", code="syntax")


def count(value: str, span: Span) -> int:
    """A whole number that is not negative."""
    if not value.isdecimal() or len(value) > 18:
        raise SplError(f"'{value}' is not a whole number from 0 up", span=span, hint="such as 10", code="syntax")
    return int(value)
