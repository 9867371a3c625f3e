"""rex: fields from text by a regular expression, or text replaced by a sed expression.

Syntax:
    rex [field=<field>] [max_match=<n>] [offset_field=<field>] "<regex with (?<name>...)>"
    rex [field=<field>] mode=sed "s/<regex>/<replacement>/[g|i|<n>] | y/<characters>/<characters>/"

Options:
    field=<field> (_raw): the text.
    max_match=<n> (1): matches that are taken at most, 0 for all.
    offset_field=<field> (none): where the places of the groups go, counted from 0.
    mode=sed (extracts): rewrites the field.

Differences:
    - Two groups of one name are taken with `(?J)` in front and in different branches of an alternative, or in
      `(?|...)`, and refused elsewhere.
    - Refused: `\\g{-1}`, a reference to the group that it stands in, `(*ANYCRLF)` and the other verbs for line ends,
      `(*COMMIT)`, `(*ACCEPT)`, `(*THEN)`, `\\C`, callouts.

Source: Search Reference, "rex".
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
    offsets: str | None

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
        if self.offsets is not None:
            places = call("regex_offsets", Kind.MULTI, subject, pattern, number(self.limit))
            if self.limit == 1:
                places = call("list_at", Kind.TEXT, places, number(0))
            values.append((self.offsets, _or_old(self.offsets, matched, places, source.schema)))
        return Extend(source, tuple(values))


def _or_old(name: str, matched: Expr, found: Expr, schema: Schema) -> Expr:
    """The new value where the pattern matched, else what was there."""
    if name not in schema:
        return found
    new, old = unify([found, Col(name, schema[name])])
    return Call("case", (matched, new, old), new.kind)


@dataclass(frozen=True, slots=True)
class Edit:
    """One sed command: s/regex/replacement/flags, or with `letters` y/from/to/. `nth`: only that match, 0 = all."""

    letters: bool
    pattern: str
    replacement: str
    nth: int


@dataclass(frozen=True, slots=True)
class Sed:
    """mode=sed: sed commands, one after another."""

    field: str
    edits: tuple[Edit, ...]

    def lower(self, context: Context, source: Node) -> Node:
        kind = source.schema.get(self.field)
        if kind is None:
            return source
        return Extend(source, ((self.field, each(Col(self.field, kind), self._edited)),))

    def _edited(self, value: Expr) -> Expr:
        for edit in self.edits:
            old, new = text(edit.pattern), text(edit.replacement)
            if edit.letters:
                value = call("translate", Kind.TEXT, value, old, new)
            elif edit.nth == 0:
                value = call("regex_replace", Kind.TEXT, value, old, new)
            elif edit.nth == 1:
                value = call("regex_replace_first", Kind.TEXT, value, old, new)
            else:
                value = call("regex_replace_nth", Kind.TEXT, value, old, new, number(edit.nth))
        return value


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
        pattern = cursor.string(pattern=True)
        if pattern is None:
            pattern = cursor.rest()
            cursor.pos = cursor.end
        place = cursor.since(start)
        if cursor.text[start : start + 1] != '"' and re.search(r'(?<!\\)"', pattern):
            cursor.fail("the regular expression must be in quotes", place, 'rex field=x "user=(?<user>\\w+)"')
    if pattern is None:
        cursor.fail("rex needs a regular expression", hint='rex field=x "user=(?<user>\\w+)"')
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
    offsets = options["offset_field"][0] if "offset_field" in options else None
    return Extract(field, pattern, groups, limit, offsets)


def _sed(field: str, script: str, span: Span) -> Sed:
    """A sed script: commands separated by blanks (props.conf.spec, SEDCMD)."""
    edits: list[Edit] = []
    rest = script.lstrip()
    while rest or not edits:
        edit, rest = _edit(rest, span)
        edits.append(edit)
    return Sed(field, tuple(edits))


_FLAGS = re.compile(r"[A-Za-z0-9]*")


def _edit(script: str, span: Span) -> tuple[Edit, str]:
    """The first command of a script, and what follows it."""
    kind, mark = script[:1], script[1:2]
    if kind not in ("s", "y") or not mark or mark.isalnum() or mark.isspace():
        raise SplError("a sed expression is s/regex/replacement/flags or y/from/to/", span=span, code="syntax")
    parts, rest = _cut(script[2:], mark)
    if len(parts) != 2:
        raise SplError(
            f"this sed expression needs three {mark}", span=span, hint=f"{kind}{mark}from{mark}to{mark}", code="syntax"
        )
    old, new = parts
    found = _FLAGS.match(rest)
    assert found is not None
    flags, rest = found.group(), rest[found.end() :]
    if rest and not rest[0].isspace():
        raise SplError(f"unexpected '{rest[:20]}' after a sed expression", span=span, code="syntax")
    rest = rest.lstrip()
    if kind == "y":
        old, new = _letters(old), _letters(new)
        if flags or len(old) != len(new):
            reason = "y takes no flags" if flags else "y needs as many characters on both sides"
            raise SplError(reason, span=span, code="syntax")
        return Edit(True, old, new, 0), rest
    matched = re.fullmatch(r"[gi]*(\d{1,6})?[gi]*", flags)
    if matched is None or matched.group(1) == "0":
        raise Unsupported(
            f"the sed flags '{flags}' are not supported", span=span, hint="g replaces every match, 2 the second one"
        )
    if matched.group(1) and "g" in flags:
        raise Unsupported(
            f"the sed flags '{flags}' name one match and every match",
            span=span,
            hint=f"{matched.group(1)} replaces that match alone, g replaces every match",
        )
    if "i" in flags:
        old = f"(?i){old}"
    check_pattern(old, span)
    return Edit(False, old, new, 0 if "g" in flags else int(matched.group(1) or 1)), rest


def _letters(text: str) -> str:
    r"""The characters of y: \n, \t and \\ are one each."""
    pairs = {"\\n": "\n", "\\t": "\t", "\\\\": "\\"}
    return re.sub(r"\\[nt\\]", lambda match: pairs[match.group()], text)


def _cut(body: str, mark: str) -> tuple[list[str], str]:
    """The two pieces up to the second unescaped mark, and what follows it; none if there are not two. An escaped mark
    is the mark."""
    parts = [""]
    at = 0
    while at < len(body):
        char = body[at]
        if char == "\\" and at + 1 < len(body):
            parts[-1] += mark if body[at + 1] == mark else body[at : at + 2]
            at += 2
            continue
        at += 1
        if char == mark:
            if len(parts) == 2:
                return parts, body[at:]
            parts.append("")
        else:
            parts[-1] += char
    return [], ""
