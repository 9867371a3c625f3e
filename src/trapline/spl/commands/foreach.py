"""foreach: commands from a template, for every field that matches, or for every value of a field.

Syntax:
    foreach [mode=multifield] <field-pattern>... [fieldstr=<text>] [matchstr=<text>] [matchseg1=<text>]
        [matchseg2=<text>] [matchseg3=<text>] [<template>]
    foreach mode=(multivalue|json_array|auto_collections) [<field>] [itemstr=<text>] [iterstr=<text>]
        [eval <template>]

Options:
    mode=<mode> (multifield): per field, per value of a multivalue, per element of a JSON array, or either of these.
    fieldstr=<text> (<<FIELD>>): what stands for the name of the field.
    matchstr=<text> (<<MATCHSTR>>): what stands for the text that the wildcards match.
    matchseg1=<text> (<<MATCHSEG1>>): what stands for the text of the first wildcard.
    matchseg2=<text> (<<MATCHSEG2>>): of the second.
    matchseg3=<text> (<<MATCHSEG3>>): of the third.
    itemstr=<text> (<<ITEM>>): what stands for a value.
    iterstr=<text> (<<ITER>>): what stands for its number, from 0.

Differences:
    - Runs over at most 2,000 fields and 1,000 values of a row; all foreach of a search together over 5,000.

Source: Search Reference, "foreach".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from trapline.errors import Span, SplError
from trapline.plan import (
    DEEP,
    Agg,
    Aggregate,
    Call,
    Col,
    Expr,
    Extend,
    Lit,
    Node,
    Project,
    Rows,
    call,
    grown,
    number,
    text,
    visible,
)
from trapline.spl.command import Context, Pipeline
from trapline.spl.cursor import Cursor, Name
from trapline.spl.evaluate import as_multi, as_text, unify
from trapline.spl.scan import split_pipes
from trapline.spl.templates import parsed
from trapline.spl.wildcard import match_names
from trapline.values import Kind, fills

MODES = ("multifield", "multivalue", "json_array", "auto_collections")
TOKENS = {
    "fieldstr": "<<FIELD>>",
    "matchstr": "<<MATCHSTR>>",
    "matchseg1": "<<MATCHSEG1>>",
    "matchseg2": "<<MATCHSEG2>>",
    "matchseg3": "<<MATCHSEG3>>",
    "itemstr": "<<ITEM>>",
    "iterstr": "<<ITER>>",
}
MAX_FIELDS = 2_000
MAX_ITEMS = 1_000
MAX_FILLED = 5_000
"""Templates that a search fills: one foreach in another one multiplies them."""
_REFUSED = frozenset({"stats", "chart", "timechart", "top", "rare", "transaction", "append", "join", "map", "collect"})
_ITEMS = "_foreach_items"
_ITEM = "_foreach_item"
_OLD = "_foreach_old:"
_UNFIT = re.compile(r"[|\[\]`\"'\\]")
"""Field names come from logs: one with these in it could add commands to a template."""
_WORD = re.compile(r"\s*\w+")
_ARRAY = re.compile(r"\s*\[.*\]\s*\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ForEach:
    mode: str
    names: tuple[Name, ...]
    template: str
    span: Span
    tokens: Mapping[str, str] = field(default_factory=dict)

    def lower(self, context: Context, source: Node) -> Node:
        if self.mode == "multifield":
            return self._fields(context, source)
        if self.names:
            return self._items(context, source, self.names[0].text)
        held = context.held(source)
        node: Node = held
        for name in _collections(held):
            node = self._items(context, node, name)
        return node

    # --- fields

    def _fields(self, context: Context, source: Node, *, early: bool = False) -> Node:
        """`early`: the source has run, because its fields must be known or the whole would be too deep."""
        if not early and any(name.wild for name in self.names):
            return self._fields(context, context.materialise(source), early=True)
        found: dict[str, tuple[str, ...]] = {}
        for name in self.names:
            if not name.wild:
                found.setdefault(name.text, ())
                continue
            known = list(source.schema) if name.text.startswith("_") else visible(source.schema)
            for one in match_names(name.text, known):
                if _UNFIT.search(one):
                    context.warnings.add(
                        "foreach",
                        f"foreach left out the field {one[:80]!r}: its name could end the place it is put in",
                        hint="rename the field first",
                    )
                    continue
                found.setdefault(one, fills(name.text, one) or ())
        if len(found) > MAX_FIELDS:
            raise SplError(f"foreach matches {len(found):,} fields, more than {MAX_FIELDS:,}", span=self.span)
        node = source
        for name_, segments in found.items():
            self._count(context)
            filled = self._filled(self.template, name_, segments)
            pipeline = parsed(context, filled, what=f"foreach, field {name_}", span=self.span)
            _refuse((stage.name for stage in pipeline.stages), self.span)
            node = _lowered(context, pipeline, node)
            if grown(node, DEEP // 2):  # what the template adds stays below DEEP
                if not early:
                    return self._fields(context, context.materialise(source), early=True)
                node = context.materialise(node, whole=True)
        return node

    def _filled(self, template: str, name: str, segments: tuple[str, ...]) -> str:
        values = {"fieldstr": name, "matchstr": "".join(segments)}
        values |= {f"matchseg{place}": segments[place - 1] if place <= len(segments) else "" for place in (1, 2, 3)}
        return _replaced(template, {self._token(key): value for key, value in values.items()})

    def _token(self, option: str) -> str:
        return self.tokens.get(option, TOKENS[option])

    def _count(self, context: Context) -> None:
        """Raises SplError where the templates of a search are too many."""
        context.filled += 1
        if context.filled > MAX_FILLED:
            raise SplError(
                f"foreach fills more than {MAX_FILLED:,} templates in this search",
                span=self.span,
                hint="one foreach in another one runs over each pair of fields: name the fields that are meant",
                code="limit",
            )

    # --- values

    def _items(self, context: Context, source: Node, name: str) -> Node:
        if name not in source.schema:
            return source
        node: Node = Extend(source, ((_ITEMS, _values(self.mode, Col(name, source.schema[name]))),))
        longest = Agg("max", call("list_count", Kind.NUMBER, Col(_ITEMS, Kind.MULTI)), Kind.NUMBER)
        row = context.rows(Aggregate(node, (), (("n", longest),)))[0]
        count = row.get("n", 0)
        assert isinstance(count, int | float)
        if count > MAX_ITEMS:
            raise SplError(
                f"foreach: {name} has up to {count:,} values, more than {MAX_ITEMS:,}",
                span=self.span,
                hint=f"mvexpand {name} and stats do the same for any number",
                code="limit",
            )
        for place in range(int(count)):
            node = self._item(context, node, place)
            if grown(node, DEEP // 2):  # what the template adds stays below DEEP
                node = context.materialise(node, whole=True)
        kept = [one for one in node.schema if one not in (_ITEMS, _ITEM)]
        return Project(node, tuple((one, Col(one, node.schema[one])) for one in kept))

    def _item(self, context: Context, source: Node, place: int) -> Node:
        """The template for the value at a place, in the rows that have one there."""
        if _ITEMS not in source.schema:
            return source
        self._count(context)
        item = call("list_at", Kind.TEXT, Col(_ITEMS, Kind.MULTI), number(place))
        node: Node = Extend(source, ((_ITEM, item),))
        filled = _with_item(self.template, self._token("itemstr"))
        filled = filled.replace(self._token("iterstr"), str(place))
        pipeline = parsed(context, filled, what="foreach", span=self.span)
        if [stage.name for stage in pipeline.stages] != ["eval"]:
            raise SplError(f"foreach mode={self.mode} takes a single eval", span=self.span, code="syntax")
        assigned = _assigned(_lowered(context, pipeline, node), node)
        before = tuple((_OLD + one, Col(one, node.schema[one])) for one in assigned if one in node.schema)
        saved = Extend(node, before) if before else node
        after = _lowered(context, pipeline, saved)
        there = call("is_not_null", Kind.BOOL, Col(_ITEM, Kind.TEXT))
        values: list[tuple[str, Expr]] = []
        for one in assigned:
            if one not in after.schema:
                continue
            old: Expr = Col(_OLD + one, node.schema[one]) if one in node.schema else Lit(None, after.schema[one])
            new, kept = unify([Col(one, after.schema[one]), old])
            values.append((one, Call("case", (there, new, kept), new.kind)))
        result = Extend(after, tuple(values))
        names = [one for one in result.schema if not one.startswith(_OLD)]
        return Project(result, tuple((one, Col(one, result.schema[one])) for one in names))


def _lowered(context: Context, pipeline: Pipeline, source: Node) -> Node:
    """A filled template over rows. Raises SplError about its text."""
    try:
        return context.lower(pipeline, source)
    except SplError as error:
        raise error.locate(pipeline.text) from None


def _refuse(commands: Iterable[str], span: Span) -> None:
    """Raises SplError for a command that does not work on one row at a time."""
    for name in commands:
        if name in _REFUSED:
            raise SplError(f"foreach takes streaming commands only, and {name} is not one", span=span)


def _commands(template: str) -> Iterator[str]:
    """The first word of each stage of a template, as far as it can be read before it is filled in."""
    for stage in split_pipes(template, 0, len(template)):
        word = _WORD.match(template, stage.start, stage.end)
        if word is not None:
            yield word.group().strip().lower()


def _replaced(template: str, values: Mapping[str, str]) -> str:
    """All tokens at once, the longer ones first: nothing that was put in is replaced again."""
    tokens = sorted((token for token in values if token), key=len, reverse=True)
    return re.sub("|".join(map(re.escape, tokens)), lambda match: values[match.group()], template)


def _with_item(template: str, token: str) -> str:
    """The template with the value as a field of its own, so that no value is read as code; within a text in quotes it
    is concatenated."""
    field_ = f"'{_ITEM}'"
    filled = template.replace(f"'{token}'", field_).replace(f'"{token}"', field_)
    filled = re.sub(
        r'"((?:[^"\\]|\\.)*)"',
        lambda match: (
            "(" + ".".join(f'"{part}"' for part in match.group(1).split(token)).replace('"."', f'".{field_}."') + ")"
            if token in match.group(1)
            else match.group()
        ),
        filled,
    )
    return re.sub(
        rf"(\beval\s+|,\s*)([\w.]*(?:{re.escape(token)}[\w.]*)+)(?=\s*=(?!=))",
        lambda match: (
            match.group(1) + _dynamic(match.group(2), token) if _outside(filled, match.start()) else match.group()
        ),
        filled,
    ).replace(token, field_)


def _outside(text: str, at: int) -> bool:
    """Outside of all parentheses, where assignments stand."""
    return text.count("(", 0, at) == text.count(")", 0, at)


def _dynamic(name: str, token: str) -> str:
    """`total_<<ITEM>>=`: a field named by the value."""
    return name.replace(token, "{" + _ITEM + "}")


def _values(mode: str, column: Expr) -> Expr:
    """The values to go through. auto_collections takes a JSON array apart and any other field value by value."""
    if mode == "multivalue" or (mode == "auto_collections" and column.kind is not Kind.TEXT):
        return as_multi(column)
    array = call("json_values", Kind.MULTI, as_text(column), Lit(False, Kind.BOOL))
    if mode == "json_array":
        return array
    looks = call("regex_match", Kind.BOOL, as_text(column), text(r"^\s*\["))
    return Call("case", (looks, Call("coalesce", (array, as_multi(column)), Kind.MULTI), as_multi(column)), Kind.MULTI)


def _collections(node: Rows) -> list[str]:
    """The fields that hold multivalues or JSON arrays."""
    found: list[str] = []
    for place, (name, kind) in enumerate(node.schema.items()):
        if name.startswith("_"):
            continue
        if kind is Kind.MULTI:
            found.append(name)
        elif kind is Kind.TEXT:
            cells = node.data.column(place).drop_null()
            if len(cells) and all(_ARRAY.match(cell) for cell in cells.slice(0, 100).to_pylist()):
                found.append(name)
    return found


def _assigned(after: Node, before: Node) -> list[str]:
    """The fields that an eval over `before` gives."""
    names: list[str] = []
    node = after
    while node is not before:
        if not isinstance(node, Extend):
            raise SplError("foreach: too many assignments build on each other in the template", code="limit")
        names += [name for name, _ in node.values]
        node = node.input
    return list(dict.fromkeys(names))


def parse(cursor: Cursor) -> ForEach:
    start = cursor.here().start
    mode = "multifield"
    names: list[Name] = []
    tokens: dict[str, str] = {}
    template: str | None = None
    while not cursor.done():
        if cursor.peek() == "[":
            if template is not None:
                cursor.fail("foreach takes one template")
            template, place = cursor.template()
            _refuse(_commands(template), place)
            continue
        option = cursor.option(("mode", *TOKENS), stops=",[")
        if option is not None:
            name, value, span = option
            if name == "mode":
                mode = value.lower()
                if mode not in MODES:
                    cursor.fail(f"'{value}' is not a mode of foreach", span, "one of: " + ", ".join(MODES))
            elif value:
                tokens[name] = value
        elif cursor.at_option():
            cursor.no_option()
        elif not cursor.take(","):
            names.append(cursor.name(stops=",["))
    if template is None:
        cursor.fail("foreach needs a template in brackets", hint="foreach *_bytes [ eval <<FIELD>>='<<FIELD>>'/1024 ]")
    if mode == "multifield" and not names:
        cursor.fail("foreach needs a field", cursor.since(start), "foreach * [ ... ]")
    if mode != "multifield" and len(names) > 1:
        cursor.fail(f"foreach mode={mode} takes one field", names[1].span)
    if mode in ("multivalue", "json_array") and not names:
        cursor.fail(f"foreach mode={mode} needs a field", cursor.since(start), f"foreach mode={mode} x [ eval ... ]")
    return ForEach(mode, tuple(names), template, cursor.since(start), tokens)
