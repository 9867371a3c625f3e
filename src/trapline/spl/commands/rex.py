"""rex: fields from text by a regular expression, or text replaced by a sed expression.

Synopsis: `rex [field=<field>] [max_match=<n>] [offset_field=<field>] [mode=sed] "<regex>"`. Search Reference, "rex".
Named
groups become fields; no match leaves existing values; a group that took no part leaves its field null. max_match=0
means all matches, which make a multivalue.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from trapline.errors import Span, SplError, Unsupported
from trapline.plan import NULL, Call, Col, Expr, Extend, Node, Schema, call, number, text
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.spl.cursor import count as whole
from trapline.spl.evaluate import as_text, check_pattern, unify
from trapline.spl.functions.text import each
from trapline.values import Kind

OPTIONS = ("field", "max_match", "offset_field", "mode")


@dataclass(frozen=True, slots=True)
class Extract:
    """mode=extract"""

    field: str
    pattern: str
    groups: tuple[tuple[str, int], ...]
    limit: int

    def lower(self, context: Context, source: Node) -> Node:
        kind = source.schema.get(self.field)
        if kind is None:
            return Extend(source, tuple((name, NULL) for name, _ in self.groups if name not in source.schema))
        subject = as_text(Col(self.field, kind))
        pattern = text(self.pattern)
        matched = call("regex_match", Kind.BOOL, subject, pattern)
        values: list[tuple[str, Expr]] = []
        for name, group in self.groups:
            if self.limit == 1:
                found: Expr = call("regex_extract", Kind.TEXT, subject, pattern, number(group))
            else:
                found = call("regex_extract_all", Kind.MULTI, subject, pattern, number(group), number(self.limit))
            values.append((name, _or_old(name, matched, found, source.schema)))
        return Extend(source, tuple(values))


def _or_old(name: str, matched: Expr, found: Expr, schema: Schema) -> Expr:
    """The new value where the pattern matched, else what was there."""
    if name not in schema:
        return found
    new, old = unify([found, Col(name, schema[name])])
    return Call("case", (matched, new, old), new.kind)


@dataclass(frozen=True, slots=True)
class Sed:
    """mode=sed: s/regex/replacement/flags or y/from/to/"""

    field: str
    letters: bool
    pattern: str
    replacement: str
    every: bool

    def lower(self, context: Context, source: Node) -> Node:
        kind = source.schema.get(self.field)
        if kind is None:
            return source
        value = Col(self.field, kind)
        if self.letters:
            changed = each(
                value, lambda one: call("translate", Kind.TEXT, one, text(self.pattern), text(self.replacement))
            )
        else:
            op = "regex_replace" if self.every else "regex_replace_first"
            changed = each(value, lambda one: call(op, Kind.TEXT, one, text(self.pattern), text(self.replacement)))
        return Extend(source, ((self.field, changed),))


def parse(cursor: Cursor) -> Extract | Sed:
    options: dict[str, tuple[str, Span]] = {}
    pattern: str | None = None
    place = cursor.here()
    while not cursor.done():
        option = cursor.option(OPTIONS)
        if option is not None:
            options[option[0]] = (option[1], option[2])
            continue
        if pattern is not None:
            cursor.fail(f"unexpected {cursor.found()} after the regular expression")
        start = cursor.pos
        pattern = cursor.string()
        if pattern is None:
            pattern = cursor.rest()
            cursor.pos = cursor.end
        place = cursor.since(start)
    if pattern is None:
        cursor.fail("rex needs a regular expression", hint='rex field=x "user=(?<user>\\w+)"')
    if "offset_field" in options:
        raise Unsupported("rex offset_field is not supported yet", span=options["offset_field"][1])
    field = options["field"][0] if "field" in options else "_raw"
    if "mode" in options:
        mode, span = options["mode"]
        if mode.lower() != "sed":
            raise SplError(f"rex has no mode '{mode}'", span=span, hint="mode=sed, or leave it out", code="syntax")
        return _sed(field, pattern, place)
    limit = whole(*options["max_match"]) if "max_match" in options else 1
    groups = check_pattern(pattern, place).groups
    if not groups:
        raise SplError(
            "this regular expression has no named group, so it extracts nothing",
            span=place,
            hint="name what you want: (?<name>...)",
            code="regex",
        )
    return Extract(field, pattern, groups, limit)


def _sed(field: str, script: str, span: Span) -> Sed:
    kind, mark = script[:1], script[1:2]
    if kind not in ("s", "y") or not mark or mark.isalnum() or mark.isspace():
        raise SplError("a sed expression is s/regex/replacement/flags or y/from/to/", span=span, code="syntax")
    parts = _cut(script[2:], mark)
    if len(parts) != 3:
        raise SplError(
            f"this sed expression needs three {mark}", span=span, hint=f"{kind}{mark}from{mark}to{mark}", code="syntax"
        )
    old, new, flags = parts
    if kind == "y":
        if len(old) != len(new):
            raise SplError("y needs as many characters on both sides", span=span, code="syntax")
        return Sed(field, True, old, new, True)
    flags = flags.strip()
    if re.fullmatch(r"[gi]*", flags) is None:
        raise Unsupported(f"the sed flags '{flags}' are not supported", span=span, hint="g replaces every match")
    if "i" in flags:
        old = f"(?i){old}"
    check_pattern(old, span)
    return Sed(field, False, old, new, "g" in flags)


def _cut(body: str, mark: str) -> list[str]:
    """Cut at the unescaped marks; an escaped mark is the mark."""
    parts = [""]
    at = 0
    while at < len(body):
        char = body[at]
        if char == "\\" and at + 1 < len(body):
            parts[-1] += mark if body[at + 1] == mark else body[at : at + 2]
            at += 2
            continue
        if char == mark:
            parts.append("")
        else:
            parts[-1] += char
        at += 1
    return parts
