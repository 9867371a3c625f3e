"""top, common: the most frequent values.

Synopsis: `top [<n>] [limit=<n>] [countfield=<name>] [percentfield=<name>] [showcount=<bool>] [showperc=<bool>]
[useother=<bool>] [otherstr=<text>] <field>... [BY <field>...]`. Search Reference, "top". Ten combinations of values (0:
all) for each combination of the by-values, with their count and percent.
"""

from __future__ import annotations

from trapline.spl.cursor import Cursor
from trapline.spl.frequent import Frequent, parse_frequent

ALIASES = ("common",)


def parse(cursor: Cursor) -> Frequent:
    return parse_frequent(cursor, "top", descending=True)
