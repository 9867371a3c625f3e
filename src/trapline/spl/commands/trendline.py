"""trendline: moving averages.

Syntax:
    trendline (sma|ema|wma)<period>(<field>) [AS <field>]...

Options:
    AS <field> (the text of the trend): the name of the new field.

Source: Search Reference, "trendline".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from trapline.plan import Node
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.values import Row, to_number

_TREND = re.compile(r"(sma|ema|wma)(\d+)\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Trend:
    kind: str
    period: int
    field: str
    target: str

    def of(self, values: Sequence[float]) -> list[float | None]:
        """The trend of a column of numbers."""
        match self.kind:
            case "ema":
                return self._ema(values)
            case "wma":
                return self._weighted(values)
        found: list[float | None] = []
        total = 0.0
        for place, value in enumerate(values):
            total += value - (values[place - self.period] if place >= self.period else 0.0)
            found.append(total / self.period if place + 1 >= self.period else None)
        return found

    def _weighted(self, values: Sequence[float]) -> list[float | None]:
        weights = self.period * (self.period + 1) / 2
        found: list[float | None] = []
        total = weighted = 0.0
        for place, value in enumerate(values):
            # One step on, every row of the window weighs one less, and the oldest nothing.
            weighted += self.period * value - total
            total += value - (values[place - self.period] if place >= self.period else 0.0)
            found.append(weighted / weights if place + 1 >= self.period else None)
        return found

    def _ema(self, values: Sequence[float]) -> list[float | None]:
        alpha = 2 / (self.period + 1)
        found: list[float | None] = []
        mean = 0.0
        for place, value in enumerate(values):
            mean = value if place == 0 else alpha * mean + (1 - alpha) * value
            found.append(mean if place + 1 >= self.period else None)
        return found


@dataclass(frozen=True, slots=True)
class TrendLine:
    trends: tuple[Trend, ...]

    def lower(self, context: Context, source: Node) -> Node:
        rows = context.rows(source)
        columns = dict.fromkeys([*source.schema, *(trend.target for trend in self.trends)])
        out: list[dict[str, object]] = [{**columns, **row} for row in rows]
        for trend in self.trends:
            numbers = {place: _number(row, trend.field) for place, row in enumerate(rows)}
            known = {place: number for place, number in numbers.items() if number is not None}
            for row in out:
                row[trend.target] = None
            for place, value in zip(known, trend.of(list(known.values())), strict=True):
                out[place][trend.target] = value
        return context.given(out)


def _number(row: Row, name: str) -> float | None:
    value = row.get(name)
    if isinstance(value, str):
        return to_number(value)
    return float(value) if isinstance(value, int | float) else None


def parse(cursor: Cursor) -> TrendLine:
    trends: list[Trend] = []
    hint = "trendline sma5(count) AS trend"
    while not cursor.done():
        if cursor.take(","):
            continue
        start = cursor.here().start
        written = cursor.value("a trend such as sma5(count)", stops="(,")
        match = _TREND.match(written)
        if match is None:
            cursor.fail(f"'{written}' is not a trend", cursor.since(start), hint=hint)
        period = int(match.group(2)[:6])
        if not 2 <= period <= 10_000:
            cursor.fail("the period of a trend is between 2 and 10000 rows", cursor.since(start), hint=hint)
        cursor.expect("(", "and a field")
        field = cursor.name("a field in the parentheses", stops=",)").text
        cursor.expect(")", "after the field")
        target = cursor.name("a name after AS").text if cursor.take_word("as") else f"{written}({field})"
        trends.append(Trend(match.group(1).lower(), period, field, target))
    if not trends:
        cursor.fail("trendline needs a trend", hint=hint)
    return TrendLine(tuple(trends))
