"""eventcount: how many events indexes hold.

Syntax:
    | eventcount [index=<name>]... [summarize=<bool>] [report_size=<bool>] [list_vix=<bool>]
        [list_federated_remote=<bool>]
Options:
    index=<name> (all but internal ones): the indexes; wildcards are allowed.
    summarize=<bool> (true): one number for all; false gives a row per index.
    report_size=<bool> (false): the bytes of their files, which only a store has.
    list_vix=<bool> (true): no effect: there are no virtual indexes.
    list_federated_remote=<bool> (false): no effect: there are no remote indexes.

Source: Search Reference, "eventcount".
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
from trapline.spl.wildcard import match_names
from trapline.values import Kind

HERE = "local"
"""The provider and the server of every index."""


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
            if not self._wanted(row.get("index")):
                continue
            made: dict[str, object] = {"count": row["count"], "index": row.get("index")}
            made |= {"provider": HERE, "server": HERE}
            if self.report_size is not None:
                made["size_bytes"] = sizes.get(str(row.get("index")), 0)
            rows.append(made)
        if not self.summarize:
            return context.given(rows)
        total: dict[str, object] = {"count": sum(_whole(row["count"]) for row in rows)}
        if self.report_size is not None:
            total["size_bytes"] = sum(_whole(row["size_bytes"]) for row in rows)
        return context.given([total])

    def _wanted(self, index: object) -> bool:
        """Internal indexes are counted where a name that begins with `_` asks for them; `*` does not."""
        if not isinstance(index, str) or not index.startswith("_"):
            return True
        return any(match_names(one.value, [index]) for one in self.indexes if one.value.startswith("_"))

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
        match cursor.option(("index", "summarize", "report_size", "list_vix", "list_federated_remote")):
            case ("index", value, span):
                indexes.append(Compare("index", "=", value, span))
            case ("summarize", value, span):
                summarize = flag(value, span)
            case ("report_size", value, span):
                report = span if flag(value, span) else None
            case (_, value, span):
                flag(value, span)  # there are no virtual or remote indexes to list
            case _ if cursor.at_option():
                cursor.no_option()
            case _:
                raise SplError(
                    f"unexpected {cursor.found()}", span=cursor.here(), hint="| eventcount index=main summarize=false"
                )
    return EventCount(tuple(indexes), summarize, report)
