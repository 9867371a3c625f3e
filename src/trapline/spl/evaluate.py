"""Eval expressions: tree to typed plan expression. This is where Splunk's value rules live.

Source: Search Reference, "eval", "where"; spl/NOTES.md §2 "Null and types", "Search filter vs eval/where".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from trapline.errors import Span, SplError, Unsupported
from trapline.pcre import Pattern, check
from trapline.plan import FALSE, NULL, Call, Col, Expr, Lambda, Lit, Schema, call, number, text, widen
from trapline.spl.command import Context
from trapline.spl.expr import Ast, Binary, Field, Func, In, Logic, Num, Str, Sub, Unary
from trapline.values import Kind, number_text, to_number, value_text

_COMPARE = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
_ARITHMETIC = {"-": "sub", "*": "mul", "/": "div", "%": "mod"}


@dataclass(frozen=True, slots=True)
class Env:
    """What an expression sees: the fields of its input, the search's context, and bound lambda parameters."""

    schema: Schema
    context: Context
    bound: Mapping[str, Expr] = field(default_factory=dict)
    exact: bool = False
    """Within exact() or sigfig(): products of literals are not rounded."""

    # --- by the kind that is wanted

    def value(self, ast: Ast) -> Expr:
        """Any field value: text, number or multivalue. A boolean is an error, as in Splunk."""
        found = self.any(ast)
        if found.kind is Kind.BOOL:
            raise SplError(
                "a boolean cannot be used as a value here",
                span=ast.span,
                hint='turn it into a value: if(condition,"true","false")',
                code="boolean",
            )
        return found

    def text(self, ast: Ast) -> Expr:
        return as_text(self.value(ast))

    def number(self, ast: Ast) -> Expr:
        return as_number(self.value(ast))

    def multi(self, ast: Ast) -> Expr:
        return as_multi(self.value(ast))

    def condition(self, ast: Ast) -> Expr:
        """A boolean. A value in its place is an error: Splunk refuses `where 1` and `if("x",...)` as well."""
        found = self.any(ast)
        if found.kind is not Kind.BOOL:
            raise SplError(
                "a boolean expression is required here",
                span=ast.span,
                hint="compare the value: x=1, or isnotnull(x)",
                code="boolean",
            )
        return found

    def pattern(self, ast: Ast) -> Expr:
        """A regular expression; a literal one is checked here, so that the error points at it."""
        wanted = _as_pattern(ast)
        if isinstance(wanted, Str):
            check_pattern(wanted.value, wanted.span)
        return self.text(wanted)

    def constant(self, ast: Ast, what: str) -> str:
        """A literal that must be known when the search is compiled."""
        match ast:
            case Str(value=value):
                return value
            case Num(value=value):
                return number_text(value)
        raise Unsupported(f"{what} must be a literal", span=ast.span)

    # --- the tree

    def any(self, ast: Ast) -> Expr:
        match ast:
            case Num(value=value):
                return number(value)
            case Str(value=value):
                return text(value)
            case Field(name=name):
                return self.field(name)
            case Unary(op="not", operand=operand):
                return call("not", Kind.BOOL, self.condition(operand))
            case Unary(op=op, operand=operand):
                inner = self.number(operand)
                return call("neg", Kind.NUMBER, inner) if op == "-" else inner
            case Logic(op=op, parts=parts):
                return Call(op, tuple(map(self.condition, parts)), Kind.BOOL)
            case Binary(op="xor", left=left, right=right):
                return call("xor", Kind.BOOL, self.condition(left), self.condition(right))
            case Binary(op="like", left=left, right=right):
                return self._function(Func("like", (left, right), ast.span))
            case Binary(op=op, left=left, right=right) if op in _COMPARE:
                if self.gives_text(left) and self.gives_text(right):
                    return call(_COMPARE[op], Kind.BOOL, self.text(left), self.text(right))
                return compare(_COMPARE[op], self.any(left), self.any(right), ast.span)
            case Binary(op="+", left=left, right=right):
                return self._plus(left, right, ast.span)
            case Binary(op=".", left=left, right=right):
                return call("concat", Kind.TEXT, self._joined(left), self._joined(right))
            case Binary(op="*", left=Num() as left, right=Num() as right) if not self.exact:
                return number(_product(left, right))
            case Binary(op=op, left=left, right=right):
                return call(_ARITHMETIC[op], Kind.NUMBER, self.number(left), self.number(right))
            case In(item=item, choices=choices):
                return self.within(item, self._choices(choices), ast.span)
            case Func():
                return self._function(ast)
            case Sub(pipeline=pipeline, span=span):
                return self._subsearch(pipeline, span)
        raise AssertionError(f"BUG: no case for {ast}")

    def field(self, name: str) -> Expr:
        """A field; one that does not exist is null."""
        if name in self.bound:
            return self.bound[name]
        kind = self.schema.get(name)
        return NULL if kind is None else Col(name, kind)

    def item(self) -> Col:
        """One value of a multivalue, for mvmap and its like, under a name that no enclosing one has."""
        taken = {value.name for value in self.bound.values() if isinstance(value, Col)}
        free = next(name for name in (f"_v{place}" for place in range(len(taken) + 1)) if name not in taken)
        return Col(free, Kind.TEXT)

    def bind(self, name: str, value: Expr) -> Env:
        return Env(self.schema, self.context, {**self.bound, name: value}, self.exact)

    def within(self, item: Ast, choices: Sequence[Ast], span: Span) -> Expr:
        """IN: equal to one of the choices."""
        value = self.value(item)
        parts = tuple(compare("eq", value, self.value(choice), span) for choice in choices)
        return parts[0] if len(parts) == 1 else Call("or", parts, Kind.BOOL) if parts else FALSE

    def gives_text(self, ast: Ast) -> bool:
        """Is the result text whatever it looks like: a quoted literal, tostring(5), text joined to something? The value
        of a field is a number where it looks like one (spl/NOTES.md §2, "Null and types")."""
        from trapline.spl.functions import registry

        match ast:
            case Str():
                return True
            case Binary(op="."):
                return True
            case Binary(op="+", left=left, right=right):
                return self.gives_text(left) or self.gives_text(right)
            case Func(name="if" | "nullif", args=(_, *values)) | Func(name="coalesce", args=values):
                return self._all_text(values)
            case Func(name="case" | "validate", args=args):
                return self._all_text(args[1::2])
            case Func(name=name):
                known = registry().get(name)
                return known is not None and known.gives_text
        return False

    def _all_text(self, values: Sequence[Ast]) -> bool:
        """Is each of them text, nulls aside?"""
        real = [one for one in values if not (isinstance(one, Func) and one.name == "null")]
        return bool(real) and all(map(self.gives_text, real))

    def _plus(self, left: Ast, right: Ast, span: Span) -> Expr:
        """`+` adds two numbers and joins two texts (eval page, "Operators"). A field counts as a number where it looks
        like one, unless the other side is text for certain: `dest_port + "/tcp"`."""
        values = (self.value(left), self.value(right))
        certain = (self.gives_text(left), self.gives_text(right))
        numbers = [
            value.kind is Kind.NUMBER and not isinstance(ast, Field) and not is_null_literal(value)
            for value, ast in zip(values, (left, right), strict=True)
        ]
        if any(certain):
            if any(numbers):
                raise SplError(
                    "+ takes two numbers or two texts, not one of each",
                    span=span,
                    hint="join with . or turn one side with tostring() or tonumber()",
                    code="type",
                )
            return call("concat", Kind.TEXT, as_text(values[0]), as_text(values[1]))
        if any(numbers) or all(value.kind is Kind.NUMBER for value in values):
            return call("add", Kind.NUMBER, as_number(values[0]), as_number(values[1]))
        # A chain is one call: what a sum of fields is depends on all of them.
        parts = [part for value in values for part in _summands(as_text(value))]
        return Call("plus_auto", tuple(parts), Kind.TEXT)

    def _joined(self, ast: Ast) -> Expr:
        """An operand of `.`: round(x,n) keeps its n decimals when printed (round page)."""
        match ast:
            case Func(name="round", args=(_, Num(value=places))) if places > 0:
                return call("fixed", Kind.TEXT, self.number(ast), number(places))
        return self.text(ast)

    def _function(self, ast: Func) -> Expr:
        from trapline.spl.functions import find

        function = find(ast)
        return function.lower(self, ast)

    def _subsearch(self, pipeline: object, span: Span) -> Expr:
        found = self._substituted(pipeline, span)
        if len(found) != 1:
            raise SplError(
                "this subsearch returned several values, where one is expected", span=span, hint="x IN ([...])"
            )
        return self.any(found[0])

    def _choices(self, choices: Sequence[Ast]) -> tuple[Ast, ...]:
        """The items of a list; the text of a subsearch stands there as it is, and may be several."""
        found: list[Ast] = []
        for one in choices:
            found += self._substituted(one.pipeline, one.span) if isinstance(one, Sub) else (one,)
        return tuple(found)

    def _substituted(self, pipeline: object, span: Span) -> tuple[Ast, ...]:
        """What the text of a subsearch says, cut at its commas. Raises SplError."""
        from trapline.spl.command import Pipeline
        from trapline.spl.cursor import Cursor
        from trapline.spl.expr import parse_expression
        from trapline.spl.subsearch import as_search

        assert isinstance(pipeline, Pipeline)
        found = as_search(self.context, pipeline)

        def refuse(start: int, end: int) -> Pipeline:
            raise SplError("a subsearch cannot return another one", span=span)

        cursor = Cursor(found, 0, len(found), refuse)
        try:
            asts = [parse_expression(cursor)]
            while cursor.take(","):
                asts.append(parse_expression(cursor))
            cursor.finish()
            return tuple(asts)
        except SplError as error:
            raise SplError(
                f"this subsearch returned '{found[:80]}', which is not an expression: {error.reason}", span=span
            ) from None


