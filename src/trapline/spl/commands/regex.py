"""regex: rows whose field a regular expression matches.

Syntax:
    regex [<field>=|<field>!=]"<regex>"

Options:
    <field>= | <field>!= (_raw): the field that is looked at; != keeps what does not match.

Source: Search Reference, "regex".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import NULL, Col, Expr, Filter, Node, call, text
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.spl.evaluate import check_pattern
from trapline.spl.functions.comparison import per_value
from trapline.values import Kind


@dataclass(frozen=True, slots=True)
class Regex:
    field: str
    pattern: str
    negated: bool

    def lower(self, context: Context, source: Node) -> Node:
        kind = source.schema.get(self.field)
        value: Expr = NULL if kind is None else Col(self.field, kind)
        found = per_value(value, lambda one: call("regex_match", Kind.BOOL, one, text(self.pattern)))
        if self.negated:
            found = call("not", Kind.BOOL, call("is_true", Kind.BOOL, found))
        return Filter(source, found)


def parse(cursor: Cursor) -> Regex:
    field, negated = "_raw", False
    if cursor.peek() != '"':
        field = cursor.name(stops="=!").text
        negated = cursor.take("!=")
        if not negated:
            cursor.expect("=", "after the field")
    elif cursor.text.find('"', cursor.pos + 1) >= 0:
        start = cursor.pos
        quoted = cursor.string()
        assert quoted is not None
        if cursor.take("!="):
            field, negated = quoted, True
        elif cursor.take("="):
            field = quoted
        else:
            cursor.pos = start
    start = cursor.here().start
    pattern = cursor.string(pattern=True)
    if pattern is None:
        pattern = cursor.rest()
        cursor.pos = cursor.end
    if not pattern:
        cursor.fail("regex needs a pattern", hint='regex field="^a.*z$"')
    check_pattern(pattern, cursor.since(start))
    return Regex(field, pattern, negated)
