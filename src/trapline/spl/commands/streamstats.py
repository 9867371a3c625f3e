"""streamstats: running aggregates.

Syntax:
    streamstats [current=<bool>] [window=<n>] [time_window=<span>] [global=<bool>] [allnum=<bool>]
        [reset_on_change=<bool>] [reset_before="("<expression>")"] [reset_after="("<expression>")"]
        <aggregation> [AS <name>]... [BY <field>...]

Options:
    current=<bool> (true): the row itself counts.
    window=<n> (0): how many rows count at most, up to 10,000; 0 for all.
    time_window=<span> (none): how far in time the rows that count are away at most.
    global=<bool> (true): with BY, the window is one over the rows of all groups; false: one per group.
    allnum=<bool> (false): a numeric aggregate is null once a value is no number.
    reset_on_change=<bool> (false): forgets all rows when the by-values change.
    reset_before="("<expression>")" (none): forgets all rows before one for which it is true.
    reset_after="("<expression>")" (none): forgets all rows after one for which it is true.
    AS <name> (the text of the aggregation): the name of the new field.
    BY <field>... (none): the groups.

Source: Search Reference, "streamstats".
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import pyarrow as pa

from trapline.errors import Span, SplError, Unsupported
from trapline.plan import Call, Col, Expr, Extend, Lit, Node, Project, Rows, Window, WindowCall
from trapline.spl.aggregates import (
    Aggregation,
    lower_aggregation,
    only_if_numbers,
    parse_aggregations,
    resolve,
    text_counts,
)
from trapline.spl.command import Context, Pipeline
from trapline.spl.cursor import Cursor, Name, flag
from trapline.spl.cursor import count as whole
from trapline.spl.evaluate import Env
from trapline.spl.expr import Ast, fields_read
from trapline.spl.grouping import blank_without_group
from trapline.times import span_seconds
from trapline.values import Kind, Row, Value, value_text

OPTIONS = (
    *("current", "window", "global", "allnum", "time_window", "reset_on_change"),
    *("reset_before", "reset_after"),
)
MAX_WINDOW = 10_000
"""limits.conf [stats] max_stream_window: the rows that a window holds at most"""
MAX_RESETS = 2_000
"""How often a reset_after that reads the statistics themselves may happen: each time they are computed anew"""
_CLOSING = re.compile(r'(?<!\\)"\)"')
BACK, BEFORE, AFTER = "_back", "_reset_before", "_reset_after"


@dataclass(frozen=True, slots=True)
class Reset:
    """A condition that resets the statistics, with its place."""

    condition: Ast
    span: Span


@dataclass(frozen=True, slots=True)
class StreamStats:
    aggregations: tuple[Aggregation, ...]
    by: tuple[Name, ...]
    current: bool
    window: int
    seconds: float | None
    globally: bool
    allnum: bool
    on_change: bool
    before: Reset | None
    after: Reset | None

    def lower(self, context: Context, source: Node) -> Node:
        names = [name.text for name in self.by]
        found = resolve(self.aggregations, source.schema, names)
        plain = not (self.before or self.after or self.on_change or self.seconds)
        if plain and not (self.window and names and self.globally):
            node = self._windows(context, source, found, None)
        else:
            node = self._bounded(context, source, found)
        return blank_without_group(source, node, [one.name for one in found], names)

    def _windows(self, context: Context, source: Node, found: Sequence[Aggregation], back: Expr | None) -> Node:
        schema = source.schema
        partition: tuple[Expr, ...] = tuple(Col(n.text, schema[n.text]) for n in self.by if n.text in schema)
        counts = text_counts(found, schema, context) if self.allnum else []
        aggs = [(one.name, lower_aggregation(one, schema, context)) for one in found] + counts
        rows = None if back is not None else self.window or None
        calls = tuple((name, WindowCall(agg, partition, rows, current=self.current, back=back)) for name, agg in aggs)
        return only_if_numbers(Window(source, calls), counts)

    # --- where the rows that count are different for each row

    def _bounded(self, context: Context, source: Node, found: Sequence[Aggregation]) -> Node:
        """For every row the number of rows before it, of its group, that still count; then windows of that length."""
        if self.seconds and "_time" not in source.schema:
            raise SplError(
                "time_window of streamstats needs events with _time", hint="window=<n> counts rows", code="time"
            )
        outputs = {one.name for one in found}
        node, flags = self._flags(context, source, outputs)
        base = context.held(node)
        rows = context.rows(Project(base, tuple((n, Col(n, base.schema[n])) for n in self._read() if n in base.schema)))
        if self.seconds:
            self._check_order(context, rows)
        missing = {name: kind for name, kind in node.schema.items() if name not in base.schema}
        late = self.after is not None and AFTER not in flags
        if late:
            resets = self._late_resets(context, base, rows, found, missing)
        else:
            resets = [self._truth(row, AFTER) for row in rows]
        return self._over(
            context,
            base,
            self._backs(rows, resets, partial(self._cut, context)),
            found,
            missing,
            drop=(BACK, BEFORE, AFTER),
        )

    def _check_order(self, context: Context, rows: Sequence[Row]) -> None:
        moments = [self._moment(row) for row in rows]
        steps = [after - before for before, after in pairwise(moments)]
        if any(step < 0 for step in steps) and any(step > 0 for step in steps):
            context.warnings.add(
                "streamstats-order",
                "time_window of streamstats wants events in order of time, and these are not",
                hint="put sort 0 _time before it",
            )

    def _cut(self, context: Context) -> None:
        context.warnings.add(
            "streamstats-cut",
            f"a time_window of streamstats held more than {MAX_WINDOW:,} rows, of which the last {MAX_WINDOW:,} count, "
            "as in Splunk",
            hint="a shorter time_window",
        )

    def _read(self) -> list[str]:
        return [*dict.fromkeys([*(name.text for name in self.by), "_time", BEFORE, AFTER])]

    def _flags(self, context: Context, source: Node, outputs: set[str]) -> tuple[Node, set[str]]:
        """The source with what the reset conditions say of each row, as numbers."""
        env = Env(source.schema, context)
        values: list[tuple[str, Expr]] = []
        for name, reset in ((BEFORE, self.before), (AFTER, self.after)):
            if reset is None or (name == AFTER and outputs & set(fields_read(reset.condition))):
                continue
            values.append((name, _as_number(_condition(env, reset))))
        node = Extend(source, tuple(values)) if values else source
        return node, {name for name, _ in values}

    def _truth(self, row: Row, name: str) -> bool:
        return row.get(name) == 1

    def _backs(self, rows: Sequence[Row], after: Sequence[bool], cut: Callable[[], None]) -> list[int]:
        """How many rows of its own group before each row count. `cut` is called where a window is too small."""
        backs: list[int] = []
        seen: dict[tuple[str, ...], deque[tuple[int, float]]] = {}
        last: tuple[str, ...] | None = None
        for place, row in enumerate(rows):
            key = self._key(row)
            if key is None:
                backs.append(0)
                if after[place]:
                    seen.clear()
                continue
            changed = self.on_change and last is not None and key != last
            last = key
            if changed or self._truth(row, BEFORE):
                seen.clear()
            own = seen.setdefault(key, deque())
            moment = self._moment(row)
            if self._forget(own, place, moment):
                cut()
            backs.append(len(own))
            own.append((place, moment))
            if after[place]:
                seen.clear()
        return backs

    def _key(self, row: Row) -> tuple[str, ...] | None:
        """The group of a row, None where one of the by-fields is null."""
        values: list[str] = []
        for name in self.by:
            value: Value | None = row.get(name.text)
            if value is None:
                return None
            values.append(value_text(value))
        return tuple(values)

    def _moment(self, row: Row) -> float:
        value = row.get("_time")
        return float(value) if isinstance(value, int | float) else 0.0

    def _forget(self, own: deque[tuple[int, float]], place: int, moment: float) -> bool:
        """Drop the rows of a group that are out of the window of the row at `place`. Was one in the window of time?"""
        cut = False
        if self.seconds is not None:
            while own and abs(moment - own[0][1]) > self.seconds:
                own.popleft()
            while len(own) >= MAX_WINDOW:
                own.popleft()
                cut = True
        if self.window:
            # The current row is one of the window unless current=f.
            most = self.window - 1 if self.current else self.window
            if self.by and self.globally:
                while own and place - own[0][0] > most:
                    own.popleft()
            else:
                while len(own) > most:
                    own.popleft()
        return cut

    def _over(
        self,
        context: Context,
        base: Rows,
        backs: Sequence[int],
        found: Sequence[Aggregation],
        missing: dict[str, Kind],
        drop: Sequence[str],
    ) -> Node:
        schema = {**base.schema, BACK: Kind.NUMBER}
        data = base.data.append_column("back", pa.array(backs, pa.float64()))
        node: Node = Rows(schema, data)
        lost = {name: kind for name, kind in missing.items() if name not in schema}
        if lost:
            node = Extend(node, tuple((name, Lit(None, kind)) for name, kind in lost.items()))
        node = self._windows(context, node, found, Col(BACK, Kind.NUMBER))
        kept = [name for name in node.schema if name not in drop and name != "_none"]
        return Project(node, tuple((name, Col(name, node.schema[name])) for name in kept))

    # --- a reset_after that reads the statistics

    def _late_resets(
        self,
        context: Context,
        base: Rows,
        rows: Sequence[Row],
        found: Sequence[Aggregation],
        missing: dict[str, Kind],
    ) -> list[bool]:
        """The rows after which the statistics are reset. From one reset on, the statistics of a stretch of rows are
        computed until the condition holds in it; the stretch grows while it does not."""
        assert self.after is not None
        total = len(rows)
        after = [False] * total
        start, stretch, resets = 0, 256, 0
        while start < total:
            stop = min(total, start + stretch)
            part = Rows(base.schema, base.data.slice(start, stop - start))
            backs = self._backs(rows[start:stop], [False] * (stop - start), partial(self._cut, context))
            node = self._over(context, part, backs, found, missing, drop=(BACK,))
            value = _as_number(_condition(Env(node.schema, context), self.after))
            flags = context.rows(Project(node, ((AFTER, value), ("_n", Lit(1.0, Kind.NUMBER)))))
            hit = next((place for place, row in enumerate(flags) if self._truth(row, AFTER)), None)
            if hit is not None:
                after[start + hit] = True
                start += hit + 1
                stretch = max(256, 2 * (hit + 1))
                resets += 1
                if resets > MAX_RESETS:
                    raise Unsupported(
                        f"reset_after would reset more than {MAX_RESETS:,} times by statistics of its own",
                        span=self.after.span,
                        hint="write the condition over the fields that come in",
                    )
            elif stop == total:
                break
            else:
                stretch = max(stretch * 2, 2 * (stop - start))
        return after


def _condition(env: Env, reset: Reset) -> Expr:
    try:
        return env.condition(reset.condition)
    except SplError as error:
        error.span = reset.span
        raise


def _as_number(condition: Expr) -> Expr:
    return Call("case", (condition, Lit(1.0, Kind.NUMBER), Lit(0.0, Kind.NUMBER)), Kind.NUMBER)


# --- parsing -------------------------------------------------------------------------------------------------------


def _reset(cursor: Cursor) -> Reset:
    r"""The condition after `reset_before=`: `"("k==\"b\"")"` as the page writes it, `"(k==\"b\")"`, or `(k=="b")`."""
    start = cursor.here().start
    cursor.pos = cursor.text.index("=", cursor.pos) + 1
    if cursor.peek() == "(":
        cursor.take("(")
        condition = cursor.expression()
        cursor.expect(")", "to close the condition")
        return Reset(condition, cursor.since(start))
    if cursor.take('"("'):
        closing = _CLOSING.search(cursor.text, cursor.pos, cursor.end)
        if closing is None:
            cursor.fail('the condition is never closed: expected ")"', cursor.since(start))
        stop = closing.start()
        written = cursor.text[cursor.pos : stop].replace('\\"', '"').replace("\\\\", "\\")
        cursor.pos = stop + 3
    else:
        quoted = cursor.string()
        if quoted is None:
            cursor.fail(f"expected a condition, found {cursor.found()}", hint='reset_after="("action=\\"stop\\"")"')
        written = quoted
    span = cursor.since(start)

    def refuse(begin: int, end: int) -> Pipeline:
        raise SplError("a reset condition cannot hold a subsearch", span=span)

    inner = Cursor(written, 0, len(written), refuse)
    try:
        condition = inner.expression()
        inner.finish()
    except SplError as error:
        raise SplError(f"'{written}' is not a condition: {error.reason}", span=span, hint=error.hint) from None
    return Reset(condition, span)


def parse(cursor: Cursor) -> StreamStats:
    found = StreamStats((), (), True, 0, None, True, False, False, None, None)
    aggregations: list[Aggregation] = []
    by: list[Name] = []
    while not cursor.done():
        if cursor.at_option(("reset_before",)):
            found = replace(found, before=_reset(cursor))
            continue
        if cursor.at_option(("reset_after",)):
            found = replace(found, after=_reset(cursor))
            continue
        match cursor.option(OPTIONS):
            case None if cursor.at_option():
                cursor.no_option()
            case None if cursor.looking_at("by"):
                by += cursor.by_clause(options=True)
            case None:
                aggregations += parse_aggregations(cursor, what="streamstats", options=OPTIONS, implicit=True)
            case ("window", value, span):
                found = replace(found, window=whole(value, span))
                if found.window > MAX_WINDOW:
                    raise SplError(
                        f"a window of streamstats holds at most {MAX_WINDOW:,} rows",
                        span=span,
                        hint="window=0 counts all rows, time_window=1h those of a time",
                        code="limit",
                    )
            case ("time_window", value, span):
                seconds = span_seconds(value)
                if seconds is None or seconds <= 0:
                    raise SplError(f"'{value}' is not a span", span=span, hint="such as 5m, 1h, 1d", code="time")
                found = replace(found, seconds=seconds)
            case ("current", value, span):
                found = replace(found, current=flag(value, span))
            case ("global", value, span):
                found = replace(found, globally=flag(value, span))
            case ("allnum", value, span):
                found = replace(found, allnum=flag(value, span))
            case (_, value, span):
                found = replace(found, on_change=flag(value, span))
    if not aggregations:
        cursor.fail("streamstats needs an aggregation", hint="streamstats count by user")
    return replace(found, aggregations=tuple(aggregations), by=tuple(by))
