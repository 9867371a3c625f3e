"""typeahead: what a search could go on with: terms and indexed fields that begin with a text.

Syntax:
    | typeahead prefix=<text> count=<n> [max_time=<n>] [index=<index>] [starttimeu=<n>] [endtimeu=<n>]
        [collapse=<bool>]

Options:
    prefix=<text> (required): how the terms begin.
    count=<n> (required): how many at most.
    max_time=<n> (none): no effect: it looks to the end.
    index=<index> (all but internal ones): the index.
    starttimeu=<n> (the search's): the start of the time range, in epoch seconds.
    endtimeu=<n> (the search's): its end.
    collapse=<bool> (true): leaves out a term that begins with another one of the same count.

Source: Search Reference, "typeahead".
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from trapline.plan import Col, Expr, Filter, Node, Project, call, either, number, text
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, flag
from trapline.spl.cursor import count as whole
from trapline.spl.evaluate import as_number, as_text
from trapline.values import Kind, Row, to_number, value_text

FIELDS = ("host", "source", "sourcetype", "index")
_TERM = re.compile(r"[^\s\[\]<>(){}|!;,'\"*&?+]+")
OPTIONS = ("prefix", "count", "max_time", "index", "starttimeu", "endtimeu", "collapse")


@dataclass(frozen=True, slots=True)
class TypeAhead:
    prefix: str
    count: int
    index: str | None
    earliest: float | None
    latest: float | None
    collapse: bool

    def generate(self, context: Context) -> Node:
        node = context.events()
        schema = node.schema
        tests: list[Expr] = []
        if self.index is not None and "index" in schema:
            tests.append(call("eq", Kind.BOOL, as_text(Col("index", schema["index"])), text(self.index)))
        for op, bound in (("ge", self.earliest), ("lt", self.latest)):
            if bound is not None and "_time" in schema:
                tests.append(call(op, Kind.BOOL, as_number(Col("_time", schema["_time"])), number(bound)))
        prefix = self.prefix.lower()
        wanted = [name for name in ("_raw", *FIELDS) if name in schema]
        inside: list[Expr] = []
        if "_raw" in schema:
            lowered = call("lower", Kind.TEXT, as_text(Col("_raw", schema["_raw"])))
            inside.append(call("contains", Kind.BOOL, lowered, text(prefix)))
        field = re.match(r"(\w+)(?:=|::)", prefix)
        names = [name for name in FIELDS if name in schema and (field is None or name == field.group(1))]
        names = [name for name in names if field is not None or name.startswith(prefix)]
        inside += [call("is_not_null", Kind.BOOL, Col(name, schema[name])) for name in names]
        for test in [*tests, either(inside)] if inside else tests:
            node = Filter(node, test)
        rows = context.rows(Project(node, tuple((name, Col(name, schema[name])) for name in wanted)))
        found = Counter[str]()
        for row in rows:
            found.update(_contents(row, prefix, names))
        ranked = sorted(found.items(), key=lambda pair: pair[0])
        if self.collapse:
            ranked = _collapsed(ranked)
        return context.given([{"content": one, "count": n, "operator": "false"} for one, n in ranked[: self.count]])


def _contents(row: Row, prefix: str, names: list[str]) -> set[str]:
    """What one event has that begins with the prefix."""
    found: set[str] = set()
    for name in names:
        if name in row:
            content = f'{name}="{value_text(row[name])}"'
            plain = content.replace('"', "").lower()
            if plain.startswith(prefix.replace("::", "=").replace('"', "")):
                found.add(content)
    raw = value_text(row["_raw"]).lower() if "_raw" in row else ""
    found.update(term for term in _TERM.findall(raw) if term.startswith(prefix))
    return found


def _collapsed(ranked: list[tuple[str, int]]) -> list[tuple[str, int]]:
    kept: list[tuple[str, int]] = []
    for one, n in ranked:
        if not (kept and one.startswith(kept[-1][0]) and n == kept[-1][1]):
            kept.append((one, n))
    return kept


def parse(cursor: Cursor) -> TypeAhead:
    start = cursor.here().start
    given: dict[str, str] = {}
    most: int | None = None
    collapse = True
    bounds: dict[str, float] = {}
    while not cursor.done():
        option = cursor.option(OPTIONS)
        if option is None:
            if cursor.at_option():
                cursor.no_option()
            cursor.fail(f"unexpected {cursor.found()}", hint="typeahead prefix=source count=10")
        name, value, span = option
        match name:
            case "count":
                most = whole(value, span)
            case "collapse":
                collapse = flag(value, span)
            case "starttimeu" | "endtimeu":
                number_ = to_number(value)
                if number_ is None:
                    cursor.fail(f"{name} takes epoch seconds", span)
                bounds[name] = number_
            case "max_time":
                whole(value, span)  # how long Splunk looks; here it looks to the end
            case _:
                given[name] = value
    if "prefix" not in given or most is None:
        cursor.fail("typeahead needs prefix= and count=", cursor.since(start), "| typeahead prefix=source count=10")
    return TypeAhead(
        given["prefix"], most, given.get("index"), bounds.get("starttimeu"), bounds.get("endtimeu"), collapse
    )
