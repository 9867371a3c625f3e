"""return: values of the first rows, as the text that a subsearch becomes.

Syntax:
    return [<count>] [<alias>=<field>...] [<field>...] [$<field>...]

Options:
    <count> (1): how many rows.
    <alias>=<field> (none): field="value" under another name.
    $<field> (none): the value alone.

Source: Search Reference, "return".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from trapline.plan import Col, Limit, Node, Project
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.spl.subsearch import field_name, quote
from trapline.values import Row, Scalar, value_text

_ALIAS = re.compile(r'("[^"]+"|[^\s=,$"]+)\s*=\s*')


@dataclass(frozen=True, slots=True)
class Item:
    """A field to return, with the name it gets; `bare`: only its value."""

    field: str
    name: str
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Return:
    count: int
    items: tuple[Item, ...]

    def lower(self, context: Context, source: Node) -> Node:
        fields = dict.fromkeys(item.field for item in self.items if item.field in source.schema)
        wanted = Project(source, tuple((name, Col(name, source.schema[name])) for name in fields))
        rows = context.rows(Limit(wanted if fields else source, self.count))
        clauses = list(dict.fromkeys(filter(None, map(self._clause, rows))))
        if self.count > 1 and len(clauses) > 0:
            clauses = [f"({clause})" for clause in clauses]
        return context.given([{"search": " OR ".join(clauses)}])

    def _clause(self, row: Row) -> str:
        return " ".join(_part(item, row[item.field]) for item in self.items if item.field in row)


def _part(item: Item, value: Scalar | list[Scalar]) -> str:
    values = value if isinstance(value, list) else [value]
    parts = [value_text(one) if item.bare else f"{field_name(item.name)}={quote(one)}" for one in values]
    return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"


def parse(cursor: Cursor) -> Return:
    start = cursor.here().start
    count = cursor.integer()
    if count is not None and count < 1:
        cursor.fail("return gives at least one row", cursor.since(start), "return 5 user")
    items: list[Item] = []
    while not cursor.done():
        if cursor.take(","):
            continue
        if cursor.peek() == "$":
            cursor.pos += 1
            name = cursor.name().text.removesuffix("$")
            items.append(Item(name, name, bare=True))
            continue
        alias = _ALIAS.match(cursor.text, cursor.pos, cursor.end)
        if alias is not None:
            cursor.pos = alias.end()
            if cursor.take("$"):
                cursor.fail("an alias takes a field, not its bare value", hint="return who=user")
            items.append(Item(cursor.name().text, alias.group(1).strip('"')))
        else:
            name = cursor.name().text
            items.append(Item(name, name))
    if not items:
        cursor.fail("return needs a field", hint="return user, or return $user for the value alone")
    return Return(count or 1, tuple(items))
