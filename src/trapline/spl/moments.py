"""The `_time` of events where a command has put it into intervals: what its aggregates see is still the event's own.

timechart, chart, tstats and mstats group by an interval of `_time` in the same breath as they aggregate, so latest(x),
max(_time) and their like compare the events inside of an interval. (`bin _time` before stats is another matter: after
it the events have no other time.)
"""

from __future__ import annotations

from dataclasses import replace

from trapline.plan import Agg, Col, Expr, Extend, Node, substitute
from trapline.spl.evaluate import as_number
from trapline.values import Kind

MOMENT = "_moment"


def in_intervals(source: Node, interval: Expr) -> Node:
    """The source with the interval in place of `_time`, and the time itself kept aside."""
    time = as_number(Col("_time", source.schema["_time"]))
    return Extend(Extend(source, ((MOMENT, time),)), (("_time", interval),))


def of_moment(agg: Agg) -> Agg:
    """The aggregate, reading the time that was kept aside."""
    own: dict[str, Expr] = {"_time": Col(MOMENT, Kind.NUMBER)}
    return replace(
        agg,
        arg=None if agg.arg is None else substitute(agg.arg, own),
        extra=None if agg.extra is None else substitute(agg.extra, own),
    )
