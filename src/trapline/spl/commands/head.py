"""head: the first rows.

Synopsis: `head [<count> | limit=<count> | (<eval-expression>)] [null=<bool>] [keeplast=<bool>]`. Search Reference,
"head".
"""

from __future__ import annotations

from dataclasses import dataclass

from trapline.errors import Unsupported
from trapline.plan import Limit, Node
from trapline.spl.command import Context
from trapline.spl.cursor import Cursor
from trapline.spl.cursor import count as whole


@dataclass(frozen=True, slots=True)
class Head:
    count: int

    def lower(self, context: Context, source: Node) -> Node:
        return Limit(source, self.count)


def parse(cursor: Cursor) -> Head:
    count = 10
    while not cursor.done():
        option = cursor.option(("limit",))
        if option is not None:
            count = whole(option[1], option[2])
            continue
        if cursor.at_option(("null", "keeplast")) or cursor.peek() == "(":
            raise Unsupported(
                "head with a condition is not supported yet", span=cursor.here(), hint="use where, or head <count>"
            )
        given = cursor.integer()
        if given is None or given < 0:
            cursor.fail(f"expected a number of rows, found {cursor.found()}", hint="head 20")
        count = given
    return Head(count)
