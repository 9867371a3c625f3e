"""join: fields of a subsearch's rows added to the rows with the same values.

Syntax:
    join [type=(inner|outer|left)] [usetime=<bool>] [earlier=<bool>] [overwrite=<bool>] [max=<n>] [<field>...] <dataset>
    join [<option>...] left=<alias> right=<alias> where <left>.<field>=<right>.<field>... <dataset>

    <dataset>: [<subsearch>] | savedsearch:<name> | lookup:<name> | datamodel:<model>.<dataset>

Options:
    type=(inner|outer|left) (inner): rows without a match go, or (outer, left) stay.
    usetime=<bool> (false): only matches on one side of the row's time count.
    earlier=<bool> (true): with usetime: matches that are not later; false: not earlier.
    overwrite=<bool> (true): a value of the subsearch takes the place of the row's; false: it fills nulls.
    max=<n> (1): how many matches a row is joined with, 0 for all.
    left=<alias> (none): the name of the rows so far in the where clause, and before their fields afterwards.
    right=<alias> (none): the name of the dataset.
    <field>... (all that both sides have): the fields whose values are equal.

Source: Search Reference, "join".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from trapline.errors import Span, Warn
from trapline.plan import (
    FALSE,
    NULL,
    Agg,
    Col,
    Expr,
    Filter,
    Join,
    Node,
    Project,
    Schema,
    Window,
    WindowCall,
    both,
    call,
    number,
    visible,
    within,
)
from trapline.spl.command import Context, Pipeline
from trapline.spl.cursor import Cursor, Name, flag
from trapline.spl.cursor import count as whole
from trapline.spl.evaluate import as_number, as_text
from trapline.spl.joining import RIGHT, from_right, merged
from trapline.spl.named import Named, take_named
from trapline.values import Kind

OPTIONS = ("type", "usetime", "earlier", "overwrite", "max", "left", "right")
_RANK = "_join_rank"
_ROW = "_join_row"
CUT = Warn(
    "join-cut",
    "join took the first of several rows of the subsearch that match a row, as Splunk does",
    "join max=0 takes all, max=5 that many",
)
_DATASET = re.compile(r"\w+\s*:")
_CONDITION = re.compile(r'("[^"]+"|[^\s=,()\[\]]+)\s*=\s*("[^"]+"|[^\s=,()\[\]]+)')


@dataclass(frozen=True, slots=True)
class JoinCommand:
    right: Pipeline | Named
    pairs: tuple[tuple[str, str], ...]
    """Fields of the two sides that are to be equal; none: those that both have."""
    outer: bool
    most: int | None
    """0: all; None: not said, one"""
    overwrite: bool
    earlier: bool | None
    """Only matches that are not later (True) or not earlier (False); None: any."""
    aliases: tuple[str, str] | None
    span: Span

    def lower(self, context: Context, source: Node) -> Node:
        given = self.right.node(context)[1] if isinstance(self.right, Named) else context.lower(self.right)
        right = context.capped(given, context.limits.join, "join")
        pairs = self.pairs
        if self.aliases is not None:
            source, right = _prefixed(source, self.aliases[0]), _prefixed(right, self.aliases[1])
        elif not pairs:
            pairs = tuple((name, name) for name in visible(source.schema) if name in right.schema and name != "_none")
        if not pairs:
            context.warnings.add(
                "join",
                "join: the two sides have no field in common, so nothing matches",
                hint="name the field to join on: join user [ ... ]",
            )
            return source if self.outer else Filter(source, FALSE)
        on = tuple((_key(source.schema, one), _key(right.schema, other)) for one, other in pairs)
        mine = list(source.schema)
        shared = [other for one, other in pairs if one == other]
        theirs = [name for name in right.schema if name not in shared and name != "_none"]
        if self.earlier is not None:
            node = self._by_time(source, right, on)
        else:
            if self.most is not None and self.most:
                right = _ranked(right, [key for _, key in on], self.most)
            elif self.most is None:
                # One more row of a key is kept: where it is joined, it is told, and left out.
                right = _ranked(right, [key for _, key in on], 2)
            values = from_right(right.schema, right, [*shared, _RANK])
            if self.most is None:
                node = Join(source, right, on, (*values, (_RANK, Col(_RANK, Kind.NUMBER))), self.outer)
                # A condition over both sides is looked at after the match, not before it.
                met = both([call("is_not_null", Kind.BOOL, one) for one in (on[0][0], Col(_RANK, Kind.NUMBER))])
                place = call("case", Kind.NUMBER, met, Col(_RANK, Kind.NUMBER), number(1))
                node = Filter(node, within(place, 1, CUT))
            else:
                node = Join(source, right, on, values, self.outer)
        return merged(node, mine, theirs, overwrite=self.overwrite)

    def _by_time(self, source: Node, right: Node, on: tuple[tuple[Expr, Expr], ...]) -> Node:
        """The matches of the right time of each row are found and counted first."""
        numbered = Window(source, ((_ROW, WindowCall(Agg("row_number", None, Kind.NUMBER))),))
        names = from_right(right.schema, right)
        found: Node = Join(numbered, right, on, names, outer=False)
        here, there = _second(found.schema, "_time"), _second(found.schema, RIGHT + "_time")
        found = Filter(found, call("le" if self.earlier else "ge", Kind.BOOL, there, here))
        row: Expr = Col(_ROW, Kind.NUMBER)
        if self.most != 0:
            found = _ranked(found, [row], self.most or 1, None if self.most else CUT)
        again = tuple((name, Col(name, found.schema[name])) for name, _ in names)
        return Join(numbered, found, ((row, row),), again, self.outer)


def _prefixed(node: Node, alias: str) -> Node:
    return Project(node, tuple((f"{alias}.{name}", Col(name, kind)) for name, kind in node.schema.items()))


def _key(schema: Schema, name: str) -> Expr:
    return as_text(Col(name, schema[name])) if name in schema else NULL


def _second(schema: Schema, name: str) -> Expr:
    """Whole seconds of a time: results of the same second match either way (join page, "earlier")."""
    value: Expr = as_number(Col(name, schema[name])) if name in schema else number(0)
    return call("floor", Kind.NUMBER, value)


def _ranked(node: Node, keys: list[Expr], most: int, told: Warn | None = None) -> Node:
    """The first rows of each key. `told`: what is said where there are more."""
    ranked = Window(node, ((_RANK, WindowCall(Agg("row_number", None, Kind.NUMBER), tuple(keys))),))
    rank = Col(_RANK, Kind.NUMBER)
    return Filter(ranked, within(rank, most, told) if told else call("le", Kind.BOOL, rank, number(most)))


def parse(cursor: Cursor) -> JoinCommand:
    start = cursor.here().start
    most: int | None = None
    outer, overwrite, earlier, usetime = False, True, True, False
    aliases: dict[str, str] = {}
    names: list[Name] = []
    conditions: list[tuple[str, str]] = []
    named: Named | None = None
    while cursor.peek() != "[" and (named := take_named(cursor)) is None:
        option = cursor.option(OPTIONS, stops=",[")
        if option is not None:
            match option:
                case ("type", value, span):
                    if value.lower() not in ("inner", "left", "outer"):
                        cursor.fail(f"'{value}' is not a type of join", span, "inner, left or outer")
                    outer = value.lower() != "inner"
                case ("max", value, span):
                    most = whole(value, span)
                case ("overwrite", value, span):
                    overwrite = flag(value, span)
                case ("usetime", value, span):
                    usetime = flag(value, span)
                case ("earlier", value, span):
                    earlier = flag(value, span)
                case (side, value, _):
                    aliases[side] = value
        elif cursor.take_word("where"):
            conditions = _conditions(cursor, aliases)
        elif cursor.done():
            cursor.fail("join needs a subsearch", hint="join user [search ...]")
        elif cursor.at_option():
            cursor.no_option()
        elif not cursor.take(","):
            names.append(cursor.name(stops=",["))
    pipeline = named or cursor.subsearch()
    if aliases and (len(aliases) < 2 or not conditions):
        cursor.fail(
            "aliases need left=, right= and where", cursor.since(start), "join left=L right=R where L.id=R.id [...]"
        )
    if conditions and names:
        cursor.fail("join takes fields or a where clause, not both", cursor.since(start))
    pairs = conditions or [(name.text, name.text) for name in names]
    return JoinCommand(
        pipeline,
        tuple(dict.fromkeys(pairs)),
        outer,
        most,
        overwrite,
        earlier if usetime else None,
        (aliases["left"], aliases["right"]) if aliases else None,
        cursor.since(start),
    )


def _conditions(cursor: Cursor, aliases: dict[str, str]) -> list[tuple[str, str]]:
    """`L.a=R.b [AND] ...`, either side first."""
    found: list[tuple[str, str]] = []
    if set(aliases) != {"left", "right"}:
        cursor.fail("a where clause needs left= and right= before it", hint="join left=L right=R where L.id=R.id [...]")
    left, right = f"{aliases['left']}.", f"{aliases['right']}."
    while not cursor.done() and cursor.peek() != "[" and not cursor.at_option(OPTIONS):
        if found and _DATASET.match(cursor.text, cursor.pos, cursor.end):
            break
        if cursor.take_word("and") or cursor.take(","):
            continue
        match = _CONDITION.match(cursor.text, cursor.pos, cursor.end)
        if match is None:
            cursor.fail(f"expected <left>.<field>=<right>.<field>, found {cursor.found()}")
        start = cursor.pos
        cursor.pos = match.end()
        one, other = (part.strip('"') for part in match.groups())
        if one.startswith(right) and other.startswith(left):
            one, other = other, one
        if not (one.startswith(left) and other.startswith(right)):
            cursor.fail(
                f"each condition compares a field of {left[:-1]} with one of {right[:-1]}",
                cursor.since(start),
                f"where {left}id={right}id",
            )
        found.append((one, other))
    if not found:
        cursor.fail("where needs a condition", hint=f"where {left}id={right}id")
    return found
