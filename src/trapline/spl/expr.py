"""Eval expressions: text to tree. Used by eval, where, stats eval(...), and calculated fields.

Binding, tightest first (Search Reference, "eval" and "where"; spl/NOTES.md §2): unary minus; `* / %`; `+ - .`;
comparisons, LIKE, IN; NOT; AND; OR; XOR. Keywords in any letter case. 'single quotes' read a field, "double quotes"
are a literal; an unquoted `a.b` is concatenation and `a-b` a subtraction.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trapline.errors import Span
from trapline.spl.cursor import Cursor
from trapline.spl.scan import unescape

if TYPE_CHECKING:
    from trapline.spl.command import Pipeline

MAX_DEPTH = 50
"""Nesting of parentheses, calls and unary operators; beyond it the expression is refused, not the stack blown."""
MAX_CHAIN = 200
"""Operands of one chain of comparisons or arithmetic."""
MAX_JOINED = 2_000
"""Operands of one chain of texts joined by `.`"""


@dataclass(frozen=True, slots=True)
class Num:
    value: float
    span: Span
    written: str = ""
    """Its digits: 0.20 is more precise than 0.2 (eval page, "Rounding")."""


@dataclass(frozen=True, slots=True)
class Str:
    value: str
    span: Span
    pattern: str | None = None
    """As a regular expression, where that is another text."""


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Unary:
    op: str
    """`-`, `+` or `not`"""
    operand: Ast
    span: Span


@dataclass(frozen=True, slots=True)
class Binary:
    op: str
    """`+ - * / % .`, `== != < <= > >=`, `like`, `xor`"""
    left: Ast
    right: Ast
    span: Span


@dataclass(frozen=True, slots=True)
class Logic:
    """Two or more conditions joined by the same word; flat, for hundreds of them are common."""

    op: str
    """`and` or `or`"""
    parts: tuple[Ast, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class In:
    item: Ast
    choices: tuple[Ast, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Func:
    name: str
    """lower case"""
    args: tuple[Ast, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Sub:
    """A subsearch whose text result stands here: `1 + [ ... | return $n]`."""

    pipeline: Pipeline
    span: Span


Ast = Num | Str | Field | Unary | Binary | Logic | In | Func | Sub

_NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![A-Za-z_0-9])", re.ASCII)
_WORD = re.compile(r"[A-Za-z_@\u0080-\uffff$][\w@$\u0080-\uffff]*(?:\{\}|:(?=\w))?[\w@]*")
_COMPARE = ("==", "!=", "<=", ">=", "=", "<", ">")


def parse_expression(cursor: Cursor) -> Ast:
    """One expression from the cursor. Raises SplError."""
    return _xor(cursor, 0)


def _xor(cursor: Cursor, depth: int) -> Ast:
    left = _or(cursor, depth)
    while cursor.take_word("xor"):
        right = _or(cursor, depth)
        left = Binary("xor", left, right, left.span.to(right.span))
    return left


def _or(cursor: Cursor, depth: int) -> Ast:
    parts = [_and(cursor, depth)]
    while cursor.take_word("or") or cursor.take("||"):
        parts.append(_and(cursor, depth))
    return _logic("or", parts)


def _and(cursor: Cursor, depth: int) -> Ast:
    parts = [_not(cursor, depth)]
    while cursor.take_word("and") or cursor.take("&&"):
        parts.append(_not(cursor, depth))
    return _logic("and", parts)


def _logic(op: str, parts: list[Ast]) -> Ast:
    return parts[0] if len(parts) == 1 else Logic(op, tuple(parts), parts[0].span.to(parts[-1].span))


def _not(cursor: Cursor, depth: int) -> Ast:
    if depth > MAX_DEPTH:
        cursor.fail("the expression is nested too deeply")
    start = cursor.here().start
    is_word = cursor.looking_at("not")
    if is_word or (cursor.peek() == "!" and cursor.peek(2) != "!="):
        cursor.pos += 3 if is_word else 1
        operand = _not(cursor, depth + 1)
        return Unary("not", operand, Span(start, operand.span.end))
    return _comparison(cursor, depth)


def _comparison(cursor: Cursor, depth: int) -> Ast:
    left = _sum(cursor, depth)
    while True:
        for op in _COMPARE:
            if cursor.take(op):
                right = _sum(cursor, depth)
                left = Binary("==" if op == "=" else op, left, right, left.span.to(right.span))
                break
        else:
            if cursor.take_word("like"):
                right = _sum(cursor, depth)
                left = Binary("like", left, right, left.span.to(right.span))
            elif cursor.looking_at("in") and _opens_list(cursor, 2):
                cursor.take_word("in")
                left = _in_list(cursor, left, depth)
            elif cursor.looking_at("not") and (negated := _not_in(cursor, left, depth)) is not None:
                left = negated
            else:
                return left


def _not_in(cursor: Cursor, left: Ast, depth: int) -> Ast | None:
    """`x NOT IN (...)` after x."""
    start = cursor.pos
    cursor.take_word("not")
    if cursor.looking_at("in") and _opens_list(cursor, 2):
        cursor.take_word("in")
        found = _in_list(cursor, left, depth)
        return Unary("not", found, found.span)
    cursor.pos = start
    return None


def _opens_list(cursor: Cursor, skip: int) -> bool:
    at = cursor.pos + skip
    while at < cursor.end and cursor.text[at].isspace():
        at += 1
    return at < cursor.end and cursor.text[at] == "("


def _in_list(cursor: Cursor, left: Ast, depth: int) -> Ast:
    opened = cursor.here()
    choices = _arguments(cursor, depth)
    if not choices:
        cursor.fail("IN needs at least one value", Span(opened.start, cursor.pos))
    return In(left, choices, Span(left.span.start, cursor.pos))


def _sum(cursor: Cursor, depth: int) -> Ast:
    return _chain(cursor, ("+", "-", "."), _product, depth)


def _product(cursor: Cursor, depth: int) -> Ast:
    return _chain(cursor, ("*", "/", "%"), _unary, depth)


def _chain(cursor: Cursor, ops: tuple[str, ...], operand: Callable[[Cursor, int], Ast], depth: int) -> Ast:
    """Operands of one level of binding, joined from left to right. A long chain of `.`, where the order of joining is
    all the same, becomes a tree of little depth."""
    operands = [operand(cursor, depth)]
    found: list[str] = []
    while (op := cursor.peek()) in ops:
        found.append(op)
        most = MAX_CHAIN if set(found) != {"."} else MAX_JOINED
        if len(found) >= most:
            cursor.fail(f"a chain of more than {most:,} operands", hint="split it over several assignments")
        cursor.pos += 1
        operands.append(operand(cursor, depth))
    if len(operands) > MAX_CHAIN:
        return _balanced(operands)
    left = operands[0]
    for op, right in zip(found, operands[1:], strict=True):
        left = Binary(op, left, right, left.span.to(right.span))
    return left


def _balanced(operands: Sequence[Ast]) -> Ast:
    if len(operands) == 1:
        return operands[0]
    half = len(operands) // 2
    left, right = _balanced(operands[:half]), _balanced(operands[half:])
    return Binary(".", left, right, left.span.to(right.span))


def _unary(cursor: Cursor, depth: int) -> Ast:
    if depth > MAX_DEPTH:
        cursor.fail("the expression is nested too deeply")
    sign = cursor.peek()
    if sign in ("-", "+"):
        start = cursor.pos
        cursor.pos += 1
        operand = _unary(cursor, depth + 1)
        if isinstance(operand, Num):
            value = -operand.value if sign == "-" else operand.value
            return Num(value, Span(start, operand.span.end), operand.written)
        return Unary(sign, operand, Span(start, operand.span.end))
    return _primary(cursor, depth)


def _primary(cursor: Cursor, depth: int) -> Ast:
    char = cursor.peek()
    start = cursor.pos
    if char == "(":
        cursor.pos += 1
        inner = _xor(cursor, depth + 1)
        if not cursor.take(")"):
            cursor.fail(f"unbalanced parenthesis: expected ) before {cursor.found()}", Span(start, start + 1))
        return inner
    if char == '"':
        value = cursor.string()
        assert value is not None
        pattern = unescape(cursor.text[start + 1 : cursor.pos - 1], pattern=True)
        return Str(value, cursor.since(start), None if pattern == value else pattern)
    if char == "'":
        close = cursor.text.find("'", start + 1, cursor.end)
        if close < 0:
            cursor.fail("unbalanced quote: this field name is never closed", Span(start, start + 1), "close it with '")
        cursor.pos = close + 1
        return Field(cursor.text[start + 1 : close], cursor.since(start))
    if char == "[":
        pipeline = cursor.subsearch()
        return Sub(pipeline, cursor.since(start))
    number = _NUMBER.match(cursor.text, start, cursor.end)
    if number is not None:
        cursor.pos = number.end()
        found = float(number.group())
        if found == float("inf"):
            cursor.fail("this number is too large", cursor.since(start))
        return Num(found, cursor.since(start), number.group())
    word = _WORD.match(cursor.text, start, cursor.end)
    if word is None:
        cursor.fail(f"expected an expression, found {cursor.found()}")
    cursor.pos = word.end()
    if cursor.peek() == "(":
        args = _arguments(cursor, depth)
        return Func(word.group().lower(), args, cursor.since(start))
    cursor.pos = word.end()
    return Field(word.group(), cursor.since(start))


def _arguments(cursor: Cursor, depth: int) -> tuple[Ast, ...]:
    """`( a, b, ... )`, possibly empty."""
    cursor.skip()
    opened = cursor.pos
    cursor.expect("(", "to open the arguments")
    args: list[Ast] = []
    if cursor.take(")"):
        return ()
    while True:
        args.append(_xor(cursor, depth + 1))
        if cursor.take(","):
            continue
        if cursor.take(")"):
            return tuple(args)
        cursor.fail(
            f"expected , or ) in the arguments, found {cursor.found()}"
            + ("; unbalanced parenthesis" if cursor.done() else ""),
            Span(opened, opened + 1) if cursor.done() else None,
        )


def fields_read(ast: Ast) -> Iterator[str]:
    """The fields an expression names, in order, repeats included."""
    match ast:
        case Field(name=name):
            yield name
        case Unary(operand=operand):
            yield from fields_read(operand)
        case Binary(left=left, right=right):
            yield from fields_read(left)
            yield from fields_read(right)
        case Logic(parts=parts):
            for part in parts:
                yield from fields_read(part)
        case In(item=item, choices=choices):
            yield from fields_read(item)
            for choice in choices:
                yield from fields_read(choice)
        case Func(args=args):
            for arg in args:
                yield from fields_read(arg)
