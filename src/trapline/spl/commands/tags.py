"""tags: the tags of field values, as fields.

Syntax:
    tags [outputfield=<field>] [inclname=<bool>] [inclvalue=<bool>] [<field>]...

Options:
    outputfield=<field> (tag::<field> and tag): the one field where the tags go.
    inclname=<bool> (false): the name of the field stands before the tag.
    inclvalue=<bool> (false): the value stands before the tag.
    <field>... (all): the fields whose tags are wanted.

Source: Search Reference, "tags".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trapline.plan import Call, Col, Expr, Extend, Lambda, Lit, Node, call, either, text
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name, flag
from trapline.spl.evaluate import as_multi, as_text
from trapline.values import Kind


@dataclass(frozen=True, slots=True)
class Tags:
    names: tuple[Name, ...]
    output: str | None
    inclname: bool
    inclvalue: bool

    def lower(self, context: Context, source: Node) -> Node:
        names = [name.text for name in self.names] or list(source.schema)
        lists: list[tuple[str, Expr]] = []
        for name in names:
            if name in source.schema:
                pairs = context.tags_of(name)
                if pairs:
                    lists.append((name, self._tags(Col(name, source.schema[name]), name, pairs)))
        if not lists:
            return source
        every = _sorted(call("list_concat", Kind.MULTI, *(value for _, value in lists)))
        if self.output is not None:
            return Extend(source, ((self.output, every),))
        own = tuple((f"tag::{name}", value) for name, value in lists)
        return Extend(source, (*own, ("tag", every)))

    def _tags(self, value: Expr, name: str, pairs: Iterable[tuple[str, str]]) -> Expr:
        by_tag: dict[str, list[str]] = {}
        for tagged, tag in pairs:
            by_tag.setdefault(self._label(name, tagged, tag), []).append(tagged)
        found = [
            Call("case", (_is_one(value, values), Lit((label,), Kind.MULTI), Lit(None, Kind.MULTI)), Kind.MULTI)
            for label, values in sorted(by_tag.items())
        ]
        return _sorted(call("list_concat", Kind.MULTI, *found))

    def _label(self, name: str, value: str, tag: str) -> str:
        return "::".join([*([name] if self.inclname else []), *([value] if self.inclvalue else []), tag])


def _is_one(value: Expr, choices: list[str]) -> Expr:
    """Is the value, or one of them, a tagged one? Letter case does not count, as in a search."""
    if value.kind is Kind.MULTI:
        parts = [
            call(
                "list_any",
                Kind.BOOL,
                value,
                Lambda("_v", call("eq", Kind.BOOL, call("lower", Kind.TEXT, Col("_v", Kind.TEXT)), text(one.lower()))),
            )
            for one in choices
        ]
        return either(parts)
    folded = call("lower", Kind.TEXT, as_text(value))
    return either([call("eq", Kind.BOOL, folded, text(one.lower())) for one in choices])


def _sorted(value: Expr) -> Expr:
    return call("list_sort", Kind.MULTI, call("list_dedup", Kind.MULTI, as_multi(value)))


def parse(cursor: Cursor) -> Tags:
    output: str | None = None
    inclname = inclvalue = False
    names: list[Name] = []
    while not cursor.done():
        match cursor.option(("outputfield", "inclname", "inclvalue")):
            case ("outputfield", value, _):
                output = value
            case ("inclname", value, span):
                inclname = flag(value, span)
            case ("inclvalue", value, span):
                inclvalue = flag(value, span)
            case _:
                if cursor.at_option():
                    cursor.no_option()
                if not cursor.take(","):
                    names.append(cursor.name())
    return Tags(tuple(names), output, inclname, inclvalue)
