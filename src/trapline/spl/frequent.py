"""What top and rare share: the most and the least frequent combinations of values, with count and percent.

Source: Search Reference, "top", "rare". Rows where a field is null do not count; a multivalue counts once for each of
its values. A percentage has six decimals, as in the examples of that page. Among equally frequent ones the order is
that of their values.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from trapline.errors import Span, SplError, Warn
from trapline.plan import (
    FALSE,
    NULL,
    Agg,
    Aggregate,
    Col,
    Expand,
    Expr,
    Extend,
    Filter,
    Node,
    Project,
    Sort,
    SortKey,
    Union,
    Window,
    WindowCall,
    both,
    call,
    number,
    text,
    within,
)
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name, count, flag
from trapline.spl.evaluate import as_text
from trapline.values import Kind

DEFAULT_LIMIT = 10
OPTIONS = ("limit", "countfield", "percentfield", "showcount", "showperc", "useother", "otherstr")
PLACES = 6
"""Decimals of a percentage"""
_RANK, _TOTAL, _COUNT = "_rank", "_total", "_count"


@dataclass(slots=True)
class Settings:
    limit: int | None = None
    """0: all; None: not said"""
    countfield: str = "count"
    percentfield: str = "percent"
    showcount: bool = True
    showperc: bool = True
    useother: bool = False
    otherstr: str = "OTHER"


@dataclass(frozen=True, slots=True)
class Frequent:
    """top (`descending`) or rare."""

    descending: bool
    names: tuple[Name, ...]
    by: tuple[Name, ...]
    settings: Settings = field(default_factory=Settings)

    def lower(self, context: Context, source: Node) -> Node:
        values = list(dict.fromkeys(name.text for name in self.names))
        groups = list(dict.fromkeys(name.text for name in self.by))
        keys = [*groups, *(name for name in values if name not in groups)]
        absent = [name for name in keys if name not in source.schema]
        if absent:
            source = Filter(Extend(source, tuple((name, NULL) for name in absent)), FALSE)
        for name in keys:
            if source.schema[name] is Kind.MULTI:
                source = Expand(source, name)
        columns = {name: Col(name, source.schema[name]) for name in keys}
        source = Filter(source, both([call("is_not_null", Kind.BOOL, column) for column in columns.values()]))
        by = tuple(columns.items())
        node: Node = Aggregate(source, by, ((_COUNT, Agg("count_rows", None, Kind.NUMBER)),))
        tally = Col(_COUNT, Kind.NUMBER)
        groups_first = [SortKey(columns[name]) for name in groups]
        rest = [SortKey(columns[name]) for name in keys if name not in groups]
        node = Sort(node, (*groups_first, SortKey(tally, self.descending), *rest))
        partition = tuple(columns[name] for name in groups)
        node = Window(
            node,
            (
                (_RANK, WindowCall(Agg("row_number", None, Kind.NUMBER), partition)),
                (_TOTAL, WindowCall(Agg("sum", tally, Kind.NUMBER), partition, whole=True)),
            ),
        )
        if self.settings.limit != 0:
            node = self._cut(node, groups, keys)
        hundredth = call("div", Kind.NUMBER, Col(_TOTAL, Kind.NUMBER), number(100))
        percent = call("round", Kind.NUMBER, call("div", Kind.NUMBER, tally, hundredth), number(PLACES))
        shown: dict[str, Expr] = {name: Col(name, node.schema[name]) for name in keys}
        for show, name, value in (
            (self.settings.showcount, self.settings.countfield, tally),
            (self.settings.showperc, self.settings.percentfield, percent),
        ):
            if show and name in shown:
                raise SplError(
                    f"the output field '{name}' is named twice",
                    hint=f"name it with {'countfield' if value is tally else 'percentfield'}=...",
                    code="name",
                )
            if show:
                shown[name] = value
        return Project(node, tuple(shown.items()))

    def _cut(self, node: Node, groups: list[str], keys: list[str]) -> Node:
        """The first `limit` of each group, and what is beyond them in one row if that is wanted."""
        most = self.settings.limit or DEFAULT_LIMIT
        rank = Col(_RANK, Kind.NUMBER)
        limit = number(most)
        if self.settings.limit is None and not self.settings.useother:
            return Filter(node, within(rank, most, self._told(bool(groups))))
        kept = Filter(node, call("le", Kind.BOOL, rank, limit))
        if not self.settings.useother:
            return kept
        by = tuple((name, Col(name, node.schema[name])) for name in groups)
        sums = (
            (_COUNT, Agg("sum", Col(_COUNT, Kind.NUMBER), Kind.NUMBER)),
            (_TOTAL, Agg("max", Col(_TOTAL, Kind.NUMBER), Kind.NUMBER)),
        )
        others: Node = Aggregate(Filter(node, call("gt", Kind.BOOL, rank, limit)), by, sums)
        others = Filter(others, call("is_not_null", Kind.BOOL, Col(_COUNT, Kind.NUMBER)))
        others = Extend(others, tuple((name, text(self.settings.otherstr)) for name in keys if name not in groups))
        own = tuple((name, as_text(Col(name, kept.schema[name]))) for name in keys if name not in groups)
        union = Union((Extend(kept, own), others))
        return Sort(union, tuple(SortKey(Col(name, union.schema[name])) for name in groups))

    def _told(self, grouped: bool) -> Warn:
        what, most = ("top", "most") if self.descending else ("rare", "least")
        return Warn(
            f"{what}-cut",
            f"{what} shows the {DEFAULT_LIMIT} {most} frequent values{' of a group' if grouped else ''}, and there are "
            "more, as in Splunk",
            f"{what} limit=0 shows all, limit=20 that many; useother=t counts the others",
        )


def parse_frequent(cursor: Cursor, what: str, *, descending: bool) -> Frequent:
    """The stage after its name. Raises SplError."""
    settings = Settings()
    names: list[Name] = []
    by: list[Name] = []
    while not cursor.done():
        option = cursor.option(OPTIONS)
        if option is not None:
            _set(settings, *option)
        elif cursor.at_option():
            cursor.no_option()
        elif cursor.take(","):
            continue
        elif not names and (given := cursor.integer()) is not None:
            if given < 0:
                stop = cursor.pos
                start = cursor.text.rindex("-", 0, stop)
                cursor.fail(f"{what} takes a number of rows, or 0 for all", Span(start, stop), f"{what} 5 user")
            settings.limit = given
        elif names and not by and cursor.looking_at("by"):
            by = cursor.by_clause(options=True)
        elif by:
            cursor.fail(f"unexpected {cursor.found()}", hint=f"{what} 5 user by host")
        else:
            names.append(cursor.name())
    if not names:
        cursor.fail(f"{what} needs a field", hint=f"{what} 5 user")
    cursor.no_wildcards(names)
    return Frequent(descending, tuple(names), tuple(by), settings)


def _set(settings: Settings, name: str, value: str, span: Span) -> None:
    match name:
        case "limit":
            settings.limit = count(value, span)
        case "countfield":
            settings.countfield = value
        case "percentfield":
            settings.percentfield = value
        case "showcount":
            settings.showcount = flag(value, span)
        case "showperc":
            settings.showperc = flag(value, span)
        case "useother":
            settings.useother = flag(value, span)
        case "otherstr":
            settings.otherstr = value