def _as_pattern(ast: Ast) -> Ast:
    """The literals of a regular expression as such."""
    match ast:
        case Str(pattern=str(pattern), span=span):
            return Str(pattern, span)
        case Binary(op="." | "+" as op, left=left, right=right, span=span):
            return Binary(op, _as_pattern(left), _as_pattern(right), span)
    return ast


def check_pattern(pattern: str, span: Span) -> Pattern:
    """A regular expression, checked. Raises SplError at its place."""
    try:
        return check(pattern)
    except SplError as error:
        error.span = span
        raise


def _product(left: Num, right: Num) -> float:
    """The product of two literals, with as many significant figures as the least precise decimal among them, whole
    digits never cut: 8.250*0.2 is 2 (eval page, "Rounding"). Whole numbers are exact."""
    figures = [len(one.written.replace(".", "").lstrip("0")) for one in (left, right) if "." in one.written]
    plain = left.value * right.value
    written = left.written + right.written
    if not figures or plain == 0 or len(written) > 24 or "e" in written.lower():
        return plain
    product = Decimal(left.written) * Decimal(right.written)
    places = max(0, min(figures) - 1 - product.adjusted())
    rounded = product.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    return math.copysign(float(rounded), plain)


def as_text(expr: Expr) -> Expr:
    """The value as text. A multivalue stays a multivalue only where a function says so; here it joins with newlines."""
    match expr:
        case Lit(value=None):
            return NULL
        case Lit(value=tuple() as values):
            return text("\n".join(values))
        case Lit(kind=Kind.NUMBER, value=value):
            assert isinstance(value, float | int)
            return text(number_text(float(value)))
        case Call(op="to_number_all", args=(inner,)) if inner.kind is Kind.TEXT:
            return expr
    match expr.kind:
        case Kind.TEXT:
            return expr
        case Kind.NUMBER:
            return call("number_text", Kind.TEXT, expr)
        case Kind.MULTI:
            return call("list_join", Kind.TEXT, expr, text("\n"))
        case Kind.BOOL:
            return call("bool_text", Kind.TEXT, expr)


