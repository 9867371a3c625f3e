"""fieldsummary: what each field holds, a row per field.

Syntax:
    fieldsummary [maxvals=<n>] [<field>...]

Options:
    maxvals=<n> (100): how many of a field's values are listed at most, 0 for all.
    <field>... (all but internal ones): the fields; wildcards are allowed.

Differences:
    - Distinct values are counted exactly, also where is_exact is 0: where there are more of them than maxvals.

Source: Search Reference, "fieldsummary".
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from trapline.errors import SplError
from trapline.plan import (
    Agg,
    Aggregate,
    Col,
    Expand,
    Expr,
    Filter,
    Limit,
    Node,
    Sort,
    SortKey,
    call,
    visible,
)
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name
from trapline.spl.cursor import count as whole
from trapline.spl.evaluate import as_number, as_text
from trapline.spl.wildcard import match_names
from trapline.values import Kind, Row, Value, value_text

DEFAULT_VALUES = 100

MOST_TEXT = 16_000_000
"""Characters that the listed values of one field may have."""


@dataclass(frozen=True, slots=True)
class FieldSummary:
    maxvals: int
    names: tuple[Name, ...]

    def lower(self, context: Context, source: Node) -> Node:
        source = context.materialise(source)
        shown = visible(source.schema)
        wanted = [one for name in self.names for one in match_names(name.text, shown)]
        fields = sorted(dict.fromkeys(wanted) if self.names else shown)
        return context.given([self._summary(context, source, name) for name in fields])

    def _summary(self, context: Context, source: Node, name: str) -> dict[str, object]:
        present = Filter(source, call("is_not_null", Kind.BOOL, Col(name, source.schema[name])))
        events = context.rows(Aggregate(present, (), (("count", Agg("count_rows", None, Kind.NUMBER)),)))
        node: Node = Expand(present, name) if source.schema[name] is Kind.MULTI else present
        own = Col(name, node.schema[name])
        number, text = as_number(own), as_text(own)
        (found,) = context.rows(
            Aggregate(
                node,
                (),
                (
                    ("distinct_count", Agg("dc", text, Kind.NUMBER)),
                    ("max", Agg("max", number, Kind.NUMBER)),
                    ("mean", Agg("avg", number, Kind.NUMBER)),
                    ("min", Agg("min", number, Kind.NUMBER)),
                    ("numeric_count", Agg("count", number, Kind.NUMBER)),
                    ("stdev", Agg("stdev", number, Kind.NUMBER)),
                ),
            )
        )
        return {
            "field": name,
            "count": events[0]["count"],
            "distinct_count": found["distinct_count"],
            "is_exact": self._exact(found["distinct_count"]),
            "max": found.get("max"),
            "mean": found.get("mean"),
            "min": found.get("min"),
            "numeric_count": found["numeric_count"],
            "stdev": found.get("stdev"),
            "values": self._listed(context, node, name, text),
        }

    def _listed(self, context: Context, node: Node, name: str, text: Expr) -> str:
        """The values as JSON. Their own quotes are escaped, so a summary of summaries doubles each time."""
        listed = json.dumps(self._values(context, node, text), ensure_ascii=False, separators=(",", ":"))
        if len(listed) > MOST_TEXT:
            raise SplError(
                f"fieldsummary: the values of '{name[:80]}' are more than {MOST_TEXT:,} characters",
                hint="a lower maxvals, or fields with shorter values",
                code="fieldsummary",
            )
        return listed

    def _exact(self, distinct: Value) -> int:
        """0 where a field has more values than are listed: Splunk then estimates how many."""
        assert isinstance(distinct, int | float)
        return int(not self.maxvals or distinct <= self.maxvals)

    def _values(self, context: Context, node: Node, text: Expr) -> list[dict[str, object]]:
        """The most frequent values; among equally frequent ones the order is theirs."""
        tally = ("count", Agg("count_rows", None, Kind.NUMBER))
        counted = Aggregate(node, (("value", text),), (tally,))
        order = (SortKey(Col("count", Kind.NUMBER), descending=True), SortKey(Col("value", Kind.TEXT)))
        rows: list[Row] = context.rows(_first(Sort(counted, order), self.maxvals))
        return [{"value": value_text(row["value"]), "count": row["count"]} for row in rows]


def _first(node: Node, most: int) -> Node:
    return Limit(node, most) if most else node


def parse(cursor: Cursor) -> FieldSummary:
    maxvals = DEFAULT_VALUES
    names: list[Name] = []
    while not cursor.done():
        option = cursor.option(("maxvals",))
        if option is not None:
            maxvals = whole(option[1], option[2])
        elif cursor.at_option():
            cursor.no_option()
        elif not cursor.take(","):
            names.append(cursor.name())
    return FieldSummary(maxvals, tuple(names))
