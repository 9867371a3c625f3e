"""selfjoin: each row joined with the rows after it that have the same values.

Syntax:
    selfjoin [overwrite=<bool>] [max=<n>] [keepsingle=<bool>] <field>...

Options:
    overwrite=<bool> (true): where both have a value, that of the later row counts.
    max=<n> (1): how many later rows a row is joined with, 0 for all.
    keepsingle=<bool> (false): rows whose values no other row has stay.

Source: Search Reference, "selfjoin".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.errors import Warn
from trapline.plan import (
    NULL,
    TRUE,
    Agg,
    Col,
    Expr,
    Filter,
    Join,
    Node,
    Window,
    WindowCall,
    both,
    call,
    either,
    number,
    told,
)
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor, Name, flag
from trapline.spl.cursor import count as whole
from trapline.spl.evaluate import as_text
from trapline.spl.joining import RIGHT, from_right, merged
from trapline.values import Kind

OPTIONS = ("overwrite", "max", "keepsingle")
_PLACE = "_selfjoin_place"
_SIZE = "_selfjoin_size"
CUT = Warn(
    "selfjoin-cut",
    "selfjoin joined the next of several rows with the same values, as Splunk does",
    "selfjoin max=0 joins all, max=5 that many",
)


@dataclass(frozen=True, slots=True)
class SelfJoin:
    names: tuple[Name, ...]
    overwrite: bool
    most: int | None
    """0: all; None: not said, one"""
    keepsingle: bool

    def lower(self, context: Context, source: Node) -> Node:
        schema = source.schema
        keys: list[Expr] = [as_text(Col(n.text, schema[n.text])) if n.text in schema else NULL for n in self.names]
        count = Agg("row_number", None, Kind.NUMBER)
        rows = Agg("count_rows", None, Kind.NUMBER)
        node: Node = Window(
            Filter(source, both([call("is_not_null", Kind.BOOL, key) for key in keys])),
            ((_PLACE, WindowCall(count, tuple(keys))), (_SIZE, WindowCall(rows, tuple(keys), whole=True))),
        )
        place: Expr = Col(_PLACE, Kind.NUMBER)
        on = [(key, key) for key in keys]
        most = 1 if self.most is None else self.most
        if most == 1:
            on.append((call("add", Kind.NUMBER, place, number(1)), place))
        values = from_right(node.schema, node)
        joined: Node = Join(node, node, tuple(on), values, outer=self.keepsingle)
        after: Expr = Col(RIGHT + _PLACE, Kind.NUMBER)
        tests = [call("gt", Kind.BOOL, after, place)]
        if most > 1:
            tests.append(call("le", Kind.BOOL, after, call("add", Kind.NUMBER, place, number(most))))
        if self.most is None:
            later = call("sub", Kind.NUMBER, Col(_SIZE, Kind.NUMBER), place)
            # What is told is null: the row stays either way.
            said = call("case", Kind.BOOL, told(CUT), TRUE, TRUE)
            tests.append(call("case", Kind.BOOL, call("le", Kind.BOOL, later, number(1)), TRUE, said))
        kept: Expr = both(tests)
        if self.keepsingle:
            kept = either([kept, call("eq", Kind.BOOL, Col(_SIZE, Kind.NUMBER), number(1))])
        return merged(Filter(joined, kept), schema, schema, overwrite=self.overwrite)


def parse(cursor: Cursor) -> SelfJoin:
    most: int | None = None
    overwrite, keepsingle = True, False
    names: list[Name] = []
    while not cursor.done():
        match cursor.option(OPTIONS):
            case ("overwrite", value, span):
                overwrite = flag(value, span)
            case ("max", value, span):
                most = whole(value, span)
            case ("keepsingle", value, span):
                keepsingle = flag(value, span)
            case _:
                if cursor.at_option():
                    cursor.no_option()
                if not cursor.take(","):
                    names.append(cursor.name())
    if not names:
        cursor.fail("selfjoin needs a field", hint="selfjoin process_id")
    return SelfJoin(tuple(names), overwrite, most, keepsingle)