def as_number(expr: Expr) -> Expr:
    """The value as a number, null where it is none. A multivalue counts with its only value."""
    match expr:
        case Lit(value=None):
            return Lit(None, Kind.NUMBER)
        case Lit(value=str() as value):
            found = to_number(value)
            return Lit(found, Kind.NUMBER)
        case Call(op="number_text", args=(inner,)):
            return inner
    match expr.kind:
        case Kind.NUMBER:
            return expr
        case Kind.MULTI:
            return call("to_number", Kind.NUMBER, call("list_single", Kind.TEXT, expr))
        case _:
            return call("to_number", Kind.NUMBER, as_text(expr))


def as_multi(expr: Expr) -> Expr:
    """The value as a multivalue of one."""
    match expr:
        case Lit(value=None):
            return Lit(None, Kind.MULTI)
        case Lit(value=tuple()):
            return expr
        case Lit(value=str() | float() as value):
            return Lit((value_text(value),), Kind.MULTI)
    return expr if expr.kind is Kind.MULTI else call("list_of", Kind.MULTI, as_text(expr))


def as_kind(expr: Expr, kind: Kind) -> Expr:
    match kind:
        case Kind.TEXT:
            return as_text(expr)
        case Kind.NUMBER:
            return as_number(expr)
        case Kind.MULTI:
            return as_multi(expr)
        case Kind.BOOL:
            return expr


