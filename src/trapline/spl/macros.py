"""Search macros: textual, anywhere outside quotes, nested, overloaded by the number of arguments.

Source: Knowledge Manager Manual, "Use search macros in searches"; macros.conf.spec (`iseval`, `validation`);
spl/NOTES.md §3.3.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from trapline.errors import Span, SplError, Unsupported
from trapline.spl.scan import COMMENT, end_of_quote, strip_comments

MAX_DEPTH = 100
"""Nesting of macros inside macros (limits.conf has the same bound for recursion)."""
MAX_LENGTH = 4_000_000
"""Characters of an expanded search: macros that double each other must not fill the memory."""
MAX_CALLS = 10_000
"""Macro calls that a search may come to: macros that double each other and expand to nothing must end too."""


class Macro(Protocol):
    """What expansion needs of a macro."""

    @property
    def definition(self) -> str: ...

    @property
    def args(self) -> tuple[str, ...]: ...

    @property
    def iseval(self) -> bool:
        """Is the definition an eval expression, and its result the text that is put in?"""
        ...

    @property
    def validation(self) -> str:
        """An eval expression that says whether the arguments will do; "" for none."""
        ...

    @property
    def errormsg(self) -> str:
        """What is said where it is false or null."""
        ...


Evaluate = Callable[[str, Mapping[str, str]], str]
"""An eval expression with fields -> the text that it gives. Raises SplError."""
Validate = Callable[[str, Mapping[str, str]], bool | str | None]
"""An eval expression with fields -> whether it is true, or where it gives a text, that or None. Raises SplError."""


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A macro whose expressions are evaluated where it is called: an eval macro, or one with a validation."""

    macro: Macro
    evaluate: Evaluate
    validate: Validate

    @property
    def definition(self) -> str:
        return self.macro.definition

    @property
    def args(self) -> tuple[str, ...]:
        return self.macro.args

    @property
    def iseval(self) -> bool:
        return self.macro.iseval

    @property
    def validation(self) -> str:
        return self.macro.validation

    @property
    def errormsg(self) -> str:
        return self.macro.errormsg


@dataclass(frozen=True, slots=True)
class MacroCall:
    """One call in a text: `` `name` `` or `` `name(a, b)` ``. `args` as written, blanks and outer quotes dropped;
    `start`/`end` cover the backticks."""

    name: str
    args: tuple[str, ...]
    start: int
    end: int

    @property
    def key(self) -> str:
        """How the macro is stored: name, or name(n) with n arguments."""
        return f"{self.name}({len(self.args)})" if self.args else self.name


_NOTABLE = re.compile(r'[\\"`]')
"""What matters to where macro calls are."""


def find_macro_calls(text: str) -> list[MacroCall]:
    """Every macro call of a search, in order; none inside comments or double quotes. Raises SplError on an unclosed
    quote, comment or backtick."""
    calls: list[MacroCall] = []
    at = 0
    while (found := _NOTABLE.search(text, at)) is not None:
        at = found.start()
        char = text[at]
        if char == "\\":
            at += 2
        elif char == '"':
            at = end_of_quote(text, at)
        elif text.startswith(COMMENT, at):
            close = text.find(COMMENT, at + 3)
            at = len(text) if close < 0 else close + 3
        elif char == "`":
            call = _read_call(text, at)
            calls.append(call)
            at = call.end
    return calls


def _read_call(text: str, start: int) -> MacroCall:
    at = start + 1
    while at < len(text) and text[at] != "`":
        at = end_of_quote(text, at) if text[at] == '"' else at + (2 if text[at] == "\\" else 1)
    if at >= len(text):
        raise SplError(
            "this macro call is never closed", span=Span(start, start + 1), hint="end it with `", code="macro"
        )
    body = text[start + 1 : at].strip()
    name, paren, rest = body.partition("(")
    if not paren:
        return MacroCall(body, (), start, at + 1)
    if not rest.endswith(")"):
        raise SplError(
            "the arguments of this macro are never closed", span=Span(start, at + 1), hint="add )", code="macro"
        )
    inside = rest[:-1]
    return MacroCall(name.strip(), _split_args(inside) if inside.strip() else (), start, at + 1)


def _split_args(text: str) -> tuple[str, ...]:
    parts: list[str] = []
    at = first = depth = 0
    while at < len(text):
        match text[at]:
            case '"':
                at = end_of_quote(text, at) - 1
            case "\\":
                at += 1
            case "(" | "[":
                depth += 1
            case ")" | "]":
                depth -= 1
            case "," if depth == 0:
                parts.append(text[first:at])
                first = at + 1
        at += 1
    parts.append(text[first:])
    return tuple(_unquote(part.strip()) for part in parts)


def _unquote(arg: str) -> str:
    """The quotes around a whole argument are dropped on substitution."""
    if len(arg) >= 2 and arg[0] == '"' and end_of_quote(arg, 0) == len(arg):
        return arg[1:-1]
    return arg


