"""makemv: one value to several.

Syntax:
    makemv [delim=<text> | tokenizer=<regex>] [allowempty=<bool>] [setsv=<bool>] <field>

Options:
    delim=<text> (a blank): what stands between the values.
    tokenizer=<regex> (none): the first group of every match is a value.
    allowempty=<bool> (false): empty values count.
    setsv=<bool> (false): a nomv after it joins the values with the delimiter again.

Source: Search Reference, "makemv".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Call, Col, Expr, Extend, Lambda, Lit, Node, call, text
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, flag
from trapline.spl.evaluate import as_text, check_pattern
from trapline.spl.multivalue import visible_field
from trapline.values import Kind


@dataclass(frozen=True, slots=True)
class Makemv:
    field: str
    delim: str
    tokenizer: str | None
    allowempty: bool
    setsv: bool

    def lower(self, context: Context, source: Node) -> Node:
        kind = source.schema.get(self.field)
        if kind is None:
            return source
        if self.setsv:
            context.delimiters[self.field] = self.delim
        else:
            context.delimiters.pop(self.field, None)
        if kind is Kind.MULTI:
            # A multivalue is split already; only rows with one value have something to split.
            single = call("list_single", Kind.TEXT, Col(self.field, kind))
            many = Call("coalesce", (self._split(single), Col(self.field, kind)), Kind.MULTI)
            return Extend(source, ((self.field, many),))
        return Extend(source, ((self.field, self._split(as_text(Col(self.field, kind)))),))

    def _split(self, value: Expr) -> Expr:
        if self.tokenizer is not None:
            keep = Lit(self.allowempty, Kind.BOOL)
            return call("regex_tokens", Kind.MULTI, value, text(self.tokenizer), keep)
        cut = call("split", Kind.MULTI, value, text(self.delim))
        if self.allowempty:
            return cut
        filled = call("ne", Kind.BOOL, Col("_v", Kind.TEXT), text(""))
        return call("list_filter", Kind.MULTI, cut, Lambda("_v", filled))


def parse(cursor: Cursor) -> Makemv:
    delim, tokenizer, field = " ", None, ""
    flags = {"allowempty": False, "setsv": False}
    while not cursor.done():
        match cursor.option(("delim", "tokenizer", *flags), patterns=("tokenizer",)):
            case ("delim", value, span):
                if not value:
                    cursor.fail("makemv needs a delimiter", span, hint='split(x, "") cuts every character')
                delim = value
            case ("tokenizer", value, span):
                check_pattern(value, span)
                tokenizer = value
            case (name, value, span):
                flags[name] = flag(value, span)
            case None if cursor.at_option():
                cursor.no_option()
            case None if cursor.take(","):
                continue
            case None if field:
                cursor.fail(f"unexpected {cursor.found()}: makemv splits one field")
            case None:
                field = visible_field(cursor, "makemv")
    if not field:
        cursor.fail("makemv needs a field", hint='makemv delim="," recipients')
    return Makemv(field, delim, tokenizer, flags["allowempty"], flags["setsv"])
