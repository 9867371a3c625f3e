"""rename: other names for fields.

Syntax:
    rename <field-pattern> AS <field-pattern> [, <field-pattern> AS <field-pattern>]...

Source: Search Reference, "rename".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.plan import Col, Node, Project
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name
from trapline.spl.wildcard import match_names, substitute


@dataclass(frozen=True, slots=True)
class Rename:
    pairs: tuple[tuple[Name, Name], ...]

    def lower(self, context: Context, source: Node) -> Node:
        names = {name: name for name in source.schema}  # new name -> old name, in order
        for old, new in self.pairs:
            if not old.wild:
                names = _renamed(names, old.text, new.text)
                continue
            for one in match_names(old.text, list(names)):
                if one.startswith("_") and not old.text.startswith("_"):
                    continue
                names = _renamed(names, one, substitute(old.text, one, new.text, old.span.to(new.span)))
        schema = source.schema
        return Project(source, tuple((new, Col(old, schema[old])) for new, old in names.items()))


def _renamed(names: dict[str, str], old: str, new: str) -> dict[str, str]:
    if old == new:
        return names
    without = {name: origin for name, origin in names.items() if name != new}
    return {(new if name == old else name): origin for name, origin in without.items()}


def _name(cursor: Cursor, what: str) -> Name:
    if cursor.peek() in ("", ","):
        cursor.fail(f"expected {what}, found {cursor.found()}", hint="rename <old> AS <new>")
    name = cursor.name(what)
    return name if name.quoted else Name(name.text.replace("\\\\", "\\"), name.span)


def parse(cursor: Cursor) -> Rename:
    pairs: list[tuple[Name, Name]] = []
    while not cursor.done():
        if cursor.take(","):
            continue
        old = _name(cursor, "a field name")
        if not cursor.take_word("as"):
            cursor.fail(f"expected AS after {old}, found {cursor.found()}", hint="rename <old> AS <new>")
        new = _name(cursor, "a name after AS")
        if old.text.count("*") != new.text.count("*"):
            cursor.fail(
                f"'{old}' and '{new}' have a different number of wildcards",
                old.span.to(new.span),
                "each * on the left needs one on the right",
            )
        pairs.append((old, new))
    if not pairs:
        cursor.fail("rename needs a field", hint="rename <old> AS <new>")
    return Rename(tuple(pairs))