def expand(text: str, macros: Mapping[str, Macro]) -> str:
    """The search without comments, every macro replaced by its definition.

    Raises SplError for an unknown macro (with the nearest names), a wrong number of arguments, endless recursion.
    The spans of the error point into the text that was being expanded, which is its `query`. Arguments are validated
    where the macro is `Evaluated`, as it is wherever a search runs; a text that is only looked at may have any.
    """
    return _expand(strip_comments(text), macros, (), count())


def _expand(text: str, macros: Mapping[str, Macro], inside: tuple[str, ...], made: Iterator[int]) -> str:
    if "`" not in text:
        return text
    try:
        calls = find_macro_calls(text)
        out: list[str] = []
        kept = length = 0
        for call in calls:
            span = Span(call.start, call.end)
            if next(made) >= MAX_CALLS:
                raise SplError(f"the search calls more than {MAX_CALLS:,} macros", span=span, code="macro")
            out += [text[kept : call.start], _definition(call, macros, inside, made)]
            kept = call.end
            length += len(out[-2]) + len(out[-1])
            if length > MAX_LENGTH:
                raise SplError("the search grows too long when its macros are expanded", span=span, code="macro")
        out.append(text[kept:])
    except SplError as error:
        raise error.locate(text, expanded=bool(inside)) from None
    return "".join(out)


def _definition(call: MacroCall, macros: Mapping[str, Macro], inside: tuple[str, ...], made: Iterator[int]) -> str:
    span = Span(call.start, call.end)
    macro = macros.get(call.key)
    if macro is None:
        raise _unknown(call, macros, span)
    if call.key in inside or len(inside) >= MAX_DEPTH:
        chain = " -> ".join((*inside, call.key))
        raise SplError(f"the macro {call.key} contains itself: {chain}", span=span, code="macro")
    values = dict(_bind(macro.args, call.args))
    if macro.validation and isinstance(macro, Evaluated):
        _validate(call, macro, values, span)
    body = _filled(strip_comments(macro.definition), values, span)
    if macro.iseval:
        if not isinstance(macro, Evaluated):
            raise Unsupported(f"the macro {call.key} is an eval macro: its text is known only when it runs", span=span)
        try:
            body = macro.evaluate(body, values)
        except SplError as error:
            raise SplError(
                f"the eval macro {call.key}: {error.reason}", span=span, hint=error.hint, code="macro"
            ) from None
    return _expand(body, macros, (*inside, call.key), made)


def _filled(text: str, values: Mapping[str, str], span: Span) -> str:
    """The text with its arguments, in one pass: a value that holds $name$ is not substituted again."""
    if not values:
        return text
    marks = re.compile("|".join(re.escape(f"${name}$") for name in values))
    found = marks.findall(text)
    if len(text) + sum(len(values[mark[1:-1]]) for mark in found) > MAX_LENGTH:
        raise SplError("the search grows too long when its macros are expanded", span=span, code="macro")
    return marks.sub(lambda match: values[match.group()[1:-1]], text)


def _validate(call: MacroCall, macro: Evaluated, values: Mapping[str, str], span: Span) -> None:
    """Raises SplError where the arguments will not do: a condition that is false or null, or else the text that the
    expression gives (macros.conf.spec). Arguments stand in it as $name$ and as fields."""
    expression = macro.validation
    try:
        found = macro.validate(_filled(expression, values, span), values)
    except SplError as error:
        raise SplError(
            f"the validation of the macro {call.key} cannot be evaluated: {error.reason}",
            span=span,
            hint=error.hint or f"it is: {expression[:200]}",
            code="macro",
        ) from None
    if found is None or found is True:
        return
    said = found or macro.errormsg or "its arguments are not valid"
    raise SplError(
        f"the macro {call.key}: {said[:1000]}", span=span, hint=f"its validation is: {expression[:200]}", code="macro"
    )


def _bind(names: tuple[str, ...], values: tuple[str, ...]) -> list[tuple[str, str]]:
    """Arguments by position, or by name where all are written name=value."""
    named = [value.partition("=") for value in values]
    if values and all(equal and key.strip() in names for key, equal, _ in named):
        return [(key.strip(), _unquote(value.strip())) for key, _, value in named]
    return list(zip(names, values, strict=False))


def _unknown(call: MacroCall, macros: Mapping[str, Macro], span: Span) -> SplError:
    same = sorted(key for key in macros if key.partition("(")[0] == call.name)
    if same:
        counts = ", ".join(same)
        return SplError(
            f"the macro {call.key} does not exist: no form of '{call.name}' takes {len(call.args)} argument(s)",
            span=span,
            hint=f"defined: {counts}",
            code="macro",
        )
    near = difflib.get_close_matches(call.name, {key.partition("(")[0] for key in macros}, 1)
    hint = f"did you mean `{near[0]}`?" if near else "define it in a macros file and give that file with --macros"
    return SplError(f"the macro '{call.name}' does not exist", span=span, hint=hint, code="macro")
