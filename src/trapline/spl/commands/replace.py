"""replace: whole field values by others.

Syntax:
    replace (<value-pattern> WITH <value-pattern>)... [IN <field>...]

Options:
    IN <field>... (all but internal ones): the fields that are looked at.

Source: Search Reference, "replace"; searchbnf.conf, "replace-command".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.errors import Span
from trapline.plan import Call, Col, Expr, Extend, Node, call, text, visible
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name
from trapline.spl.evaluate import as_text
from trapline.spl.functions.text import each
from trapline.spl.wildcard import match_names
from trapline.values import Kind


@dataclass(frozen=True, slots=True)
class Pair:
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Replace:
    pairs: tuple[Pair, ...]
    """The first that matches counts."""
    names: tuple[Name, ...]

    def lower(self, context: Context, source: Node) -> Node:
        schema = source.schema
        wanted = visible(schema)
        if self.names:
            listed = [one for name in self.names for one in match_names(name.text, schema)]
            wanted = list(dict.fromkeys(listed))
        values = tuple((name, each(Col(name, schema[name]), self._replaced)) for name in wanted)
        return Extend(source, values) if values else source

    def _replaced(self, value: Expr) -> Expr:
        written = as_text(value)
        branches: list[Expr] = []
        for pair in self.pairs:
            if "*" not in pair.old:
                branches += (call("eq", Kind.BOOL, written, text(pair.old)), text(pair.new))
                continue
            branches.append(call("wildcard", Kind.BOOL, written, text(pair.old)))
            branches.append(_filled(written, pair))
        return Call("case", (*branches, written), Kind.TEXT)


def _filled(value: Expr, pair: Pair) -> Expr:
    """The new value, with what each `*` stood for."""
    if "*" not in pair.new:
        return text(pair.new)
    return call("wildcard_replace", Kind.TEXT, value, text(pair.old), text(pair.new))


def parse(cursor: Cursor) -> Replace:
    pairs: list[Pair] = []
    names: list[Name] = []
    while not cursor.done():
        if cursor.take(","):
            continue
        if pairs and cursor.take_word("in"):
            names = cursor.names()
            if not names:
                cursor.fail("IN needs a field", hint="replace 0 WITH Critical IN level")
            words = ("with", "in")
            other = next((one for one in names if cursor.text[one.span.start : one.span.end].lower() in words), None)
            if other is not None:
                cursor.fail(
                    f"{other.text} cannot follow the fields of IN", other.span, "one IN, at the end, for all values"
                )
            break
        start = cursor.here().start
        old = cursor.value("a value to replace")
        if not cursor.take_word("with"):
            cursor.fail(
                f"expected WITH after {old}, found {cursor.found()}", hint="replace <old> WITH <new> IN <field>"
            )
        new = cursor.value("the new value")
        _check(cursor, old, new, cursor.since(start))
        pairs.append(Pair(old, new))
    if not pairs:
        cursor.fail("replace needs values", hint="replace 127.0.0.1 WITH localhost IN host")
    exact = [pair for pair in pairs if "*" not in pair.old]
    wild = [pair for pair in pairs if "*" in pair.old]
    wild.sort(key=lambda pair: -len(pair.old.replace("*", "")))
    return Replace((*reversed(exact), *wild), tuple(names))


def _check(cursor: Cursor, old: str, new: str, span: Span) -> None:
    if "*" in new and old.count("*") != new.count("*"):
        cursor.fail(
            f"'{old}' and '{new}' have a different number of wildcards",
            span,
            "as many * in the new value as in the old one, or none",
        )
