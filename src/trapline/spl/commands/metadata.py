"""metadata: the hosts, sources or sourcetypes of indexes, with their counts and times.

Syntax:
    | metadata type=(hosts|sources|sourcetypes) [index=<name>]... [splunk_server=<name>] [splunk_server_group=<name>]...
        [datatype=(event|metric)]

Options:
    type=(hosts|sources|sourcetypes) (required): what the rows are about.
    index=<name> (all but internal ones): the indexes; wildcards are allowed.
    splunk_server=<name> (none): no effect: there is one place.
    splunk_server_group=<name> (none): no effect, as splunk_server.
    datatype=(event|metric) (event): metric is refused.

Differences:
    - The numbers are of the time range of the search; Splunk's are of whole buckets.
    - Refused: datatype=metric.

Source: Search Reference, "metadata".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.errors import Span, SplError
from trapline.plan import NULL, Agg, Aggregate, Col, Extend, Filter, Node, Project, call, text
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.spl.evaluate import as_number, as_text
from trapline.spl.filter import Compare, Everything, Or, lower_filter
from trapline.spl.filter import Filter as Tree
from trapline.values import Kind

FIELDS = {"hosts": "host", "sources": "source", "sourcetypes": "sourcetype"}
SERVERS = ("splunk_server", "splunk_server_group")
"""Where in a deployment to look: there is one place."""


@dataclass(frozen=True, slots=True)
class Metadata:
    type: str
    indexes: tuple[Compare, ...]

    def generate(self, context: Context) -> Node:
        tree: Tree = Everything(Span(0, 0))
        if self.indexes:
            tree = self.indexes[0] if len(self.indexes) == 1 else Or(self.indexes, self.indexes[0].span)
        name = FIELDS[self.type]
        source = context.events(tree)
        if self.indexes:
            source = Filter(source, lower_filter(tree, source.schema, context))
        absent = [one for one in (name, "_time") if one not in source.schema]
        if absent:
            source = Extend(source, tuple((one, NULL) for one in absent))
        key = as_text(Col(name, source.schema[name]))
        time = as_number(Col("_time", source.schema["_time"]))
        indexed = as_number(Col("_indextime", source.schema["_indextime"])) if "_indextime" in source.schema else time
        found = Aggregate(
            Filter(source, call("is_not_null", Kind.BOOL, key)),
            ((name, key),),
            (
                ("firstTime", Agg("min", time, Kind.NUMBER)),
                ("lastTime", Agg("max", time, Kind.NUMBER)),
                ("recentTime", Agg("max", indexed, Kind.NUMBER)),
                ("totalCount", Agg("count_rows", None, Kind.NUMBER)),
            ),
        )
        # Whole seconds, as the metadata files of an index hold.
        whole = tuple(
            (one, call("floor", Kind.NUMBER, Col(one, Kind.NUMBER))) for one in ("firstTime", "lastTime", "recentTime")
        )
        node = Extend(found, (*whole, ("type", text(self.type))))
        order = ("firstTime", name, "lastTime", "recentTime", "totalCount", "type")
        return Project(node, tuple((one, Col(one, node.schema[one])) for one in order))


def parse(cursor: Cursor) -> Metadata:
    kind: str | None = None
    indexes: list[Compare] = []
    while not cursor.done():
        match cursor.option(("type", "index", "datatype", *SERVERS)):
            case ("type", value, span):
                kind = value.lower()
                if kind not in FIELDS:
                    raise SplError(
                        f"metadata knows no type '{value}'",
                        span=span,
                        hint=f"one of {', '.join(FIELDS)}",
                        code="syntax",
                    )
            case ("index", value, span):
                indexes.append(Compare("index", "=", value, span))
            case ("datatype", value, span):
                if value.lower() == "metric":
                    cursor.unsupported("metadata of metric indexes is not supported yet", span)
                if value.lower() != "event":
                    cursor.fail("datatype is event or metric", span)
            case (_, _, _):
                continue
            case None:
                if cursor.at_option():
                    cursor.no_option()
                if not cursor.take(","):
                    cursor.fail(f"unexpected {cursor.found()}", hint="| metadata type=hosts index=main")
    if kind is None:
        cursor.fail("metadata needs a type", hint="| metadata type=hosts index=main")
    return Metadata(kind, tuple(indexes))
