"""eventcount: how many events indexes hold.

Synopsis: `| eventcount [index=<name>]... [summarize=<bool>] [report_size=<bool>] [list_vix=<bool>]`. Search Reference,
"eventcount". Without `index`, all indexes but internal ones; the time range of the search does not matter. One number
for all of them, or with summarize=false a row per index and server. report_size adds the bytes of their files.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from trapline.errors import Span, SplError, Unsupported
from trapline.plan import NULL, Agg, Aggregate, Col, Extend, Filter, Node, Scan
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, flag
from trapline.spl.evaluate import as_text
from trapline.spl.filter import Compare, Everything, Or, lower_filter
from trapline.spl.filter import Filter as Tree
from trapline.values import Kind

SERVER = "local"


@dataclass(frozen=True, slots=True)
class EventCount:
    indexes: tuple[Compare, ...]
    summarize: bool
    report_size: Span | None

    def generate(self, context: Context) -> Node:
        tree: Tree = Everything(Span(0, 0))
        if self.indexes:
            tree = self.indexes[0] if len(self.indexes) == 1 else Or(self.indexes, self.indexes[0].span)
        source = context.events(tree)
        sizes = self._sizes(source) if self.report_size else {}
        if isinstance(source, Scan):
            source = replace(source, earliest=None, latest=None)
        if self.indexes:
            source = Filter(source, lower_filter(tree, source.schema, context))
        if "index" not in source.schema:
            source = Extend(source, (("index", NULL),))
        key = as_text(Col("index", source.schema["index"]))
        count = Agg("count_rows", None, Kind.NUMBER)
        by_index = context.rows(Aggregate(source, (("index", key),), (("count", count),)))
        rows: list[dict[str, object]] = []
        for row in by_index:
            made: dict[str, object] = {"count": row["count"], "index": row.get("index"), "server": SERVER}
            if self.report_size is not None:
                made["size_bytes"] = sizes.get(str(row.get("index")), 0)
            rows.append(made)
        if not self.summarize:
            return context.given(rows)
        total: dict[str, object] = {"count": sum(_whole(row["count"]) for row in rows)}
        if self.report_size is not None:
            total["size_bytes"] = sum(_whole(row["size_bytes"]) for row in rows)
        return context.given([total])

    def _sizes(self, source: Node) -> dict[str, int]:
        """Bytes of the files of each index."""
        if not isinstance(source, Scan):
            raise Unsupported("report_size needs a store: given rows have no size", span=self.report_size)
        sizes: dict[str, int] = {}
        for table in source.tables:
            own = sum(Path(file).stat().st_size for file in table.files)
            sizes[table.index] = sizes.get(table.index, 0) + own
        return sizes


def _whole(value: object) -> int:
    assert isinstance(value, int | float)
    return int(value)


def parse(cursor: Cursor) -> EventCount:
    indexes: list[Compare] = []
    summarize = True
    report: Span | None = None
    while not cursor.done():
        match cursor.option(("index", "summarize", "report_size", "list_vix")):
            case ("index", value, span):
                indexes.append(Compare("index", "=", value, span))
            case ("summarize", value, span):
                summarize = flag(value, span)
            case ("report_size", value, span):
                report = span if flag(value, span) else None
            case ("list_vix", value, span):
                flag(value, span)  # there are no virtual indexes to list
            case _ if cursor.at_option():
                cursor.no_option()
            case _:
                raise SplError(
                    f"unexpected {cursor.found()}", span=cursor.here(), hint="| eventcount index=main summarize=false"
                )
    return EventCount(tuple(indexes), summarize, report)