def unify(exprs: Sequence[Expr]) -> list[Expr]:
    """The same values with one common kind. Nulls fit every kind."""
    kinds = [expr.kind for expr in exprs if not (isinstance(expr, Lit) and expr.value is None)]
    if not kinds:
        return [Lit(None, expr.kind) for expr in exprs[:1] for _ in exprs]
    kind = kinds[0]
    for other in kinds[1:]:
        kind = widen(kind, other)
    return [Lit(None, kind) if isinstance(e, Lit) and e.value is None else as_kind(e, kind) for e in exprs]


def is_null_literal(expr: Expr) -> bool:
    return isinstance(expr, Lit) and expr.value is None


def compare(op: str, left: Expr, right: Expr, span: Span) -> Expr:
    """`left op right`, three-valued. Numbers where both sides look like numbers, else text in code point order; with a
    multivalue, true if it holds for any value. A quoted literal is text: = and != with it compare text."""
    if Kind.BOOL in (left.kind, right.kind):
        if left.kind is right.kind and op in ("eq", "ne"):
            return call(op, Kind.BOOL, left, right)
        raise SplError("a boolean cannot be compared with a value", span=span, code="boolean")
    if is_null_literal(left) or is_null_literal(right):
        return Lit(None, Kind.BOOL)
    if left.kind is Kind.MULTI:
        item = Col("_v", Kind.TEXT)
        return call("list_any", Kind.BOOL, left, Lambda("_v", compare(op, item, right, span)))
    if right.kind is Kind.MULTI:
        item = Col("_w", Kind.TEXT)
        return call("list_any", Kind.BOOL, right, Lambda("_w", compare(op, left, item, span)))
    if left.kind is Kind.NUMBER and right.kind is Kind.NUMBER:
        return call(op, Kind.BOOL, left, right)
    if left.kind is Kind.NUMBER:
        return compare(_FLIP[op], right, left, span)
    if right.kind is Kind.NUMBER:
        if isinstance(left, Lit):
            return call(op, Kind.BOOL, *_literal_against_number(left, right))
        return call(f"{op}_number", Kind.BOOL, left, right)
    if isinstance(left, Lit) or isinstance(right, Lit):
        literal = left if isinstance(left, Lit) else right
        assert isinstance(literal, Lit)
        looks_numeric = isinstance(literal.value, str) and to_number(literal.value) is not None
        if op in ("eq", "ne") or not looks_numeric:
            return call(op, Kind.BOOL, left, right)
    return call(f"{op}_auto", Kind.BOOL, left, right)


_FLIP = {"eq": "eq", "ne": "ne", "lt": "gt", "gt": "lt", "le": "ge", "ge": "le"}


def _literal_against_number(literal: Lit, other: Expr) -> tuple[Expr, Expr]:
    found = as_number(literal)
    return (literal, as_text(other)) if is_null_literal(found) else (found, other)


def _summands(expr: Expr) -> tuple[Expr, ...]:
    match expr:
        case Call(op="plus_auto", args=args):
            return args
    return (expr,)
