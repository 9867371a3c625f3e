"""xyseries: rows into a table, one field's values as columns.

Syntax:
    xyseries [grouped=<bool>] <row field> <column field> <data field>... [sep=<text>] [format=<text>]

Options:
    grouped=<bool> (false): rows as they come, one for each run of a value; else sorted.
    sep=<text> (": "): what stands between data field and value in the name of a column.
    format=<text> (none): the name of a column, with $AGG$ and $VAL$ in it; takes the place of sep.

Source: Search Reference, "xyseries".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from trapline.plan import Node
from trapline.spl.charting import column_names, order_of, series_column
from trapline.spl.chartoptions import ChartOptions
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name, flag
from trapline.values import Row, Value, value_text

ALIASES = ("maketable",)


@dataclass(frozen=True, slots=True)
class XySeries:
    x: str
    name: str
    data: tuple[str, ...]
    grouped: bool
    options: ChartOptions

    def lower(self, context: Context, source: Node) -> Node:
        return context.given(list(self.table(context.rows(source))))

    def table(self, rows: list[Row]) -> Iterable[Mapping[str, object]]:
        cells: list[tuple[Value, dict[tuple[str, str], Value]]] = []
        places: dict[str, dict[tuple[str, str], Value]] = {}
        series: set[str] = set()
        for row in rows:
            if self.x not in row or self.name not in row:
                continue
            key = value_text(row[self.x])
            own = cells[-1][1] if cells and self.grouped and value_text(cells[-1][0]) == key else None
            if not self.grouped:
                own = places.get(key)
            if own is None:
                own = places[key] = {}
                cells.append((row[self.x], own))
            shown = value_text(row[self.name])
            series.add(shown)
            for data in self.data:
                if data in row:
                    own[data, shown] = row[data]
        if not self.grouped:
            cells.sort(key=lambda cell: order_of(value_text(cell[0])))
        columns = [(data, name) for data in self.data for name in sorted(series)]
        single = len(self.data) == 1
        wanted = [name if single else series_column(data, name, self.options) for data, name in columns]
        names = column_names(wanted, self.x)
        for x, own in cells:
            made: dict[str, object] = {self.x: x}
            made |= {name: own.get(column) for name, column in zip(names, columns, strict=True)}
            yield made


def parse(cursor: Cursor) -> XySeries:
    options = ChartOptions()
    grouped = False
    names: list[Name] = []
    while not cursor.done():
        match cursor.option(("grouped", "sep", "format")):
            case ("grouped", value, span):
                grouped = flag(value, span)
            case ("sep", value, _):
                options.sep = value
            case ("format", value, _):
                options.format = value
            case _ if cursor.at_option():
                cursor.no_option()
            case _ if not cursor.take(","):
                names.append(cursor.name())
    if len(names) < 3:
        cursor.fail(
            "xyseries needs a field for rows, one for columns and one for data", hint="xyseries host status count"
        )
    return XySeries(names[0].text, names[1].text, tuple(name.text for name in names[2:]), grouped, options)
